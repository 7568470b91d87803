"""What goes into a queue and what it says about itself: values and errors, without AMQP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

#: The sub-queue of messages that could not be delivered, behind a queue's name and a slash.
DEAD_LETTER_SUFFIX = "$DeadLetterQueue"

Scalar = str | bytes | bool | int | float | UUID | None


@dataclass(frozen=True, slots=True)
class Data:
    """A body of data sections; the SDK's clients send one."""

    sections: tuple[bytes, ...]

    def __init__(self, *sections: bytes) -> None:
        object.__setattr__(self, "sections", sections)


@dataclass(frozen=True, slots=True)
class Value:
    """A body that is one AMQP value: text, bytes, a number, None, or a list or dict of those."""

    value: Any


@dataclass(frozen=True, slots=True)
class Sequences:
    """A body of sequence sections, each a list of values."""

    sections: tuple[Sequence[Any], ...]

    def __init__(self, *sections: Sequence[Any]) -> None:
        object.__setattr__(self, "sections", sections)


#: None is a message without a body section. Bytes are one data section.
Body = bytes | Data | Value | Sequences | None


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """What a sender hands in; what is None is absent from the message.

    Attributes:
        subject: the kind of message; in the older API, its label.
    """

    body: Body
    subject: str | None = None
    message_id: str | None = None
    content_type: str | None = None
    correlation_id: str | None = None
    application_properties: Mapping[str, Scalar] | None = None


class Counts(NamedTuple):
    """How many messages of a queue are in which state; each is in exactly one.

    Attributes:
        active: ready to be received. (The real service counts the locked ones in.)
        locked: received and not settled, deferred messages included.
        deferred: set aside until asked for by sequence number.
        dead_lettered: in the sub-queue, in whatever state there.
    """

    active: int
    locked: int
    deferred: int
    dead_lettered: int


class DeadLetter(NamedTuple):
    """A message in the dead-letter sub-queue.

    Attributes:
        reason, description: what the application properties ``DeadLetterReason`` and
            ``DeadLetterErrorDescription`` say; None when they are absent.
        delivery_count: how many deliveries have failed, there and before.
    """

    sequence_number: int
    message_id: str | None
    reason: str | None
    description: str | None
    body: Body
    delivery_count: int


class ServiceBusFault(Exception):
    """A request that is refused.

    Attributes:
        condition: the AMQP error condition to answer with.
    """

    condition = "amqp:internal-error"


class MessageLockLost(ServiceBusFault):
    """The lock has expired, was given up, or never was."""

    condition = "com.microsoft:message-lock-lost"

    def __init__(self) -> None:
        # The real service's words, without its tracking id.
        super().__init__(
            "The lock supplied is invalid. Either the lock expired, or the message has already"
            " been removed from the queue."
        )


class MessageNotFound(ServiceBusFault):
    """No deferred message has this sequence number."""

    condition = "com.microsoft:message-not-found"


class NotImplementedHere(ServiceBusFault):
    """Something the real service can do and this one cannot."""

    condition = "amqp:not-implemented"


class InvalidRequest(ServiceBusFault):
    """A request that makes no sense to the real service either."""

    condition = "com.microsoft:argument-error"
