"""Every body form and odd property, over the wire: what arrives, and what is dead-lettered."""

from __future__ import annotations

import itertools
import json
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageProperties
from hypothesis import given, settings
from hypothesis import strategies as st

import envelope
from local.servicebus import Data, QueueMessage, Sequences, Value
from tests.bridge.stack import QUEUE, Arrived, Inside, Stack, ids, numbered, stacked

ARRAY = b'"[{\\"a\\": 1.10}]"'


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with stacked(max_connections_per_queue=2) as stack:  # the bridge, and the SDK as a sender
        yield stack


@pytest.fixture(scope="module", autouse=True)
def bridge(stack: Stack) -> Iterator[Inside]:
    with stack.bridge() as bridge:
        bridge.await_ready()
        yield bridge


def relayed(stack: Stack, *messages: QueueMessage) -> list[Arrived]:
    """What arrives of ``messages``, in their order: a last one tells that they are through."""
    before = len(stack.topic.arrived)
    end = numbered(1)
    stack.queue.send([*messages, *end])
    stack.topic.await_ids(ids(end))
    stack.await_empty()
    arrived = [one for one in stack.topic.arrived[before:] if one.message_id not in ids(end)]
    return sorted(arrived, key=lambda one: int(one.attributes["sequence_number"]))


def test_the_envelope(stack: Stack) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    message_id = "MID_202611011230_00001.json"
    [one] = relayed(stack, QueueMessage(Data(ARRAY), subject="MID", message_id=message_id))
    assert one.data == ARRAY
    enqueued = datetime.fromisoformat(one.attributes.pop("enqueued_time"))
    assert before <= enqueued <= datetime.now(UTC)
    assert one.attributes.pop("sequence_number").isdigit()
    assert one.attributes == {"dataset": "MID", "message_id": message_id, "source": "IRIS"}


def test_bodies_arrive_byte_for_byte(stack: Stack) -> None:
    bodies: list[tuple[Data | Value, bytes]] = [
        (Data(ARRAY), ARRAY),
        (Data(b"[1,", b"", b"2]"), b"[1,2]"),
        (Data(b""), b""),
        (Data(b"\xef\xbb\xbf[1]"), b"\xef\xbb\xbf[1]"),
        (Data(b"\xff\x00 not UTF-8"), b"\xff\x00 not UTF-8"),
        (Value("[1] \u00a3"), "[1] \u00a3".encode()),
        (Value(""), b""),
        (Value(b"[1]\x00"), b"[1]\x00"),
    ]
    arrived = relayed(stack, *(QueueMessage(body, message_id="x") for body, _ in bodies))
    assert [one.data for one in arrived] == [data for _, data in bodies]


def test_a_body_of_another_form_is_dead_lettered_and_holds_up_none(
    stack: Stack, bridge: Inside
) -> None:
    bodies: list[tuple[Any, str]] = [
        (Sequences([1, 2]), "an AMQP sequence"),
        (Sequences([1], [2]), "an AMQP sequence"),
        (None, "an AMQP value of type NoneType"),
        (Value(None), "an AMQP value of type NoneType"),
        (Value(7), "an AMQP value of type int"),
        (Value(True), "an AMQP value of type bool"),
        (Value([1, 2]), "an AMQP value of type list"),
        (Value({"a": 1}), "an AMQP value of type dict"),
        (Value(uuid.UUID(int=1)), "an AMQP value of type UUID"),
    ]
    bad = [QueueMessage(body, message_id=f"bad{at}") for at, (body, _) in enumerate(bodies)]
    good = numbered(len(bad))
    arrived = relayed(stack, *itertools.chain.from_iterable(zip(good, bad, strict=True)))
    assert [one.message_id for one in arrived] == [one.message_id for one in good]
    dead = stack.queue.dead_letters()
    why = [f"the body is {form}, not data, string or binary" for _, form in bodies]
    assert sorted((one.message_id, one.reason, one.description) for one in dead) == [
        (f"bad{at}", "UnreadableBody", text) for at, text in enumerate(why)
    ]
    assert bridge.pages.metric("dead_lettered_total", "UnreadableBody") == len(bad)
    assert sorted(bridge.matching("message bad")) == [
        f"WARNING message bad{at} to the queue's dead letters: UnreadableBody, {text}"
        for at, text in enumerate(why)
    ]


