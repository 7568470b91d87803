"""A lease is renewed while the work runs, and left alone afterwards."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.leases import KeptLease
from tests.local.pubsub.clients import eventually

NEVER = 600.0


def lease_threads() -> int:
    return sum(thread.name == "lease" for thread in threading.enumerate())


class Renewals:
    """Renewals that take a second each and come to what a test says.

    Attributes:
        now: the clock, seconds.
        times: when each renewal was asked for.
    """

    def __init__(self, works: Callable[[int], bool]) -> None:
        self.now = 0.0
        self.times: list[float] = []
        self._works = works

    def clock(self) -> float:
        return self.now

    def renew(self) -> bool:
        self.times.append(self.now)
        self.now += 1
        return self._works(len(self.times))


def test_it_is_renewed_at_once_and_again_until_the_end() -> None:
    renewals = Renewals(lambda number: True)
    with KeptLease(renewals.renew, seconds=30, every=0.001):
        eventually(lambda: len(renewals.times) >= 5)
    assert lease_threads() == 0
    assert renewals.times == [float(number) for number in range(len(renewals.times))]


def test_it_waits_between_renewals() -> None:
    renewals = Renewals(lambda number: True)
    with KeptLease(renewals.renew, seconds=30, every=NEVER):
        eventually(lambda: len(renewals.times) == 1)
    assert (len(renewals.times), lease_threads()) == (1, 0)


def test_it_ends_when_the_work_fails() -> None:
    renewals = Renewals(lambda number: True)
    with pytest.raises(KeyError), KeptLease(renewals.renew, seconds=30, every=0.001):
        raise KeyError
    assert lease_threads() == 0


def test_a_renewal_under_way_ends_before_the_block_does() -> None:
    under_way, go, log = threading.Event(), threading.Event(), []

    def renew() -> bool:
        under_way.set()
        assert go.wait(timeout=10)
        log.append("renewed")
        return True

    def work() -> None:
        with KeptLease(renew, seconds=30, every=0.001):
            under_way.wait(timeout=10)
            threads.submit(go.set)
        log.append("acknowledged")

    with ThreadPoolExecutor(2) as threads:
        threads.submit(work).result(timeout=10)
    assert log[-2:] == ["renewed", "acknowledged"]


@pytest.mark.parametrize(
    ("works", "attempts"),
    [
        (lambda number: False, 10),  # a second each, the lease lasts for ten
        (lambda number: number == 4, 4 + 9),  # the fourth, from 3 to 4, makes it last until 13
    ],
)
def test_failures_are_tried_again_until_the_lease_is_over(
    works: Callable[[int], bool], attempts: int, caplog: pytest.LogCaptureFixture
) -> None:
    renewals = Renewals(works)
    with KeptLease(renewals.renew, 10, 0.001, retry_after=0.001, clock=renewals.clock):
        eventually(lambda: lease_threads() == 0)
    assert renewals.times == [float(number) for number in range(attempts)]
    (record,) = caplog.records
    assert (record.levelno, record.name) == (logging.WARNING, "pipeline.leases")
    assert record.getMessage().startswith("a lease is over before its batch")


def test_a_failure_is_not_tried_again_in_a_hurry() -> None:
    renewals = Renewals(lambda number: False)
    with KeptLease(renewals.renew, 10, 0.001, retry_after=NEVER, clock=renewals.clock):
        eventually(lambda: len(renewals.times) == 1)
    assert (len(renewals.times), lease_threads()) == (1, 0)
