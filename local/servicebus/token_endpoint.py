"""Entra ID's token endpoint on this machine, for ``ClientSecretCredential``.

The protocol is "OAuth 2.0 client credentials flow on the Microsoft identity platform"; the errors
are those that Entra ID gives, with their AADSTS codes and in its words, cut short.
"""

from __future__ import annotations

import base64
import json
import secrets
import ssl
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple
from urllib.parse import parse_qs
from uuid import uuid4

_AUDIENCE = "https://servicebus.azure.net"


class Reply(NamedTuple):
    """A status and a body to be sent as JSON."""

    status: int
    body: dict[str, Any]


class TokenEndpoint:
    """Issues tokens to clients that know their secret; a context manager, on ``localhost``.

    Any thread may use it. It is not secure, nor meant to be: whoever is on this machine can ask.

    Args:
        tenant: the directory that it is the endpoint of.
        clients: the secret of each application, by client id.
        certificate: files with the certificate chain and its key, both PEM.
        lifetime: of a token, in seconds. Clients ask for the next one some minutes before.
        port: 0 takes a free one; see ``authority``.
    """

    def __init__(
        self,
        tenant: str,
        clients: Mapping[str, str],
        certificate: tuple[Path, Path],
        lifetime: float = 3600.0,
        port: int = 0,
    ) -> None:
        self.lifetime = lifetime
        self._tenant = tenant
        self._clients = dict(clients)
        self._certificate = certificate
        self._port = port
        self._lock = threading.Lock()
        self._requests = 0
        self._expiries: dict[str, float] = {}
        self._expired_secrets: set[str] = set()
        self._failure: Reply | None = None
        #: Set unless the endpoint hangs.
        self._flowing = threading.Event()
        self._flowing.set()
        self._server: _Server | None = None

    @property
    def authority(self) -> str:
        """For the credential's ``authority``, along with ``disable_instance_discovery=True``."""
        return f"https://localhost:{self._port}"

    @property
    def requests(self) -> int:
        """How many requests for a token have come, whatever the answer."""
        return self._requests

    def expiry_of(self, token: str) -> float | None:
        """Until when a token counts, in seconds since 1970; None if it is not from here."""
        return self._expiries.get(token)

    def start(self) -> TokenEndpoint:
        """Listens and serves. Raises OSError when the port is taken or a file cannot be read."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self._certificate)
        server = self._server = _Server(("127.0.0.1", self._port), self, context)
        self._port = server.server_address[1]
        threading.Thread(
            target=server.serve_forever, args=(0.05,), name="token-endpoint", daemon=True
        ).start()
        return self

    def stop(self) -> None:
        """Frees the port; requests that hang are let go."""
        self._flowing.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> TokenEndpoint:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def replace_secret(self, client_id: str, secret: str) -> None:
        """The application's secret is this one, and no longer the one before."""
        self._clients[client_id] = secret

    # Faults

    def expire_secret(self, client_id: str) -> None:
        """The application's secret is refused as expired (AADSTS7000222)."""
        self._expired_secrets.add(client_id)

    def fail(
        self,
        status: int = 503,
        error: str = "temporarily_unavailable",
        description: str = "AADSTS90033: A transient error has occurred. Please try again.",
    ) -> None:
        """Every request for a token is answered with this error."""
        self._failure = Reply(status, {"error": error, "error_description": description})

    def hang(self) -> None:
        """Requests are read and not answered."""
        self._flowing.clear()

    def down(self) -> None:
        """Connections are refused, until ``up``."""
        self.stop()

    def up(self) -> None:
        """Listens again, on the same port."""
        if self._server is None:
            self.start()

    def revoke_tokens(self) -> None:
        """The tokens issued so far count no longer; a server notices when one is handed in."""
        with self._lock:
            self._expiries.clear()

    def clear(self) -> None:
        """No more faults; revoked tokens stay revoked."""
        self._failure = None
        self._expired_secrets.clear()
        self._flowing.set()
        self.up()

    # Requests; any number of threads

    def answer_token(self, tenant: str, form: Mapping[str, str]) -> Reply:
        """Answers a request for a token."""
        with self._lock:
            self._requests += 1
        self._flowing.wait()
        if self._failure:
            return self._failure
        client = form.get("client_id", "")
        secret = self._clients.get(client)
        if tenant != self._tenant:
            return _no_tenant(tenant)
        if form.get("grant_type") != "client_credentials":
            text = f"The app requested an unsupported grant type '{form.get('grant_type')}'."
            return _error(400, "unsupported_grant_type", 70003, text)
        if secret is None:
            text = f"Application with identifier '{client}' was not found in the directory."
            return _error(400, "unauthorized_client", 700016, text)
        if client in self._expired_secrets:
            text = f"The provided client secret keys for app '{client}' are expired."
            return _error(401, "invalid_client", 7000222, text)
        if form.get("client_secret") != secret:
            text = (
                "Invalid client secret provided. Ensure the secret being sent in the request is"
                f" the client secret value, not the client secret ID, for app '{client}'."
            )
            return _error(401, "invalid_client", 7000215, text)
        return self._issue(client)

    def answer_discovery(self, tenant: str) -> Reply:
        """Answers the question where the token endpoint is, which synchronous clients ask."""
        if tenant != self._tenant:
            return _no_tenant(tenant)
        base = f"{self.authority}/{tenant}"
        return Reply(
            200,
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
            },
        )

    def _issue(self, client: str) -> Reply:
        now = time.time()
        claims = {
            "aud": _AUDIENCE,
            "iss": f"{self.authority}/{self._tenant}/",
            "appid": client,
            "iat": int(now),
            "exp": int(now + self.lifetime),
        }
        # In the form of a signed token, for clients that look inside; the signature is none.
        head = _segment({"typ": "JWT", "alg": "RS256"})
        token = f"{head}.{_segment(claims)}.{secrets.token_urlsafe(32)}"
        with self._lock:
            self._expiries[token] = now + self.lifetime
        seconds = int(self.lifetime)
        body = {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds}
        return Reply(200, {**body, "access_token": token})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Threads of requests that hang must not keep the server from closing.
    block_on_close = False

    def __init__(
        self, address: tuple[str, int], endpoint: TokenEndpoint, context: ssl.SSLContext
    ) -> None:
        super().__init__(address, _Handler)
        self.endpoint = endpoint
        # The handshake is for the request's own thread: a silent client must not stop the rest.
        self.socket = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that do not like the certificate, or leave, are none of our errors."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        tenant, _, rest = self.path.removeprefix("/").partition("/")
        size = int(self.headers.get("Content-Length") or 0)
        form = {key: values[0] for key, values in parse_qs(self.rfile.read(size).decode()).items()}
        if rest == "oauth2/v2.0/token":
            self._reply(self.server.endpoint.answer_token(tenant, form))
        else:
            self._reply(Reply(404, {"error": "not_found"}))

    def do_GET(self) -> None:
        tenant, _, rest = self.path.removeprefix("/").partition("/")
        if rest == "v2.0/.well-known/openid-configuration":
            self._reply(self.server.endpoint.answer_discovery(tenant))
        else:
            self._reply(Reply(404, {"error": "not_found"}))

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""

    def _reply(self, reply: Reply) -> None:
        data = json.dumps(reply.body).encode()
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _no_tenant(tenant: str) -> Reply:
    text = f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID."
    return _error(400, "invalid_tenant", 90002, text)


def _error(status: int, error: str, code: int, description: str) -> Reply:
    trace, stamp = str(uuid4()), time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
    body = {
        "error": error,
        "error_description": f"AADSTS{code}: {description} Trace ID: {trace} Timestamp: {stamp}",
        "error_codes": [code],
        "timestamp": stamp,
        "trace_id": trace,
        "correlation_id": str(uuid4()),
    }
    return Reply(status, body)


def _segment(claims: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
