"""Both servers, the bridge between them in a thread of this process, and what came out."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import logging
import re
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Generic, NamedTuple, TypeVar

import grpc
from google.pubsub_v1 import SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from prometheus_client.parser import text_string_to_metric_families

from bridge.service import serve
from bridge.settings import Settings, parse
from local.pubsub import PubSubServer
from local.servicebus import QueueMessage, ServiceBusServer

QUEUE = "iris"
#: Seconds that anything may take which a test waits for.
PATIENCE = 30.0

T = TypeVar("T")

_numbers = itertools.count()


def eventually(condition: Callable[[], object], what: Callable[[], object] = str) -> None:
    """Fails, with ``what`` there is instead, unless ``condition`` comes true."""
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up, f"it does not come true: {what()}"
        time.sleep(0.05)


def numbered(count: int, size: int = 0) -> list[QueueMessage]:
    """Messages with ids and bodies that no other message has."""
    return [
        QueueMessage(f"{at}:".encode().ljust(size, b"."), subject="MID", message_id=f"m{at}")
        for at in itertools.islice(_numbers, count)
    ]


def ids(messages: Iterable[QueueMessage]) -> set[str]:
    return {str(one.message_id) for one in messages}


class Arrived(NamedTuple):
    """A message as Pub/Sub delivers it."""

    data: bytes
    attributes: dict[str, str]

    @property
    def message_id(self) -> str:
        return self.attributes["message_id"]

    @property
    def body(self) -> bytes:
        zipped = self.attributes.get("content_encoding") == "gzip"
        return gzip.decompress(self.data) if zipped else self.data


class Topic:
    """A topic with a subscription, read with the real client.

    Attributes:
        arrived: what ``read`` has ever taken.
        counts: how often a message of each id is among it.
    """

    def __init__(self, server: PubSubServer) -> None:
        name = f"iris{next(_numbers)}"
        self.server = server
        self.name = f"projects/some-project/topics/{name}"
        self.subscription = f"projects/some-project/subscriptions/{name}"
        server.ensure_topic(self.name)
        server.ensure_subscription(self.subscription, self.name)
        self._channel = grpc.insecure_channel(
            server.address, options=[("grpc.max_receive_message_length", -1)]
        )
        self._client = SubscriberClient(transport=SubscriberGrpcTransport(channel=self._channel))
        self.arrived: list[Arrived] = []
        self.counts: Counter[str] = Counter()

    def read(self) -> list[Arrived]:
        """Takes what is there; gives all that ever came."""
        while self.server.unacknowledged(self.subscription):
            answer = self._client.pull(subscription=self.subscription, max_messages=1_000)
            ack_ids = [one.ack_id for one in answer.received_messages]
            self._client.acknowledge(subscription=self.subscription, ack_ids=ack_ids)
            for one in answer.received_messages:
                self.arrived.append(Arrived(one.message.data, dict(one.message.attributes)))
                self.counts[self.arrived[-1].message_id] += 1
        return self.arrived

    def await_ids(self, wanted: set[str]) -> None:
        """Fails unless a message of each of these ids arrives."""

        def missing() -> list[str]:
            self.read()
            return sorted(wanted - self.counts.keys())

        eventually(lambda: not missing(), lambda: f"{len(missing())} missing: {missing()[:5]}")

    def repeated(self, wanted: set[str]) -> int:
        """How many of these have arrived a second time, third times included."""
        self.read()
        return sum(self.counts[one] - 1 for one in wanted)

    def close(self) -> None:
        self._channel.close()


class Pages:
    """The bridge's pages over HTTP."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}"

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self._base + path, timeout=10) as answer:
                return answer.status, answer.read().decode().rstrip()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode().rstrip()

    def metric(self, name: str, *labels: str) -> float:
        """A value, by its name without the prefix and its labels; 0 where there is none."""
        for family in text_string_to_metric_families(self.get("/metrics")[1]):
            for sample in family.samples:
                if sample.name == f"iris_bridge_{name}" and (*sample.labels.values(),) == labels:
                    return sample.value
        return 0.0


