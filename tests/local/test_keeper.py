"""Children that end are started again, later each time."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.backoff import Backoff
from local import bridge_process, processes
from local import keeper as keepers
from local.bridge_process import Bridge, queue_settings
from local.chain import TOPIC, create_subscription
from local.keeper import Hopeless, Keeper
from local.processes import Child
from local.pubsub import PubSubServer
from local.servicebus import ServiceBusServer
from tests.local.waiting import eventually


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Patient(Child):
    """A child that is as well as it is told to be.

    Attributes:
        answers: to the questions to come; it is well after the last.
        asked: how often it was asked.
    """

    def __init__(self, *task: str, log: Path) -> None:
        super().__init__("tests.local.program", task, {}, log)
        self.answers: list[bool | None] = []
        self.asked = 0

    def is_well(self) -> bool | None:
        self.asked += 1
        return self.answers.pop(0) if self.answers else True


class Kept:
    """A keeper of children that do what they are told, and what it has said."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.said: list[str] = []
        self.children: list[Patient] = []
        self._folder = folder

    def start(self, *tasks: tuple[str, ...]) -> Keeper:
        self.children = [
            Patient(*task, log=self._folder / f"{at}.log") for at, task in enumerate(tasks)
        ]
        self.keeper = Keeper(self.children, self.said.append, self.clock)
        self.keeper.start()
        return self.keeper

    def await_end(self, at: int = 0) -> None:
        eventually(lambda: not self.children[at].is_running)

    def tick(self, seconds: float = 0.0) -> bool:
        """Whether the first child runs after a tick ``seconds`` later."""
        self.clock.now += seconds
        self.keeper.tick()
        return self.children[0].is_running


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    def steady(first: float, longest: float) -> Backoff:
        return Backoff(first, longest, draw=lambda: 0.0)

    monkeypatch.setattr(keepers, "Backoff", steady)
    kept = Kept(tmp_path)
    yield kept
    for child in kept.children:
        if child.is_running:
            child.kill()


def test_all_are_started_and_left_alone(kept: Kept) -> None:
    kept.start(("wait",), ("wait",))
    pids = [child.pid for child in kept.children]
    assert kept.tick(1_000)
    assert [child.pid for child in kept.children] == pids
    assert kept.said == []


def test_one_that_ends_is_started_again_after_a_while(kept: Kept) -> None:
    kept.start(("wait",), ("wait",))
    first, second = kept.children
    pid, other = first.pid, second.pid
    first.kill()
    assert not kept.tick()
    assert not kept.tick(0.9)
    assert kept.tick(0.1)
    assert first.pid != pid
    assert second.pid == other
    assert kept.said == [
        f"tests.local.program was ended by SIGKILL: it starts again in 1 s, see {first.log}"
    ]


def test_the_last_words_of_one_that_fails_are_told(kept: Kept) -> None:
    kept.start(("end", "1", "in vain\nno room " + 300 * "!"))
    kept.await_end()
    kept.tick()
    assert kept.said == [
        f"tests.local.program ended with code 1 (no room {192 * '!'}): "
        f"it starts again in 1 s, see {kept.children[0].log}"
    ]


def test_one_that_ends_well_is_started_again_too(kept: Kept) -> None:
    kept.start(("end", "0", "done"))
    kept.await_end()
    kept.tick()
    assert kept.said == [
        f"tests.local.program ended with code 0: it starts again in 1 s, see {kept.children[0].log}"
    ]


