"""The broker's values and errors. Plain Python: no protocol buffers, no gRPC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: The topic of a subscription whose own topic was deleted, as in the real service.
DELETED_TOPIC = "_deleted_topic_"

DEFAULT_ACK_DEADLINE_SECONDS = 10


@dataclass(frozen=True)
class Topic:
    """A topic, ``projects/P/topics/T``."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Subscription:
    """A pull subscription, ``projects/P/subscriptions/S``.

    Attributes:
        topic: the topic's full name, or ``DELETED_TOPIC``.
        ack_deadline_seconds: how long a delivery is leased unless the consumer says otherwise.
    """

    name: str
    topic: str
    ack_deadline_seconds: int = DEFAULT_ACK_DEADLINE_SECONDS
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Content:
    """What a publisher hands in."""

    data: bytes = b""
    attributes: Mapping[str, str] = field(default_factory=dict)
    ordering_key: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A published message: its content, a number no other message has, and when it came in.

    Attributes:
        publish_time_ns: nanoseconds since 1970-01-01 UTC.
    """

    message_id: int
    publish_time_ns: int
    content: Content

    @property
    def size(self) -> int:
        """Bytes it takes in an answer; never too low, for the answer's size limit rests on it."""
        content = self.content
        attributes = sum(
            len(key.encode()) + len(value.encode()) + 12
            for key, value in content.attributes.items()
        )
        # 128: the ids, the publish time and the tags and lengths around all of them.
        return len(content.data) + attributes + len(content.ordering_key.encode()) + 128


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of a message; ``ack_id`` is the name of its lease."""

    ack_id: str
    message: Message


class PubSubError(Exception):
    """A request that is refused; ``status`` is the name of the gRPC status to answer with."""

    status = "INTERNAL"


class NotFound(PubSubError):
    """The topic or subscription does not exist."""

    status = "NOT_FOUND"


class AlreadyExists(PubSubError):
    """A topic or subscription of this name exists."""

    status = "ALREADY_EXISTS"


class InvalidArgument(PubSubError):
    """A value the real service refuses too; the text begins with the field's name."""

    status = "INVALID_ARGUMENT"


class Unimplemented(PubSubError):
    """Something the real service can do and this one cannot."""

    status = "UNIMPLEMENTED"


class StorageError(PubSubError):
    """The backlog cannot be opened, read or written; the text names the file and says what to do.

    Clients retry this status: a publish passes once there is space again.
    """

    status = "UNAVAILABLE"
