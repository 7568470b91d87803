"""The server: a broker, its services and a port."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

import grpc

from local.pubsub.backlog import Backlog, MemoryBacklog
from local.pubsub.broker import Broker
from local.pubsub.faults import Faults
from local.pubsub.limits import check_name
from local.pubsub.model import AlreadyExists, Subscription, Topic
from local.pubsub.publisher import Publisher
from local.pubsub.rpc import EverythingElse
from local.pubsub.shared import SharedBroker
from local.pubsub.subscriber import Subscriber

#: A waiting pull and an open stream occupy a thread each; calls beyond wait for a free one.
MAX_CONCURRENT_CALLS = 128
#: Seconds that calls under way get to end when the server stops.
STOP_GRACE = 2.0

_OPTIONS = [
    # Above the limit of a publish request: the refusal should be ours, with a text.
    ("grpc.max_receive_message_length", 32 * 1024 * 1024),
    ("grpc.max_send_message_length", -1),
    # By default a second server on the same port would start and share its calls.
    ("grpc.so_reuseport", 0),
]


class PubSubServer:
    """A Pub/Sub server in this process, in threads of its own; a context manager.

    Args:
        port: 0 takes a free one; see ``address``.
        host: the interface to listen on. The server has no authentication, so anything but
            loopback opens it to the network.
        backlog: where messages are kept; by default in memory, fresh. A new server on an old
            one's backlog delivers what the old one left. It belongs to the server from here on:
            ``stop`` closes it.
        clock: seconds, by which leases end; for tests that do not wait for that.

    Attributes:
        faults: what goes wrong, for tests.
    """

    def __init__(
        self,
        port: int = 0,
        host: str = "127.0.0.1",
        backlog: Backlog | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = host
        self._port = port
        self._backlog = MemoryBacklog() if backlog is None else backlog
        self._shared = SharedBroker(Broker(self._backlog, clock))
        self.faults = Faults(wake=self._shared.wake)
        self._threads = ThreadPoolExecutor(MAX_CONCURRENT_CALLS, thread_name_prefix="pubsub")
        self._grpc = grpc.server(
            self._threads,
            handlers=[
                Publisher(self._shared, self.faults).service(),
                Subscriber(self._shared, self.faults).service(),
                EverythingElse(),
            ],
            options=_OPTIONS,
        )

    @property
    def address(self) -> str:
        """``HOST:PORT``, the value for ``PUBSUB_EMULATOR_HOST``; the port is 0 before ``start``."""
        return f"{self._host}:{self._port}"

    def start(self) -> PubSubServer:
        """Listens and serves. Raises OSError when the port is taken. Once per server."""
        try:
            self._port = self._grpc.add_insecure_port(self.address)
        except RuntimeError as error:
            self.stop()
            raise OSError(f"cannot listen on {self.address}: {error}") from error
        self._grpc.start()
        return self

    def stop(self) -> None:
        """Lets calls under way end, ends streams with UNAVAILABLE, frees port and backlog.

        Raises:
            StorageError: acknowledgements, which nobody waited for, cannot be written.
        """
        self._shared.close()
        self.faults.clear()
        self._grpc.stop(STOP_GRACE).wait()
        self._threads.shutdown()
        self._backlog.close()

    def __enter__(self) -> PubSubServer:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def ensure_topic(self, name: str) -> None:
        """Creates ``projects/P/topics/T`` unless it exists."""
        check_name("name", name, "topics")
        try:
            with self._shared.durable_turn() as broker:
                broker.create_topic(Topic(name))
        except AlreadyExists:
            pass

    def ensure_subscription(self, name: str, topic: str) -> None:
        """Creates ``projects/P/subscriptions/S`` on ``topic`` unless it exists.

        Raises:
            NotFound: there is no such topic.
            AlreadyExists: it exists on another topic.
        """
        check_name("name", name, "subscriptions")
        try:
            with self._shared.durable_turn() as broker:
                broker.create_subscription(Subscription(name, topic))
        except AlreadyExists:
            with self._shared.turn() as broker:
                if broker.subscription(name).topic != topic:
                    raise

    def unacknowledged(self, subscription: str) -> int:
        """How many messages it has not acknowledged, leased ones included."""
        with self._shared.turn() as broker:
            return broker.unacknowledged(subscription)
