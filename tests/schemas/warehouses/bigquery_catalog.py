"""A local BigQuery that keeps datasets, tables, views and routines as its documents say.

It answers the REST calls of Google's client, and the two statements that ``python -m schemas`` runs
as jobs. A table inherits its dataset's default expirations. A rename is refused while rows are
streamed in, and a renamed table goes at once where the dataset's default says so
(https://cloud.google.com/bigquery/docs/managing-tables#renaming-table).
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

Resource = dict[str, Any]

_PATH: Final = re.compile(
    r"/bigquery/v2/projects/(?P<project>[^/]+)"
    r"(?:/datasets(?:/(?P<dataset>[^/]+))?)?"
    r"(?:/(?P<kind>tables|routines|jobs|queries)(?:/(?P<name>[^/]+))?)?"
)
_RENAME: Final = re.compile(r"ALTER TABLE `([^`]+)` RENAME TO `([^`]+)`")
_VIEW: Final = re.compile(
    r"CREATE OR REPLACE VIEW `(?P<name>[^`]+)`.*?\nOPTIONS\(description='(?P<said>(?:[^'\\]|\\.)*)'"
    r"\)\nAS\n(?P<sql>.*);",
    re.S,
)


class Refused(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.answer = {
            "error": {"code": status, "message": message, "errors": [{"reason": reason}]}
        }


class BigQueryCatalog:
    """Context manager.

    Attributes:
        datasets: resources by id.
        tables: tables and views of all datasets by ``dataset.name``.
        routines: likewise.
        statements: those that were run.
        fault: called with method and path before each answer; may raise Refused.
    """

    def __init__(self) -> None:
        self.datasets: dict[str, Resource] = {}
        self.tables: dict[str, Resource] = {}
        self.routines: dict[str, Resource] = {}
        self.statements: list[str] = []
        self.fault: Callable[[str, str], None] = lambda method, path: None
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet, which nobody waits for

            def _do(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or "{}")
                try:
                    with server._lock:
                        server.fault(self.command, self.path)
                        status, answer = 200, server._answer(self.command, self.path, body)
                except Refused as refused:
                    status, answer = refused.status, refused.answer
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_PUT = _do

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        """Its address, for ``BIGQUERY_EMULATOR_HOST``."""
        return f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> BigQueryCatalog:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def put_dataset(self, name: str, **more: Any) -> None:
        """A dataset in the EU."""
        reference = {"projectId": "project-1", "datasetId": name}
        self.datasets[name] = {"datasetReference": reference, "location": "EU", **more}

    def names(self, dataset: str, part: str) -> list[str]:
        """The names of the dataset's tables and views with ``part`` in it."""
        keys = [key.removeprefix(f"{dataset}.") for key in self.tables]
        return sorted(key for key in keys if part in key)

    def put_table(self, dataset: str, name: str, columns: str = "x INTEGER", **more: Any) -> None:
        """A table of somebody else's: ``columns`` as ``name TYPE [MODE], ...``."""
        names = ("name", "type", "mode")
        fields = [dict(zip(names, one.split(), strict=False)) for one in columns.split(", ")]
        self.tables[f"{dataset}.{name}"] = {
            **_reference("table", dataset, name),
            "type": "TABLE",
            "schema": {"fields": [{"mode": "NULLABLE", **field} for field in fields]},
            **more,
        }

    def _answer(self, method: str, path: str, body: Resource) -> Resource:
        found = _PATH.fullmatch(path.partition("?")[0])
        assert found is not None, path
        dataset, kind, name = found["dataset"], found["kind"], found["name"]
        if kind == "jobs":
            return self._job(body)
        if kind == "queries":
            return {"jobComplete": True, "totalRows": "0", "schema": {"fields": []}, "rows": []}
        if kind is None:
            return self._dataset(method, dataset, body)
        self._dataset("GET", dataset, {})
        held = self.tables if kind == "tables" else self.routines
        key = f"{dataset}.{name}"
        if method == "GET" and name is None:
            return {kind: [one for key, one in held.items() if key.startswith(f"{dataset}.")]}
        if method == "POST":
            return self._insert(held, kind.removesuffix("s"), dataset, body)
        if key not in held:
            raise Refused(404, "notFound", f"Not found: {key}")
        if method != "GET":
            held[key] = _patched(held[key], body)
        return held[key]

    def _dataset(self, method: str, name: str | None, body: Resource) -> Resource:
        if method == "POST":
            self.datasets[body["datasetReference"]["datasetId"]] = body
            return body
        assert name is not None
        if name not in self.datasets:
            raise Refused(404, "notFound", f"Not found: Dataset {name}")
        return self.datasets[name]

    def _insert(
        self, held: dict[str, Resource], kind: str, dataset: str, body: Resource
    ) -> Resource:
        key = f"{dataset}.{body[f'{kind}Reference'][f'{kind}Id']}"
        if key in held:
            raise Refused(409, "duplicate", f"Already Exists: {key}")
        made = _patched({"type": "TABLE"} if kind == "table" else {}, body)
        held[key] = self._aged(dataset, made) if kind == "table" else made
        return held[key]

    def _aged(self, dataset: str, table: Resource) -> Resource:
        place = self.datasets[dataset]
        partitions = place.get("defaultPartitionExpirationMs")
        parted = table.get("timePartitioning")
        if parted and partitions and not parted.get("expirationMs"):
            return {**table, "timePartitioning": {**parted, "expirationMs": partitions}}
        if place.get("defaultTableExpirationMs") and not partitions:
            return {**table, "expirationTime": "4102444800000"}
        return table

    def _job(self, body: Resource) -> Resource:
        sql = body["configuration"]["query"]["query"]
        self.statements.append(sql)
        rename, view = _RENAME.fullmatch(sql), _VIEW.fullmatch(sql)
        if rename:
            self._rename(rename[1].partition(".")[2], rename[2])
        else:
            assert view is not None, sql
            self._view(view["name"].partition(".")[2], view["said"], view["sql"])
        return {**body, "status": {"state": "DONE"}, "statistics": {"query": {}}}

    def _rename(self, key: str, name: str) -> None:
        dataset = key.partition(".")[0]
        to = f"{dataset}.{name}"
        if key not in self.tables:
            raise Refused(404, "notFound", f"Not found: Table {key}")
        if to in self.tables:
            raise Refused(409, "duplicate", f"Already Exists: Table {to}")
        if "streamingBuffer" in self.tables[key]:
            raise Refused(400, "invalidQuery", f"{key} has a streaming buffer")
        table = self.tables.pop(key)
        if not self.datasets[dataset].get("defaultTableExpirationMs"):
            self.tables[to] = {**table, **_reference("table", dataset, name)}

    def _view(self, key: str, said: str, sql: str) -> None:
        dataset, _, name = key.partition(".")
        if self.tables.get(key, {}).get("type", "VIEW") != "VIEW":
            raise Refused(400, "invalidQuery", f"{key} is not a view")
        self.tables[key] = self._aged(
            dataset,
            {
                **_reference("table", dataset, name),
                "type": "VIEW",
                "view": {"query": sql, "useLegacySql": False},
                "description": re.sub(r"\\(.)", r"\1", said),
            },
        )


def _reference(kind: str, dataset: str, name: str) -> Resource:
    reference = {"projectId": "project-1", "datasetId": dataset, f"{kind}Id": name}
    return {f"{kind}Reference": reference}


def _patched(resource: Resource, patch: Resource) -> Resource:
    """A JSON merge patch: null takes away."""
    found = dict(resource)
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        elif isinstance(value, dict):
            found[name] = _patched(found.get(name) or {}, value)
        else:
            found[name] = value
    return found
