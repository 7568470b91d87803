"""Ctrl-C and its relatives."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from local.stopping import Stop

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_a_wish_and_a_second_one_is_urgent(number: signal.Signals) -> None:
    with Stop() as stop:
        assert (stop.is_wished, stop.is_urgent) == (False, False)
        os.kill(os.getpid(), number)
        assert (stop.is_wished, stop.is_urgent) == (True, False)
        os.kill(os.getpid(), number)
        assert (stop.is_wished, stop.is_urgent) == (True, True)


def test_a_wish_ends_the_waiting() -> None:
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    begun = time.monotonic()
    with Stop() as stop:
        assert stop.wait(60)
        assert time.monotonic() - begun < 30
        assert stop.wait(60)  # still wished
    timer.join()


def test_without_one_it_waits_for_so_long() -> None:
    begun = time.monotonic()
    with Stop() as stop:
        assert not stop.wait(0.25)
    assert time.monotonic() - begun >= 0.25


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
