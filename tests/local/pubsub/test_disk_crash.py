"""Real processes that are killed, cannot write, or find the folder in use."""

from __future__ import annotations

import itertools
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from google.api_core import exceptions
from google.pubsub_v1 import PublisherClient, SubscriberClient, types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from local.pubsub import DiskBacklog
from tests.local.pubsub.clients import eventually
from tests.local.pubsub.disks import SUB, TOPIC, new_backlog

ROOT = Path(__file__).parents[3]

#: For each line ``FOLDER SEED``: publishes and acknowledges in several threads of a process of
#: its own until it is killed, and tells each step in a line.
WRITER = """
import os, random, sys, threading
from local.pubsub import DiskBacklog
from local.pubsub.broker import Broker
from local.pubsub.model import Content
from local.pubsub.shared import SharedBroker
from tests.local.pubsub.disks import SUB, TOPIC

def say(word, ids):
    os.write(1, f"{word} {' '.join(map(str, ids))}\\n".encode())

def publish(shared, choice):
    while True:
        contents = [Content(b"x" * choice.randrange(5_000)) for _ in range(choice.randint(1, 9))]
        with shared.durable_turn() as broker:
            ids = broker.publish(TOPIC.name, contents)
            say("given", ids)
        say("answered", ids)

def acknowledge(shared, choice):
    while True:
        for each in shared.wait_and_pull(SUB.name, choice.randint(1, 9), patience=None,
                                         alive=lambda: True):
            if choice.random() < 0.2:
                say("acknowledged", [each.message.message_id])
                with shared.turn() as broker:
                    broker.acknowledge(SUB.name, [each.ack_id])

for line in sys.stdin:
    folder, seed = line.split()
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        print("over", flush=True)
    else:
        choice = random.Random(int(seed))
        shared = SharedBroker(Broker(DiskBacklog(folder)))
        print("process", os.getpid(), flush=True)
        for work in (publish, publish, publish, acknowledge):
            each = random.Random(choice.random())
            threading.Thread(target=work, args=(shared, each)).start()
        threading.Event().wait()
"""


def test_a_process_that_is_killed_again_and_again_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    new_backlog(folder).close()
    choice = random.Random(20261101)
    given: set[int] = set()
    owed: set[int] = set()
    settled: set[int] = set()
    with subprocess.Popen(
        [sys.executable, "-c", WRITER],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for seed in range(15):
            print(folder, seed, file=process.stdin, flush=True)
            word, pid = process.stdout.readline().split()
            assert word == "process"
            left = choice.randrange(1, 150)
            for line in iter(process.stdout.readline, "over\n"):
                word, *numbers = line.split()
                ids = {int(each) for each in numbers}
                if word == "given":
                    assert given.isdisjoint(ids)
                    assert min(ids) > max(given, default=0)
                    given |= ids
                elif word == "answered":
                    owed |= ids
                else:
                    settled |= ids
                left -= 1
                if left == 0:
                    os.kill(int(pid), signal.SIGKILL)
            backlog = DiskBacklog(folder)
            pending = set(backlog.pending(SUB.name))
            assert owed - settled <= pending <= given
            assert all(set(backlog.read(each).content.data) <= set(b"x") for each in pending)
            backlog.close()
        process.stdin.close()
    assert len(settled) > 100
    assert len(owed - settled) > 100


class Server:
    """``python -m local.pubsub`` on a folder, and plain clients that do not retry."""

    def __init__(self, folder: Path) -> None:
        project = TOPIC.name.split("/")[1]
        arguments = ["--port=0", f"--data={folder}", f"--project={project}"]
        arguments += ["--topic=t", "--subscription=s"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local.pubsub", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        match = re.match(r"Pub/Sub on (\S+): ", line)
        assert match, (line, self.process.communicate())
        self.channel = grpc.insecure_channel(match[1])
        self._publisher = PublisherClient(transport=PublisherGrpcTransport(channel=self.channel))
        self._subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=self.channel))

    def publish(self, *data: bytes) -> list[str]:
        messages = [types.PubsubMessage(data=each) for each in data]
        answer = self._publisher.publish(topic=TOPIC.name, messages=messages, retry=None)
        return list(answer.message_ids)

    def pull(self) -> dict[str, bytes]:
        """Pulls and acknowledges once, by message id."""
        answer = self._subscriber.pull(subscription=SUB.name, max_messages=1_000)
        ack_ids = [each.ack_id for each in answer.received_messages]
        if ack_ids:
            self._subscriber.acknowledge(subscription=SUB.name, ack_ids=ack_ids)
        return {each.message.message_id: each.message.data for each in answer.received_messages}

    def end(self, signal_number: signal.Signals) -> None:
        self.process.send_signal(signal_number)
        self.process.wait(timeout=20)
        self.channel.close()


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    server = Server(folder)
    try:
        yield server
    finally:
        server.end(signal.SIGKILL)


