"""Ctrl-C and its relatives."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from local.stopping import Stop

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


class Clock:
    """Seconds that pass when told to, or by so many at each look."""

    def __init__(self, step: float = 0.0) -> None:
        self.now = 100.0
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_a_wish_and_ctrl_c_after_it_is_urgent(number: signal.Signals) -> None:
    clock = Clock()
    with Stop(clock) as stop:
        assert (stop.is_wished, stop.is_urgent) == (False, False)
        os.kill(os.getpid(), number)
        assert (stop.is_wished, stop.is_urgent) == (True, False)
        clock.now += 1.5
        os.kill(os.getpid(), signal.SIGINT)
        assert (stop.is_wished, stop.is_urgent) == (True, True)


@pytest.mark.parametrize("first", SIGNALS)
def test_what_nobody_typed_is_never_urgent(first: signal.Signals) -> None:
    """A terminal that is closed, make, and a signal for the whole group send several."""
    clock = Clock()
    with Stop(clock) as stop:
        for number in (first, signal.SIGHUP, signal.SIGTERM, signal.SIGTERM):
            os.kill(os.getpid(), number)
            clock.now += 60.0
        assert (stop.is_wished, stop.is_urgent) == (True, False)


def test_nor_is_a_ctrl_c_that_comes_twice_at_once() -> None:
    clock = Clock()
    with Stop(clock) as stop:
        for seconds in (0.0, 0.0, 1.0):
            clock.now += seconds
            os.kill(os.getpid(), signal.SIGINT)
        assert (stop.is_wished, stop.is_urgent) == (True, False)


def test_a_wish_ends_the_waiting() -> None:
    """By a clock that stands still, on which no time could run out."""
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    with Stop(Clock()) as stop:
        assert stop.wait(60)
        assert stop.wait(60)  # still wished
    timer.join()


def test_without_one_it_waits_for_so_long() -> None:
    clock = Clock(step=0.01)
    with Stop(clock) as stop:
        begun = clock.now
        assert not stop.wait(0.05)
    assert clock.now - begun >= 0.05


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with Stop():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_what_is_ignored_stays_ignored() -> None:
    """As ``nohup`` wants it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Stop() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.wait(0)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
