"""Requests and answers as messages: what ``$cbs`` and ``$management`` speak."""

from __future__ import annotations

from typing import Any, NamedTuple

from local.servicebus import encoding
from local.servicebus.decoding import decode
from local.servicebus.message import APPLICATION_PROPERTIES, PROPERTIES, VALUE, sections
from local.servicebus.values import CodecError


class Request(NamedTuple):
    """A request.

    Attributes:
        message_id: what the answer refers to; of any type that a message id can have.
        reply_to: the address of the link that the answer goes to; None leaves it open.
        properties: the application properties.
        body: the message's one value; None without one.
    """

    message_id: Any
    reply_to: str | None
    properties: dict[Any, Any]
    body: Any


class Answer(NamedTuple):
    """What a request is answered with."""

    properties: dict[str, Any]
    body: Any = None


def request_of(payload: bytes) -> Request:
    """Takes a message apart that is a request.

    Raises:
        CodecError: it is no message, or not one that a request can be.
    """
    fields: list[Any] = []
    properties: dict[Any, Any] = {}
    body = None
    for code, begin, _ in sections(payload):
        if code not in (PROPERTIES, APPLICATION_PROPERTIES, VALUE):
            continue
        value, _ = decode(payload, begin)
        if code == VALUE:
            body = value
        elif code == PROPERTIES and isinstance(value, list):
            fields = value
        elif code == APPLICATION_PROPERTIES and isinstance(value, dict):
            properties = value
        else:
            raise CodecError("a request's properties are not what properties are")
    fields += [None] * (5 - len(fields))
    reply_to = fields[4] if isinstance(fields[4], str) else None
    return Request(fields[0], reply_to, properties, body)


def answered(request: Request, answer: Answer) -> tuple[bytes, ...]:
    """The message that answers: bytes that belong one after another."""
    message_id = request.message_id
    plain_number = type(message_id) is int
    correlation = encoding.ulong(message_id) if plain_number else encoding.encode(message_id)
    return (
        encoding.described(PROPERTIES, encoding.list_([encoding.NULL] * 5 + [correlation])),
        encoding.described(APPLICATION_PROPERTIES, _properties(answer.properties)),
        encoding.described(VALUE, encoding.encode(answer.body)),
    )


def _properties(properties: dict[str, Any]) -> bytes:
    """Numbers as the 32-bit integers that clients expect a status code to be."""
    entries = []
    for key, value in properties.items():
        as_int = encoding.int_(value) if type(value) is int else encoding.encode(value)
        entries += [encoding.string(key), as_int]
    return encoding.map_(entries)
