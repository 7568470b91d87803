"""The chain on this machine: a queue, the bridge, Pub/Sub, the pipeline, a DuckDB file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from bridge.settings import SettingsError
from local.bridge_process import Bridge, user_settings
from local.processes import Child, stop_all
from local.proxies import direct
from local.pubsub import PubSubServer

TOPIC: Final = "projects/local-project/topics/iris"
SUBSCRIPTION: Final = "projects/local-project/subscriptions/iris"

#: The pipeline writes the batch that it has begun. Without this process, and the Pub/Sub server
#: in it, it could not acknowledge that batch, and all of it would be written once more later.
_PIPELINE_PATIENCE: Final = 60.0
_PIPELINE_GRACE: Final = 0.0


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
    """

    def __init__(self, pubsub: str, folder: Path, queue: Mapping[str, str] | None = None) -> None:
        self.warehouse = folder / "iris.duckdb"
        self.logs = folder / "log"
        both = {**direct(os.environ), "PUBSUB_EMULATOR_HOST": pubsub}
        self.bridge = Bridge(
            {**(queue or {}), "PUBSUB_TOPIC": TOPIC, **both},
            self.logs / "bridge.log",
            _wanted_http() if queue is None else queue.get("BRIDGE_HTTP", ""),
        )
        self.pipeline = Child(
            "pipeline",
            ["--input_subscription", SUBSCRIPTION, "--warehouse", f"duckdb:{self.warehouse}"],
            both,
            self.logs / "pipeline.log",
            patience=_PIPELINE_PATIENCE,
            grace=_PIPELINE_GRACE,
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
        return "reading projects/" in self.pipeline.output and (
            (self.bridge.metrics() or {}).get(receives) == 1.0
        )


def _wanted_http() -> str:
    """``BRIDGE_HTTP`` as the user has set it, empty where it is not set."""
    try:
        return user_settings().get("BRIDGE_HTTP", "")
    except SettingsError:  # the bridge will say what is wrong
        return ""
