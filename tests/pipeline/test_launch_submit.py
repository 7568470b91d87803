"""Graphs that another runner gets: Dataflow, or Beam's own that streams."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import (
    DebugOptions,
    GoogleCloudOptions,
    StandardOptions,
    WorkerOptions,
)

from local.pubsub import PubSubServer
from pipeline import launch
from pipeline.sinks import use_warehouse
from pipeline.submit import IMAGE_VARIABLE, end_on_signals
from schemas import Registry
from tests.local.pubsub.clients import eventually
from tests.pipeline.commands import ROOT, Command, command_of, few_datasets
from tests.pipeline.graph_runs import reading
from tests.pipeline.live import clients_of, publish
from tests.pipeline.memory import MemoryWarehouse

DATAFLOW = (
    "--runner=DataflowRunner",
    "--project=p-123456",
    "--region=europe-west2",
    "--temp_location=gs://bucket/temp",
    "--sdk_container_image=europe-west2-docker.pkg.dev/p-123456/iris/pipeline:1",
    "--warehouse=bigquery:p-123456.iris",
)
LIVE = "--input_subscription=projects/p-123456/subscriptions/iris"
#: What a process imports before anything else: every way out is closed, and watched.
NO_NETWORK = """
import os, socket

def refuse(*args, **options):
    with open(os.environ["WATCHED"], "a") as log:
        log.write(f"{args}\\n")
    raise OSError("no network in this test")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
