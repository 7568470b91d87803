"""Batches of a real client from a local server: how they grow, and how they are settled."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core import exceptions as api

from local.pubsub import PubSubServer
from pipeline import deliveries
from pipeline.deliveries import Deliveries
from pipeline.subscription import open_subscriber
from tests.local.pubsub.clients import Clients, eventually
from tests.pipeline.calls import Calls
from tests.pipeline.live import clients_of


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    with PubSubServer() as server, clients_of(server, monkeypatch) as clients:
        yield clients


@pytest.fixture
def calls(clients: Clients) -> Iterator[Calls]:
    with open_subscriber() as client:
        yield Calls(client)


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def source(clients: Clients, calls: Calls, stop: threading.Event) -> Deliveries:
    return Deliveries(calls, clients.subscription, stop)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pulls of five messages, batches of twelve."""
    monkeypatch.setattr(deliveries, "PULL_MESSAGES", 5)
    monkeypatch.setattr(deliveries, "BATCH_MESSAGES", 12)


def data(batch: list[Any] | None) -> list[bytes]:
    assert batch is not None
    return [one.message.data for one in batch]


def numbers(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


class TestTake:
    def test_little_comes_in_one_pull(
        self, clients: Clients, calls: Calls, source: Deliveries, small: None
    ) -> None:
        clients.publish(*numbers(4))
        assert data(source.take()) == numbers(4)
        assert data(source.take()) == []
        assert calls.answered == [("pull", 5), ("pull", 5)]

    def test_a_backlog_comes_in_large_batches(
        self, clients: Clients, calls: Calls, source: Deliveries, small: None
    ) -> None:
        clients.publish(*numbers(30))
        assert [data(source.take()) for _ in range(3)] == [
            numbers(30)[:12],
            numbers(30)[12:24],
            numbers(30)[24:],
        ]
        pulls = [5, 5, 2, 5, 5, 2, 5, 5]
        assert calls.answered == [("pull", most) for most in pulls]

    def test_a_pull_that_leaves_nothing_behind(
        self, clients: Clients, calls: Calls, source: Deliveries, small: None
    ) -> None:
        clients.publish(*numbers(5))
        assert data(source.take()) == numbers(5)
        assert calls.answered == [("pull", 5), ("pull", 5)]

    def test_an_answer_of_many_bytes_has_left_some_behind(
        self, clients: Clients, calls: Calls, source: Deliveries
    ) -> None:
        clients.publish(*[b"x" * 1_000_000] * 8)  # of which an answer has three
        assert [len(each) for each in data(source.take())] == [1_000_000] * 8
        assert calls.answered == [("pull", 1_000)] * 3

    def test_a_batch_of_many_bytes_is_enough(
        self, clients: Clients, source: Deliveries, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(deliveries, "BATCH_BYTES", 6_000_000)
        clients.publish(*[b"x" * 1_000_000] * 8)
        assert [len(data(source.take())) for _ in range(2)] == [6, 2]

    @pytest.mark.parametrize("fault", [api.ServiceUnavailable("away"), api.DeadlineExceeded("")])
    def test_what_is_at_hand_does_not_wait_for_more(
        self,
        fault: Exception,
        clients: Clients,
        calls: Calls,
        source: Deliveries,
        small: None,
    ) -> None:
        clients.publish(*numbers(7))
        calls.pull_faults = [None, fault]
        assert data(source.take()) == numbers(5)
        assert data(source.take()) == numbers(7)[5:]

    def test_a_pull_that_waits_in_vain_brings_nothing(
        self, calls: Calls, source: Deliveries
    ) -> None:
        calls.pull_faults = [api.DeadlineExceeded("")]
        assert source.take() == []

    def test_a_stop_ends_a_batch(
        self,
        clients: Clients,
        calls: Calls,
        source: Deliveries,
        stop: threading.Event,
        small: None,
    ) -> None:
        clients.publish(*numbers(7))
        calls.on_pull = stop.set
        assert data(source.take()) == numbers(5)


class TestSettle:
    def test_many_messages_are_settled_in_several_requests(
        self,
        clients: Clients,
        calls: Calls,
        source: Deliveries,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(deliveries, "ACK_IDS", 3)
        clients.publish(*numbers(7))
        batch = source.take()
        assert batch is not None
        source.give_back(batch)
        assert calls.answered[1:] == [("modify", 3), ("modify", 3), ("modify", 1)]
        batch = source.take()
        assert data(batch) == numbers(7)
        with source.kept(batch):
            eventually(lambda: calls.renewals() == 6)
        source.acknowledge(batch)
        assert calls.answered[-3:] == [("acknowledge", 3), ("acknowledge", 3), ("acknowledge", 1)]
        assert clients.unacknowledged() == 0

    def test_a_renewal_without_an_answer_is_one_that_failed(
        self,
        clients: Clients,
        source: Deliveries,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        clients.publish(b"x")
        batch = source.take()
        assert batch is not None
        monkeypatch.setattr(deliveries, "PULL_SECONDS", 0.1)
        clients.server.faults.delay_answers(600, "ModifyAckDeadline")
        assert source._renew(batch) is False
        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert record.getMessage().startswith("cannot renew the lease of 1 messages: 504")
        clients.server.faults.clear()
        monkeypatch.undo()
        assert source._renew(batch) is True
