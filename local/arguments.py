"""Types of command line arguments that several commands have."""

from __future__ import annotations

import argparse
from typing import Final

_MOST: Final = 65_535


def port(text: str) -> int:
    """A TCP port, or 0 for any that is free."""
    if not text.isdecimal() or int(text) > _MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 0 to {_MOST}")
    return int(text)
