"""The live door when its process dies, and on other people's Pub/Sub and runners."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from google.cloud import pubsub_v1

from local.pubsub import PubSubServer
from pipeline import deliveries, launch
from pipeline.append import Sink
from pipeline.build import WriteMessages
from pipeline.sinks import use_warehouse
from pipeline.subscription import ReadMessages
from schemas import Registry
from tests.local.pubsub.clients import Clients, eventually
from tests.local.pubsub.clock import Clock
from tests.pipeline.graph_runs import URL, ask, reading
from tests.pipeline.live import PROJECT, Consumer, clients_of, publish
from tests.pipeline.memory import MemoryWarehouse

ROOT = Path(__file__).parents[2]
MESSAGES = 50
#: Runs the command line, in batches of 20 messages, and stands still in a call of the second.
DRIVER = """
import sys, time
from pipeline import deliveries, launch
from pipeline.sinks.duckdb import DuckDBWarehouse

method, left = sys.argv[1], int(sys.argv[2])
owner = {"append": DuckDBWarehouse, "acknowledge": deliveries.Deliveries}[method]
real = getattr(owner, method)

def stand_still(*args):
    global left
    left -= 1
    if left:
        return real(*args)
    print("here", flush=True)
    time.sleep(600)

setattr(owner, method, stand_still)
deliveries.BATCH_MESSAGES = 20
sys.exit(launch.main(sys.argv[3:]))
"""


@pytest.mark.parametrize(
    ("method", "call", "copies"),
    [
        ("append", 4, 20),  # a batch has two calls: its rows, then its ledger entries
        ("acknowledge", 2, 20),
    ],
)
def test_a_process_that_is_killed_in_mid_batch_loses_nothing(
    method: str, call: int, copies: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "iris.duckdb"
    clock = Clock()
    with PubSubServer(clock=clock) as server, clients_of(server, monkeypatch) as clients:
        for at in range(MESSAGES):
            publish(clients, [reading(at), reading(at)], f"m{at:02}")
        options = [f"--input_subscription={clients.subscription}", f"--warehouse=duckdb:{place}"]
        command = [sys.executable, "-c", DRIVER, method, str(call), *options]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                assert process.stdout.readline() == "here\n"
            finally:
                process.kill()
        assert process.returncode == -signal.SIGKILL
        assert clients.unacknowledged() == MESSAGES - 20
        written = 40 + 2 * copies
        assert ask(place, "SELECT count(*) FROM bmrs_freq_iris") == [(written,)]

        clock.now += deliveries.LEASE_SECONDS
        assert launch.main([*options, "--stop_when_idle=0"]) == 0
        assert clients.unacknowledged() == 0
    keys = "_message_id, _record_index"
    assert ask(place, f"SELECT DISTINCT {keys} FROM bmrs_freq_iris ORDER BY ALL") == [
        (f"m{at:02}", index) for at in range(MESSAGES) for index in (0, 1)
    ]
    assert ask(place, "SELECT count(*) FROM bmrs_freq_iris") == [(2 * MESSAGES + 2 * copies,)]
    assert ask(place, "SELECT count(DISTINCT message_id) FROM iris_messages") == [(MESSAGES,)]


def test_beams_own_reader(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = MemoryWarehouse()
    use_warehouse(URL, warehouse)
    with PubSubServer() as server, clients_of(server, monkeypatch) as clients:
        for at in range(20):
            publish(clients, [reading(at), 0], f"m{at:02}", enqueued_time="2026-11-01T11:59:00Z")
        publish(clients, b"broken", "m20")
        pipeline = beam.Pipeline(
            runner="BundleBasedDirectRunner", options=PipelineOptions(["--streaming"])
        )
        read = pipeline | ReadMessages(clients.subscription)
        read | WriteMessages([registry["FREQ"]], Sink(URL))
        result = pipeline.run()
        try:
            eventually(lambda: len(warehouse.tables["iris_messages"]) >= 21)
        finally:
            result.cancel()
        assert clients.unacknowledged() == 0
    rows = warehouse.rows("bmrs_freq_iris")
    assert [(row["_message_id"], row["_record_index"]) for row in rows] == [
        (f"m{at:02}", 0) for at in range(20)
    ]
    assert {row["_enqueued_utc"] for row in rows} == {1_793_534_340_000_000}
    dead = warehouse.rows("iris_dead_letters")
    assert [row["_message_id"] for row in dead] == [f"m{at:02}" for at in range(21)]


class Emulator:
    """Google's own emulator, with what ``Clients`` asks of a server."""

    def __init__(self, jar: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        self.process = subprocess.Popen(
            ["java", "-jar", str(jar), "--host=127.0.0.1", f"--port={port}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://{self.address}") as answer:
                    assert answer.read().strip() == b"Ok"
                return
            except OSError:
                assert self.process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def ensure_topic(self, name: str) -> None:
        pubsub_v1.PublisherClient().create_topic(name=name)

    def ensure_subscription(self, name: str, topic: str) -> None:
        with pubsub_v1.SubscriberClient() as client:
            client.create_subscription(name=name, topic=topic)

    def unacknowledged(self, subscription: str) -> int:
        raise NotImplementedError


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    gcloud = shutil.which("gcloud")
    if gcloud is None or shutil.which("java") is None:
        pytest.skip("Google's Pub/Sub emulator needs gcloud and java")
    folders = [Path(gcloud).resolve().parents[1], Path("/usr/lib/google-cloud-sdk")]
    jars = [
        jar
        for folder in folders
        for jar in sorted(folder.glob("platform/pubsub-emulator/lib/cloud-pubsub-emulator-*.jar"))
    ]
    if not jars:
        pytest.skip("no Pub/Sub emulator: gcloud components install pubsub-emulator")
    emulator = Emulator(jars[-1])
    try:
        emulator.wait()
        yield emulator
    finally:
        emulator.process.kill()
        emulator.process.wait()


@pytest.mark.filterwarnings("ignore:The return_immediately flag is deprecated")
def test_googles_emulator(
    emulator: Emulator, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = MemoryWarehouse()
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator.address)
    topic, subscription = f"{PROJECT}/topics/messages", f"{PROJECT}/subscriptions/messages"
    clients = Clients(emulator, topic, subscription)  # type: ignore[arg-type]
    for at in range(20):
        publish(clients, [reading(at)], f"m{at:02}")
    publish(clients, [reading(1, note="x" * 5_000_000)], "m20")
    consumer = Consumer(clients, warehouse, [registry["FREQ"]])
    warehouse.on_append = lambda: None
    warehouse.failures = 1
    consumer.run(until=21)
    assert clients.pull_now() == []
    clients.close()
    places = {
        (row["_message_id"], row["_record_index"]) for row in warehouse.rows("bmrs_freq_iris")
    }
    assert places == {(f"m{at:02}", 0) for at in range(21)}
    assert {row["message_id"] for row in warehouse.rows("iris_messages")} == {
        f"m{at:02}" for at in range(21)
    }
