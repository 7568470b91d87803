"""The rules of Pub/Sub: fan-out, leases, delivery at least once. Synchronous, one caller."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from local.pubsub.backlog import Backlog
from local.pubsub.leases import FlowControl, LeaseQueue
from local.pubsub.limits import MAX_ANSWER_BYTES
from local.pubsub.model import (
    DELETED_TOPIC,
    AlreadyExists,
    Content,
    Delivery,
    NotFound,
    Subscription,
    Topic,
)


class Broker:
    """Topics, subscriptions and the deliveries between them.

    Not safe for use by several threads; ``SharedBroker`` makes it so. A method that names a
    topic or subscription which does not exist raises ``NotFound``.

    Args:
        backlog: what earlier brokers left is delivered again.
        clock: seconds, for leases; only differences matter.
        wall_clock_ns: nanoseconds since 1970-01-01 UTC, for publish times.
    """

    def __init__(
        self,
        backlog: Backlog,
        clock: Callable[[], float] = time.monotonic,
        wall_clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._backlog = backlog
        self._clock = clock
        self._wall_clock_ns = wall_clock_ns
        self._ack_id_numbers = itertools.count(1)
        # Two brokers on one backlog, one after the other, must not give the same ack ids.
        self._ack_id_prefix = secrets.token_hex(6)
        self._topics = {topic.name: topic for topic in backlog.topics()}
        self._subscriptions = {sub.name: sub for sub in backlog.subscriptions()}
        self._queues = {
            name: LeaseQueue(backlog.pending(name), self._new_ack_id)
            for name in self._subscriptions
        }

    def create_topic(self, topic: Topic) -> None:
        """Raises ``AlreadyExists`` for a name in use."""
        if topic.name in self._topics:
            raise AlreadyExists(f"topic {topic.name} exists already")
        self._backlog.save_topic(topic)
        self._topics[topic.name] = topic

    def topic(self, name: str) -> Topic:
        """The topic of this name."""
        if name not in self._topics:
            raise NotFound(f"topic {name} does not exist")
        return self._topics[name]

    def topics(self, project: str) -> list[Topic]:
        """The topics of ``projects/P``, by name."""
        return [t for name, t in sorted(self._topics.items()) if name.startswith(f"{project}/")]

    def delete_topic(self, name: str) -> None:
        """Its subscriptions stay, with the messages they have; they get no more."""
        self.topic(name)
        for subscription in self._subscriptions_of(name):
            orphan = replace(self._subscriptions[subscription], topic=DELETED_TOPIC)
            self._backlog.save_subscription(orphan)
            self._subscriptions[subscription] = orphan
        self._backlog.remove_topic(name)
        del self._topics[name]

    def create_subscription(self, subscription: Subscription) -> None:
        """It gets what is published from now on. Raises ``AlreadyExists`` for a name in use."""
        if subscription.name in self._subscriptions:
            raise AlreadyExists(f"subscription {subscription.name} exists already")
        self.topic(subscription.topic)
        self._backlog.save_subscription(subscription)
        self._subscriptions[subscription.name] = subscription
        self._queues[subscription.name] = LeaseQueue((), self._new_ack_id)

    def subscription(self, name: str) -> Subscription:
        """The subscription of this name."""
        if name not in self._subscriptions:
            raise NotFound(f"subscription {name} does not exist")
        return self._subscriptions[name]

    def subscriptions(self, project: str) -> list[Subscription]:
        """The subscriptions of ``projects/P``, by name."""
        found = sorted(self._subscriptions.items())
        return [sub for name, sub in found if name.startswith(f"{project}/")]

    def delete_subscription(self, name: str) -> None:
        """Drops what it has not acknowledged, too."""
        self.subscription(name)
        self._backlog.remove_subscription(name)
        del self._subscriptions[name], self._queues[name]

    def publish(self, topic: str, contents: Sequence[Content]) -> list[int]:
        """Hands messages to every subscription of ``topic``; returns their ids in order.

        They are safe from a crash only after ``commit``. Without a subscription they are gone,
        as in the real service.
        """
        self.topic(topic)
        subscriptions = self._subscriptions_of(topic)
        ids = self._backlog.append(contents, self._wall_clock_ns(), subscriptions)
        for subscription in subscriptions:
            self._queues[subscription].add(ids)
        return ids

    def commit(self) -> None:
        """Returns when all changes so far are safe from a crash. Any thread, any time."""
        self._backlog.commit()

    def pull(
        self,
        subscription: str,
        max_messages: int,
        *,
        ack_deadline_seconds: int | None = None,
        flow: FlowControl | None = None,
    ) -> list[Delivery]:
        """Leases ready messages, perhaps none.

        Args:
            max_messages: at most so many; fewer if their sum would exceed
                ``MAX_ANSWER_BYTES``. A single message above that comes alone.
            ack_deadline_seconds: the leases' length; by default the subscription's.
            flow: what the consumer holds already and may hold.
        """
        seconds = ack_deadline_seconds or self.subscription(subscription).ack_deadline_seconds
        flow = flow or FlowControl()
        now = self._clock()
        queue = self._queue(subscription)
        queue.expire(now)
        deliveries: list[Delivery] = []
        room = MAX_ANSWER_BYTES
        while len(deliveries) < max_messages and (message_id := queue.head()) is not None:
            message = self._backlog.read(message_id)
            size = message.size
            if (deliveries and size > room) or not flow.admits(size):
                break
            room -= size
            deliveries.append(Delivery(queue.lease(now + seconds, size, flow), message))
        return deliveries

    def acknowledge(self, subscription: str, ack_ids: Sequence[str]) -> None:
        """Ends the leased messages' life here; an expired or unknown ack id is ignored."""
        queue = self._queue(subscription)
        queue.expire(self._clock())
        settled = [queue.settle(ack_id) for ack_id in ack_ids]
        self._backlog.acknowledge(subscription, [each for each in settled if each is not None])

    def modify_ack_deadline(self, subscription: str, ack_ids: Sequence[str], seconds: int) -> None:
        """Moves the leases' end to ``seconds`` from now; 0 gives the messages back at once.

        An expired or unknown ack id is ignored.
        """
        queue = self._queue(subscription)
        now = self._clock()
        queue.expire(now)
        for ack_id in ack_ids:
            if seconds:
                queue.extend(ack_id, now + seconds)
            else:
                queue.give_back(ack_id)

    def seconds_to_expiry(self, subscription: str) -> float:
        """Until the next lease expires, 0 or more; infinite without leases."""
        return max(0.0, self._queue(subscription).next_deadline() - self._clock())

    def unacknowledged(self, subscription: str) -> int:
        """How many messages the subscription has not acknowledged, leased ones included."""
        return len(self._queue(subscription))

    def _queue(self, subscription: str) -> LeaseQueue:
        self.subscription(subscription)
        return self._queues[subscription]

    def _subscriptions_of(self, topic: str) -> list[str]:
        return [sub.name for sub in self._subscriptions.values() if sub.topic == topic]

    def _new_ack_id(self) -> str:
        return f"{self._ack_id_prefix}-{next(self._ack_id_numbers)}"
