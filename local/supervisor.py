"""The chain around the clock: what ``python -m local.live`` runs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from bridge.settings import SettingsError
from local.bridge_process import check_settings
from local.chain import SUBSCRIPTION, TOPIC, Chain, create_subscription
from local.console import Console
from local.keeper import Hopeless, Keeper
from local.notices import Notices
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


def live(folder: Path, stop: Stop, feed: Mapping[str, Any] | None = None) -> int:
    """Runs until told to stop, or until the feed's end; the process's exit code.

    Args:
        folder: for everything that stays.
        stop: tells when it is to end.
        feed: arguments of ``Simulation``; None for the real queue.
    """
    console = Console()
    try:
        if feed is None:
            check_settings(TOPIC)
            simulation = None
        else:
            simulation = Simulation(**feed)
    except SettingsError as error:
        console.say("local.live: settings\n" + _indented(str(error)))
        return BAD_INPUT
    except ValueError as error:
        console.say(f"local.live: {error}")
        return BAD_INPUT
    try:
        with ExitStack() as stack:
            backlog = DiskBacklog(folder / "pubsub")
            pubsub = stack.enter_context(PubSubServer(backlog=backlog))
            create_subscription(pubsub)
            if simulation:
                stack.enter_context(simulation)
            chain = Chain(pubsub.address, folder, simulation.settings if simulation else None)
            return Supervisor(chain, pubsub, stop, console, simulation).run()
    except (PubSubError, OSError) as error:
        console.say(f"local.live: {error}")
        return _FAILED


class Supervisor:
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
        self._notices = [Notices(child.module, child.log) for child in chain.children]
        self._metrics_url: str | None = None
        self._ledger: Written | None = None
        self._asked = -_LEDGER_SECONDS

    def run(self) -> int:
        """Runs until told to stop, or the simulation has ended, or it cannot go on: the code."""
        say = self._console.say
        loss = "the simulated queue is gone then" if self._simulation else "nothing is lost by it"
        say(f"into {self._chain.warehouse}; Ctrl-C ends, and {loss}")
        say(f"logs: {self._chain.logs}/")
        code = 0
        try:
            self._keeper.start()
            self._tell()
            while not self._stop.wait(_TICK_SECONDS) and not self._is_over():
                self._keeper.tick()
                self._tell()
                if self._console.wants_state:
                    self._console.show(self._state())
        except Hopeless as error:
            say(f"local.live: {error}")
            code = BAD_INPUT
        except (PubSubError, OSError) as error:
            say(f"local.live: {error}")
            code = _FAILED
        finally:
            self._end()
        return code

    def _end(self) -> None:
        if self._stop.is_wished:
            self._console.say(ENDING)
        if self._simulation:
            self._simulation.stop()
        self._chain.stop(lambda: self._stop.is_urgent)
        self._tell()
        waiting = self._unwritten
        if waiting:
            self._console.say(f"{waiting:,} messages wait on disk for the next start")
        else:
            self._console.say("all that was received is written")

    def _tell(self) -> None:
        """What is new: why things are as they are, and where the metrics have gone."""
        url = self._chain.bridge.metrics_url
        if url != self._metrics_url:
            self._metrics_url = url
            self._console.say(f"metrics: {url}")
        for notices in self._notices:
            for notice in notices.new():
                self._console.say(notice)

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
        return line(self._chain.bridge.metrics(), self._unwritten, self._ledger, feed)


def _indented(text: str) -> str:
    return "\n".join("  " + each for each in text.splitlines())
