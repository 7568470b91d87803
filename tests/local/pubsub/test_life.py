"""The server's life: under Beam, over a restart, at its end, as a process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apache_beam as beam
import grpc
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.pubsub_v1 import PublisherClient, types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

from local.pubsub import Backlog, DiskBacklog, MemoryBacklog, PubSubServer
from local.pubsub.model import StorageError, Topic
from tests.local.pubsub.clients import Clients, eventually

ROOT = Path(__file__).parents[3]
TOPIC = "projects/local-project/topics/t"
SUBSCRIPTION = "projects/local-project/subscriptions/s"


def shout(message: beam.io.PubsubMessage) -> beam.io.PubsubMessage:
    return beam.io.PubsubMessage(message.data.upper(), message.attributes)


def test_beam_reads_and_writes(clients: Clients) -> None:
    out_topic, out_subscription = f"{clients.topic}-out", f"{clients.subscription}-out"
    clients.server.ensure_topic(out_topic)
    clients.server.ensure_subscription(out_subscription, out_topic)
    for number in range(50):
        clients.publisher.publish(clients.topic, f"message {number}".encode(), n=f"{number}")
    options = PipelineOptions(["--runner=BundleBasedDirectRunner", "--streaming"])
    pipeline = beam.Pipeline(options=options)
    _ = (
        pipeline
        | beam.io.ReadFromPubSub(subscription=clients.subscription, with_attributes=True)
        | beam.Map(shout)
        | beam.io.WriteToPubSub(out_topic, with_attributes=True)
    )
    result = pipeline.run()
    try:
        received = clients.pull(50, out_subscription)
    finally:
        result.cancel()
    assert {each.message.data: dict(each.message.attributes) for each in received} == {
        f"MESSAGE {number}".encode(): {"n": f"{number}"} for number in range(50)
    }
    assert clients.unacknowledged() == 0


def test_a_new_server_on_the_same_backlog_goes_on(
    open_backlog: Callable[[], Backlog], monkeypatch: pytest.MonkeyPatch
) -> None:
    with PubSubServer(backlog=open_backlog()) as server:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.address)
        clients = Clients(server, TOPIC, SUBSCRIPTION)
        clients.publish(b"a", b"b", b"c")
        assert [each.message.data for each in clients.pull(1, most=1)] == [b"a"]
        clients.subscriber.pull(subscription=SUBSCRIPTION, max_messages=1)
        clients.close()
    with PubSubServer(backlog=open_backlog()) as server:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.address)
        clients = Clients(server, TOPIC, SUBSCRIPTION)
        assert [each.message.data for each in clients.pull(2)] == [b"b", b"c"]
        clients.close()


class FullBacklog(MemoryBacklog):
    """Nothing can be made safe."""

    def commit(self) -> None:
        raise StorageError("no room")


def test_a_publish_is_answered_by_what_its_commit_comes_to() -> None:
    backlog = FullBacklog()
    backlog.save_topic(Topic(TOPIC))
    with PubSubServer(backlog=backlog) as server:
        channel = grpc.insecure_channel(server.address)
        client = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        messages = [types.PubsubMessage(data=b"x")]
        with pytest.raises(exceptions.ServiceUnavailable, match="no room"):
            client.publish(topic=TOPIC, messages=messages, retry=None)
        channel.close()


def test_stopping_ends_streams_and_frees_the_port() -> None:
    with PubSubServer() as server:
        port = int(server.address.rpartition(":")[2])
        clients = Clients(server, TOPIC, SUBSCRIPTION)
        stream = clients.stream()
        clients.plain_subscriber.get_subscription(subscription=SUBSCRIPTION)
    with pytest.raises(exceptions.ServiceUnavailable, match="the server is stopping"):
        stream.receive(1)
    clients.close()
    with PubSubServer(port) as server:
        assert server.address == f"127.0.0.1:{port}"


def test_stopping_does_not_wait_for_delayed_answers() -> None:
    with PubSubServer() as server, ThreadPoolExecutor(1) as threads:
        clients = Clients(server, TOPIC, SUBSCRIPTION)
        server.faults.delay_answers(600)
        messages = [types.PubsubMessage(data=b"x")]
        publish = clients.plain_publisher.publish
        answer = threads.submit(publish, topic=TOPIC, messages=messages)
        eventually(lambda: clients.unacknowledged() == 1)
        server.stop()
        assert len(answer.result(timeout=10).message_ids) == 1
        clients.close()


def test_a_taken_port_is_an_error(server: PubSubServer) -> None:
    port = int(server.address.rpartition(":")[2])
    with pytest.raises(OSError, match=f"^cannot listen on {server.address}: "):
        PubSubServer(port).start()


def test_a_server_that_cannot_start_lets_go_of_its_backlog(
    server: PubSubServer, tmp_path: Path
) -> None:
    port = int(server.address.rpartition(":")[2])
    with pytest.raises(OSError, match="cannot listen"):
        PubSubServer(port, backlog=DiskBacklog(tmp_path)).start()
    DiskBacklog(tmp_path).close()


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_as_a_process(monkeypatch: pytest.MonkeyPatch, signal_number: signal.Signals) -> None:
    arguments = ["--port", "0", "--project", "p", "--topic", "t", "--topic", "u"]
    arguments += ["--subscription", "s", "--subscription", "v@u"]
    process = subprocess.Popen(
        [sys.executable, "-m", "local.pubsub", *arguments],
        cwd=ROOT,
        env={**os.environ, "GRPC_VERBOSITY": "ERROR"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    match = re.fullmatch(r"Pub/Sub on (127\.0\.0\.1:\d+): export PUBSUB_EMULATOR_HOST=\1\n", line)
    assert match, line
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", match[1])
    with pubsub_v1.SubscriberClient() as subscriber:
        found = {
            each.name: each.topic for each in subscriber.list_subscriptions(project="projects/p")
        }
    process.send_signal(signal_number)
    assert process.communicate(timeout=10) == ("", "")
    assert (found, process.returncode) == (
        {
            "projects/p/subscriptions/s": "projects/p/topics/t",
            "projects/p/subscriptions/v": "projects/p/topics/u",
        },
        0,
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--subscription", "s"], "--subscription needs a --topic"),
        (
            ["--port", "99999"],
            "argument --port: '99999' is no port: give a number from 0 to 65535",
        ),
        (["--port", "-1"], "argument --port: '-1' is no port: give a number from 0 to 65535"),
    ],
)
def test_usage_errors(arguments: list[str], text: str) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "local.pubsub", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 2
    assert process.stderr.endswith(f"error: {text}\n")
