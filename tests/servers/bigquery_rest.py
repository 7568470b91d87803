"""A local BigQuery REST server: streaming inserts, and a token endpoint for real credentials.

It answers ``tabledata.insertAll`` as the service documents it: an unknown table is 404, a refused
row comes back under ``insertErrors`` and the others of the request are stored.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

_INSERT = re.compile(r"/bigquery/v2/projects/([^/]+)/datasets/([^/]+)/tables/([^/]+)/insertAll")


class BigQueryRestServer:
    """Context manager; ``rows[table]`` holds what was inserted, ``refuse`` says what is not.

    Attributes:
        rows: table name → rows as sent. A table that is not a key does not exist.
        refuse: ``(table, row)`` → the error message for a row that the service refuses, or None.
        unavailable: how many of the next inserts are answered with 503.
    """

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.refuse: Callable[[str, dict[str, Any]], str | None] = lambda table, row: None
        self.unavailable = 0
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = server.answer(self.path.partition("?")[0], body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Its address, for ``BIGQUERY_EMULATOR_HOST``."""
        return f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> BigQueryRestServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def write_credentials(self, path: Path) -> None:
        """A service account file whose tokens come from this server; the key is made here."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        account = {
            "type": "service_account",
            "project_id": "project-1",
            "private_key_id": "1",
            "private_key": pem.decode(),
            "client_email": "tests@project-1.iam.gserviceaccount.com",
            "token_uri": f"{self.url}/token",
        }
        path.write_text(json.dumps(account))

    def answer(self, path: str, body: bytes) -> tuple[int, Any]:
        """The status and JSON for one request."""
        if path == "/token":
            return 200, {"access_token": "local", "expires_in": 3600, "token_type": "Bearer"}
        match = _INSERT.fullmatch(path)
        if match is None:
            return 501, _error(501, "notImplemented", f"not served here: {path}")
        with self._lock:
            return self._insert(match[3], json.loads(body)["rows"])

    def _insert(self, table: str, rows: list[Any]) -> tuple[int, Any]:
        if self.unavailable:
            self.unavailable -= 1
            return 503, _error(503, "backendError", "try again")
        if table not in self.rows:
            return 404, _error(404, "notFound", f"Not found: Table {table}")
        errors = []
        for index, row in enumerate(rows):
            message = self.refuse(table, row["json"])
            if message is None:
                self.rows[table].append(row["json"])
            else:
                fault = {"reason": "invalid", "location": "", "message": message}
                errors.append({"index": index, "errors": [fault]})
        return 200, {"insertErrors": errors} if errors else {}


def _error(code: int, reason: str, message: str) -> dict[str, Any]:
    fault = {"reason": reason, "message": message, "domain": "global"}
    return {"error": {"code": code, "message": message, "errors": [fault]}}
