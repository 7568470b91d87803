"""Bridge and pipeline around a Pub/Sub server."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.chain import SUBSCRIPTION, TOPIC, Chain, create_subscription
from local.pubsub import PubSubServer
from tests.local.settings import without_settings
from tests.local.test_bridge_process import METRICS, answering, http


def chain_at(http: str, folder: Path) -> Chain:
    return Chain("127.0.0.1:1", folder, {"BRIDGE_HTTP": http})


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


def test_what_both_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "mine")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_grpc_proxy", raising=False)
    chain = chain_at("127.0.0.1:9", tmp_path)
    names = ("no_proxy", "NO_PROXY", "no_grpc_proxy")
    both = dict.fromkeys(names, "mine,127.0.0.1,localhost") | {
        "PUBSUB_EMULATOR_HOST": "127.0.0.1:1"
    }
    assert chain.pipeline.environment == both
    assert chain.bridge.environment == both | {
        "PUBSUB_TOPIC": TOPIC,
        "BRIDGE_HTTP": "127.0.0.1:9",
    }


def test_metrics_are_where_the_user_wants_them_else_on_a_free_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_settings(monkeypatch, tmp_path)
    drawn = "http://127.0.0.1:2"
    for queue in (None, {"IRIS_QUEUE_NAME": "iris"}):
        assert str(Chain("127.0.0.1:1", tmp_path, queue).bridge.metrics_url).startswith(drawn)
    (tmp_path / ".env").write_text("BRIDGE_HTTP=127.0.0.1:8123\n")
    wanted = "http://127.0.0.1:8123/metrics"
    assert Chain("127.0.0.1:1", tmp_path).bridge.metrics_url == wanted


def test_settings_that_cannot_be_read_are_left_to_the_bridge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_settings(monkeypatch, tmp_path)
    (tmp_path / "settings.json").write_text("no JSON")
    assert Chain("127.0.0.1:1", tmp_path).bridge.metrics_url is not None


def test_the_subscription_is_made_once() -> None:
    with PubSubServer() as server:
        for _ in range(2):
            create_subscription(server)
        assert server.unacknowledged(SUBSCRIPTION) == 0
    assert TOPIC.startswith("projects/local-project/topics/")
