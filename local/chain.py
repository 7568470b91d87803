"""The chain on this machine: a queue, the bridge, Pub/Sub, the pipeline, a DuckDB file."""

from __future__ import annotations

import http.client
import os
import random
import socket
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from bridge.settings import SettingsError, collect
from local.processes import Child, stop_all
from local.pubsub import PubSubServer

TOPIC: Final = "projects/local-project/topics/iris"
SUBSCRIPTION: Final = "projects/local-project/subscriptions/iris"

#: The bridge ends within 10 seconds; the pipeline writes the batch that it has begun.
_BRIDGE_PATIENCE: Final = 12.0
_PIPELINE_PATIENCE: Final = 60.0
#: Below the ports that systems hand out to connections, which would take a listener's port while
#: it is started again.
_PORTS: Final = range(20_000, 30_000)


def create_subscription(server: PubSubServer) -> None:
    """Makes the topic and the subscription of a chain, unless they exist."""
    server.ensure_topic(TOPIC)
    server.ensure_subscription(SUBSCRIPTION, TOPIC)


class Chain:
    """Bridge and pipeline as processes, on both sides of a Pub/Sub server.

    Args:
        pubsub: ``HOST:PORT`` of a server with ``TOPIC`` and ``SUBSCRIPTION``.
        folder: for the warehouse and ``log/``.
        queue: the bridge's settings for a queue, and others of its settings; None where the user
            has set a queue, in the environment, in ``.env`` or in ``settings.json``.

    Attributes:
        warehouse: the DuckDB file.
        logs: the folder with both processes' logs.
        metrics_url: where the bridge shows its metrics; None where the user wants none.
    """

    def __init__(self, pubsub: str, folder: Path, queue: Mapping[str, str] | None = None) -> None:
        self.warehouse = folder / "iris.duckdb"
        self.logs = folder / "log"
        emulator = {"PUBSUB_EMULATOR_HOST": pubsub}
        wanted = _wanted_http() if queue is None else queue.get("BRIDGE_HTTP")
        listen = wanted or f"127.0.0.1:{free_port()}"
        self.metrics_url = _metrics_url(listen)
        self.bridge = Child(
            "bridge",
            [],
            {**(queue or {}), "PUBSUB_TOPIC": TOPIC, "BRIDGE_HTTP": listen, **emulator},
            self.logs / "bridge.log",
            quiet=True,
            patience=_BRIDGE_PATIENCE,
        )
        self.pipeline = Child(
            "pipeline",
            ["--input_subscription", SUBSCRIPTION, "--warehouse", f"duckdb:{self.warehouse}"],
            emulator,
            self.logs / "pipeline.log",
            patience=_PIPELINE_PATIENCE,
        )
        self.children = (self.bridge, self.pipeline)

    def start(self) -> None:
        """Starts both."""
        for child in self.children:
            child.start()

    def stop(self, is_urgent: Callable[[], bool] = lambda: False) -> None:
        """Ends both; the pipeline prints its summary. See ``stop_all``."""
        stop_all(self.children, is_urgent)

    def is_ready(self) -> bool:
        """True where the bridge receives and the pipeline reads."""
        receives = 'iris_bridge_connection_state{part="queue",state="receiving"}'
        return (
            "reading projects/" in self.pipeline.output
            and self.bridge_metrics().get(receives) == 1.0
        )

    def bridge_metrics(self) -> dict[str, float]:
        """All samples of the bridge's metrics by name and labels; empty where it is silent."""
        if self.metrics_url is None:
            return {}
        try:
            with urllib.request.urlopen(self.metrics_url, timeout=2.0) as answer:
                text = answer.read().decode()
        except (OSError, http.client.HTTPException):  # the latter where it dies while it answers
            return {}
        lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    for port in random.sample(_PORTS, min(100, len(_PORTS))):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise OSError(f"no port from {_PORTS.start} to {_PORTS.stop} is free on 127.0.0.1")


def _wanted_http() -> str:
    """``BRIDGE_HTTP`` as the user has set it, empty where it is not set."""
    try:
        return collect(os.environ, Path(".env"), Path("settings.json")).get("BRIDGE_HTTP", "")
    except SettingsError:  # the bridge will say what is wrong
        return ""


def _metrics_url(listen: str) -> str | None:
    host, _, port = listen.rpartition(":")
    if not host:
        return None
    return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}/metrics"
