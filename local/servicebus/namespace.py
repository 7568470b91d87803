"""What all connections share: the queues with the links on them, and what is over when."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from local.servicebus import performatives as p
from local.servicebus.addresses import Address
from local.servicebus.faults import Faults, TokenRefusal
from local.servicebus.links import Link, QueueOutlet
from local.servicebus.model import MessageLockLost
from local.servicebus.queue import Queue
from local.servicebus.queue_pair import QueuePair

if TYPE_CHECKING:
    from local.servicebus.connection import Connection

#: Has a function called soon, on the server's thread.
Soon = Callable[[Callable[[], None]], None]

_EXPIRED = p.Condition("amqp:unauthorized-access", "ExpiredToken: The token is expired.")


class TokenIssuer(Protocol):
    """Who knows the tokens that are good."""

    def expiry_of(self, token: str) -> float | None:
        """Until when a token counts, in seconds since 1970; None if it does not."""


@dataclass(frozen=True)
class Settings:
    """What a server can be told besides its queues.

    Attributes:
        tokens: the only issuer of tokens that are taken; None takes any token.
        release_on_detach: messages that are not settled when their link ends are ready again
            at once; otherwise their locks run on.
        max_connections_per_queue: connections with links to one queue; None for any number.
    """

    tokens: TokenIssuer | None = None
    release_on_detach: bool = False
    max_connections_per_queue: int | None = None


class Dispatcher:
    """Brings the messages of one queue or sub-queue to the links that receive from it."""

    def __init__(self, queue: Queue, soon: Soon) -> None:
        self.queue = queue
        self._soon = soon
        self._outlets: list[QueueOutlet] = []

    def add(self, outlet: QueueOutlet) -> None:
        """A link that receives."""
        self._outlets.append(outlet)

    def remove(self, outlet: QueueOutlet) -> None:
        """A link is over."""
        self._outlets.remove(outlet)

    def wake(self) -> None:
        """There may be something to deliver."""
        if self._outlets:
            self._soon(self._deliver)

    def _deliver(self) -> None:
        for outlet in list(self._outlets):
            outlet.deliver()
        # Who was first is last the next time.
        self._outlets[:] = self._outlets[1:] + self._outlets[:1]


class Entity:
    """A queue with its sub-queue, and the links that receive from them."""

    def __init__(self, name: str, pair: QueuePair, soon: Soon) -> None:
        self.name = name
        self.pair = pair
        self._main = Dispatcher(pair.main, soon)
        self._dead = Dispatcher(pair.dead, soon)

    def dispatcher(self, address: Address) -> Dispatcher:
        """Of the queue or the sub-queue."""
        return self._dead if address.dead_letters else self._main

    def wake(self) -> None:
        """There may be something to deliver."""
        self._main.wake()
        self._dead.wake()


class Meter:
    """Counts connections in use: those with a link to a queue, open at both ends.

    Attributes:
        current: in use.
        peak: the most at the same time since the last ``reset_peak``.
        total: how many have come into use since the server was made.
    """

    def __init__(self) -> None:
        self.current = self.peak = self.total = 0

    def change(self, by: int) -> None:
        """A connection has come into use, or is so no more."""
        self.current += by
        self.total += max(0, by)
        self.peak = max(self.peak, self.current)

    def reset_peak(self) -> None:
        """The peak is measured from now on."""
        self.peak = self.current


class Namespace:
    """The server apart from its sockets; one thread at a time.

    Args:
        clock: seconds since 1970-01-01 UTC, for messages and tokens.
        monotonic: seconds, for answers that are late and clients that are silent.

    Attributes:
        entities: by name in lower case; names differ in more than that.
        connections: those that are open.
    """

    def __init__(
        self,
        pairs: Mapping[str, QueuePair],
        *,
        settings: Settings,
        faults: Faults,
        soon: Soon,
        clock: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.entities = {name.lower(): Entity(name, pair, soon) for name, pair in pairs.items()}
        self.settings = settings
        self.faults = faults
        self.clock = clock
        self.monotonic = monotonic
        self.meter = Meter()
        self.connections: set[Connection] = set()
        #: Answers that are late: when they are due by ``monotonic``, and what sends them.
        self._late: list[tuple[float, Callable[[], None]]] = []

    def judge_token(self, token: str) -> TokenRefusal | float:
        """Why a token is refused, or until when it counts by its issuer."""
        if self.faults.token_refusal:
            return self.faults.token_refusal
        if self.settings.tokens is None:
            return float("inf")
        expiry = self.settings.tokens.expiry_of(token)
        if expiry is None:
            return TokenRefusal(401, "InvalidToken: The token was not issued for this service.")
        if expiry <= self.clock():
            return TokenRefusal(401, _EXPIRED.description)
        return expiry

    def given_up(self, outlet: QueueOutlet, tokens: Iterable[UUID]) -> None:
        """A link is over with deliveries on it that were not settled."""
        if self.settings.release_on_detach:
            for token in tokens:
                try:
                    outlet.queue.release(token)
                except MessageLockLost:
                    continue  # settled over the management link, or expired
            outlet.entity.wake()

    def answer_settlement(self, answer: Callable[[], None]) -> None:
        """Has a settlement answered, late if it is to be late."""
        delay = self.faults.settlement_delay
        if delay > 0:
            self._late.append((self.monotonic() + delay, answer))
        else:
            answer()

    def answer_late_ones(self, until: float = float("inf")) -> None:
        """Sends the late answers that are due; by default, all."""
        due = [answer for when, answer in self._late if when <= until]
        self._late = [(when, answer) for when, answer in self._late if when > until]
        for answer in due:
            answer()

    def expire(self) -> None:
        """Ends locks and messages whose time is over; to be called every now and then."""
        for entity in self.entities.values():
            entity.pair.expire()
            entity.wake()

    def tend(self) -> None:
        """Looks after connections: late answers, tokens, silence; as often, unless they hang."""
        self.answer_late_ones(self.monotonic())
        for connection in list(self.connections):
            connection.tend()
            for link in _links([connection]):
                if not connection.may_use(link.address):
                    link.session.detach(link, _EXPIRED)

    # What faults do

    def drop_connections(self) -> None:
        """Cuts every connection."""
        for connection in list(self.connections):
            connection.abort()

    def close_connections(self, error: p.Condition) -> None:
        """Closes every connection with an error."""
        for connection in list(self.connections):
            connection.close(error)

    def detach(self, queue: str, error: p.Condition) -> None:
        """Ends every link to a queue."""
        entity = self.entity(queue)
        for link in list(_links(self.connections)):
            if link.entity is entity:
                link.session.detach(link, error)

    def lose_locks(self, queue: str) -> None:
        """All locks of a queue expire."""
        entity = self.entity(queue)
        entity.pair.lose_locks()
        entity.wake()

    def expire_tokens(self) -> None:
        """All tokens expire."""
        for connection in list(self.connections):
            connection.tokens.clear()
        self.tend()

    def entity(self, queue: str) -> Entity:
        """A queue by its name; raises KeyError, with the names that there are."""
        try:
            return self.entities[queue.lower()]
        except KeyError:
            names = ", ".join(entity.name for entity in self.entities.values())
            raise KeyError(f"this server has no queue {queue!r}, only {names}") from None


def _links(connections: Iterable[Connection]) -> Iterator[Link]:
    """The open links to queues of these connections."""
    for connection in list(connections):
        for link in connection.links():
            if link.entity is not None:
                yield link
