"""``python -m local.live``: the chain around the clock on this machine, into a DuckDB file.

With credentials in ``.env`` it reads the real IRIS queue: bridge, a Pub/Sub server with its
backlog on disk, the pipeline in small batches. ``--feed simulated`` puts a local Service Bus with
simulated traffic in the place of the real queue, and ends when the traffic does.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from local.chain import SUBSCRIPTION, Chain, create_subscription
from local.console import Console
from local.keeper import Hopeless, Keeper
from local.processes import BAD_INPUT
from local.pubsub import DiskBacklog, PubSubServer
from local.pubsub.model import PubSubError
from local.simulation import Simulation
from local.status import Written, line, written
from local.stopping import ENDING, Stop

#: Seconds between two looks at the children and at the wish to stop.
_TICK_SECONDS: Final = 0.5
#: Seconds between two questions to the ledger, which keep the writer waiting for a moment.
_LEDGER_SECONDS: Final = 5.0
_FAILED: Final = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Runs until told to stop, or until the simulation's end; the process's exit code.

    0: it ended as it should; 1: the folder or the machine is at fault; 2: the settings are.
    """
    arguments = _arguments(argv)
    folder = arguments.folder or Path("var") / (arguments.feed or "live")
    console = Console()
    try:
        with ExitStack() as stack:
            stop = stack.enter_context(Stop())
            backlog = DiskBacklog(folder / "pubsub")
            pubsub = stack.enter_context(PubSubServer(backlog=backlog))
            create_subscription(pubsub)
            simulation = None
            if arguments.feed:
                simulation = stack.enter_context(
                    Simulation(arguments.speed, arguments.minutes, arguments.seed, arguments.odd)
                )
            chain = Chain(pubsub.address, folder, simulation.settings if simulation else None)
            Live(chain, pubsub, stop, console, simulation).run()
    except (Hopeless, ValueError) as error:
        console.say(f"local.live: {error}")
        return BAD_INPUT
    except (PubSubError, OSError) as error:
        console.say(f"local.live: {error}")
        return _FAILED
    return 0


class Live:
    """One life of the chain.

    Args:
        chain: not started.
        pubsub: the server that the chain is around.
        stop: tells when it is to end.
        console: for the user.
        simulation: the feed, where it is not the real queue.
    """

    def __init__(
        self,
        chain: Chain,
        pubsub: PubSubServer,
        stop: Stop,
        console: Console,
        simulation: Simulation | None,
    ) -> None:
        self._chain = chain
        self._pubsub = pubsub
        self._stop = stop
        self._console = console
        self._simulation = simulation
        self._keeper = Keeper(chain.children, console.say)
        self._ledger: Written | None = None
        self._asked = -_LEDGER_SECONDS

    def run(self) -> None:
        """Runs until told to stop or the simulation has ended.

        Raises:
            Hopeless: a child cannot do with its settings.
        """
        say = self._console.say
        say(f"into {self._chain.warehouse}; Ctrl-C ends, and nothing is lost by it")
        say(f"logs: {self._chain.logs}/; metrics: {self._chain.metrics_url or 'none'}")
        try:
            self._keeper.start()
            while not self._stop.wait(_TICK_SECONDS) and not self._is_over():
                self._keeper.tick()
                if self._console.wants_state:
                    self._console.show(self._state())
        finally:
            self._end()

    def _end(self) -> None:
        if self._simulation:
            self._simulation.stop()
        self._console.say(ENDING)
        self._chain.stop(lambda: self._stop.is_urgent)
        waiting = self._unwritten
        if waiting:
            self._console.say(f"{waiting:,} messages wait on disk for the next start")
        else:
            self._console.say("all that was received is written")

    @property
    def _unwritten(self) -> int:
        return self._pubsub.unacknowledged(SUBSCRIPTION)

    def _is_over(self) -> bool:
        over = self._simulation is not None and self._simulation.is_over()
        return over and not self._unwritten

    def _state(self) -> str:
        now = time.monotonic()
        if now - self._asked >= _LEDGER_SECONDS:
            self._asked = now
            self._ledger = written(self._chain.warehouse) or self._ledger
        feed = self._simulation.describe() if self._simulation else ""
        return line(self._chain.bridge_metrics(), self._unwritten, self._ledger, feed)


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
        "--speed", type=float, default=60.0, help="simulated seconds in a second (default: 60)"
    )
    simulated.add_argument(
        "--minutes", type=float, default=1_440.0, help="simulated (default: 1440, a day)"
    )
    simulated.add_argument("--seed", type=int, default=1, help="which traffic (default: 1)")
    simulated.add_argument(
        "--odd",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="of messages that are not as they should be, 0 to 1 (default: 0)",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
