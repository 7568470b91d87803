"""Streaming pull: the client library's subscriber, and the protocol request by request."""

from __future__ import annotations

import itertools
import queue
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.pubsub_v1.subscriber.message import Message
from google.pubsub_v1 import types

from local.pubsub import Faults, MemoryBacklog
from local.pubsub.broker import Broker
from local.pubsub.model import Content, Subscription, Topic
from local.pubsub.shared import SharedBroker
from local.pubsub.streaming import StreamingPull
from tests.local.pubsub.clients import Clients, eventually

pytestmark = pytest.mark.filterwarnings("ignore:The return_immediately flag")


def test_callbacks_get_every_message_and_nacked_ones_again(clients: Clients) -> None:
    data = [f"{number}".encode() for number in range(100)]
    seen: list[bytes] = []

    def settle(message: Message) -> None:
        seen.append(message.data)
        if message.data == b"7" and seen.count(b"7") == 1:
            message.nack()
        else:
            message.ack()

    streaming = clients.subscriber.subscribe(clients.subscription, settle)
    clients.publish(*data)
    eventually(lambda: len(seen) == 101 and not clients.unacknowledged())
    streaming.cancel()
    streaming.result(timeout=10)
    assert sorted(seen) == sorted([*data, b"7"])


def test_clients_reconnect_dropped_streams(clients: Clients) -> None:
    seen: list[bytes] = []

    def settle(message: Message) -> None:
        seen.append(message.data)
        message.ack()

    streaming = clients.subscriber.subscribe(clients.subscription, settle)
    for data in (b"a", b"b"):
        clients.publish(data)
        eventually(lambda: not clients.unacknowledged())
        clients.server.faults.drop_streaming_pulls()
    streaming.cancel()
    streaming.result(timeout=10)
    assert seen == [b"a", b"b"]


def test_settling_in_the_stream(clients: Clients) -> None:
    clients.publish(b"ack", b"nack", b"expire")
    stream = clients.stream()
    ack, nack, expire = (each.ack_id for each in stream.receive(3))
    stream.send(
        ack_ids=[ack], modify_deadline_ack_ids=[nack, expire], modify_deadline_seconds=[0, 1]
    )
    again = stream.receive(2)
    assert [each.message.data for each in again] == [b"nack", b"expire"]
    stream.send(ack_ids=[each.ack_id for each in again])
    assert stream.close() == []
    assert clients.unacknowledged() == 0


@pytest.mark.parametrize(
    "limits", [{"max_outstanding_messages": 2}, {"max_outstanding_bytes": 2_400}]
)
def test_flow_control(clients: Clients, limits: dict[str, int]) -> None:
    data = [bytes([number]) * 1_000 for number in range(5)]
    clients.publish(*data)
    stream = clients.stream(**limits)
    first = stream.receive(2)
    stream.send(ack_ids=[first[0].ack_id])
    third = stream.receive(1)
    assert [each.message.data for each in first + third] == data[:3]
    assert clients.pull_now() == data[3:]
    assert stream.close() == []


@pytest.mark.parametrize(
    ("fields", "error", "text"),
    [
        (
            {"subscription": "projects/local-project/subscriptions/none"},
            exceptions.NotFound,
            "subscription projects/local-project/subscriptions/none does not exist",
        ),
        (
            {"stream_ack_deadline_seconds": 9},
            exceptions.InvalidArgument,
            "stream_ack_deadline_seconds: 9, it must be 10 to 600 seconds",
        ),
        (
            {"modify_deadline_ack_ids": ["x"]},
            exceptions.InvalidArgument,
            "modify_deadline_seconds: 0 for 1 modify_deadline_ack_ids",
        ),
    ],
)
def test_refused_streams(
    clients: Clients, fields: dict[str, Any], error: type[Exception], text: str
) -> None:
    stream = clients.stream(**fields)
    with pytest.raises(error, match=text):
        stream.receive(1)


def test_a_wrong_later_request_ends_the_stream(clients: Clients) -> None:
    stream = clients.stream()
    stream.send()  # a heartbeat
    stream.send(modify_deadline_ack_ids=["x"], modify_deadline_seconds=[601])
    with pytest.raises(exceptions.InvalidArgument, match="modify_deadline_seconds: 601"):
        stream.receive(1)


def test_a_deleted_subscription_ends_the_stream(clients: Clients) -> None:
    stream = clients.stream()
    clients.subscriber.delete_subscription(subscription=clients.subscription)
    with pytest.raises(exceptions.NotFound):
        stream.receive(1)


class OpenCall:
    """The context of a call that goes on."""

    def is_active(self) -> bool:
        return True


def test_deliveries_are_leased_for_as_long_as_the_stream_says() -> None:
    broker = Broker(MemoryBacklog(), clock=lambda: 0.0)
    broker.create_topic(Topic("projects/p/topics/t"))
    broker.create_subscription(Subscription("projects/p/subscriptions/s", "projects/p/topics/t"))
    broker.publish("projects/p/topics/t", [Content(b"x")])
    first = types.StreamingPullRequest(
        subscription="projects/p/subscriptions/s", stream_ack_deadline_seconds=77
    )
    more: queue.SimpleQueue[None] = queue.SimpleQueue()
    requests = itertools.chain([first], iter(more.get, None))
    responses = StreamingPull(SharedBroker(broker), Faults(), requests, OpenCall()).responses()
    assert [each.message.data for each in next(responses).received_messages] == [b"x"]
    assert broker.seconds_to_expiry("projects/p/subscriptions/s") == 77
    more.put(None)
    assert list(responses) == []
