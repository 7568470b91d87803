"""The management node of a queue, ``QUEUE/$management``.

Operations and their fields: "Azure Service Bus AMQP request-response-based operations" in the
Azure documentation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from local.servicebus import performatives as p
from local.servicebus.faults import Fate, Throttled
from local.servicebus.links import parts_of
from local.servicebus.model import (
    InvalidRequest,
    MessageLockLost,
    MessageNotFound,
    NotImplementedHere,
    ServiceBusFault,
)
from local.servicebus.queue import Queue
from local.servicebus.requests import Answer, Request
from local.servicebus.settling import Settlement
from local.servicebus.values import Symbol, Timestamp

if TYPE_CHECKING:
    from local.servicebus.connection import Connection
    from local.servicebus.namespace import Entity

#: Messages that one peek brings at most.
MAX_PEEKED = 250

_PREFIX = "com.microsoft:"
_SETTLEMENTS = {
    "completed": Settlement(p.ACCEPTED),
    "abandoned": Settlement(p.MODIFIED),
    "defered": Settlement(p.MODIFIED, defer=True),  # spelled so in the protocol
    "suspended": Settlement(p.REJECTED),
}
#: What a refusal of each kind has for a status code.
_STATUS_CODES: dict[type[ServiceBusFault], int] = {
    MessageLockLost: 410,
    MessageNotFound: 404,
    InvalidRequest: 400,
    NotImplementedHere: 501,
    Throttled: 503,
}


def answer(connection: Connection, entity: Entity, queue: Queue, request: Request) -> Answer | None:
    """Does what a request asks for; None if it is to go unanswered."""
    operation = request.properties.get("operation")
    name = operation.removeprefix(_PREFIX) if isinstance(operation, str) else None
    handler = _OPERATIONS.get(name or "")
    try:
        connection.namespace.faults.check_throttling()
        if name == "update-disposition":
            return _update_disposition(connection, entity, queue, request)
        if handler is None:
            raise NotImplementedHere(f"this server has no operation {operation!r}")
        return handler(queue, _Fields(request.body))
    except ServiceBusFault as error:
        properties: dict[str, Any] = {
            "statusCode": _STATUS_CODES.get(type(error), 500),
            "statusDescription": str(error),
            "errorCondition": Symbol(error.condition),
        }
        return Answer(properties)


class _Fields:
    """The body of a request: a map, whose values are asked for by name and type."""

    def __init__(self, body: Any) -> None:
        if not isinstance(body, dict):
            raise InvalidRequest("the request's body is not a map")
        self._body = body

    def list_of(self, name: str, kind: type) -> list[Any]:
        value = self._body.get(name)
        if not isinstance(value, list) or not all(type(each) is kind for each in value):
            raise InvalidRequest(f"{name} is not an array of {kind.__name__}")
        return value

    def integer(self, name: str) -> int:
        value = self._body.get(name)
        if type(value) is not int:
            raise InvalidRequest(f"{name} is not a number")
        return value

    def text(self, name: str) -> str | None:
        value = self._body.get(name)
        if value is not None and not isinstance(value, str):
            raise InvalidRequest(f"{name} is not text")
        return value

    def has(self, name: str) -> bool:
        return bool(self._body.get(name))


def _ok(body: Any) -> Answer:
    return Answer({"statusCode": 200, "statusDescription": "OK"}, body)


def _renew_lock(queue: Queue, fields: _Fields) -> Answer:
    ends = [queue.renew(token) for token in fields.list_of("lock-tokens", UUID)]
    return _ok({"expirations": [Timestamp(end * 1000) for end in ends]})


def _peek_message(queue: Queue, fields: _Fields) -> Answer:
    limit = min(fields.integer("message-count"), MAX_PEEKED)
    entries = queue.peek(fields.integer("from-sequence-number"), limit)
    if not entries:
        return Answer({"statusCode": 204, "statusDescription": "No messages"})
    return _ok({"messages": [{"message": b"".join(parts_of(each))} for each in entries]})


def _receive_by_sequence_number(queue: Queue, fields: _Fields) -> Answer:
    numbers = fields.list_of("sequence-numbers", int)
    lock = fields.integer("receiver-settle-mode") == 1
    entries = queue.receive_deferred(numbers, lock=lock)
    messages = [
        {"message": b"".join(parts_of(each))}
        | ({"lock-token": each.lock_token} if each.lock_token else {})
        for each in entries
    ]
    return _ok({"messages": messages})


def _update_disposition(
    connection: Connection, entity: Entity, queue: Queue, request: Request
) -> Answer | None:
    fields = _Fields(request.body)
    status = fields.text("disposition-status")
    settlement = _SETTLEMENTS.get(status or "")
    if settlement is None:
        raise InvalidRequest(f"{status!r} is not a disposition-status")
    if fields.has("properties-to-modify"):
        raise NotImplementedHere("properties-to-modify is not implemented by this server")
    if settlement.code == p.REJECTED:
        settlement = settlement._replace(
            reason=fields.text("deadletter-reason"),
            description=fields.text("deadletter-description"),
        )
    tokens = fields.list_of("lock-tokens", UUID)
    fate = connection.namespace.faults.take_fate()
    if fate is Fate.IGNORED:
        return None
    try:
        for token in tokens:
            settlement.apply(queue, token)
    finally:
        entity.wake()
    if fate is Fate.CUT:
        connection.abort()
    return _ok(None) if fate is Fate.ANSWERED else None


_OPERATIONS: dict[str, Callable[[Queue, _Fields], Answer]] = {
    "renew-lock": _renew_lock,
    "peek-message": _peek_message,
    "receive-by-sequence-number": _receive_by_sequence_number,
}
