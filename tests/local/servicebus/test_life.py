"""The server's life: threads, ports, its end, as a process."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusClient

from local.servicebus import Certificates, Counts, QueueMessage, ServiceBusServer, Value
from tests.local.servicebus.sdk import bodies, numbered

ROOT = Path(__file__).parents[3]


def test_a_queue_can_be_used_whether_the_server_runs_or_not() -> None:
    server = ServiceBusServer(["a", "b"])
    queue = server.queue("a")
    queue.send(numbered(2))
    server.faults.lose_locks("a")
    server.faults.drop_connections()
    assert (queue.counts(), server.port) == (Counts(2, 0, 0, 0), 0)
    with server:
        assert queue.oldest_enqueued_at() is not None
        assert queue.dead_letters() == []
        port = server.port
        assert server.address == f"127.0.0.1:{port}"
    server.stop()
    assert (queue.counts(), server.queue("b").counts()) == (Counts(2, 0, 0, 0), Counts(0, 0, 0, 0))
    server.queue("b").send(numbered(1))
    server.faults.clear()
    with server:
        assert server.port == port


def test_names_differ_in_more_than_case() -> None:
    with pytest.raises(ValueError, match=r"^queues: names have to differ in more than case"):
        ServiceBusServer(["iris", "IRIS"])


def test_messages_outlive_a_restart() -> None:
    server = ServiceBusServer()
    server.queue("iris").send(numbered(1))
    with server:
        pass
    with (
        server,
        ServiceBusClient.from_connection_string(server.connection_string) as client,
        client.get_queue_receiver("iris") as receiver,
    ):
        assert bodies(receiver.receive_messages(1, max_wait_time=20)) == [b"0"]


def test_many_threads_send() -> None:
    with ServiceBusServer() as server, ThreadPoolExecutor(8) as threads:
        queue = server.queue("iris")
        list(threads.map(queue.send, [numbered(50)] * 20))
        assert queue.counts() == Counts(1_000, 0, 0, 0)


def test_a_message_that_cannot_be_encoded_is_not_sent() -> None:
    queue = ServiceBusServer().queue("iris")
    with pytest.raises(ValueError, match="AMQP has no type for set"):
        queue.send([QueueMessage(b"x"), QueueMessage(Value({1}))])
    assert queue.counts() == Counts(0, 0, 0, 0)


def test_stopping_cuts_connections_and_frees_the_port() -> None:
    with ServiceBusServer() as server:
        client = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        client.sendall(b"AMQP\x03\x01\x00\x00")
        assert client.recv(8) == b"AMQP\x03\x01\x00\x00"
        port = server.port
    with client:
        while client.recv(1_000):
            pass
    with ServiceBusServer(port=port) as server:
        assert server.port == port


def test_stopping_while_it_hangs_or_is_down() -> None:
    with ServiceBusServer() as server:
        with socket.create_connection(("127.0.0.1", server.port)):
            server.faults.hang()
            server.stop()
        server.start()
        server.faults.down()


def test_a_taken_port_is_an_error() -> None:
    with ServiceBusServer() as server:
        other = ServiceBusServer(port=server.port)
        with pytest.raises(OSError, match="address already in use"):
            other.start()
        other.stop()


def test_a_certificate_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ServiceBusServer(certificate=(tmp_path / "no.pem", tmp_path / "no.key")).start()


def test_the_servers_key_is_private(certificates: Certificates) -> None:
    assert certificates.server[1].stat().st_mode & 0o777 == 0o600


def run(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "local.servicebus", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_as_a_process() -> None:
    process = run("--port", "0", "--queue", "a", "--queue", "b")
    assert process.stdout is not None
    line = process.stdout.readline()
    match = re.fullmatch(
        r"Service Bus on (127\.0\.0\.1:\d+): the connection string is (.*sb://\1;.*)\n", line
    )
    assert match, line
    with (
        ServiceBusClient.from_connection_string(match[2]) as client,
        client.get_queue_receiver("b") as receiver,
    ):
        assert receiver.peek_messages(1) == []
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=10) == ("", "")
    assert process.returncode == 0


def test_as_a_process_with_tls(certificates: Certificates) -> None:
    chain, key = certificates.server
    process = run("--port", "0", "--certificate", str(chain), "--key", str(key))
    assert process.stdout is not None
    line = process.stdout.readline()
    assert re.fullmatch(
        r"Service Bus on (127\.0\.0\.1:\d+): custom_endpoint_address=sb://\1\n", line
    )
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=10) == ("", "")
    assert process.returncode == 0


def test_usage_errors() -> None:
    process = run("--certificate", "x.pem")
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 2
    assert errors.endswith("error: --certificate and --key go together\n")
    process = run("--port", "65536")
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 2
    text = "error: argument --port: '65536' is no port: give a number from 0 to 65535\n"
    assert errors.endswith(text)
    process = run("--queue", "a", "--queue", "A")
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 2
    assert errors == (
        "local.servicebus: queues: names have to differ in more than case: ['a', 'A']\n"
    )
    with ServiceBusServer() as server:
        process = run("--port", str(server.port))
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert re.fullmatch(r"local\.servicebus: .*address already in use.*\n", errors)
