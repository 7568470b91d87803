"""A Service Bus message as a Pub/Sub message; the payload is not looked into."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain
from typing import Any, Final, NamedTuple

from azure.servicebus.amqp import AmqpMessageBodyType
from google.pubsub_v1 import types

import envelope

# Plain protocol buffers: the client library's wrappers cost several times as much to build.
_Request: Final[Any] = types.PublishRequest.pb()
_Message: Final[Any] = types.PubsubMessage.pb()

#: Level of compression: beyond it the time doubles for a few percent of JSON.
_GZIP_LEVEL: Final = 6
#: Room in a publish request for the topic's name.
_TOPIC_BYTES: Final = 1_024
#: Where messages are small a request has at most so many bytes: beyond it copying gets slower,
#: and a failure concerns more messages.
_REQUEST_BYTES: Final = 1_000_000
#: Pub/Sub's limit for the messages of one publish request.
_MAX_REQUEST_MESSAGES: Final = 1_000


class Refusal(StrEnum):
    """Why a message goes to the queue's dead-letter queue instead of to Pub/Sub."""

    #: It does not fit into a Pub/Sub request even when compressed.
    TOO_LARGE = "TooLarge"
    #: The AMQP body is neither data nor a string or binary value.
    UNREADABLE_BODY = "UnreadableBody"
    #: Pub/Sub takes other messages and calls this one invalid.
    REFUSED = "Refused"


#: Refusals that no later attempt mends: a pass over the dead letters leaves them alone.
LASTING: Final = frozenset({Refusal.TOO_LARGE, Refusal.UNREADABLE_BODY})


class Unfit(NamedTuple):
    """A message that cannot be published."""

    reason: Refusal
    detail: str


class Letter(NamedTuple):
    """A message's body as received, and its envelope."""

    data: bytes
    attributes: dict[str, str]


class Packed(NamedTuple):
    """A message as a part of a publish request: three pieces of its serialized form, in order.

    Protocol buffers that are joined are merged, and repeated fields add up, so a request is joined
    from such parts. That copies a body once; serialized as a whole, a request of 1 MB costs ten
    times as much for each message.
    """

    head: bytes
    data: bytes
    tail: bytes

    @property
    def size(self) -> int:
        """Bytes that it takes in a request."""
        return sum(map(len, self))


class BodyError(Exception):
    """A body of a form that no dataset is sent in."""


def body(message: Any) -> bytes:
    """The body's bytes as received, of a ``ServiceBusReceivedMessage``.

    Data sections are joined; an AMQP value gives its bytes (the SDK hands out strings of a value
    as bytes, too).

    Raises:
        BodyError: a sequence, another value, or no body at all.
    """
    content = message.body
    if message.body_type is AmqpMessageBodyType.DATA:
        sections = list(content)
        return sections[0] if len(sections) == 1 else b"".join(sections)
    if message.body_type is AmqpMessageBodyType.VALUE:
        if isinstance(content, bytes):
            return content
        if isinstance(content, str):
            return content.encode()
        raise BodyError(f"an AMQP value of type {type(content).__name__}")
    raise BodyError("an AMQP sequence")


def attributes(message: Any, data: bytes) -> dict[str, str]:
    """The envelope of a ``ServiceBusReceivedMessage`` whose body is ``data``."""
    properties = message.raw_amqp_message.properties
    subject = _text(properties and properties.subject)
    message_id = _text(properties and properties.message_id)
    if len(message_id.encode()) > envelope.MAX_ATTRIBUTE_BYTES:
        message_id = envelope.hash_id(message_id.encode())  # stable, and still its own
    found = {
        envelope.DATASET: _cut(subject) or envelope.UNKNOWN_DATASET,
        envelope.MESSAGE_ID: message_id or envelope.hash_id(data),
        envelope.SOURCE: envelope.SOURCE_IRIS,
    }
    if message.enqueued_time_utc is not None:
        found[envelope.ENQUEUED_TIME] = rfc3339(message.enqueued_time_utc)
    if message.sequence_number is not None:
        found[envelope.SEQUENCE_NUMBER] = str(message.sequence_number)
    return found


def read(message: Any) -> Letter | Unfit:
    """What a ``ServiceBusReceivedMessage`` holds."""
    try:
        data = body(message)
    except BodyError as error:
        return Unfit(Refusal.UNREADABLE_BODY, f"the body is {error}, not data, string or binary")
    return Letter(data, attributes(message, data))


def reason(message: Any) -> str:
    """Why a ``ServiceBusReceivedMessage`` is in the dead-letter queue; empty where unknown."""
    try:
        return message.dead_letter_reason or ""
    except UnicodeDecodeError:  # of the SDK: senders may set this property, too
        return ""


def is_large(letter: Letter) -> bool:
    """True where ``pack`` compresses, which takes its time."""
    return len(letter.data) > envelope.COMPRESS_ABOVE_BYTES


def pack(letter: Letter) -> Packed | Unfit:
    """The message as Pub/Sub gets it, compressed where the body is large."""
    data, attributes = letter
    if is_large(letter):
        data = gzip.compress(data, _GZIP_LEVEL, mtime=0)
        attributes = {**attributes, envelope.CONTENT_ENCODING: envelope.GZIP}
    tail: bytes = _Message(attributes=attributes).SerializeToString()
    head = _field(_Message.DATA_FIELD_NUMBER, len(data)) if data else b""
    head = _field(_Request.MESSAGES_FIELD_NUMBER, len(head) + len(data) + len(tail)) + head
    packed = Packed(head, data, tail)
    if packed.size + _TOPIC_BYTES > envelope.MAX_PUBLISH_BYTES:
        return Unfit(
            Refusal.TOO_LARGE,
            f"{len(letter.data):,} bytes, {len(data):,} compressed; "
            f"a Pub/Sub request takes {envelope.MAX_PUBLISH_BYTES:,}",
        )
    return packed


def request(topic: str, messages: Sequence[Packed]) -> bytes:
    """The serialized publish request of ``messages`` to ``topic``."""
    return b"".join([_Request(topic=topic).SerializeToString(), *chain.from_iterable(messages)])


def in_requests(messages: Iterable[Packed]) -> list[list[Packed]]:
    """``messages`` cut, in order, into lists for one publish request each."""
    requests: list[list[Packed]] = []
    room = 0
    for message in messages:
        if not requests or message.size > room or len(requests[-1]) == _MAX_REQUEST_MESSAGES:
            requests.append([])
            room = _REQUEST_BYTES
        requests[-1].append(message)
        room -= message.size
    return requests


def _field(number: int, length: int) -> bytes:
    """What stands before a field of ``length`` bytes (protocol buffers' wire format, type LEN)."""
    found = bytearray([number << 3 | 2])
    while length > 0x7F:
        found.append(length & 0x7F | 0x80)
        length >>= 7
    found.append(length)
    return bytes(found)


def rfc3339(moment: datetime) -> str:
    """``moment`` in UTC with microseconds, ``Z`` at the end."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _text(value: Any) -> str:
    """A property as text: AMQP allows a number or a UUID for an id, and bytes may be no UTF-8."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)


def _cut(text: str) -> str:
    """``text`` cut to the length of an attribute, at the end of a character."""
    return text.encode()[: envelope.MAX_ATTRIBUTE_BYTES].decode("utf-8", "ignore")
