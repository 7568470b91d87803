"""``python -m local.live``: the chain around the clock on this machine, into a DuckDB file.

With credentials in ``.env`` it reads the real IRIS queue: bridge, a Pub/Sub server with its
backlog on disk, the pipeline in small batches. ``--feed simulated`` puts a local Service Bus with
simulated traffic in the place of the real queue, and ends when the traffic does.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from local.stopping import Stop

#: Of a simulated feed, by the options' names.
_DEFAULTS: Final = {"speed": 60.0, "minutes": 1_440.0, "seed": 1, "odd": 0.0}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs until told to stop, or until the simulation's end; the process's exit code.

    0: it ended as it should; 1: the machine is at fault, such as a folder or a disk; 2: settings
    or arguments are.
    """
    arguments = _arguments(argv)
    folder = arguments.folder or Path("var") / (arguments.feed or "live")
    with Stop() as stop:
        # Imports that take their time: a Ctrl-C meanwhile is a wish like any other.
        from local.supervisor import live

        if stop.is_wished:
            return 0
        if not arguments.feed:
            return live(folder, stop)
        return live(folder, stop, {name: getattr(arguments, name) for name in _DEFAULTS})


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.live",
        description="IRIS into a DuckDB file on this machine, around the clock, with the "
        "credentials in .env; or a simulated feed.",
    )
    parser.add_argument(
        "--folder", type=Path, help="for everything (default: var/live or var/simulated)"
    )
    parser.add_argument("--feed", choices=["simulated"], help="instead of the real queue")
    simulated = parser.add_argument_group("of a simulated feed")
    simulated.add_argument(
        "--speed", type=float, help="simulated seconds in a second (default: 60)"
    )
    simulated.add_argument("--minutes", type=float, help="simulated (default: 1440, a day)")
    simulated.add_argument("--seed", type=int, help="which traffic (default: 1)")
    simulated.add_argument(
        "--odd",
        type=float,
        metavar="SHARE",
        help="of messages that are not as they should be, 0 to 1 (default: 0)",
    )
    arguments = parser.parse_args(argv)
    for name, default in _DEFAULTS.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, default)
        elif not arguments.feed:
            parser.error(
                f"--{name} is for a simulated feed: add --feed simulated, or leave it out to "
                "read the real queue"
            )
    return arguments


if __name__ == "__main__":
    sys.exit(main())
