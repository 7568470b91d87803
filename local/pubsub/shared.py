"""The broker for many threads: one lock around it, and pulls that wait for messages."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from local.pubsub.broker import Broker
from local.pubsub.leases import FlowControl
from local.pubsub.model import Delivery

#: Seconds; a condition cannot wait for an infinite time, so a stream looks around this often.
LONGEST_WAIT = 60.0


class SharedBroker:
    """Gives threads their turn at a broker, and wakes waiting pulls when something changed."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._changed = threading.Condition()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether ``close`` was called: waiting pulls have given up."""
        return self._closed

    @contextmanager
    def turn(self) -> Iterator[Broker]:
        """The broker, for this thread alone; what was changed may be lost in a crash."""
        with self._changed:
            yield self._broker
            self._changed.notify_all()

    @contextmanager
    def durable_turn(self) -> Iterator[Broker]:
        """The same; when it ends without an error, what was changed is safe from a crash."""
        with self.turn() as broker:
            yield broker
        # Outside the lock: others may go on, and their changes may share the write.
        self._broker.commit()

    def wait_and_pull(
        self,
        subscription: str,
        max_messages: int,
        *,
        patience: float | None,
        alive: Callable[[], bool],
        ack_deadline_seconds: int | None = None,
        flow: FlowControl | None = None,
    ) -> list[Delivery]:
        """``Broker.pull`` that waits while there is nothing to deliver.

        Args:
            patience: seconds to wait at most; None waits for as long as it takes.
            alive: false once nobody waits for the answer any more; nothing is leased then. It
                is asked before every look for messages; ``wake`` makes for one.

        Returns:
            Empty when patience or life ended, or the server closes.
        """
        give_up = time.monotonic() + (math.inf if patience is None else patience)
        with self._changed:
            while alive() and not self._closed:
                deliveries = self._broker.pull(
                    subscription,
                    max_messages,
                    ack_deadline_seconds=ack_deadline_seconds,
                    flow=flow,
                )
                if deliveries:
                    return deliveries
                patience_left = give_up - time.monotonic()
                if patience_left <= 0:
                    break
                # Leases that others take meanwhile do not matter: while this pull waits, nothing
                # is ready but what its flow control does not admit.
                to_expiry = self._broker.seconds_to_expiry(subscription)
                self._changed.wait(min(patience_left, to_expiry, LONGEST_WAIT))
        return []

    def wake(self) -> None:
        """Lets waiting pulls look again, at ``alive`` first."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Ends all waiting, now and later."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
