"""Messages as AMQP sections: taken apart once when they come in, put together at each delivery.

Of a message only the header and the message annotations change while it is in a queue (and its
application properties, if it is dead-lettered). All else is kept as the bytes that came.
Sections: part 3.2 of the standard. The ``x-opt-`` annotations: "AMQP 1.0 in Azure Service Bus
and Event Hubs protocol guide" of the Azure documentation.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from local.servicebus import encoding
from local.servicebus.decoding import decode, decode_list, items_of_map, skip
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

#: The message format of a transfer whose data sections are messages themselves.
BATCH_FORMAT = 0x80013700

HEADER, DELIVERY_ANNOTATIONS, MESSAGE_ANNOTATIONS, PROPERTIES = 0x70, 0x71, 0x72, 0x73
APPLICATION_PROPERTIES, DATA, SEQUENCE, VALUE, FOOTER = 0x74, 0x75, 0x76, 0x77, 0x78

_SECTIONS = range(HEADER, FOOTER + 1)
_MAP32 = struct.Struct(">BII")
#: Annotations that only the service sets.
_RESERVED = frozenset(
    {
        "x-opt-sequence-number",
        "x-opt-enqueued-time",
        "x-opt-locked-until",
        "x-opt-lock-token",
        "x-opt-message-state",
        "x-opt-enqueue-sequence-number",
    }
)
_SCHEDULED = "x-opt-scheduled-enqueue-time"

# What every delivery carries: keys with their values' constructors, and the layout of it all.
_SEQUENCE_NUMBER = encoding.symbol("x-opt-sequence-number") + b"\x81"
_ENQUEUED_TIME = encoding.symbol("x-opt-enqueued-time") + b"\x83"
_STATE = encoding.symbol("x-opt-message-state") + b"\x54"
_LOCKED_UNTIL = encoding.symbol("x-opt-locked-until") + b"\x83"
_FIXED = struct.Struct(f">{len(_SEQUENCE_NUMBER)}sq{len(_ENQUEUED_TIME)}sq{len(_STATE)}sb")
_LOCK = struct.Struct(f">{len(_LOCKED_UNTIL)}sq")


@dataclass(frozen=True, slots=True)
class Content:
    """A message without what the queue knows about it.

    Attributes:
        time_to_live_ms: the sender's, or None.
        annotations: encoded keys and values of the sender's message annotations.
        annotation_count: how many keys and values those are.
        properties, application_properties: the whole section, encoded; empty when absent.
        body: body and footer, encoded.
    """

    time_to_live_ms: int | None
    annotations: bytes
    annotation_count: int
    properties: bytes
    application_properties: bytes
    body: bytes

    @property
    def message_id(self) -> Any:
        """As the sender set it: text, mostly; None when absent."""
        if not self.properties:
            return None
        fields, _ = decode(self.properties, 3)
        return fields[0] if fields else None

    def application_property(self, name: str) -> Any:
        """The value of an application property; None when absent."""
        if not self.application_properties:
            return None
        return decode(self.application_properties, 3)[0].get(name)

    def with_application_properties(self, added: dict[str, str]) -> Content:
        """The same with more application properties; those of the same name are replaced."""
        entries: list[bytes] = []
        if self.application_properties:
            items, _ = items_of_map(self.application_properties, 3)
            entries = [raw for key, raw in items if key not in added]
        entries += [encoding.string(key) + encoding.string(text) for key, text in added.items()]
        return replace(
            self,
            application_properties=encoding.described(
                APPLICATION_PROPERTIES, _map(2 * len(entries), b"".join(entries))
            ),
        )

    def decoded_body(self) -> Body:
        """The body as a value; a single data section is plain bytes."""
        data: list[bytes] = []
        sequences: list[list[Any]] = []
        for code, begin, _ in sections(self.body):
            if code == DATA:
                data.append(decode(self.body, begin)[0])
            elif code == SEQUENCE:
                sequences.append(decode(self.body, begin)[0])
            elif code == VALUE:
                return Value(decode(self.body, begin)[0])
        if sequences:
            return Sequences(*sequences)
        return data[0] if len(data) == 1 else Data(*data) if data else None


def content_of(message: QueueMessage) -> Content:
    """Encodes a message that did not come over the wire.

    Raises:
        CodecError: a field or a value in the body is of no AMQP type.
    """
    fields = [
        encoding.NULL if message.message_id is None else encoding.string(message.message_id),
        encoding.NULL,  # user-id
        encoding.NULL,  # to
        encoding.NULL if message.subject is None else encoding.string(message.subject),
        encoding.NULL,  # reply-to
        encoding.encode(message.correlation_id),
        encoding.NULL if message.content_type is None else encoding.symbol(message.content_type),
    ]
    while fields and fields[-1] == encoding.NULL:
        fields.pop()
    properties = message.application_properties
    return Content(
        time_to_live_ms=None,
        annotations=b"",
        annotation_count=0,
        properties=encoding.described(PROPERTIES, encoding.list_(fields)) if fields else b"",
        application_properties=(
            encoding.described(APPLICATION_PROPERTIES, encoding.encode(dict(properties)))
            if properties
            else b""
        ),
        body=_body(message.body),
    )


def contents_of(payload: bytes, message_format: int) -> list[Content]:
    """The messages in what a sender's transfers add up to.

    Raises:
        CodecError: it is no message.
        NotImplementedHere, InvalidRequest: it is one that this service, or any, refuses.
    """
    if message_format == 0:
        return [_content(payload)]
    if message_format != BATCH_FORMAT:
        raise InvalidRequest(f"0x{message_format:x} is not a message format")
    return [
        _content(decode(payload, begin)[0]) for code, begin, _ in sections(payload) if code == DATA
    ]


def delivered(
    content: Content,
    *,
    sequence_number: int,
    enqueued_ms: int,
    locked_until_ms: int | None,
    deferred: bool,
    delivery_count: int,
    time_to_live_ms: int | None,
) -> tuple[bytes, ...]:
    """The message as a receiver gets it: bytes that belong one after another.

    Args:
        enqueued_ms, locked_until_ms: milliseconds since 1970-01-01 UTC; not locked is None.
        delivery_count: how many deliveries before this one have failed.
    """
    entries = _FIXED.pack(
        _SEQUENCE_NUMBER, sequence_number, _ENQUEUED_TIME, enqueued_ms, _STATE, deferred
    )
    count = 6 + content.annotation_count
    if locked_until_ms is not None:
        entries += _LOCK.pack(_LOCKED_UNTIL, locked_until_ms)
        count += 2
    entries += content.annotations
    ttl = encoding.NULL if time_to_live_ms is None else encoding.uint(time_to_live_ms)
    failures = encoding.uint(delivery_count)
    # Of the header: durable, priority, ttl, first-acquirer and delivery-count.
    header = b"\x40\x40" + ttl + b"\x40" + failures
    return (
        b"\x00\x53\x70\xc0" + bytes((len(header) + 1, 5)) + header,
        b"\x00\x53\x72" + _map(count, entries),
        content.properties,
        content.application_properties,
        content.body,
    )


def _content(payload: bytes) -> Content:
    if type(payload) is not bytes:
        raise CodecError("a data section is not bytes")
    time_to_live_ms = None
    annotation_entries, annotation_count = b"", 0
    parts = {PROPERTIES: b"", APPLICATION_PROPERTIES: b""}
    body: list[bytes] = []
    for code, begin, end in sections(payload):
        if code == HEADER:
            time_to_live_ms = _time_to_live_ms(payload, begin)
        elif code == MESSAGE_ANNOTATIONS:
            items, _ = items_of_map(payload, begin)
            if any(key == _SCHEDULED for key, _ in items):
                raise NotImplementedHere("scheduled messages are not implemented by this server")
            kept = [raw for key, raw in items if key not in _RESERVED]
            annotation_entries, annotation_count = b"".join(kept), 2 * len(kept)
        elif code != DELIVERY_ANNOTATIONS:
            _check(code, payload, begin)
            section = encoding.described(code, payload[begin:end])
            if code in parts:
                parts[code] = section
            else:
                body.append(section)
    return Content(
        time_to_live_ms,
        annotation_entries,
        annotation_count,
        parts[PROPERTIES],
        parts[APPLICATION_PROPERTIES],
        b"".join(body),
    )


def _time_to_live_ms(payload: bytes, at: int) -> int | None:
    fields, _ = decode_list(payload, at)
    value = fields[2] if len(fields) > 2 else None
    if value is not None and not (type(value) is int and 0 <= value < 2**32):
        raise CodecError(f"header: ttl cannot be {value!r}")
    return value


def _check(code: int, payload: bytes, at: int) -> None:
    """What is let in here can be decoded later; data is not looked through, for it is long."""
    if code == DATA:
        if payload[at] not in (0xA0, 0xB0):
            raise CodecError("a data section is not bytes")
    elif code in (PROPERTIES, SEQUENCE):
        decode_list(payload, at)
    elif code == APPLICATION_PROPERTIES:
        items_of_map(payload, at)
    else:
        decode(payload, at)


def sections(payload: bytes) -> Iterator[tuple[int, int, int]]:
    """Of each section its code, where its value begins and where it ends."""
    at = 0
    while at < len(payload):
        if payload[at] != 0x00:
            raise CodecError("a message's section is not a described value")
        code, begin = decode(payload, at + 1)
        if code not in _SECTIONS:
            raise CodecError(f"{code!r} is not a section of a message")
        end = skip(payload, begin)
        yield code, begin, end
        at = end


def _body(body: Body) -> bytes:
    if body is None:
        return b""
    if isinstance(body, bytes):
        return encoding.described(DATA, encoding.binary(body))
    if isinstance(body, Data):
        return b"".join(encoding.described(DATA, encoding.binary(each)) for each in body.sections)
    if isinstance(body, Sequences):
        return b"".join(
            encoding.described(SEQUENCE, encoding.encode(list(each))) for each in body.sections
        )
    return encoding.described(VALUE, encoding.encode(body.value))


def _map(count: int, entries: bytes) -> bytes:
    return _MAP32.pack(0xD1, len(entries) + 4, count) + entries
