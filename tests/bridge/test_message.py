"""Every AMQP body form and property as the envelope has it; the SDK's own message class."""

from __future__ import annotations

import gzip
import itertools
import json
import random
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus._pyamqp._decode import decode_payload
from azure.servicebus._pyamqp._encode import encode_payload
from azure.servicebus._pyamqp.message import Message, Properties
from azure.servicebus._pyamqp.utils import amqp_long_value
from google.pubsub_v1.types import PublishRequest, PubsubMessage
from hypothesis import given
from hypothesis import strategies as st

import envelope
from bridge.message import (
    Letter,
    Packed,
    Refusal,
    Unfit,
    in_requests,
    is_large,
    pack,
    read,
    reason,
    request,
    rfc3339,
)
from pipeline.message import from_pubsub
from tests.pipeline.made import micros

ENQUEUED = datetime(2026, 11, 1, 12, 30, 15, 250_000, UTC)
ARRAY = b'"[{\\"a\\": 1}]"'


def received(properties: Properties | None = None, **sections: Any) -> ServiceBusReceivedMessage:
    """A message as the SDK hands it out, from its bytes on the wire."""
    annotations = {
        b"x-opt-enqueued-time": amqp_long_value(int(ENQUEUED.timestamp() * 1_000)),
        b"x-opt-sequence-number": amqp_long_value(77),
    }
    sent = Message(properties=properties, message_annotations=annotations, **sections)
    wire = bytearray()
    encode_payload(wire, sent)
    message = decode_payload(memoryview(wire))
    return ServiceBusReceivedMessage(message, receiver=None, frame=[None, 1, b"tag"])


def letter(message: Any) -> Letter:
    found = read(message)
    assert isinstance(found, Letter)
    return found


def published(packed: Packed | Unfit) -> tuple[bytes, dict[str, str]]:
    """Data and attributes of a packed message, as Pub/Sub reads them."""
    assert isinstance(packed, Packed)
    found = PublishRequest.pb().FromString(request("projects/p/topics/t", [packed]))
    assert found.topic == "projects/p/topics/t"
    [message] = found.messages
    return message.data, dict(message.attributes)


NAMED = Properties(subject="MID", message_id="MID_202611011230_00001.json")


def test_the_envelope_of_a_message() -> None:
    assert letter(received(NAMED, data=[ARRAY])) == Letter(
        ARRAY,
        {
            "dataset": "MID",
            "message_id": "MID_202611011230_00001.json",
            "enqueued_time": "2026-11-01T12:30:15.250000Z",
            "sequence_number": "77",
            "source": "IRIS",
        },
    )


@pytest.mark.parametrize(
    ("sections", "data"),
    [
        ({"data": [ARRAY]}, ARRAY),
        ({"data": [b"[1,", b"", b"2]"]}, b"[1,2]"),
        ({"data": [b""]}, b""),
        ({"data": [b"\xff\xfe not UTF-8"]}, b"\xff\xfe not UTF-8"),
        ({"value": "[1] \u00a3"}, "[1] \u00a3".encode()),
        ({"value": b"[1]"}, b"[1]"),
    ],
)
def test_bodies_as_received(sections: dict[str, Any], data: bytes) -> None:
    assert letter(received(NAMED, **sections)).data == data


@pytest.mark.parametrize(
    ("sections", "form"),
    [
        ({"sequence": [[1, 2]]}, "an AMQP sequence"),
        ({"value": [1, 2]}, "an AMQP value of type list"),
        ({"value": {"a": 1}}, "an AMQP value of type dict"),
        ({"value": 7}, "an AMQP value of type int"),
        ({}, "an AMQP value of type NoneType"),
    ],
)
def test_a_body_of_another_form_is_refused(sections: dict[str, Any], form: str) -> None:
    assert read(received(NAMED, **sections)) == Unfit(
        Refusal.UNREADABLE_BODY, f"the body is {form}, not data, string or binary"
    )


@pytest.mark.parametrize(
    ("properties", "dataset", "message_id"),
    [
        (None, "unknown", envelope.hash_id(ARRAY)),
        (Properties(), "unknown", envelope.hash_id(ARRAY)),
        (Properties(subject="", message_id=""), "unknown", envelope.hash_id(ARRAY)),
        (Properties(subject="mibm_mid", message_id="x"), "mibm_mid", "x"),
        (Properties(subject=b"B\xff", message_id=b"\xfe"), "B\\xff", "\\xfe"),
        (Properties(message_id=12), "unknown", "12"),
        (Properties(message_id=UUID(int=1)), "unknown", str(UUID(int=1))),
        (Properties(subject="\u00e9" * 600, message_id="x"), "\u00e9" * 512, "x"),
        (Properties(message_id="y" * 1_024), "unknown", "y" * 1_024),
        (Properties(message_id="y" * 1_025), "unknown", envelope.hash_id(b"y" * 1_025)),
    ],
)
def test_properties_that_are_odd(
    properties: Properties | None, dataset: str, message_id: str
) -> None:
    found = letter(received(properties, data=[ARRAY])).attributes
    assert (found["dataset"], found["message_id"]) == (dataset, message_id)


