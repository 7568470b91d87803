"""The token endpoint as an HTTP server."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from local.servicebus import Certificates, TokenEndpoint

GOOD = {
    "grant_type": "client_credentials",
    "client_id": "app",
    "client_secret": "secret",
    "scope": "https://servicebus.azure.net/.default",
}
PATH = "/tenant/oauth2/v2.0/token"


@pytest.fixture
def endpoint(certificates: Certificates) -> Iterator[TokenEndpoint]:
    with TokenEndpoint("tenant", {"app": "secret"}, certificates.server, 100.0) as endpoint:
        yield endpoint


class Caller:
    """Asks an endpoint."""

    def __init__(self, endpoint: TokenEndpoint, certificates: Certificates) -> None:
        self.endpoint = endpoint
        self.context = ssl.create_default_context(cafile=str(certificates.authority))

    def ask(
        self, method: str = "POST", path: str = PATH, timeout: float = 10, **changes: str
    ) -> tuple[int, dict[str, Any]]:
        parts = urlsplit(self.endpoint.authority)
        connection = http.client.HTTPSConnection(
            "localhost", parts.port, context=self.context, timeout=timeout
        )
        try:
            connection.request(
                method,
                path,
                urlencode({**GOOD, **changes}),
                {"Content-Type": "application/x-www-form-urlencoded"},
            )
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()


@pytest.fixture
def caller(endpoint: TokenEndpoint, certificates: Certificates) -> Caller:
    return Caller(endpoint, certificates)


def test_a_token(endpoint: TokenEndpoint, caller: Caller) -> None:
    before = time.time()
    status, body = caller.ask()
    token = body.pop("access_token")
    assert (status, body) == (
        200,
        {"token_type": "Bearer", "expires_in": 100, "ext_expires_in": 100},
    )
    expiry = endpoint.expiry_of(token)
    assert expiry is not None
    assert before + 100 <= expiry <= time.time() + 100
    _, claims, _ = token.split(".")
    found = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert found == {
        "aud": "https://servicebus.azure.net",
        "iss": f"{endpoint.authority}/tenant/",
        "appid": "app",
        "iat": int(expiry - 100),
        "exp": int(expiry),
    }
    assert endpoint.requests == 1
    assert endpoint.expiry_of("another") is None
    endpoint.revoke_tokens()
    assert endpoint.expiry_of(token) is None


@pytest.mark.parametrize(
    ("path", "changes", "status", "error", "code"),
    [
        (PATH, {"client_secret": "no"}, 401, "invalid_client", 7000215),
        (PATH, {"client_id": "no"}, 400, "unauthorized_client", 700016),
        (PATH, {"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ("/no/oauth2/v2.0/token", {}, 400, "invalid_tenant", 90002),
    ],
)
def test_requests_that_are_refused(
    caller: Caller, path: str, changes: dict[str, str], status: int, error: str, code: int
) -> None:
    found, body = caller.ask(path=path, **changes)
    assert (found, body["error"], body["error_codes"]) == (status, error, [code])
    assert body["error_description"].startswith(f"AADSTS{code}: ")


def test_a_secret_that_has_expired(endpoint: TokenEndpoint, caller: Caller) -> None:
    endpoint.expire_secret("app")
    status, body = caller.ask()
    assert (status, body["error"], body["error_codes"]) == (401, "invalid_client", [7000222])
    endpoint.clear()
    assert caller.ask()[0] == 200


def test_discovery_and_other_paths(endpoint: TokenEndpoint, caller: Caller) -> None:
    status, body = caller.ask("GET", "/tenant/v2.0/.well-known/openid-configuration")
    assert (status, body["token_endpoint"]) == (200, endpoint.authority + PATH)
    status, body = caller.ask("GET", "/no/v2.0/.well-known/openid-configuration")
    assert (status, body["error"]) == (400, "invalid_tenant")
    for method in ("GET", "POST"):
        assert caller.ask(method, "/elsewhere") == (404, {"error": "not_found"})
    assert endpoint.requests == 0


def test_failing(endpoint: TokenEndpoint, caller: Caller) -> None:
    endpoint.fail(503)
    status, body = caller.ask()
    assert (status, body["error"]) == (503, "temporarily_unavailable")
    endpoint.fail(500, "server_error", "AADSTS50000: x")
    assert caller.ask() == (500, {"error": "server_error", "error_description": "AADSTS50000: x"})
    assert endpoint.requests == 2
    endpoint.clear()
    assert caller.ask()[0] == 200


def test_hanging(endpoint: TokenEndpoint, caller: Caller) -> None:
    endpoint.hang()
    with pytest.raises(TimeoutError):
        caller.ask(timeout=0.2)
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(caller.ask)
        while endpoint.requests < 2:
            assert not answer.done()
        endpoint.clear()
        assert answer.result(timeout=10)[0] == 200


def test_down_and_up(endpoint: TokenEndpoint, caller: Caller) -> None:
    authority = endpoint.authority
    endpoint.down()
    with pytest.raises(ConnectionRefusedError):
        caller.ask()
    endpoint.clear()
    assert (caller.ask()[0], endpoint.authority) == (200, authority)


def test_a_client_that_says_nothing_stops_nobody(endpoint: TokenEndpoint, caller: Caller) -> None:
    port = urlsplit(endpoint.authority).port
    assert port
    with (
        socket.create_connection(("127.0.0.1", port)),
        socket.create_connection(("127.0.0.1", port)) as other,
    ):
        other.sendall(b"this is no TLS")
        assert caller.ask()[0] == 200


def test_a_taken_port_is_an_error(endpoint: TokenEndpoint, certificates: Certificates) -> None:
    port = urlsplit(endpoint.authority).port
    assert port
    with pytest.raises(OSError, match="in use"):
        TokenEndpoint("tenant", {}, certificates.server, port=port).start()