def test_what_the_sdk_cannot_read_holds_up_none() -> None:
    deep: list[Any] = []
    for _ in range(100):  # the SDK reads 64 levels
        deep = [deep]
    with stacked(lock_seconds=0.5, max_delivery_count=2) as stack, stack.bridge() as bridge:
        bridge.await_ready()
        good = numbered(6)
        stack.queue.send([*good[:3], QueueMessage(Value(deep), message_id="deep"), *good[3:]])
        stack.topic.await_ids(ids(good))
        stack.await_empty()
        assert stack.queue.counts().dead_lettered == 1, "by the broker: too many deliveries"
        assert bridge.matching("the SDK has ceased to receive|AMQP value nesting exceeds maximum")


def test_large_bodies(stack: Stack, bridge: Inside) -> None:
    draw = random.Random(1)
    records = [{"a": draw.random(), "b": "x" * 30} for _ in range(200_000)]
    large = json.dumps(records).encode()[:11_000_000]
    assert len(large) == 11_000_000
    noise = draw.randbytes(10_100_000)
    good = numbered(2)
    messages = [
        QueueMessage(Data(large), subject="MID", message_id="large"),
        QueueMessage(Data(noise), subject="MID", message_id="noise"),
        QueueMessage(Data(large[:1_000_000]), subject="MID", message_id="not yet large"),
    ]
    arrived = relayed(stack, good[0], *messages, good[1])
    found = {one.message_id: one for one in arrived}
    assert found.keys() == {"large", "not yet large"} | ids(good)
    assert found["large"].attributes["content_encoding"] == "gzip"
    assert len(found["large"].data) < 10_000_000
    assert found["large"].body == large
    assert found["not yet large"].data == large[:1_000_000]
    assert "content_encoding" not in found["not yet large"].attributes
    dead = stack.queue.dead_letters()[-1]
    assert (dead.message_id, dead.reason) == ("noise", "TooLarge")
    assert dead.body == noise
    assert dead.description is not None
    assert dead.description.startswith("10,100,000 bytes, 10,1")
    assert bridge.pages.metric("compressed_total") == 1
    assert bridge.pages.metric("dead_lettered_total", "TooLarge") == 1


def test_without_a_subject_and_without_an_id(stack: Stack) -> None:
    twice = [QueueMessage(Data(b"[1]")), QueueMessage(Data(b"[1]")), QueueMessage(Data(b"[2]"))]
    arrived = relayed(stack, *twice)
    assert [(one.attributes["dataset"], one.message_id) for one in arrived] == [
        ("unknown", envelope.hash_id(b"[1]")),
        ("unknown", envelope.hash_id(b"[1]")),
        ("unknown", envelope.hash_id(b"[2]")),
    ]


def test_ids_of_other_types(stack: Stack) -> None:
    found: dict[Any, str] = {
        12: "12",
        uuid.UUID(int=1): str(uuid.UUID(int=1)),
        b"\xfe\xff": "\\xfe\\xff",
        "y" * 1_025: envelope.hash_id(b"y" * 1_025),
    }
    with (
        ServiceBusClient.from_connection_string(stack.servicebus.connection_string) as client,
        client.get_queue_sender(QUEUE) as sender,
    ):
        for one in found:
            properties = AmqpMessageProperties(message_id=one, subject="MID")
            sender.send_messages(AmqpAnnotatedMessage(data_body=[ARRAY], properties=properties))
        stack.topic.await_ids(set(found.values()))
    assert {one.data for one in stack.topic.arrived[-4:]} == {ARRAY}


_texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@settings(max_examples=8)
@given(st.lists(st.tuples(st.binary(max_size=300), _texts, _texts), min_size=1, max_size=20))
def test_whatever_comes_arrives(
    stack: Stack, sent: list[tuple[bytes, str | None, str | None]]
) -> None:
    arrived = relayed(
        stack,
        *(QueueMessage(Data(data), subject=subject, message_id=one) for data, subject, one in sent),
    )
    assert [
        (one.data, one.attributes["dataset"], one.message_id) for one in arrived
    ] == [
        (data, subject or "unknown", message_id or envelope.hash_id(data))
        for data, subject, message_id in sent
    ]  # fmt: skip
