"""Bridge and pipeline around a Pub/Sub server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local import chain as chains
from local.chain import SUBSCRIPTION, TOPIC, Chain, create_subscription, free_port
from local.pubsub import PubSubServer

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


def chain_at(http: str, folder: Path) -> Chain:
    return Chain("127.0.0.1:1", folder, {"BRIDGE_HTTP": http})


def http(body: bytes, length: int | None = None) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (length or len(body), body)


def test_all_samples_by_name_and_labels(tmp_path: Path) -> None:
    with answering(http(METRICS)) as place:
        found = chain_at(place, tmp_path).bridge_metrics()
    assert str(found) == str(
        {
            "iris_bridge_received_total": 12.0,
            'iris_bridge_connection_state{part="queue",state="receiving"}': 1.0,
            "iris_bridge_oldest_enqueued_timestamp_seconds": float("nan"),
            "iris_bridge_big": 2.5e9,
        }
    )


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 500 no\r\n\r\n", b"nonsense\r\n\r\n", http(METRICS, 10_000)]
)
def test_a_bridge_that_does_not_answer_has_no_metrics(answer: bytes, tmp_path: Path) -> None:
    """It may end while it is asked."""
    with answering(answer) as place:
        assert chain_at(place, tmp_path).bridge_metrics() == {}


def test_nor_has_one_that_is_not_there(tmp_path: Path) -> None:
    assert chain_at(f"127.0.0.1:{free_port()}", tmp_path).bridge_metrics() == {}


@pytest.mark.parametrize("answer", [http(METRICS), http(METRICS.replace(b"1.0", b"0.0"))])
def test_it_is_ready_when_both_are(answer: bytes, tmp_path: Path) -> None:
    receives = answer == http(METRICS)
    with answering(answer) as place:
        chain = chain_at(place, tmp_path)
        assert not chain.is_ready()  # the bridge is not even asked
        chain.logs.mkdir()
        chain.pipeline.log.write_text(f"reading {SUBSCRIPTION}: Ctrl-C ends\n")
        assert chain.is_ready() is receives


def test_where_things_are(tmp_path: Path) -> None:
    chain = chain_at("127.0.0.1:9", tmp_path)
    assert chain.warehouse == tmp_path / "iris.duckdb"
    assert [child.module for child in chain.children] == ["bridge", "pipeline"]
    assert [child.log for child in chain.children] == [
        tmp_path / "log" / "bridge.log",
        tmp_path / "log" / "pipeline.log",
    ]


@pytest.mark.parametrize(
    ("setting", "url"),
    [
        ("127.0.0.1:8123", "http://127.0.0.1:8123/metrics"),
        ("0.0.0.0:8123", "http://127.0.0.1:8123/metrics"),
        ("monitor.lan:8123", "http://monitor.lan:8123/metrics"),
        ("none", None),
    ],
)
def test_metrics_are_where_the_user_wants_them(
    setting: str, url: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BRIDGE_HTTP", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(f"BRIDGE_HTTP={setting}\n")
    chain = Chain("127.0.0.1:1", tmp_path)
    assert chain.metrics_url == url
    assert chain.bridge.environment["BRIDGE_HTTP"] == setting


def test_else_they_are_on_a_port_that_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BRIDGE_HTTP", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(chains, "free_port", lambda: 23_456)
    queues = (None, {"IRIS_QUEUE_NAME": "iris"})
    for queue in queues:
        chain = Chain("127.0.0.1:1", tmp_path, queue)
        assert chain.metrics_url == "http://127.0.0.1:23456/metrics"
        assert chain.bridge.environment["BRIDGE_HTTP"] == "127.0.0.1:23456"


def test_settings_that_cannot_be_read_are_left_to_the_bridge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BRIDGE_HTTP", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.json").write_text("no JSON")
    assert Chain("127.0.0.1:1", tmp_path).metrics_url is not None


def test_a_port_is_below_those_of_connections() -> None:
    port = free_port()
    assert 20_000 <= port < 30_000
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_no_port_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(chains, "_PORTS", range(port, port + 1))
        with pytest.raises(OSError, match=f"no port from {port} to {port + 1} is free"):
            free_port()


def test_the_subscription_is_made_once() -> None:
    with PubSubServer() as server:
        for _ in range(2):
            create_subscription(server)
        assert server.unacknowledged(SUBSCRIPTION) == 0
    assert TOPIC.startswith("projects/local-project/topics/")
