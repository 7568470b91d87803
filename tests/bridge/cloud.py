"""Secret Manager and Cloud Monitoring on this machine, for Google's own clients."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc
from google.cloud.monitoring_v3 import CreateTimeSeriesRequest, TimeSeries
from google.cloud.secretmanager_v1 import AccessSecretVersionRequest, AccessSecretVersionResponse
from google.protobuf.empty_pb2 import Empty

from tests.bridge.stack import PATIENCE

NAME = "projects/some-project/secrets/iris-client-secret"
LATEST = f"{NAME}/versions/latest"


class CloudServer(grpc.GenericRpcHandler):
    """One method on a port of its own; a context manager.

    Attributes:
        address: ``HOST:PORT``.
        requests: how many have come, whatever the answer.
    """

    method: str

    def __init__(self) -> None:
        self.requests = 0
        self._refusal: tuple[grpc.StatusCode, str] | None = None
        self._flowing = threading.Event()
        self._flowing.set()
        self._port = 0
        self._server: grpc.Server | None = None

    def answer(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        """The answer where nothing is wrong."""
        raise NotImplementedError

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def connections(self) -> int:
        """How many of this machine's are open to it (proc(5): state 01 is established)."""
        end = f":{self._port:04X}"
        lines = [
            line.split()
            for table in ("tcp", "tcp6")
            for line in Path("/proc/net", table).read_text().splitlines()[1:]
        ]
        return sum(remote.endswith(end) and state == "01" for _, _, remote, state, *_ in lines)

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        handler = grpc.unary_unary_rpc_method_handler(self._answer)
        return handler if details.method == self.method else None

    def _answer(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        self.requests += 1
        self._flowing.wait(2 * PATIENCE)
        if self._refusal is not None:
            context.abort(*self._refusal)
        return self.answer(request, context)

    # Faults

    def refuse(self, code: grpc.StatusCode, details: str = "the details") -> None:
        self._refusal = (code, details)

    def hang(self) -> None:
        self._flowing.clear()

    def down(self) -> None:
        """Connections are refused, until ``up``."""
        if self._server is not None:
            self._flowing.set()
            self._server.stop(0).wait()
            self._server = None

    def up(self) -> None:
        """Listens, on the same port as before."""
        if self._server is None:
            self._server = grpc.server(
                ThreadPoolExecutor(4), handlers=[self], options=[("grpc.so_reuseport", 0)]
            )
            self._port = self._server.add_insecure_port(self.address)
            self._server.start()

    def clear(self) -> None:
        """No more faults."""
        self._refusal = None
        self._flowing.set()
        self.up()

    def __enter__(self) -> Any:
        self.up()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.down()


class SecretManager(CloudServer):
    """Hands out secrets.

    Attributes:
        versions: the payloads by full name.
    """

    method = "/google.cloud.secretmanager.v1.SecretManagerService/AccessSecretVersion"

    def __init__(self, payload: bytes = b"") -> None:
        super().__init__()
        self.versions = {LATEST: payload}

    def answer(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        name = AccessSecretVersionRequest.deserialize(request).name
        if name not in self.versions:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Secret [{name}] not found")
        found = AccessSecretVersionResponse(name=name, payload={"data": self.versions[name]})
        return AccessSecretVersionResponse.serialize(found)

    def settings(self, name: str = NAME) -> dict[str, str | None]:
        """For a bridge whose client secret is here."""
        return {
            "IRIS_CLIENT_SECRET": None,
            "IRIS_CLIENT_SECRET_NAME": name,
            "BRIDGE_SECRET_MANAGER_EMULATOR": self.address,
        }


class MetricService(CloudServer):
    """Keeps what is written, and refuses what Cloud Monitoring would.

    Attributes:
        calls: the series of each request that was taken.
        projects: where they were to go.
    """

    method = "/google.monitoring.v3.MetricService/CreateTimeSeries"

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[list[TimeSeries]] = []
        self.projects: set[str] = set()

    def answer(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        asked = CreateTimeSeriesRequest.deserialize(request)
        if len(asked.time_series) > 200:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "more than 200 series")
        self.projects.add(asked.name)
        self.calls.append(list(asked.time_series))
        return Empty().SerializeToString()

    def values(self, name: str, **labels: str) -> list[float]:
        """All values of a series, by its name without the prefix, in their order."""
        return [
            one.points[0].value.int64_value or one.points[0].value.double_value
            for call in list(self.calls)
            for one in call
            if one.metric.type == f"custom.googleapis.com/iris/bridge/{name}"
            and labels.items() <= dict(one.metric.labels).items()
        ]
