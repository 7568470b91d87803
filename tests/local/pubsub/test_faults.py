"""Faults on demand, as the clients see them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.api_core import exceptions
from google.pubsub_v1 import types

from tests.local.pubsub.clients import Clients, eventually


def test_lasting_refusals(clients: Clients) -> None:
    clients.server.faults.refuse_publishes(grpc.StatusCode.PERMISSION_DENIED, details="no")
    for _ in range(2):
        with pytest.raises(exceptions.PermissionDenied, match="no"):
            clients.publish(b"refused")
    clients.server.faults.clear()
    clients.publish(b"x")
    assert [each.message.data for each in clients.pull(1)] == [b"x"]


def test_passing_refusals_are_retried_by_the_client(clients: Clients) -> None:
    clients.server.faults.refuse_publishes(grpc.StatusCode.UNAVAILABLE, times=2)
    clients.publish(b"x")
    assert clients.unacknowledged() == 1


def test_a_lost_answer_makes_a_duplicate(clients: Clients) -> None:
    clients.server.faults.lose_publish_answers(times=1)
    (message_id,) = clients.publish(b"x")
    first, second = (each.message for each in clients.pull(2))
    assert (first.data, second.data, second.message_id) == (b"x", b"x", message_id)
    assert first.message_id != message_id


def test_a_delayed_answer_comes_when_the_fault_is_cleared(clients: Clients) -> None:
    messages = [types.PubsubMessage(data=b"x")]
    clients.server.faults.delay_answers(600, method="Publish")
    clients.plain_publisher.get_topic(topic=clients.topic)  # another method is not delayed
    with ThreadPoolExecutor(1) as threads:
        publish = clients.plain_publisher.publish
        answer = threads.submit(publish, topic=clients.topic, messages=messages)
        eventually(lambda: clients.unacknowledged() == 1)
        assert not answer.done()
        clients.server.faults.clear()
        assert len(answer.result(timeout=10).message_ids) == 1


def test_every_answer_is_delayed(clients: Clients) -> None:
    clients.server.faults.delay_answers(600)
    with pytest.raises(exceptions.DeadlineExceeded):
        clients.plain_publisher.get_topic(topic=clients.topic, timeout=0.2, retry=None)


def test_dropped_streams_end_as_unavailable(clients: Clients) -> None:
    clients.publish(b"x")
    stream = clients.stream()
    (received,) = stream.receive(1)
    stream.send(ack_ids=[received.ack_id])
    eventually(lambda: clients.unacknowledged() == 0)
    time.sleep(0.1)  # so that it waits for messages; sooner would prove less
    clients.server.faults.drop_streaming_pulls()
    with pytest.raises(exceptions.ServiceUnavailable, match="dropped, as a test asked for"):
        stream.receive(1)
