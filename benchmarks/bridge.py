"""The bridge against a bare SDK loop that receives and completes and publishes nothing."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any, Final

from azure.servicebus.aio import ServiceBusClient
from google.pubsub_v1.types import PublishRequest

from benchmarks.delay import DelayProxy
from bridge.message import Packed
from bridge.metrics import Metrics
from bridge.publishing import Publishing
from bridge.relay import Flight, Relay
from bridge.settings import Settings, parse
from bridge.source import Access, Source
from bridge.state import State
from bridge.topic import Answer, Topic
from local.pubsub import PubSubServer
from local.servicebus import QueueMessage, ServiceBusServer

QUEUE: Final = "iris"
TOPIC: Final = "projects/local-project/topics/iris"
#: Bytes of a body, and how many messages a round moves.
SIZES: Final = {2_000: 4_000, 50_000: 2_000}
ROUND_TRIPS: Final = (0.0, 0.005, 0.020, 0.100)
ROUNDS: Final = 5
#: The trickle: messages a second, and how many; IRIS peaks at about four a second.
RATE: Final = 5.0
TRICKLE: Final = 200


@dataclass(frozen=True)
class Throughput:
    """Messages a second: medians over the rounds, both sides in turns."""

    size: int
    round_trip: float
    bare: float
    bridge: float
    ratio: float
    #: Messages for a second of the client's processor time.
    bridge_by_processor: float


def throughput(rounds: int = ROUNDS, fewer: int = 1) -> Iterator[Throughput]:
    """Each size with each added round trip."""
    with _servers() as servers:
        for round_trip in ROUND_TRIPS:
            servers.ask("delay", round_trip)
            for size, count in SIZES.items():
                yield _compare(servers, size, count // fewer, round_trip, rounds)


def _compare(
    servers: _Servers, size: int, count: int, round_trip: float, rounds: int
) -> Throughput:
    bare, bridge, processor = [], [], []
    for at in range(rounds + 1):
        servers.ask("fill", size, count)
        seconds = asyncio.run(_bare(servers.connection_string, count))
        servers.ask("fill", size, count)
        before = time.process_time()
        relayed = asyncio.run(_bridge(servers, count))
        if at:  # the first round warms both sides up
            bare.append(count / seconds)
            bridge.append(count / relayed)
            processor.append(count / (time.process_time() - before))
    ratios = [one / other for one, other in zip(bridge, bare, strict=True)]
    median = statistics.median
    return Throughput(
        size, round_trip, median(bare), median(bridge), median(ratios), median(processor)
    )


async def _bare(connection_string: str, count: int) -> float:
    """Seconds: the fastest way that the SDK's documents show, a batch completed at once."""
    async with (
        ServiceBusClient.from_connection_string(connection_string) as client,
        client.get_queue_receiver(QUEUE) as receiver,
    ):
        started = time.perf_counter()
        done = 0
        while done < count:
            messages = await receiver.receive_messages(100, max_wait_time=5)
            await asyncio.gather(*(receiver.complete_message(one) for one in messages))
            done += len(messages)
        return time.perf_counter() - started


async def _bridge(servers: _Servers, count: int) -> float:
    """Seconds, with the relay as the process runs it."""
    metrics = Metrics()
    state = State(metrics)
    stop = asyncio.Event()
    async with Topic(TOPIC) as topic, Source(Access(servers.settings)) as source:
        relay = Relay(Publishing(topic, metrics, state, stop), metrics, state)
        flight: Flight | None = None
        started = time.perf_counter()
        while _value(metrics, "completed") < count:
            flight = await relay.step(source, flight)
        return time.perf_counter() - started


def _value(metrics: Metrics, name: str) -> float:
    return metrics.registry.get_sample_value(f"iris_bridge_{name}_total") or 0.0