class Inside:
    """The bridge in a thread of this process; a context manager, left by a clean stop.

    Attributes:
        lines: what it has logged, as ``LEVEL text``.
        loop: its event loop.
    """

    def __init__(self, settings: Settings) -> None:
        self.lines: list[str] = []
        self._settings = settings
        self._error: BaseException | None = None
        self._ports: list[int] = []
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bridge")
        self._handler = logging.Handler()
        self._handler.emit = self._emit  # type: ignore[method-assign]

    def _emit(self, record: logging.LogRecord) -> None:
        if record.thread != self._thread.ident:  # another bridge's
            return
        self.lines.append(f"{record.levelname} {record.getMessage()}")
        if hasattr(record, "port"):
            self._ports.append(record.port)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._error = error

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._started.set()
        await serve(self._settings, self._stop)

    def __enter__(self) -> Inside:
        logger = logging.getLogger("bridge")
        logger.addHandler(self._handler)
        logger.setLevel(logging.INFO)
        self._thread.start()
        self._started.wait()
        eventually(lambda: self._ports or self._error)
        self.pages = Pages(self._ports[0])
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE)
        logging.getLogger("bridge").removeHandler(self._handler)
        assert not self._thread.is_alive(), "the bridge does not stop"
        if self._error is not None:
            raise self._error

    def matching(self, pattern: str) -> list[str]:
        return [line for line in list(self.lines) if re.search(pattern, line)]

    def await_line(self, pattern: str, times: int = 1) -> None:
        """Fails unless so many lines match, old ones included."""
        eventually(lambda: len(self.matching(pattern)) >= times, lambda: self.lines)

    def await_page(self, path: str, answer: tuple[int, str]) -> None:
        eventually(lambda: self.pages.get(path) == answer, lambda: self.pages.get(path))

    def await_ready(self) -> None:
        """Fails unless it receives from the queue."""
        self.await_page("/readyz", (200, "queue receiving, topic available"))

    def count_tasks(self) -> int:
        """Tasks of its event loop but for the one that counts."""

        async def count() -> int:
            return len(asyncio.all_tasks()) - 1

        return asyncio.run_coroutine_threadsafe(count(), self.loop).result(PATIENCE)


class Stack:
    """A Service Bus queue, a topic, and the settings of a bridge between them."""

    def __init__(self, servicebus: ServiceBusServer, topic: Topic) -> None:
        self.servicebus = servicebus
        self.queue = servicebus.queue(QUEUE)
        self.topic = topic
        self.pubsub = topic.server

    def settings(self, **changed: str | None) -> dict[str, str]:
        """Settings by name; None leaves one out."""
        values: dict[str, str | None] = {
            "IRIS_CONNECTION_STRING": self.servicebus.connection_string,
            "IRIS_QUEUE_NAME": QUEUE,
            "PUBSUB_TOPIC": self.topic.name,
            "PUBSUB_EMULATOR_HOST": self.pubsub.address,
            "BRIDGE_HTTP": "127.0.0.1:0",
            **changed,
        }
        return {name: value for name, value in values.items() if value is not None}

    def bridge(self, **changed: str | None) -> Inside:
        return Inside(parse(self.settings(**changed)))

    def send(self, count: int, size: int = 0) -> set[str]:
        """Puts messages into the queue; their ids."""
        messages = numbered(count, size)
        self.queue.send(messages)
        return ids(messages)

    def await_empty(self) -> None:
        """Fails unless the queue runs empty, dead letters apart."""
        eventually(lambda: self.queue.counts()[:3] == (0, 0, 0), self.queue.counts)


class AtOnce(Generic[T]):
    """Calls that mostly wait, made in threads of their own, all at once; their results by name.

    A test asks for one of them: it gets what the call returned, or its failure.
    """

    def __init__(self, calls: Mapping[str, Callable[[], T]]) -> None:
        self._threads = ThreadPoolExecutor(len(calls))
        self._results = {name: self._threads.submit(call) for name, call in calls.items()}

    def __getitem__(self, name: str) -> T:
        return self._results[name].result()

    def __enter__(self) -> AtOnce[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown()


@contextmanager
def stacked(**options: Any) -> Iterator[Stack]:
    """A stack; takes options of the Service Bus server."""
    options = {"queues": [QUEUE], "max_connections_per_queue": 1, **options}
    with PubSubServer() as pubsub, ServiceBusServer(**options) as servicebus:
        topic = Topic(pubsub)
        try:
            yield Stack(servicebus, topic)
        finally:
            topic.close()
