"""Waits between attempts."""

from __future__ import annotations

from bridge.backoff import Backoff


def test_waits_double_up_to_the_longest_and_start_over() -> None:
    backoff = Backoff(1.0, 5.0, draw=lambda: 0.0)
    assert [backoff.next() for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    backoff.reset()
    assert backoff.next() == 1.0


def test_chance_takes_up_to_half() -> None:
    draws = iter([0.0, 1.0, 0.5])
    backoff = Backoff(4.0, 4.0, draw=lambda: next(draws))
    assert [backoff.next() for _ in range(3)] == [4.0, 2.0, 3.0]