def latency(round_trip: float = 0.020, count: int = TRICKLE) -> tuple[float, float]:
    """Median and 99th percentile of the seconds from the queue to Pub/Sub's confirmation.

    Messages come at random, ``RATE`` a second; the enqueued time has whole milliseconds.
    """
    with _servers() as servers:
        servers.ask("delay", round_trip)
        seconds = asyncio.run(_trickle(servers, count))
    cuts = statistics.quantiles(seconds, n=100)
    return cuts[49], cuts[98]


async def _trickle(servers: _Servers, count: int) -> list[float]:
    metrics = Metrics()
    state = State(metrics)
    stop = asyncio.Event()
    draw = random.Random(1)
    async with Topic(TOPIC) as topic, Source(Access(servers.settings)) as source:
        publishing = _Timed(topic, metrics, state, stop)
        relay = Relay(publishing, metrics, state)

        async def send() -> None:
            for _ in range(count):
                await asyncio.sleep(draw.expovariate(RATE))
                servers.ask("fill", 2_000, 1)

        sending = asyncio.create_task(send())
        flight: Flight | None = None
        while len(publishing.seconds) < count:
            flight = await relay.step(source, flight)
        await sending
        return publishing.seconds


class _Timed(Publishing):
    """Notes when each message was confirmed."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.seconds: list[float] = []

    async def publish(self, messages: Sequence[Packed]) -> list[Answer]:
        answers = await super().publish(messages)
        now = datetime.now(UTC)
        for packed in messages:
            [message] = PublishRequest.pb().FromString(b"".join(packed)).messages
            enqueued = datetime.fromisoformat(message.attributes["enqueued_time"])
            self.seconds.append((now - enqueued).total_seconds())
        return answers


class _Servers:
    """Service Bus and Pub/Sub, each in a process of its own, on a core that they share."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self.connection_string = ""

    def ask(self, *request: Any) -> Any:
        """Sends a request and waits for its answer."""
        self._pipe.send(request)
        answer = self._pipe.recv()
        if request[0] == "delay":
            self.connection_string, os.environ["PUBSUB_EMULATOR_HOST"] = answer
        return answer

    @property
    def settings(self) -> Settings:
        """The bridge's settings for these servers."""
        return parse(
            {
                "IRIS_CONNECTION_STRING": self.connection_string,
                "IRIS_QUEUE_NAME": QUEUE,
                "PUBSUB_TOPIC": TOPIC,
            }
        )


@contextmanager
def _servers() -> Iterator[_Servers]:
    ours, theirs = multiprocessing.Pipe()
    topic, address = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    cores = sorted(os.sched_getaffinity(0))
    publishing = context.Process(target=_serve_pubsub, args=(address, cores[-1]), daemon=True)
    publishing.start()
    process = context.Process(target=_serve, args=(theirs, topic.recv(), cores[-1]), daemon=True)
    process.start()
    os.sched_setaffinity(0, {cores[0]})
    try:
        yield _Servers(ours)
    finally:
        os.sched_setaffinity(0, set(cores))
        for one in (process, publishing):
            one.terminate()
            one.join()


def _serve_pubsub(pipe: Connection, core: int) -> None:
    os.sched_setaffinity(0, {core})
    with PubSubServer() as pubsub:
        pubsub.ensure_topic(TOPIC)  # without a subscription it keeps nothing
        pipe.send(pubsub.address)
        pipe.recv()


def _serve(pipe: Connection, pubsub: str, core: int) -> None:
    os.sched_setaffinity(0, {core})
    with ServiceBusServer([QUEUE]) as servicebus:
        queue = servicebus.queue(QUEUE)
        while True:
            kind, *values = pipe.recv()
            answer: Any = None
            if kind == "delay":
                answer = (servicebus.connection_string, pubsub)
                if values[0]:
                    near, far = (DelayProxy(one, values[0]) for one in (servicebus.address, pubsub))
                    answer = (answer[0].replace(servicebus.address, near.address), far.address)
            elif kind == "fill":
                size, count = values
                body = os.urandom(size // 2).hex().encode()
                queue.send(
                    [QueueMessage(body, subject="MID", message_id=f"{at}") for at in range(count)]
                )
            pipe.send(answer)
