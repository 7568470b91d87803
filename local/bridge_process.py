"""The bridge as a child process: its settings, and how it does by its own account."""

from __future__ import annotations

import http.client
import os
import random
import re
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bridge.settings import collect, parse
from local.processes import Child
from local.servicebus import ServiceBusServer

#: The bridge ends within 10 seconds of a SIGTERM, and gives back what it holds.
_SECONDS_TO_END: Final = 12.0
#: It may lose its Pub/Sub for good: with this process it has to end.
_GRACE: Final = 10.0
#: Below the ports that systems hand out to connections, which would take a listener's port while
#: it is started again.
_PORTS: Final = range(20_000, 30_000)
#: Seconds for an answer from this machine, and the most of it that is read.
_ANSWER_SECONDS: Final = 2.0
_ANSWER_BYTES: Final = 1_000_000
#: ``/healthz`` where the bridge should be started again.
_STUCK: Final = 503
#: A sample in Prometheus's text format: name and labels, value.
_SAMPLE: Final = re.compile(r"([a-zA-Z_:][\w:]*(?:\{.*\})?) (\S+)", re.ASCII)


def user_settings() -> dict[str, str]:
    """What the user has set: in the environment, in ``.env`` or in ``settings.json``.

    Raises:
        SettingsError: a file cannot be read.
    """
    return collect(os.environ, Path(".env"), Path("settings.json"))


def check_settings(topic: str) -> None:
    """Refuses settings with which the bridge would not start.

    Raises:
        SettingsError: every fault, a line each.
    """
    settings = user_settings()
    settings.pop("PUBSUB_EMULATOR_HOST", None)  # the chain has its own
    parse({**settings, "PUBSUB_TOPIC": topic})


def queue_settings(server: ServiceBusServer, queue: str) -> dict[str, str]:
    """The bridge's settings for a queue of a local Service Bus, which runs."""
    return {"IRIS_CONNECTION_STRING": server.connection_string, "IRIS_QUEUE_NAME": queue}


class Bridge(Child):
    """The bridge. Where the user names no place for its metrics they get a free port.

    Args:
        settings: beside those of the user.
        log: where it writes.
        http: ``BRIDGE_HTTP`` as the user wants it, empty where it is not set.

    Attributes:
        metrics_url: where its metrics are; None where the user wants none.
    """

    def __init__(self, settings: Mapping[str, str], log: Path, http: str) -> None:
        super().__init__(
            "bridge", [], settings, log, quiet=True, patience=_SECONDS_TO_END, grace=_GRACE
        )
        self._draws = not http
        self._listen_on(http or f"127.0.0.1:{free_port()}")

    def start(self) -> None:
        """Starts it; on another port where somebody else has come to listen on the one drawn."""
        host, _, port = self.environment["BRIDGE_HTTP"].rpartition(":")
        if self._draws and not _is_free(host, int(port)):
            self._listen_on(f"127.0.0.1:{free_port()}")
        super().start()

    def is_well(self) -> bool | None:
        """True where it says so, or shows nothing; False: it is stuck; None: no answer."""
        if self._base is None:
            return True
        try:
            _get(f"{self._base}/healthz")
        except urllib.error.HTTPError as error:
            with error:
                return False if error.code == _STUCK else None
        except (OSError, http.client.HTTPException):
            return None
        return True

    def metrics(self) -> dict[str, float] | None:
        """All samples by name and labels; empty where it does not answer, None where they are off.

        Whoever else may have come to answer on its port does not count.
        """
        if self.metrics_url is None:
            return None
        try:
            return _samples(_get(self.metrics_url))
        except (OSError, http.client.HTTPException):  # the latter where it dies while it answers
            return {}

    def _listen_on(self, address: str) -> None:
        self.environment["BRIDGE_HTTP"] = address
        host, _, port = address.rpartition(":")
        # Without a host it is the word that turns the pages off.
        self._base = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}" if host else None
        self.metrics_url = f"{self._base}/metrics" if host else None


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    for port in random.sample(_PORTS, min(100, len(_PORTS))):
        if _is_free("127.0.0.1", port):
            return port
    raise OSError(f"no port from {_PORTS.start} to {_PORTS.stop} is free on 127.0.0.1")


def _is_free(host: str, port: int) -> bool:
    try:
        socket.create_server((host, port)).close()
    except OSError:
        return False
    return True


def _get(url: str) -> bytes:
    # No proxy stands between two processes of this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=_ANSWER_SECONDS) as answer:
        body: bytes = answer.read(_ANSWER_BYTES)
        if answer.length:  # it was cut off, or is too long
            raise http.client.IncompleteRead(body, answer.length)
        return body


def _samples(text: bytes) -> dict[str, float]:
    """The samples of a page of metrics; empty for any other text, and for one that is cut off."""
    if not text.endswith(b"\n"):
        return {}
    found = {}
    try:
        for line in text.decode().splitlines():
            if line and not line.startswith("#"):
                sample = _SAMPLE.fullmatch(line)
                if sample is None:
                    return {}
                found[sample[1]] = float(sample[2])
    except ValueError:  # neither UTF-8 nor a number
        return {}
    return found
