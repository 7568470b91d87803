"""The server as its users see it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType

from local.servicebus.faults import Faults
from local.servicebus.host import Host
from local.servicebus.message import content_of
from local.servicebus.model import Counts, DeadLetter, QueueMessage
from local.servicebus.namespace import Entity, Namespace, Settings, TokenIssuer
from local.servicebus.queue_pair import QueuePair


class QueueHandle:
    """A queue, past the protocol. Any thread may use it, whether the server runs or not."""

    def __init__(self, host: Host, entity: Entity) -> None:
        self._host = host
        self._entity = entity

    def send(self, messages: Iterable[QueueMessage]) -> None:
        """Puts messages into the queue, in this order.

        Raises:
            CodecError: a field or a value in a body is of no AMQP type; then none is sent.
        """
        contents = [content_of(message) for message in messages]
        with self._host.lock:
            self._entity.pair.send(contents)
        self._host.soon(self._entity.wake)

    def counts(self) -> Counts:
        """How many messages are in which state."""
        with self._host.lock:
            return self._entity.pair.counts()

    def dead_letters(self) -> list[DeadLetter]:
        """What is in the dead-letter sub-queue, oldest first."""
        with self._host.lock:
            return self._entity.pair.dead_letters()

    def oldest_enqueued_at(self) -> float | None:
        """When the queue's oldest message came in, in seconds since 1970; None when empty."""
        with self._host.lock:
            return self._entity.pair.oldest_enqueued_at()


class ServiceBusServer:
    """An Azure Service Bus namespace in this process, in a thread of its own; a context manager.

    Args:
        queues: their names; clients may write them in any case.
        port: 0 takes a free one; see ``address``.
        host: the interface to listen on. Unless ``tokens`` are given there is no authentication,
            so anything but loopback opens the server to the network.
        lock_seconds: how long a received message is locked.
        max_delivery_count: failed deliveries after which a message is dead-lettered.
        time_to_live: seconds after which a message is dead-lettered; a message's own, if it is
            shorter, goes first.
        certificate: files with the certificate chain and its key, both PEM: the server speaks
            TLS then, and nothing else.
        tokens: when given, clients need a token that it has issued; otherwise any will do.
        release_on_detach: messages that are not settled when their link ends are ready again at
            once; otherwise their locks run on.
        max_connections_per_queue: connections with links to one queue, its sub-queue included;
            a link of one more is refused with ``amqp:resource-limit-exceeded``.
        clock: seconds since 1970-01-01 UTC. Receivers compare the ends of locks with their own.

    Attributes:
        faults: what goes wrong, for tests.
    """

    def __init__(
        self,
        queues: Sequence[str] = ("iris",),
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        lock_seconds: float = 60.0,
        max_delivery_count: int = 10,
        time_to_live: float | None = None,
        certificate: tuple[Path, Path] | None = None,
        tokens: TokenIssuer | None = None,
        release_on_detach: bool = False,
        max_connections_per_queue: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if len({name.lower() for name in queues}) < len(queues):
            raise ValueError(f"queues: names have to differ in more than case: {list(queues)}")
        self._host = Host((host, port), certificate)
        self.faults = Faults(self._host)
        pairs = {
            name: QueuePair(
                lock_seconds=lock_seconds,
                max_delivery_count=max_delivery_count,
                time_to_live=time_to_live,
                clock=clock,
            )
            for name in queues
        }
        self._namespace = self._host.namespace = Namespace(
            pairs,
            settings=Settings(tokens, release_on_detach, max_connections_per_queue),
            faults=self.faults,
            soon=self._host.soon,
            clock=clock,
        )

    @property
    def port(self) -> int:
        """Where the server listens; 0 before ``start`` if any was asked for."""
        return self._host.port

    @property
    def address(self) -> str:
        """``HOST:PORT``."""
        return f"{self._host.host}:{self.port}"

    @property
    def connection_string(self) -> str:
        """For the SDK's clients, without TLS."""
        return (
            f"Endpoint=sb://{self.address};SharedAccessKeyName=local;SharedAccessKey=local;"
            "UseDevelopmentEmulator=true"
        )

    def queue(self, name: str) -> QueueHandle:
        """A queue by its name; raises KeyError for one that the server does not have."""
        return QueueHandle(self._host, self._namespace.entity(name))

    @property
    def connections(self) -> int:
        """How many connections have a link to a queue, a sub-queue or a management node.

        A connection without one, such as one that only hands in a token, does not count.
        """
        return self._namespace.meter.current

    @property
    def peak_connections(self) -> int:
        """The most ``connections`` at the same time since the last ``reset_peak``."""
        return self._namespace.meter.peak

    @property
    def total_connections(self) -> int:
        """How often a connection came to count among ``connections``."""
        return self._namespace.meter.total

    def reset_peak(self) -> None:
        """``peak_connections`` is measured from now on."""
        with self._host.lock:
            self._namespace.meter.reset_peak()

    def start(self) -> ServiceBusServer:
        """Listens and serves. Raises OSError when the port is taken or a file cannot be read."""
        self._host.start()
        return self

    def stop(self) -> None:
        """Cuts connections and frees the port. Messages stay; ``start`` serves them again."""
        self._host.stop()

    def __enter__(self) -> ServiceBusServer:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
