"""This machine's clock is an hour away from Service Bus's."""

from __future__ import annotations

import time
from functools import partial

import grpc
import pytest

from local.servicebus import Certificates
from tests.bridge.namespace import namespace
from tests.bridge.stack import AtOnce, eventually, stacked

HOUR = 3_600.0


class Clock:
    """Seconds since 1970, and some."""

    def __init__(self, offset: float) -> None:
        self.offset = offset

    def __call__(self) -> float:
        return time.time() + self.offset


def ahead_by_an_hour() -> None:
    clock = Clock(-HOUR)
    # One may fail: when the server's clock is put right, what is in hand at that moment expires.
    with stacked(clock=clock, max_delivery_count=2) as stack, stack.bridge() as bridge:
        wanted = stack.send(5)
        bridge.await_line(
            "WARNING queue unavailable: the locks of messages are over when they arrive: either "
            r"this machine slept, or its clock is ahead of .* until it is set \(NTP\)"
        )
        bridge.await_page("/readyz", (503, "queue unavailable, topic available"))
        assert bridge.pages.get("/healthz") == (200, "alive")
        eventually(lambda: bridge.pages.metric("connections_total") > 3)
        assert stack.topic.read() == [], "what cannot be completed is not published again and again"
        clock.offset = 0.0
        stack.topic.await_ids(wanted)
        stack.await_empty()
        assert stack.queue.counts().dead_lettered == 0, "no deliveries were burnt before"
        assert stack.topic.repeated(wanted) == 0


def behind_by_an_hour(certificates: Certificates) -> None:
    clock = Clock(HOUR)
    with namespace(certificates, clock=clock, max_delivery_count=1) as space:
        space.logins.lifetime = 2 * HOUR  # by the login's clock
        stack = space.stack
        with space.bridge() as bridge:
            bridge.await_ready()
            # By this clock the locks last for an hour. They are renewed all the same.
            stack.pubsub.faults.refuse_publishes(grpc.StatusCode.UNAVAILABLE)
            wanted = stack.send(1)
            eventually(lambda: bridge.pages.metric("locks_renewed_total") > 10)
            stack.pubsub.faults.clear()
            stack.topic.await_ids(wanted | stack.send(1))
            stack.await_empty()
            assert stack.topic.repeated(wanted) == 0
            assert bridge.matching("clock") == [
                "ERROR this machine's clock is behind Service Bus's by some 60 minutes: "
                "set it (NTP)"
            ]
            clock.offset = 0.0
            stack.topic.await_ids(stack.send(1))
            bridge.await_line("INFO this machine's clock agrees with Service Bus's again")


def test_the_clock_is_wrong(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.locks._MOST_SECONDS", 0.2)
    behind = partial(behind_by_an_hour, certificates)
    with AtOnce({"ahead": ahead_by_an_hour, "behind": behind}) as results:
        assert results["ahead"] is results["behind"] is None
