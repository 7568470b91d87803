"""``python -m local.run``: the whole chain in small, over the bundled samples; ends by itself."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from local.stopping import Stop

_INTERRUPTED: Final = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the chain; 0: all is written, 1: it is not, 130: told to stop."""
    folder = _arguments(argv).folder
    with Stop() as stop:
        # Imports that take their time: a Ctrl-C meanwhile is a wish like any other.
        from local.once import once

        code = 0 if stop.is_wished else once(folder, stop)
        return _INTERRUPTED if stop.is_wished and not code else code


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.run",
        description="The chain on this machine, over the bundled samples: local Service Bus, "
        "bridge, local Pub/Sub, pipeline, DuckDB.",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("var"),
        help="for the warehouse iris.duckdb and log/ (default: %(default)s)",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