@pytest.mark.parametrize(
    ("given", "found"),
    [(None, ""), ({}, ""), ({b"DeadLetterReason": b"TooLarge"}, "TooLarge"),
     ({b"DeadLetterReason": b"\xff"}, ""), ({b"DeadLetterReason": 7}, "")],
)  # fmt: skip
def test_the_reason_of_a_dead_letter(given: dict[bytes, Any] | None, found: str) -> None:
    assert reason(received(NAMED, data=[ARRAY], application_properties=given)) == found


def test_without_annotations_there_is_no_time_and_no_number() -> None:
    wire = bytearray()
    encode_payload(wire, Message(data=[b"[]"]))
    message = decode_payload(memoryview(wire))
    bare = ServiceBusReceivedMessage(message, receiver=None, frame=[None, 1, b"tag"])
    assert set(letter(bare).attributes) == {"dataset", "message_id", "source"}


def test_what_the_pipeline_makes_of_it() -> None:
    message = from_pubsub(*published(pack(letter(received(NAMED, data=[ARRAY])))), "9")
    assert message._asdict() == {
        "data": ARRAY,
        "dataset": "MID",
        "message_id": "MID_202611011230_00001.json",
        "enqueued": micros("2026-11-01T12:30:15.250+00:00"),
        "source": "IRIS",
        "content_encoding": None,
        "record_index": None,
        "uri": None,
    }


@pytest.mark.parametrize(("size", "large"), [(1_000_000, False), (1_000_001, True)])
def test_a_large_body_is_compressed(size: int, large: bool) -> None:
    body = json.dumps([{"a": 1}] * 200_000).encode()[:size]
    one = Letter(body, {"dataset": "MID"})
    packed = pack(one)
    assert is_large(one) is large
    data, attributes = published(packed)
    if large:
        assert attributes == {"dataset": "MID", "content_encoding": "gzip"}
        assert gzip.decompress(data) == body
        assert packed == pack(one), "the same bytes each time"
    else:
        assert (data, attributes) == (body, {"dataset": "MID"})


def test_what_does_not_fit_even_compressed_is_too_large() -> None:
    noise = random.Random(1).randbytes(9_990_000)
    fits = pack(Letter(noise, {"dataset": "MID"}))
    assert isinstance(fits, Packed)
    longest = f"projects/{'p' * 30}/topics/{'t' * 255}"
    assert len(request(longest, [fits])) <= envelope.MAX_PUBLISH_BYTES
    found = pack(Letter(noise + random.Random(2).randbytes(20_000), {"dataset": "MID"}))
    assert isinstance(found, Unfit)
    assert found.reason is Refusal.TOO_LARGE
    assert found.detail.startswith("10,010,000 bytes, 10,0")
    assert found.detail.endswith("a Pub/Sub request takes 10,000,000")


@given(st.lists(st.integers(0, 1_500_000), max_size=12))
def test_requests_keep_the_order_and_the_limit(sizes: list[int]) -> None:
    messages = [Packed(b"", bytes([at]) * size, b"") for at, size in enumerate(sizes)]
    requests = in_requests(messages)
    assert [one for found in requests for one in found] == messages
    assert all(requests)
    for found in requests:
        assert len(found) == 1 or sum(one.size for one in found) <= 1_000_000
    for before, after in itertools.pairwise(requests):
        needed = sum(one.size for one in before) + after[0].size
        assert needed > 1_000_000, "no request more than needed"


def test_a_request_has_at_most_a_thousand_messages() -> None:
    assert [len(found) for found in in_requests([Packed(b"x", b"", b"")] * 2_001)] == [
        1_000,
        1_000,
        1,
    ]


def test_a_request_is_its_messages_together() -> None:
    letters = [Letter(f"[{at}]".encode(), {"message_id": str(at)}) for at in range(3)]
    packed = [one for one in map(pack, letters) if isinstance(one, Packed)]
    whole = PublishRequest.pb().FromString(request("projects/p/topics/t", packed))
    assert [(one.data, dict(one.attributes)) for one in whole.messages] == letters


@given(
    st.one_of(st.binary(max_size=300), st.sampled_from([b"x" * 16_000, b"x" * 300_000])),
    st.dictionaries(st.text(max_size=9), st.text(max_size=200), max_size=9),
)
def test_what_is_packed_is_what_the_library_would_serialize(
    data: bytes, attributes: dict[str, str]
) -> None:
    packed = pack(Letter(data, attributes))
    assert published(packed) == (data, attributes)
    message = PubsubMessage.pb()(data=data, attributes=attributes)
    assert isinstance(packed, Packed)
    assert packed.size == PublishRequest.pb()(messages=[message]).ByteSize()


def test_times_are_utc() -> None:
    summer = timezone(timedelta(hours=1))
    assert rfc3339(datetime(2026, 7, 1, 0, 30, tzinfo=summer)) == "2026-06-30T23:30:00.000000Z"