def test_each_time_it_takes_longer_until_it_does_well(kept: Kept) -> None:
    kept.start(("wait",))

    def waited() -> float:
        """Seconds from a kill to the next start."""
        kept.children[0].kill()
        begun = kept.clock.now
        while not kept.tick(0.0):
            kept.clock.now += 0.5
        return kept.clock.now - begun

    assert [waited() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    kept.clock.now += 60.0
    assert waited() == 30
    kept.clock.now += 60.5
    assert waited() == 1


def test_wrong_settings_are_not_tried_again(kept: Kept) -> None:
    kept.start(("wait",), ("end", "2", "settings:\n  NAME: missing"))
    kept.await_end(1)
    with pytest.raises(Hopeless) as caught:
        kept.tick()
    assert str(caught.value) == "tests.local.program cannot run:\nsettings:\n  NAME: missing"
    assert kept.said == []


def test_nor_where_they_cannot_be_read_any_more(kept: Kept) -> None:
    kept.start(("end", "2", "settings"))
    kept.await_end()
    kept.children[0].log.unlink()
    with pytest.raises(
        Hopeless, match=r"cannot run:\nended with code 2, without a word in .*0\.log$"
    ):
        kept.tick()


def test_settings_that_were_good_enough_before_are_tried_again(kept: Kept) -> None:
    """Its port or its file may be somebody else's for a while."""
    kept.start(("end", "2", "the port is taken"))
    kept.await_end()
    kept.clock.now += 60.5  # so long it ran
    for seconds in (1, 2, 4):
        assert not kept.tick()
        assert kept.said.pop() == (
            "tests.local.program ended with code 2 (the port is taken): "
            f"it starts again in {seconds} s, see {kept.children[0].log}"
        )
        kept.clock.now += seconds
        kept.keeper.tick()
        kept.await_end()


def test_part_of_a_second_is_told_as_one(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    def hasty(first: float, longest: float) -> Backoff:
        return Backoff(first, longest, draw=lambda: 1.0)

    monkeypatch.setattr(keepers, "Backoff", hasty)
    kept.start(("end", "0", ""))
    kept.await_end()
    kept.tick()
    assert "it starts again in 1 s" in kept.said[0]


def test_one_that_says_it_is_stuck_is_killed_and_comes_back(kept: Kept) -> None:
    kept.start(("wait",), ("wait",))
    first, second = kept.children
    pids = first.pid, second.pid
    first.answers = [True, False]
    assert kept.tick(5)
    assert not kept.tick(5)
    assert kept.tick(1)
    assert (first.pid != pids[0], second.pid) == (True, pids[1])
    assert kept.said == [
        "tests.local.program says that it is stuck: it is killed",
        f"tests.local.program was ended by SIGKILL: it starts again in 1 s, see {first.log}",
    ]


def test_it_is_asked_now_and_then(kept: Kept) -> None:
    kept.start(("wait",))
    for _ in range(11):
        kept.tick(1)
    assert kept.children[0].asked == 3


def test_so_is_one_that_does_not_answer_any_more(kept: Kept) -> None:
    kept.start(("wait",))
    (child,) = kept.children
    kept.tick(5)
    child.answers = [None] * 12 + [True] + [None] * 1_000
    pid = child.pid
    for _ in range(12 + 1 + 12):
        assert kept.tick(5)
    assert child.pid == pid
    assert not kept.tick(5)
    assert kept.said[0] == "tests.local.program has not answered for 60 s: it is killed"


def test_one_that_has_never_answered_is_left_alone(kept: Kept) -> None:
    """It may take its time to begin, and after a new start, too."""
    kept.start(("wait",))
    (child,) = kept.children
    child.answers = [None] * 1_000
    for _ in range(100):
        assert kept.tick(5)
    child.answers = [True] + [None] * 1_000
    kept.tick(5)
    child.kill()
    kept.tick()
    pid = child.pid
    assert kept.tick(5)
    for _ in range(100):
        assert kept.tick(5)
    assert pid != child.pid
    assert len(kept.said) == 1


def test_silence_counts_from_the_first_question_without_an_answer(kept: Kept) -> None:
    """Ctrl-Z for an hour is not the child's fault."""
    kept.start(("wait",))
    kept.tick(5)
    kept.children[0].answers = [None, True]
    assert kept.tick(3_600)
    assert kept.tick(5)
    assert kept.said == []


def test_logs_that_become_long_are_put_aside(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "MOST_LOG_BYTES", 3)
    kept.start(("wait",))
    log = kept.children[0].log
    eventually(lambda: log.read_text() == "waiting\n")
    kept.tick()
    assert (log.read_text(), log.with_name("0.log.1").read_text()) == ("", "waiting\n")


def test_a_bridge_that_stands_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real one, until it receives again."""
    monkeypatch.setattr(bridge_process, "_ANSWER_SECONDS", 0.5)
    clock, said = Clock(), list[str]()
    with ServiceBusServer() as servicebus, PubSubServer() as pubsub:
        create_subscription(pubsub)
        settings = queue_settings(servicebus, "iris") | {
            "PUBSUB_TOPIC": TOPIC,
            "PUBSUB_EMULATOR_HOST": pubsub.address,
        }
        bridge = Bridge(settings, tmp_path / "log", "")
        keeper = Keeper([bridge], said.append, clock)
        keeper.start()
        try:
            eventually(lambda: bridge.is_well() and servicebus.connections)
            keeper.tick()
            os.kill(bridge.pid, signal.SIGSTOP)
            stopped = bridge.pid
            for _ in range(2):
                clock.now += 60.0
                keeper.tick()
            assert said[0] == "bridge has not answered for 60 s: it is killed"
            clock.now += 1.0
            keeper.tick()
            assert bridge.pid != stopped
            eventually(lambda: bridge.is_well() and servicebus.connections)
        finally:
            bridge.kill()
