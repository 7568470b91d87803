"""The bridge as a child: its port, its metrics, whether it is well."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bridge.settings import SettingsError
from local import bridge_process
from local.bridge_process import Bridge, check_settings, free_port
from local.processes import Child
from tests.local.settings import without_settings

#: What a bridge that has just begun answers.
METRICS = b"""# HELP iris_bridge_received_total messages received
# TYPE iris_bridge_received_total counter
iris_bridge_received_total 12.0

iris_bridge_connection_state{part="queue",state="receiving"} 1.0
iris_bridge_oldest_enqueued_timestamp_seconds NaN
iris_bridge_big 2.5e+09
"""


@contextmanager
def answering(*answers: bytes) -> Iterator[str]:
    """A server that gives each caller one of these bytes and hangs up; its ``HOST:PORT``."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(10_000)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def http(body: bytes, length: int | None = None, status: bytes = b"200 OK") -> bytes:
    head = b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n" % (status, length or len(body))
    return head + body


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "bridge.log"


def test_all_samples_by_name_and_labels(log: Path) -> None:
    with answering(http(METRICS)) as place:
        found = Bridge({}, log, place).metrics()
    assert str(found) == str(
        {
            "iris_bridge_received_total": 12.0,
            'iris_bridge_connection_state{part="queue",state="receiving"}': 1.0,
            "iris_bridge_oldest_enqueued_timestamp_seconds": float("nan"),
            "iris_bridge_big": 2.5e9,
        }
    )


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 500 no\r\n\r\n",
        b"nonsense\r\n\r\n",
        http(METRICS, 10_000),
        b"HTTP/1.1 200 OK\r\n\r\n" + METRICS[:-2],  # cut, and nobody says how long it was to be
        http(b"<html>\n<p>An answer of 42\n</html>\n"),
        http(b"<p 42\n"),
        http(b"iris_bridge_big much\n"),
        http(b"iris_bridge_big\n"),
        http(b"\xff\xfe 1\n"),
        http(b"iris_bridge_big 1.0\n" * 60_000),  # more than is read
    ],
)
def test_what_is_no_page_of_metrics_counts_as_no_answer(answer: bytes, log: Path) -> None:
    """The bridge may end while it is asked, and somebody else may have its port."""
    with answering(answer) as place:
        assert Bridge({}, log, place).metrics() == {}


def test_nor_has_one_that_is_not_there(log: Path) -> None:
    bridge = Bridge({}, log, f"127.0.0.1:{free_port()}")
    assert (bridge.metrics(), bridge.is_well()) == ({}, None)


def test_no_proxy_is_asked(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    with answering(http(METRICS), http(b"alive\n")) as place:
        bridge = Bridge({}, log, place)
        assert bridge.metrics()
        assert bridge.is_well()


@pytest.mark.parametrize(
    ("answer", "well"),
    [
        (http(b"alive\n"), True),
        (http(b"stuck\n", status=b"503 Service Unavailable"), False),
        (http(b"who?\n", status=b"404 Not Found"), None),
        (b"", None),
        (b"nonsense\r\n\r\n", None),
    ],
)
def test_it_says_itself_whether_it_is_well(answer: bytes, well: bool | None, log: Path) -> None:
    with answering(answer) as place:
        assert Bridge({}, log, place).is_well() is well


@pytest.mark.parametrize(
    ("setting", "url"),
    [
        ("127.0.0.1:8123", "http://127.0.0.1:8123/metrics"),
        ("0.0.0.0:8123", "http://127.0.0.1:8123/metrics"),
        ("monitor.lan:8123", "http://monitor.lan:8123/metrics"),
        ("none", None),
    ],
)
def test_metrics_are_where_the_user_wants_them(setting: str, url: str | None, log: Path) -> None:
    bridge = Bridge({}, log, setting)
    assert bridge.metrics_url == url
    assert bridge.environment["BRIDGE_HTTP"] == setting


def test_one_without_metrics_has_none_and_is_well(log: Path) -> None:
    bridge = Bridge({}, log, "none")
    assert (bridge.metrics(), bridge.is_well()) == (None, True)


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Instead of a process: where each start of a bridge would listen."""
    places: list[str] = []

    def start(child: Child) -> None:
        places.append(child.environment["BRIDGE_HTTP"])

    monkeypatch.setattr(Child, "start", start)
    return places


def test_a_port_that_somebody_has_taken_is_exchanged(
    log: Path, starts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = free_port(), free_port()
    draws = iter([first, second])
    monkeypatch.setattr(bridge_process, "free_port", lambda: next(draws))
    bridge = Bridge({}, log, "")
    assert bridge.metrics_url == f"http://127.0.0.1:{first}/metrics"
    bridge.start()
    bridge.start()
    with socket.create_server(("127.0.0.1", first)):
        bridge.start()
    assert starts == [f"127.0.0.1:{port}" for port in (first, first, second)]
    assert bridge.metrics_url == f"http://127.0.0.1:{second}/metrics"


def test_but_not_one_that_the_user_has_named(log: Path, starts: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        Bridge({}, log, place).start()
    assert starts == [place]


def test_a_port_is_below_those_of_connections() -> None:
    port = free_port()
    assert 20_000 <= port < 30_000
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_no_port_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(bridge_process, "_PORTS", range(port, port + 1))
        with pytest.raises(OSError, match=f"no port from {port} to {port + 1} is free"):
            free_port()


def test_settings_are_checked_as_the_bridge_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_settings(monkeypatch, tmp_path)
    (tmp_path / ".env").write_text("IRIS_QUEUE_NAME=q\nIRIS_CLIENT_SECRET=s\n")
    with pytest.raises(SettingsError, match="IRIS_CLIENT_ID: missing, but IRIS_CLIENT_SECRET is"):
        check_settings("projects/p/topics/iris")
    (tmp_path / "settings.json").write_text('{"ClientId": "c"}')
    # Where the chain's own Pub/Sub is, the user need not know.
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "nonsense")
    monkeypatch.setenv("PUBSUB_TOPIC", "nonsense")
    check_settings("projects/p/topics/iris")
