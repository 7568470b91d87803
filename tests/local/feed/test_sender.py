"""Pacing, with a clock that moves only when the sender waits or a test says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.feed import FeedMessage, Outcome, Progress, Sender
from tests.local.feed.moments import START


class Timeline:
    """A clock and a stop signal; notes what is sent when."""

    def __init__(self, stop_at: float = float("inf")) -> None:
        self.now = 100.0
        self.stop_at = 100.0 + stop_at
        self.sent: list[tuple[float, list[str]]] = []
        self.waits: list[float] = []
        self.costs = 0.0

    def clock(self) -> float:
        return self.now

    def is_set(self) -> bool:
        return self.now >= self.stop_at

    def wait(self, timeout: float) -> bool:
        assert timeout > 0
        self.waits.append(timeout)
        self.now = min(self.now + timeout, max(self.now, self.stop_at))
        return self.is_set()

    def send(self, messages: Sequence[FeedMessage]) -> None:
        self.sent.append((round(self.now - 100.0, 6), [one.message_id for one in messages]))
        self.now += self.costs


def at(*moments: float) -> list[FeedMessage]:
    """Messages of 10 bytes, so many simulated seconds after the start, named after these."""
    return [
        FeedMessage(
            START + timedelta(seconds=moment), "TIDE", f"{moment:g}", b"0123456789", 1, Outcome(1)
        )
        for moment in moments
    ]


def sender(timeline: Timeline, speed: float = 1.0, group: int = 100) -> Sender:
    return Sender(timeline.send, speed, timeline.clock, group, rest_seconds=0.05)


@pytest.mark.parametrize(
    ("speed", "expected"),
    [
        (1.0, [(0.0, ["0"]), (30.0, ["30"]), (90.0, ["90"])]),
        (60.0, [(0.0, ["0"]), (0.5, ["30"]), (1.5, ["90"])]),
        (0.5, [(0.0, ["0"]), (60.0, ["30"]), (180.0, ["90"])]),
    ],
)
def test_messages_go_when_they_are_due(
    speed: float, expected: list[tuple[float, list[str]]]
) -> None:
    timeline = Timeline()
    progress = sender(timeline, speed).run(at(0, 30, 90), START, timeline)
    assert timeline.sent == expected
    assert progress == Progress(3, 30, START + timedelta(seconds=90), 0.0)


def test_what_is_close_together_goes_together() -> None:
    timeline = Timeline()
    sender(timeline).run(at(1, 1.01, 1.02, 2, 2.001, 3), START, timeline)
    # Each is late by less than the rest between two groups.
    assert timeline.sent == [
        (1.0, ["1"]),
        (1.05, ["1.01", "1.02"]),
        (2.0, ["2"]),
        (2.05, ["2.001"]),
        (3.0, ["3"]),
    ]


def test_a_group_has_a_greatest_size() -> None:
    timeline = Timeline()
    sender(timeline, group=2).run(at(0, 0, 0, 0, 0), START, timeline)
    assert [len(group) for _, group in timeline.sent] == [2, 2, 1]
    assert timeline.waits == []


def test_it_says_how_far_behind_it_is_and_catches_up() -> None:
    timeline = Timeline()
    progress: list[Progress] = []
    timeline.costs = 2.0

    def send(messages: Sequence[FeedMessage]) -> None:
        progress.append(sending.progress)
        timeline.send(messages)

    sending = Sender(send, 1.0, timeline.clock, group=1)
    last = sending.run(at(0, 1, 2, 100), START, timeline)
    assert [time for time, _ in timeline.sent] == [0, 2, 4, 100]
    assert [one.behind_seconds for one in [*progress, last]] == [0, 0, 1, 2, 0]
    assert [one.messages for one in [*progress, last]] == [0, 1, 2, 3, 4]
    assert last == sending.progress


def test_the_oldest_of_a_group_counts() -> None:
    timeline = Timeline()
    timeline.costs = 5.0
    progress = sender(timeline).run(at(0, 1, 2, 3), START, timeline)
    assert timeline.sent == [(0.0, ["0"]), (5.0, ["1", "2", "3"])]
    assert progress.behind_seconds == 4.0
    assert progress.at == START + timedelta(seconds=3)


def test_it_stops_while_it_waits() -> None:
    timeline = Timeline(stop_at=10)
    progress = sender(timeline).run(at(5, 50, 60), START, timeline)
    assert timeline.sent == [(5.0, ["5"])]
    assert timeline.now == 110.0
    assert progress.messages == 1


def test_it_stops_though_messages_are_due() -> None:
    timeline = Timeline(stop_at=3)
    timeline.costs = 2.0
    sender(timeline, group=1).run(at(*[0] * 10), START, timeline)
    assert [time for time, _ in timeline.sent] == [0, 2]


def test_nothing_is_sent_once_it_is_stopped() -> None:
    timeline = Timeline(stop_at=0)
    assert sender(timeline).run(at(0, 1), START, timeline) == Progress()
    assert timeline.sent == []


def test_no_more_than_one_message_ahead_is_made() -> None:
    timeline = Timeline()
    made: list[tuple[str, int]] = []

    def messages() -> Iterator[FeedMessage]:
        for message in at(0, 10, 20):
            made.append((message.message_id, len(timeline.sent)))
            yield message

    sender(timeline).run(messages(), START, timeline)
    assert made == [("0", 0), ("10", 0), ("20", 1)]


def test_an_error_of_the_receiver_ends_the_run() -> None:
    def refuse(messages: Sequence[FeedMessage]) -> None:
        raise OSError("the queue is full")

    timeline = Timeline()
    sending = Sender(refuse, clock=timeline.clock)
    with pytest.raises(OSError, match="the queue is full"):
        sending.run(at(0, 1), START, timeline)
    assert sending.progress == Progress()


@given(
    st.lists(st.floats(0, 50), max_size=30).map(sorted),
    st.sampled_from([0.5, 1.0, 60.0]),
    st.integers(1, 5),
    st.sampled_from([0.0, 0.01, 3.0]),
)
def test_all_are_sent_once_in_order_and_none_too_early(
    moments: list[float], speed: float, group: int, costs: float
) -> None:
    timeline = Timeline()
    timeline.costs = costs
    messages = at(*moments)
    seen: list[FeedMessage] = []

    def send(some: Sequence[FeedMessage]) -> None:
        assert 1 <= len(some) <= group
        for one in some:
            due = 100.0 + (one.at - START).total_seconds() / speed
            assert timeline.now >= due - 1e-9
            if not costs:
                assert timeline.now <= due + 0.05 + 1e-9
        seen.extend(some)
        timeline.now += costs

    Sender(send, speed, timeline.clock, group).run(messages, START, timeline)
    assert seen == messages


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda: Sender(print, speed=0), "speed: 0 must be greater than 0"),
        (lambda: Sender(print, speed=float("nan")), "speed: nan must be greater than 0"),
        (lambda: Sender(print, group=0), "group: 0 must be at least 1"),
    ],
)
def test_what_is_refused(make: Callable[[], Sender], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        make()
