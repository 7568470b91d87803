"""The table of what a run holds."""

from __future__ import annotations

from datetime import timedelta

from local.feed.message import FeedMessage, Odd, Outcome
from local.feed.summary import Summary
from tests.local.feed.moments import START

LATER = START + timedelta(seconds=59)


def test_lines() -> None:
    summary = Summary()
    for message in (
        FeedMessage(START, "TIDE", "a", b"x" * 1_500, 2, Outcome(rows=2)),
        FeedMessage(LATER, "TIDE", "b", b"x" * 500, 1, Outcome(rows=1, misfits=1), Odd.MISFIT),
        FeedMessage(START + timedelta(minutes=1), "MOON_PHASE", "c", b"", 0, Outcome(), Odd.EMPTY),
        FeedMessage(LATER, None, "d", b"xx", 1, Outcome(unmapped=1), Odd.NO_SUBJECT),
        FeedMessage(LATER, "TIDE", "e", b"x", 0, Outcome(dead_letters=1), Odd.NOT_JSON),
        FeedMessage(LATER, "TIDE", "f", b"x", 0, Outcome(dead_letters=1), Odd.NOT_JSON),
    ):
        summary.add(message)
    assert list(summary.lines()) == [
        "dataset     messages  records  bytes",
        "----------  --------  -------  -----",
        "MOON_PHASE         1        0      0",
        "TIDE               4        3  2,002",
        "unknown            1        1      2",
        "----------  --------  -------  -----",
        "total              6        4  2,004",
        "",
        "the busiest minute has 5 messages",
        "to become 3 rows of datasets, 1 unmapped rows, 2 dead letters; 1 misfits",
        "1 odd: empty",
        "1 odd: misfit",
        "1 odd: no subject",
        "2 odd: not JSON",
    ]


def test_nothing_at_all() -> None:
    assert list(Summary().lines())[-3:] == [
        "",
        "the busiest minute has 0 messages",
        "to become 0 rows of datasets, 0 unmapped rows, 0 dead letters; 0 misfits",
    ]
