"""Messages against the SDK's own codec: ours are read there, theirs are kept as they came."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

import pytest
from azure.servicebus._pyamqp._decode import decode_payload
from azure.servicebus._pyamqp._encode import encode_payload
from azure.servicebus._pyamqp.message import BatchMessage, Header, Message, Properties
from hypothesis import given
from hypothesis import strategies as st

from local.servicebus.decoding import items_of_map
from local.servicebus.message import BATCH_FORMAT, Content, content_of, contents_of, delivered
from local.servicebus.model import (
    Body,
    Data,
    InvalidRequest,
    NotImplementedHere,
    QueueMessage,
    Sequences,
    Value,
)
from local.servicebus.values import CodecError


def sent(message: Any) -> bytes:
    """What the SDK puts on the wire."""
    return bytes(encode_payload(bytearray(), message))


def received(content: Content, **changes: Any) -> Message:
    """What the SDK makes of a delivery."""
    fields: dict[str, Any] = {
        "sequence_number": 1,
        "enqueued_ms": 2,
        "locked_until_ms": None,
        "deferred": False,
        "delivery_count": 0,
        "time_to_live_ms": None,
    }
    return decode_payload(memoryview(b"".join(delivered(content, **{**fields, **changes}))))


@pytest.mark.parametrize(
    ("body", "data", "sequence", "value"),
    [
        (b"abc", [b"abc"], None, None),
        (b"", [b""], None, None),
        (Data(b"a", b"bc"), [b"a", b"bc"], None, None),
        (Value("text"), None, None, b"text"),
        (Value(b"bytes"), None, None, b"bytes"),
        (Value([1, "a", None]), None, None, [1, b"a", None]),
        (Value({"a": 1.5}), None, None, {b"a": 1.5}),
        (Value(None), None, None, None),
        (Sequences([1, 2], ["a"]), None, [[1, 2], [b"a"]], None),
        (None, None, None, None),
    ],
)
def test_bodies(body: Body, data: Any, sequence: Any, value: Any) -> None:
    content = content_of(QueueMessage(body))
    message = received(content)
    assert (message.data, message.sequence, message.value) == (data, sequence, value)
    assert content.decoded_body() == body


def test_a_body_of_no_sections_is_none() -> None:
    assert content_of(QueueMessage(Data())).decoded_body() is None


def test_all_fields() -> None:
    token = uuid.uuid4()
    message = received(
        content_of(
            QueueMessage(
                b"x",
                subject="FREQ",
                message_id="m",
                content_type="application/json",
                correlation_id="c",
                application_properties={"s": "é", "b": b"\xff", "i": -5, "u": token, "t": True},
            )
        ),
        sequence_number=2**40,
        enqueued_ms=1_700_000_000_123,
        locked_until_ms=1_700_000_060_123,
        deferred=True,
        delivery_count=300,
        time_to_live_ms=1_000,
    )
    assert message.header == Header(None, None, 1_000, None, 300)
    assert message.properties == Properties(
        message_id=b"m",
        subject=b"FREQ",
        content_type=b"application/json",
        correlation_id=b"c",
    )
    assert message.application_properties == {
        b"s": "é".encode(),
        b"b": b"\xff",
        b"i": -5,
        b"u": token,
        b"t": True,
    }
    assert message.message_annotations == {
        b"x-opt-sequence-number": 2**40,
        b"x-opt-enqueued-time": 1_700_000_000_123,
        b"x-opt-message-state": 1,
        b"x-opt-locked-until": 1_700_000_060_123,
    }


def test_absent_fields() -> None:
    message = received(content_of(QueueMessage(b"x")))
    assert (message.properties, message.application_properties) == (None, None)
    assert message.header == Header(None, None, None, None, 0)
    assert message.message_annotations == {
        b"x-opt-sequence-number": 1,
        b"x-opt-enqueued-time": 2,
        b"x-opt-message-state": 0,
    }


def test_what_the_sdk_sends_is_kept_as_it_came() -> None:
    properties = Properties(
        message_id=uuid.uuid4(),
        user_id=b"u",
        to="t",
        subject="s",
        reply_to="r",
        creation_time=5,
        group_id="g",
        group_sequence=1,
    )
    application_properties = {
        "int": 1,
        "long": {"TYPE": "LONG", "VALUE": 1},
        "time": datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC),
    }
    message = Message(
        header=Header(True, 4, 90_000, None, 7),
        message_annotations={b"x-opt-partition-key": "p", b"x-opt-sequence-number": 99},
        delivery_annotations={b"x-opt-lock-token": "l"},
        properties=properties,
        application_properties=application_properties,
        data=[b"a", b"b"],
        footer={b"f": 1},
    )
    payload = sent(message)
    (content,) = contents_of(payload, 0)
    assert content.time_to_live_ms == 90_000
    as_sent = decode_payload(memoryview(payload))
    as_received = received(content, time_to_live_ms=90_000)
    assert as_received.header == Header(None, None, 90_000, None, 0)
    assert as_received.message_annotations == {
        b"x-opt-sequence-number": 1,
        b"x-opt-enqueued-time": 2,
        b"x-opt-message-state": 0,
        b"x-opt-partition-key": b"p",
    }
    for part in ("properties", "application_properties", "data", "footer"):
        assert getattr(as_received, part) == getattr(as_sent, part)
    assert content.message_id == properties.message_id
    for part in (content.properties, content.application_properties):
        assert part
        assert part in payload


def test_a_batch_is_taken_apart() -> None:
    messages = [sent(Message(data=[bytes([n])], properties=Properties(str(n)))) for n in range(5)]
    payload = sent(BatchMessage(data=messages))
    contents = contents_of(payload, BATCH_FORMAT)
    assert [(each.message_id, each.decoded_body()) for each in contents] == [
        (str(n), bytes([n])) for n in range(5)
    ]


@pytest.mark.parametrize("before", [None, {"DeadLetterReason": "old", "n": 5}, {"n": 5}])
def test_more_application_properties(before: dict[str, Any] | None) -> None:
    content = content_of(QueueMessage(b"x", application_properties=before))
    more = content.with_application_properties({"DeadLetterReason": "new", "é": "e" * 300})
    assert received(more).application_properties == {
        **({b"n": 5} if before else {}),
        b"DeadLetterReason": b"new",
        "é".encode(): b"e" * 300,
    }
    keys = [key for key, _ in items_of_map(more.application_properties, 3)[0]]
    assert len(keys) == len(set(keys))
    assert more.application_property("DeadLetterReason") == "new"
    assert more.application_property("none") is None
    assert content.application_property("DeadLetterReason") == (before or {}).get(
        "DeadLetterReason"
    )


def test_messages_that_are_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"^0x7 is not a message format$"):
        contents_of(b"", 7)
    scheduled = sent(Message(message_annotations={b"x-opt-scheduled-enqueue-time": 1}, data=[b""]))
    with pytest.raises(NotImplementedHere, match=r"^scheduled messages are not implemented"):
        contents_of(scheduled, 0)
    with pytest.raises(CodecError, match="AMQP has no type for set"):
        content_of(QueueMessage(Value({1})))


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"\x41", "a message's section is not a described value"),
        (b"\x00\x53\x10\x45", "16 is not a section of a message"),
        (b"\x00\x53\x75\xa0\x05a", "a value is longer"),
        (b"\x00\x53\x70\x41", "a list was expected, not bool"),
        (b"\x00\x53\x70\xc0\x05\x03\x40\x40\xa1\x00", "header: ttl cannot be ''"),
        (b"\x00\x53\x70\xc0\x05\x03\x40\x40\x54\xff", "header: ttl cannot be -1"),
        (b"\x00\x53\x73\x41", "a list was expected"),
        (b"\x00\x53\x74\x45", "a map was expected"),
        (b"\x00\x53\x75\x45", "a data section is not bytes"),
    ],
)
def test_what_is_no_message_is_a_clear_error(payload: bytes, text: str) -> None:
    with pytest.raises(CodecError, match=text):
        contents_of(payload, 0)


@given(st.binary(max_size=60), st.sampled_from([0, BATCH_FORMAT]), st.integers(0x70, 0x78))
def test_nonsense_is_a_clear_error(data: bytes, message_format: int, section: int) -> None:
    for payload in (data, bytes((0, 0x53, section)) + data):
        try:
            contents = contents_of(payload, message_format)
        except (CodecError, NotImplementedHere):
            continue
        for content in contents:
            # What is let in can be delivered and looked at.
            assert b"".join(
                delivered(
                    content,
                    sequence_number=1,
                    enqueued_ms=1,
                    locked_until_ms=1,
                    deferred=False,
                    delivery_count=0,
                    time_to_live_ms=content.time_to_live_ms,
                )
            )
            assert content.message_id is None or content.properties
            content.with_application_properties({"a": "b"}).application_property("a")
            content.decoded_body()
