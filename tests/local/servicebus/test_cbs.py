"""The token node, request by request."""

from __future__ import annotations

from typing import Any

import pytest
from azure.servicebus._pyamqp.types import TYPE, VALUE, AMQPTypes

from tests.local.servicebus.peer import Bench, Peer, answers, dispositions


def put_token(peer: Peer, body: Any = "token", **properties: Any) -> tuple[int, bytes]:
    """Status and description of the answer."""
    known = {"operation": "put-token", "type": "jwt", "name": "sb://ns/iris"}
    if not peer.connection.links():
        peer.attach_receiver("$cbs", handle=0)
        peer.flow(10)
        peer.attach_sender("$cbs", handle=1)
    peer.request(body, {**known, **properties}, handle=1)
    items = peer.received()
    assert dispositions(items) == [(0, None, {"accepted": []})]
    ((found, value, correlation),) = answers(items)
    assert (value, correlation, set(found)) == (
        None,
        b"id",
        {b"status-code", b"status-description"},
    )
    return found[b"status-code"], found[b"status-description"]


def test_a_token_that_is_taken(peer: Peer, bench: Bench) -> None:
    peer.connection.tokens.clear()
    assert put_token(peer) == (202, b"Accepted")
    assert peer.connection.tokens == {"sb://ns/iris": float("inf")}
    later = int(bench.clock.now + 60) * 1_000
    expiration = {TYPE: AMQPTypes.timestamp, VALUE: later}
    assert put_token(peer, expiration=expiration)[0] == 202
    assert peer.connection.tokens == {"sb://ns/iris": later / 1_000}


@pytest.mark.parametrize(
    ("body", "properties", "text"),
    [
        ("t", {"operation": "delete-token"}, b"Unknown operation: 'delete-token'."),
        (b"t", {}, b"put-token needs the property 'name' and a token for its body."),
        ("t", {"name": 5}, b"put-token needs the property 'name' and a token for its body."),
    ],
)
def test_a_request_for_something_else(
    peer: Peer, body: Any, properties: dict[str, Any], text: bytes
) -> None:
    status, description = put_token(peer, body, **properties)
    assert status == 400
    assert description.startswith(text)


class Issuer:
    """Knows one token."""

    def expiry_of(self, token: str) -> float | None:
        return {"good": 1_700_000_010.0}.get(token)


def test_tokens_of_an_issuer() -> None:
    bench = Bench(tokens=Issuer())
    peer = Peer(bench).opened()
    peer.connection.tokens.clear()
    assert put_token(peer, "bad") == (
        401,
        b"InvalidToken: The token was not issued for this service.",
    )
    assert put_token(peer, "good") == (202, b"Accepted")
    assert peer.connection.tokens == {"sb://ns/iris": 1_700_000_010.0}
    bench.clock.now += 10
    assert put_token(peer, "good") == (401, b"ExpiredToken: The token is expired.")
