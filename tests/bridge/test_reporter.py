"""Metrics written to Cloud Monitoring by its own client, whatever becomes of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

import bridge.reporter
from bridge.metrics import Metrics
from bridge.reporter import APART_SECONDS, EVERY_SECONDS, Reporter, next_due
from bridge.settings import Monitoring
from tests.bridge.cloud import MetricService
from tests.bridge.process import Process
from tests.bridge.stack import PATIENCE, eventually, stacked

PROJECT = "some-project"


@pytest.fixture
def service() -> Iterator[MetricService]:
    with MetricService() as service:
        yield service


@contextmanager
def reporting(
    service: MetricService, metrics: Metrics, every: float = 0.05, apart: float = 0.0
) -> Iterator[Reporter]:
    reporter = Reporter(Monitoring(PROJECT, "home", service.address), metrics, every, apart)
    reporter.start()
    try:
        yield reporter
    finally:
        reporter.stop()


def failures(metrics: Metrics, kind: str) -> float:
    name = "iris_bridge_monitoring_failures_total"
    return metrics.registry.get_sample_value(name, {"kind": kind}) or 0.0


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records]


def test_it_writes_at_a_pace_and_once_more_at_the_end(service: MetricService) -> None:
    metrics = Metrics()
    metrics.published.inc(3)
    with reporting(service, metrics, every=0.1):
        eventually(lambda: len(service.values("published_total")) >= 3)
        metrics.dead_letters_left.set(7)
    assert service.projects == {f"projects/{PROJECT}"}
    assert set(service.values("published_total", installation="home")) == {3}
    assert service.values("dead_letters_left")[-1] == 7, "the last write comes after the stop"
    starts = {
        one.points[0].interval.start_time
        for call in service.calls
        for one in call
        if one.metric.type.endswith("/published_total")
    }
    assert len(starts) == 1, "one process, one start"


def test_its_connection_ends_with_it(service: MetricService) -> None:
    with reporting(service, Metrics()) as reporter:
        eventually(lambda: service.calls)
        assert service.connections == 1
    eventually(lambda: service.connections == 0)
    assert not reporter._thread.is_alive()


def test_points_keep_their_distance(service: MetricService) -> None:
    with reporting(service, Metrics(), every=0.01, apart=2 * PATIENCE):
        pass
    assert service.requests == 0, "too soon after the start for the last points, too"


def test_no_more_than_200_series_a_call(service: MetricService) -> None:
    metrics = Metrics()
    for at in range(450):
        metrics.settle_failures.labels(f"Kind{at}").inc()
    with reporting(service, metrics, every=2 * PATIENCE):
        eventually(lambda: len(service.calls) >= 3)
    written = sorted(
        one.metric.labels["kind"]
        for call in service.calls[:3]
        for one in call
        if "kind" in one.metric.labels
    )
    assert written == sorted(f"Kind{at}" for at in range(450))
    assert [len(call) for call in service.calls[:2]] == [200, 200]


def test_a_failure_is_told_once_and_counted(
    service: MetricService, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bridge")
    metrics = Metrics()
    service.refuse(grpc.StatusCode.PERMISSION_DENIED, "Permission monitoring.timeSeries.create")
    with reporting(service, metrics):
        eventually(lambda: failures(metrics, "PermissionDenied") >= 3)
        # The text differs each time, as with points of time in it.
        service.refuse(grpc.StatusCode.INVALID_ARGUMENT, "at 12:01")
        eventually(lambda: failures(metrics, "InvalidArgument") >= 1)
        service.refuse(grpc.StatusCode.INVALID_ARGUMENT, "at 12:02")
        eventually(lambda: failures(metrics, "InvalidArgument") >= 5)
        service.clear()
        eventually(lambda: len(service.calls) >= 2)
    prefix = "metrics are not written to Cloud Monitoring: "
    assert lines(caplog) == [
        (
            "WARNING",
            f"{prefix}no permission to write metrics to some-project: grant "
            "roles/monitoring.metricWriter in it to the account that the bridge runs as (403 "
            "Permission monitoring.timeSeries.create)",
        ),
        ("WARNING", f"{prefix}400 at 12:01"),
        ("INFO", "metrics are written to Cloud Monitoring again"),
    ]
    assert service.values("monitoring_failures_total", kind="PermissionDenied")[-1] >= 3


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            grpc.StatusCode.NOT_FOUND,
            "there is no project some-project: check BRIDGE_MONITORING_PROJECT",
        ),
        (grpc.StatusCode.UNAUTHENTICATED, "Google refuses the credentials (401 the details)"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "Cloud Monitoring does not answer"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "429 the details"),
        (grpc.StatusCode.UNKNOWN, "None the details"),
    ],
)
def test_what_is_said(
    code: grpc.StatusCode, said: str, service: MetricService, caplog: pytest.LogCaptureFixture
) -> None:
    service.refuse(code)
    with reporting(service, Metrics()):
        eventually(lambda: lines(caplog))
    assert lines(caplog) == [("WARNING", f"metrics are not written to Cloud Monitoring: {said}")]


def test_it_comes_back(service: MetricService, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bridge")
    metrics = Metrics()
    service.down()
    with reporting(service, metrics):
        eventually(lambda: failures(metrics, "ServiceUnavailable") >= 2)
        service.up()
        eventually(lambda: service.calls)
        eventually(lambda: len(lines(caplog)) == 2)
    (level, told), again = lines(caplog)
    assert level == "WARNING"
    assert told.startswith("metrics are not written to Cloud Monitoring: 503 ")
    assert again == ("INFO", "metrics are written to Cloud Monitoring again")


def test_a_silent_service(
    service: MetricService, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge.reporter, "ANSWER_SECONDS", 0.3)
    metrics = Metrics()
    service.hang()
    with reporting(service, metrics):
        eventually(lambda: failures(metrics, "DeadlineExceeded") >= 2)
    [(_, told)] = lines(caplog)
    assert told == "metrics are not written to Cloud Monitoring: Cloud Monitoring does not answer"


def test_a_silent_service_does_not_hold_up_the_stop(
    service: MetricService, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge.reporter, "ANSWER_SECONDS", 2 * PATIENCE)
    monkeypatch.setattr(bridge.reporter, "_CUT_SECONDS", PATIENCE)
    metrics = Metrics()
    service.hang()
    with reporting(service, metrics) as reporter:
        eventually(lambda: service.requests)
    assert not reporter._thread.is_alive(), "its call was cut"
    assert lines(caplog) == [], "that it was cut is no failure"
    assert service.requests == 1


def test_without_credentials(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    metrics = Metrics()
    reporter = Reporter(Monitoring(PROJECT), metrics, 0.01, 0.0)
    reporter.start()
    eventually(lambda: failures(metrics, "DefaultCredentialsError") >= 2)
    reporter.stop()
    assert lines(caplog) == [
        (
            "WARNING",
            "metrics are not written to Cloud Monitoring: no Google credentials: run gcloud auth "
            "application-default login, or run it as an account that has "
            "roles/monitoring.metricWriter",
        )
    ]


def test_a_fault_of_its_own_is_told_and_not_the_end(
    service: MetricService, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = Metrics()
    asked: list[int] = []

    def odd() -> float:
        asked.append(1)
        return 1 / 0

    metrics.dead_letters_left.set_function(odd)
    with reporting(service, metrics):
        eventually(lambda: len(asked) >= 3)
        metrics.dead_letters_left.set_function(lambda: 5)
        eventually(lambda: 5 in service.values("dead_letters_left"))
    assert failures(metrics, "ZeroDivisionError") >= 2
    told = ("ERROR", "a fault of the bridge itself: metrics are not written")
    # That it goes well again is INFO, which is heard where another test has asked for it.
    assert [line for line in lines(caplog) if line[0] == "ERROR"] == [told]


# The process

#: The bridge, without the wait for other points of the same series.
AT_ONCE = (
    "-c",
    "import sys; import bridge.reporter; bridge.reporter.Reporter.__init__.__defaults__ = (0.1, "
    "0.0); from bridge.__main__ import main; sys.exit(main())",
)


def monitored(service: MetricService) -> dict[str, str]:
    return {
        "BRIDGE_MONITORING_PROJECT": PROJECT,
        "BRIDGE_MONITORING_NAME": "home",
        "BRIDGE_MONITORING_EMULATOR": service.address,
    }


def stop(running: Process) -> None:
    running.popen.terminate()
    assert running.ended(PATIENCE) == 0, running.text


def test_the_bridge_writes_what_it_shows(service: MetricService, tmp_path: Path) -> None:
    with (
        stacked() as stack,
        Process(stack.settings(**monitored(service)), tmp_path, AT_ONCE) as running,
    ):
        stack.topic.await_ids(stack.send(5))
        stack.await_empty()
        eventually(lambda: 5 in service.values("published_total", installation="home"))
        eventually(lambda: 1 in service.values("ready"))
        receiving = {"part": "queue", "state": "receiving"}
        eventually(lambda: 1 in service.values("connection_state", **receiving))
        stop(running)
        assert service.values("completed_total")[-1] == 5
        assert service.values("ready")[-1] == 0
        assert running.messages[-1] == "queue stopped"


def test_a_bridge_whose_monitoring_is_silent(service: MetricService, tmp_path: Path) -> None:
    service.hang()
    with (
        stacked() as stack,
        Process(stack.settings(**monitored(service)), tmp_path, AT_ONCE) as running,
    ):
        eventually(lambda: service.requests)
        stack.topic.await_ids(stack.send(50))
        stack.await_empty()
        stop(running)
        assert len(running.text.splitlines()) == len(running.records), "nothing but JSON"


def test_a_bridge_whose_monitoring_is_refused(service: MetricService, tmp_path: Path) -> None:
    service.refuse(grpc.StatusCode.PERMISSION_DENIED)
    with (
        stacked() as stack,
        Process(stack.settings(**monitored(service)), tmp_path, AT_ONCE) as running,
    ):
        running.await_message("grant roles/monitoring.metricWriter")
        stack.topic.await_ids(stack.send(5))
        stack.await_empty()
        assert running.pages.metric("monitoring_failures_total", "PermissionDenied") >= 1
        stop(running)


def test_the_library_is_not_loaded_unless_asked_for(tmp_path: Path) -> None:
    program = (
        "-c",
        "import sys; from bridge.__main__ import main; code = main(); print([one for one in "
        "('google.cloud.monitoring_v3', 'google.cloud.secretmanager_v1') if one in sys.modules], "
        "file=sys.stderr); sys.exit(code)",
    )
    with stacked() as stack, Process(stack.settings(), tmp_path, program) as running:
        running.await_message("queue receiving")
        stop(running)
        eventually(lambda: running.text.endswith("[]\n"), lambda: running.text)


@pytest.mark.parametrize(
    ("due", "written", "then"),
    [
        (100.0, 100.0, 160.0),
        (100.0, 130.0, 160.0),  # late, and in step again
        (100.0, 155.0, 165.0),  # so late that the next would come too soon
        (100.0, 400.0, 410.0),  # what was missed is not caught up with
    ],
)
def test_the_pace(due: float, written: float, then: float) -> None:
    assert (EVERY_SECONDS, APART_SECONDS) == (60.0, 10.0)
    assert next_due(due, written, EVERY_SECONDS, APART_SECONDS) == then
