"""The whole chain while its processes are killed: by query, every record is there exactly once."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from local.bridge_process import free_port
from local.chain import SUBSCRIPTION, TOPIC, Chain
from local.keeper import Keeper
from local.processes import Child, stop_all
from local.simulation import Simulation
from tests.chaos.deck import Deck
from tests.chaos.report import show
from tests.local.accounts import Accounts, count_written

#: Half an hour is in it, which is when most is sent.
_START = datetime(2026, 5, 6, 15, 25, tzinfo=UTC)
_SPEED = 60.0
#: Seconds for all that was sent to be written, once nobody is killed any more.
_REST_SECONDS = 90.0


class Killer:
    """Kills a process every now and then."""

    def __init__(
        self, children: list[Child], rng: random.Random, pause: tuple[float, float]
    ) -> None:
        self.counts = Counter({child.module: 0 for child in children})
        self._deck = Deck(children, rng)
        self._rng = rng
        self._pause = pause
        self._due = self._next()

    @property
    def has_killed_all(self) -> bool:
        """Whether each of them was killed at least once."""
        return min(self.counts.values()) > 0

    def tick(self) -> None:
        if time.monotonic() >= self._due:
            self._due = self._next()
            self.kill(self._deck.draw())

    def kill(self, child: Child) -> None:
        if child.is_running:  # else it was killed and is not back yet
            child.kill()
            self.counts[child.module] += 1

    def _next(self) -> float:
        return time.monotonic() + self._rng.uniform(*self._pause)


def test_every_record_is_there_once_by_query(seed: int, is_long: bool, tmp_path: Path) -> None:
    said: list[str] = []
    begun = time.monotonic()
    address, pubsub = _pubsub(tmp_path)
    minutes, pause = (180.0, (2.0, 15.0)) if is_long else (12.0, (2.0, 5.0))
    with Simulation(_SPEED, minutes, seed, 0.02, _START, lock_seconds=3.0) as simulation:
        chain = Chain(address, tmp_path, simulation.settings)
        keepers = [
            Keeper([pubsub], said.append, longest=1.0),
            Keeper(chain.children, said.append, longest=1.0),
        ]
        killer = Killer([pubsub, *chain.children], random.Random(seed), pause)
        try:
            keepers[0].start()
            _tend(keepers[:1], lambda: "Pub/Sub on" in pubsub.output)
            keepers[1].start()

            def is_enough() -> bool:
                return simulation.is_over() and killer.has_killed_all

            _tend(keepers, is_enough, killer.tick, seconds=minutes + _REST_SECONDS)
            if not is_long:  # the leases of a pipeline that was killed end with the server
                killer.kill(pubsub)
            messages = {one.message_id for one in simulation.messages()}

            def is_all_written() -> bool:
                return pubsub.is_running and count_written(chain.warehouse) == len(messages)

            _tend(keepers, is_all_written)
        finally:
            chain.stop()
            stop_all([pubsub])
    took = time.monotonic() - begun
    with Accounts(chain.warehouse, simulation.messages()) as accounts:
        show(
            "end to end",
            {
                **{f"{module} killed": count for module, count in killer.counts.items()},
                "messages": accounts.messages,
                "written once more": accounts.messages_written - accounts.sent,
                "rows": accounts.rows,
                "rows once more": accounts.rows_written - accounts.rows,
                "seconds": f"{took:.1f}",
                "messages a second": f"{accounts.messages / took:.0f}",
            },
        )
        assert list(accounts.differences()) == []
    assert killer.has_killed_all, killer.counts
    assert len(said) == killer.counts.total(), said


def _pubsub(folder: Path) -> tuple[str, Child]:
    """A Pub/Sub server that keeps its messages on disk: its address and its process."""
    port = free_port()
    names = [name.rpartition("/")[2] for name in (TOPIC, SUBSCRIPTION)]
    arguments = ["--data", str(folder / "pubsub"), "--port", str(port)]
    arguments += ["--topic", names[0], "--subscription", names[1]]
    log = folder / "log" / "pubsub.log"
    return f"127.0.0.1:{port}", Child("local.pubsub", arguments, {}, log, quiet=True)


def _tend(
    keepers: list[Keeper],
    is_done: Callable[[], bool],
    disturb: Callable[[], None] = lambda: None,
    seconds: float = _REST_SECONDS,
) -> None:
    """Keeps all alive until it is done; fails after ``seconds``."""
    give_up, asked = time.monotonic() + seconds, 0.0
    while True:
        for keeper in keepers:
            keeper.tick()
        disturb()
        if time.monotonic() - asked > 0.5:
            asked = time.monotonic()
            if is_done():
                return
        assert time.monotonic() < give_up, f"not done within {seconds:g} s"
        time.sleep(0.05)