def test_a_killed_server_delivers_what_it_has_answered(tmp_path: Path) -> None:
    choice = random.Random(20261102)
    numbers = itertools.count()
    answered: dict[str, bytes] = {}
    received: dict[str, bytes] = {}

    def publish(server: Server, killed: threading.Event) -> None:
        while not killed.is_set():
            data = [b"%d" % next(numbers) for _ in range(10)]
            try:
                answered.update(zip(server.publish(*data), data, strict=True))
            except exceptions.GoogleAPICallError:
                assert killed.is_set()

    for _ in range(3):
        killed = threading.Event()
        enough = len(answered) + choice.randrange(20, 300)
        with serving(tmp_path) as server, ThreadPoolExecutor(3) as threads:
            publishing = [threads.submit(publish, server, killed) for _ in range(3)]
            received |= server.pull()
            eventually(lambda: len(answered) >= enough)  # noqa: B023
            killed.set()
            server.process.kill()
            for each in publishing:
                each.result(timeout=20)
    with serving(tmp_path) as server:
        while new := server.pull():
            received |= new
        server.end(signal.SIGTERM)
        assert server.process.communicate() == ("", "")
        assert server.process.returncode == 0
    assert {key: received.get(key) for key in answered} == answered
    backlog = DiskBacklog(tmp_path)
    assert backlog.pending(SUB.name) == []
    backlog.close()


def test_a_second_server_on_the_folder_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        second = subprocess.run(
            [sys.executable, "-m", "local.pubsub", "--port=0", "--data", str(tmp_path)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        owner = server.process.pid
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr == (
        f"local.pubsub: {tmp_path}: in use by another Pub/Sub server (process {owner}): "
        "stop that one, or give another folder\n"
    )


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs Linux's prlimit")
def test_a_server_whose_disk_takes_no_more_lives_on(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        first = server.publish(b"a" * 1_000)
        pid = server.process.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (400_000, hard))
        for _ in range(3):
            with pytest.raises(exceptions.ServiceUnavailable, match="make room on its disk"):
                server.publish(b"b" * 1_000_000)
        assert set(server.pull()) >= set(first)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        published: list[str] = []

        def passes() -> bool:
            try:
                published.extend(server.publish(b"c"))
            except exceptions.ServiceUnavailable:
                return False
            return True

        eventually(passes)
    with serving(tmp_path) as server:
        received: dict[str, bytes] = {}
        while new := server.pull():
            received |= new
    assert received[published[0]] == b"c"


#: Publishes one message without a server, and says why that failed.
COMMITTER = """
import sys
from local.pubsub import DiskBacklog
from local.pubsub.model import StorageError
from tests.local.pubsub.disks import append

backlog = DiskBacklog(sys.argv[1])
try:
    append(backlog, b"a")
    backlog.commit()
except StorageError as error:
    print(error)
"""


def test_a_commit_fails_when_its_sync_fails(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    new_backlog(folder).close()
    strace = ["strace", "-f", "-qq", "-o", str(tmp_path / "trace"), "-etrace=fsync,fdatasync"]
    if not shutil.which("strace") or subprocess.run([*strace, "true"], check=False).returncode:
        pytest.skip("needs strace, and the right to trace")

    def commit(*options: str) -> str:
        command = [*strace, *options, sys.executable, "-c", COMMITTER, str(folder)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert commit() == ""
    failing = commit("-einject=fsync,fdatasync:error=EIO")
    assert failing.startswith(f"{folder}/backlog.sqlite: cannot be written (disk I/O error)")
