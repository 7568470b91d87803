"""States as logs, metrics and probes show them."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bridge.metrics import Metrics
from bridge.settings import SettingsError
from bridge.state import STUCK_SECONDS, QueuePhase, State, TopicPhase
from bridge.web import serving


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def values(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records]


def test_one_line_per_change(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    state = State(Metrics())
    for _ in range(2):
        state.queue_is(QueuePhase.CONNECTING)
        state.queue_is(QueuePhase.UNAVAILABLE, "no answer")
    state.queue_is(QueuePhase.CONNECTING)
    state.queue_is(QueuePhase.RECEIVING)
    state.queue_is(QueuePhase.RECEIVING)
    state.topic_is(TopicPhase.UNAVAILABLE, "no topic")
    state.topic_is(TopicPhase.UNAVAILABLE, "no permission")
    state.topic_is(TopicPhase.AVAILABLE)
    assert lines(caplog) == [
        ("INFO", "queue connecting"),
        ("WARNING", "queue unavailable: no answer"),
        ("INFO", "queue receiving"),
        ("WARNING", "topic unavailable: no topic"),
        ("WARNING", "topic unavailable: no permission"),
        ("INFO", "topic available"),
    ]
    assert vars(caplog.records[1])["part"] == "queue"
    assert vars(caplog.records[1])["state"] == "unavailable"
    assert vars(caplog.records[1])["detail"] == "no answer"


def test_the_metric_follows_where_there_is_nothing_to_tell() -> None:
    metrics = Metrics()
    state = State(metrics)

    def shown() -> list[str]:
        get: Callable[..., float | None] = metrics.registry.get_sample_value
        return [
            one
            for one in QueuePhase
            if get("iris_bridge_connection_state", {"part": "queue", "state": one})
        ]

    for expected in (QueuePhase.CONNECTING, QueuePhase.UNAVAILABLE) * 2:
        state.queue_is(expected, "no answer" if expected is QueuePhase.UNAVAILABLE else "")
        assert shown() == [expected]


@pytest.mark.parametrize(
    ("queue", "topic", "ready"),
    [
        (QueuePhase.RECEIVING, TopicPhase.AVAILABLE, True),
        (QueuePhase.DEAD_LETTERS, TopicPhase.AVAILABLE, True),
        (QueuePhase.CONNECTING, TopicPhase.AVAILABLE, False),
        (QueuePhase.RECEIVING, TopicPhase.UNAVAILABLE, False),
        (QueuePhase.RECEIVING, TopicPhase.STARTING, False),
        (QueuePhase.UNAVAILABLE, TopicPhase.AVAILABLE, False),
    ],
)
def test_ready_is_where_messages_can_flow(
    queue: QueuePhase, topic: TopicPhase, ready: bool
) -> None:
    metrics = Metrics()
    state = State(metrics)
    assert metrics.registry.get_sample_value("iris_bridge_ready") == 0
    state.queue_is(queue)
    state.topic_is(topic)
    assert state.ready is ready
    assert metrics.registry.get_sample_value("iris_bridge_ready") == ready


def test_stuck_is_a_relay_that_makes_no_step() -> None:
    clock = Clock()
    state = State(Metrics(), clock)
    clock.now = STUCK_SECONDS
    assert not state.stuck
    clock.now += 1
    assert state.stuck
    state.step()
    assert not state.stuck


async def fetched(
    metrics: Metrics, state: State, address: tuple[str, int], *paths: str
) -> list[tuple[int, str]]:
    found = []
    async with (
        serving(address, metrics, state) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
    ):
        for path in paths:
            async with client.get(path) as answer:
                found.append((answer.status, await answer.text()))
    return found


def test_the_three_pages() -> None:
    clock = Clock()
    metrics = Metrics(date.today() + timedelta(days=30))
    state = State(metrics, clock)
    state.queue_is(QueuePhase.UNAVAILABLE, "gone")
    metrics.received.inc(3)
    metrics.settle_failures.labels("ValueError").inc()
    enqueued = datetime.now(UTC) - timedelta(days=2)
    metrics.saw(enqueued)
    clock.now = 1_000.0
    pages = ("/metrics", "/healthz", "/readyz", "/else")
    shown, health, ready, other = asyncio.run(fetched(metrics, state, ("127.0.0.1", 0), *pages))
    assert shown[0] == 200
    found = values(shown[1])
    assert found["iris_bridge_received_total",] == 3
    assert found["iris_bridge_settle_failures_total", "ValueError"] == 1
    assert found["iris_bridge_oldest_enqueued_timestamp_seconds",] == enqueued.timestamp()
    assert found["iris_bridge_oldest_expires_in_seconds",] == pytest.approx(86_400, abs=60)
    assert found["iris_bridge_secret_expires_in_days",] == pytest.approx(30, abs=1.1)
    assert found["iris_bridge_connection_state", "queue", "unavailable"] == 1
    assert found["iris_bridge_connection_state", "queue", "receiving"] == 0
    assert found["iris_bridge_connection_state", "topic", "starting"] == 1
    assert found["iris_bridge_process_resident_memory_bytes",] > 1_000_000
    assert health == (503, "stuck\n")
    assert ready == (503, "queue unavailable, topic starting\n")
    assert other[0] == 404
    state.queue_is(QueuePhase.RECEIVING)
    state.topic_is(TopicPhase.AVAILABLE)
    assert asyncio.run(fetched(metrics, state, ("127.0.0.1", 0), "/healthz", "/readyz")) == [
        (200, "alive\n"),
        (200, "queue receiving, topic available\n"),
    ]


def test_what_is_left_of_the_three_days() -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    metrics = Metrics(now=lambda: now)

    def shown() -> tuple[float | None, float | None]:
        get = metrics.registry.get_sample_value
        return (
            get("iris_bridge_oldest_enqueued_timestamp_seconds"),
            get("iris_bridge_oldest_expires_in_seconds"),
        )

    assert shown() == pytest.approx((math.nan, math.nan), nan_ok=True), "not looked at so far"
    metrics.saw(now - timedelta(days=2))
    assert shown() == ((now - timedelta(days=2)).timestamp(), 86_400)
    metrics.saw(None)
    assert shown() == pytest.approx((math.nan, 3 * 86_400), nan_ok=True)
    now += timedelta(hours=1)  # and nothing was heard: a message may have come right after
    assert shown() == pytest.approx((math.nan, 3 * 86_400 - 3_600), nan_ok=True)


def test_a_secret_whose_end_is_not_told() -> None:
    assert Metrics().registry.get_sample_value("iris_bridge_secret_expires_in_days") is None


def test_a_port_that_is_taken_is_named() -> None:
    async def twice() -> None:
        metrics = Metrics()
        state = State(metrics)
        async with serving(("127.0.0.1", 0), metrics, state) as port:
            assert port is not None
            async with serving(("127.0.0.1", port), metrics, state):
                pass

    with pytest.raises(SettingsError, match=r"BRIDGE_HTTP: cannot listen on 127.0.0.1:\d+: .*none"):
        asyncio.run(twice())


def test_no_server_where_none_is_wanted() -> None:
    async def none() -> int | None:
        async with serving(None, Metrics(), State(Metrics())) as port:
            return port

    assert asyncio.run(none()) is None