socket.create_connection = refuse
"""


@pytest.fixture(autouse=True)
def _few(registry: Registry) -> Iterator[None]:
    with few_datasets(registry):
        yield


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Command:
    return command_of(capfd, caplog)


def test_a_dry_run_touches_no_network(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(NO_NETWORK)
    watched = tmp_path / "watched"
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "--dry_run=True", *DATAFLOW, LIVE],
        cwd=ROOT,
        env=os.environ
        | {
            "PYTHONPATH": str(tmp_path),
            "WATCHED": str(watched),
            # gRPC has sockets of its own, but no client opens without credentials.
            "GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "missing.json"),
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not watched.exists()


def test_a_dry_run_of_a_batch(command: Command) -> None:
    said = command("--dry_run=True", *DATAFLOW, "--input_files=gs://bucket/*/*")
    assert (said.code, said.out, said.err) == (0, [], [])


class Launched:
    """What a runner gives back for a job."""

    options: Any = None
    cancelled = False

    def job_id(self) -> str:
        return "2026-11-01_job"

    def wait_until_finish(self) -> None:
        raise AssertionError("a template's launcher must not wait")

    def cancel(self) -> None:
        self.cancelled = True


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> Launched:
    """Takes the place of every job."""
    job = Launched()

    def run(pipeline: beam.Pipeline) -> Launched:
        job.options = pipeline._options
        return job

    monkeypatch.setattr(beam.Pipeline, "run", run)
    # The check of the buckets asks Google for them.
    google = "apache_beam.options.pipeline_options.GoogleCloudOptions"
    monkeypatch.setattr(f"{google}._warn_if_soft_delete_policy_enabled", lambda *_: None)
    return job


def test_a_job_is_not_waited_for(command: Command, launched: Launched) -> None:
    said = command(*DATAFLOW, LIVE)
    assert (said.code, said.err) == (0, [])
    assert said.out == ["job 2026-11-01_job is launched: see the Dataflow monitoring UI"]
    assert launched.options.view_as(StandardOptions).streaming is True


@pytest.mark.parametrize(
    ("given", "services", "experiments"),
    [
        ([], ["streaming_mode_at_least_once"], []),
        (
            ["--dataflow_service_options=enable_prime"],
            ["enable_prime", "streaming_mode_at_least_once"],
            [],
        ),
        (
            ["--dataflow_service_options=streaming_mode_exactly_once"],
            ["streaming_mode_exactly_once"],
            [],
        ),
        (["--experiments=streaming_mode_exactly_once"], [], ["streaming_mode_exactly_once"]),
    ],
)
def test_delivery_is_at_least_once_unless_the_user_chooses(
    command: Command,
    launched: Launched,
    given: list[str],
    services: list[str],
    experiments: list[str],
) -> None:
    assert command(*DATAFLOW, LIVE, *given).code == 0
    options = launched.options
    found = options.view_as(GoogleCloudOptions).dataflow_service_options
    assert (found or [], options.view_as(DebugOptions).experiments or []) == (
        services,
        experiments,
    )


@pytest.mark.parametrize(
    ("given", "image"),
    [([], "of-the-environment:1"), (["--sdk_container_image=of-the-user:1"], "of-the-user:1")],
)
def test_the_workers_image(
    command: Command,
    launched: Launched,
    given: list[str],
    image: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(IMAGE_VARIABLE, "of-the-environment:1")
    without = [one for one in DATAFLOW if not one.startswith("--sdk_container_image")]
    assert command(*without, LIVE, *given).code == 0
    assert launched.options.view_as(WorkerOptions).sdk_container_image == image


def test_a_job_of_another_runner_is_cancelled(
    command: Command, launched: Launched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: Launched) -> None:
        raise KeyboardInterrupt("interrupted")

    monkeypatch.setattr(Launched, "wait_until_finish", interrupted)
    assert command("--runner=BundleBasedDirectRunner", LIVE, "--warehouse=duckdb:x").code == 0
    assert launched.cancelled


def test_a_batch_has_no_streaming_mode(
    command: Command, launched: Launched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "any_match", lambda pattern: True)
    assert command(*DATAFLOW, "--input_files=gs://bucket/*/*").code == 0
    assert not launched.options.view_as(GoogleCloudOptions).dataflow_service_options


def test_a_batch_of_files_does_not_stream(
    command: Command, launched: Launched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "any_match", lambda pattern: True)
    assert command(*DATAFLOW, "--input_files=gs://bucket/*/*").code == 0
    assert launched.options.view_as(StandardOptions).streaming is False


def test_files_in_a_bucket_are_looked_for(
    command: Command, launched: Launched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "any_match", lambda pattern: False)
    said = command(*DATAFLOW, "--input_files=gs://bucket/*/*")
    assert (said.code, said.out, launched.options) == (2, [], None)
    assert said.err == ["--input_files 'gs://bucket/*/*': no file matches"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stream_on_this_machine_ends_when_it_is_told(
    number: signal.Signals, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beam's own runner goes on waiting when it is merely cancelled."""
    warehouse = MemoryWarehouse()
    use_warehouse("duckdb:stream", warehouse)
    before = signal.getsignal(number)
    with PubSubServer() as server, clients_of(server, monkeypatch) as clients:
        publish(clients, [reading(1), 5], "m1")

        def end() -> None:
            eventually(lambda: len(warehouse.tables["iris_messages"]) == 1)
            os.kill(os.getpid(), number)

        ending = threading.Thread(target=end)
        ending.start()
        said = command(
            "--runner=BundleBasedDirectRunner",
            f"--input_subscription={clients.subscription}",
            "--warehouse=duckdb:stream",
        )
        ending.join()
    assert (said.code, said.out, said.err) == (0, [], [])
    assert [row["frequency"] for row in warehouse.tables["bmrs_freq_iris"]] == [51.0]
    assert signal.getsignal(number) is before


def test_a_signal_does_not_wait_for_a_lock_of_the_main_thread() -> None:
    """Which would wait for its own handler, for ever."""
    lock, ended = threading.Lock(), threading.Event()

    def end() -> None:
        with lock:
            ended.set()

    with end_on_signals(end, aside=True):
        with lock:
            os.kill(os.getpid(), signal.SIGTERM)
            assert not ended.is_set()
        assert ended.wait(30)
