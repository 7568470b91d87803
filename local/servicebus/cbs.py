"""The token node ``$cbs``: what a connection may use, and for how long.

The protocol is the draft "AMQP Claims-based Security Version 1.0" as the "AMQP 1.0 in Azure
Service Bus and Event Hubs protocol guide" describes it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from local.servicebus.faults import TokenRefusal
from local.servicebus.requests import Answer, Request
from local.servicebus.values import Timestamp

if TYPE_CHECKING:
    from local.servicebus.connection import Connection


def answer(connection: Connection, request: Request) -> Answer | None:
    """Takes a token in, or says why not."""
    operation, audience = request.properties.get("operation"), request.properties.get("name")
    token = request.body
    if operation != "put-token":
        return _status(400, f"Unknown operation: {operation!r}. There is put-token.")
    if not isinstance(audience, str) or not isinstance(token, str):
        return _status(400, "put-token needs the property 'name' and a token for its body.")
    judgement = connection.namespace.judge_token(token)
    if isinstance(judgement, TokenRefusal):
        return _status(judgement.status, judgement.description)
    stated = request.properties.get("expiration")
    until = stated / 1000 if isinstance(stated, Timestamp) else math.inf
    connection.tokens[audience] = min(judgement, until)
    return _status(202, "Accepted")


def _status(code: int, description: str) -> Answer:
    return Answer({"status-code": code, "status-description": description})
