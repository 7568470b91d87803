"""A local Dataflow API for gcloud: launches of templates, jobs and their states.

A request's body must be one of Google's messages, field by field (google-cloud-dataflow-client). A
job of a name that runs is refused, unless it is an update, as the service does. A job that is to
end goes on for a while; with ``refuses`` set, the request fails, which gcloud tells and then exits
with 0.
"""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from google.cloud import dataflow_v1beta3 as dataflow
from google.protobuf import json_format

_RUNNING = "JOB_STATE_RUNNING"
_LOCATION = r"/v1b3/projects/(?P<project>[^/]+)/locations/(?P<region>[^/]+)"


class DataflowApi:
    """Dataflow's REST interface on 127.0.0.1; a context manager."""

    def __init__(self) -> None:
        self.jobs: list[dict[str, str]] = []
        self.launched: list[dict[str, Any]] = []
        self.refuses = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """HTTP status and JSON for one request."""
        if match := re.fullmatch(_LOCATION + "/flexTemplates:launch", path):
            return self._launch(body, **match.groupdict())
        if re.fullmatch(_LOCATION + "/jobs", path):
            return 200, {"jobs": [job for job in self.jobs if job["currentState"] == _RUNNING]}
        if match := re.fullmatch(_LOCATION + "/jobs/(?P<id>[^/]+)", path):
            return self._job(method, body, match["id"])
        return 404, _error(404, f"{method} {path} is not served here")

    def _launch(self, body: dict[str, Any], project: str, region: str) -> tuple[int, Any]:
        request = dataflow.LaunchFlexTemplateRequest.pb(dataflow.LaunchFlexTemplateRequest())
        json_format.ParseDict(body, request)  # an unknown field is an error
        wanted = body["launchParameter"]
        same = [
            job
            for job in self.jobs
            if job["name"] == wanted["jobName"] and job["currentState"] == _RUNNING
        ]
        if wanted.get("update"):
            if not same:
                return 404, _error(404, f"no job {wanted['jobName']} runs")
            same[0]["currentState"] = "JOB_STATE_UPDATED"
        elif same:
            return 409, _error(409, f"there is already an active job {wanted['jobName']}")
        self.launched.append(wanted)
        job = {
            "id": f"2026-11-22_{len(self.jobs)}",
            "name": wanted["jobName"],
            "projectId": project,
            "location": region,
            "createTime": f"2026-11-22T00:00:0{len(self.jobs)}Z",
            "currentStateTime": f"2026-11-22T00:00:0{len(self.jobs)}Z",
            "type": "JOB_TYPE_STREAMING",
            "currentState": _RUNNING,
        }
        self.jobs.append(job)
        return 200, {"job": job}

    def _job(self, method: str, body: dict[str, Any], job_id: str) -> tuple[int, Any]:
        job = next((one for one in self.jobs if one["id"] == job_id), None)
        if job is None:
            return 404, _error(404, f"no job {job_id}")
        if method == "PUT":
            if self.refuses:
                return 400, _error(400, "it cannot be done")
            job["requestedState"] = body["requestedState"]
        return 200, job

    def pass_time(self) -> None:
        """Jobs become what they were asked to be."""
        for job in self.jobs:
            job["currentState"] = job.pop("requestedState", job["currentState"])


def _error(code: int, text: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": text}}


def _handler(api: DataflowApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size) or b"{}")
            code, answer = api.answer(self.command, self.path.partition("?")[0], body)
            data = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_PUT = do_GET

        def log_message(self, *_: object) -> None:
            """Silent."""

    return Handler
