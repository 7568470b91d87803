"""Children that end are started again, later each time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.backoff import Backoff
from local import keeper as keepers
from local.keeper import Hopeless, Keeper
from local.processes import Child
from tests.local.waiting import eventually


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Kept:
    """A keeper of children that do what they are told, and what it has said."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.said: list[str] = []
        self.children: list[Child] = []
        self._folder = folder

    def start(self, *tasks: tuple[str, ...]) -> Keeper:
        self.children = [
            Child("tests.local.program", task, {}, self._folder / f"{at}.log")
            for at, task in enumerate(tasks)
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
