"""The seam to storage: what must survive a restart, and nothing else.

That is the topics, the subscriptions, and for each subscription the messages it has not
acknowledged. Leases are not part of it: after a restart every unacknowledged message is ready for
delivery again, and ack ids from before are void.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence

from local.pubsub.model import Content, Message, Subscription, Topic


class Backlog(ABC):
    """Topics, subscriptions and their unacknowledged messages.

    The broker is the only caller, and it calls one method at a time (``commit`` excepted). It
    has checked the names: a topic or subscription it mentions exists. It asks for the topics,
    the subscriptions and the pending messages once, when it starts, and reads a message's
    content when it delivers it, so that an implementation need not hold the contents in memory.
    Every method may raise ``StorageError``.
    """

    @abstractmethod
    def topics(self) -> Sequence[Topic]:
        """All topics."""

    @abstractmethod
    def subscriptions(self) -> Sequence[Subscription]:
        """All subscriptions."""

    @abstractmethod
    def pending(self, subscription: str) -> Sequence[int]:
        """The ids of the messages that ``subscription`` has not acknowledged, oldest first."""

    @abstractmethod
    def save_topic(self, topic: Topic) -> None:
        """Adds a topic."""

    @abstractmethod
    def remove_topic(self, name: str) -> None:
        """Removes a topic; messages its subscriptions still have to acknowledge stay."""

    @abstractmethod
    def save_subscription(self, subscription: Subscription) -> None:
        """Adds a subscription, or replaces the one of the same name and keeps its messages."""

    @abstractmethod
    def remove_subscription(self, name: str) -> None:
        """Removes a subscription and what it has not acknowledged."""

    @abstractmethod
    def append(
        self, contents: Sequence[Content], publish_time_ns: int, subscriptions: Sequence[str]
    ) -> list[int]:
        """Keeps messages until each of ``subscriptions`` has acknowledged them.

        All or none are kept. Returns their ids in the order of ``contents``: rising, and never
        given twice in the life of this backlog, restarts included. After an error none is kept.
        """

    @abstractmethod
    def read(self, message_id: int) -> Message:
        """A message that at least one subscription has not acknowledged."""

    @abstractmethod
    def acknowledge(self, subscription: str, message_ids: Sequence[int]) -> None:
        """Ends the messages' life in ``subscription``; each of them was pending there."""

    @abstractmethod
    def commit(self) -> None:
        """Returns when every change made before the call is safe from a crash.

        Called by several threads at once and beside the other methods, so that one write to
        the disk can serve all callers. A publish is answered only after it; an acknowledgement
        does not wait for it, since losing one means a redelivery, not a loss. A subscriber may
        see a message before its commit: should a crash undo it, the publisher, who got no
        answer, sends it again. An error fails the calls that wait for the commit; their changes
        stay, and a later commit may still make them safe.
        """

    @abstractmethod
    def close(self) -> None:
        """Commits, then gives back what the backlog holds, whatever the commit has come to.

        Called when nothing else is under way; a second call does nothing.
        """


class MemoryBacklog(Backlog):
    """A backlog in this process's memory: it survives a new broker, not a new process.

    Closing it does nothing, so that another server can go on with it.

    Args:
        first_id: the first message's id. By default the microseconds since 1970, so that two
            runs do not use the same ids.
    """

    def __init__(self, first_id: int | None = None) -> None:
        self._next_id = time.time_ns() // 1_000 if first_id is None else first_id
        self._topics: dict[str, Topic] = {}
        self._subscriptions: dict[str, Subscription] = {}
        self._messages: dict[int, Message] = {}
        #: Per message, how many subscriptions have not acknowledged it.
        self._waiting: dict[int, int] = {}
        #: Per subscription, ids in the order of publication: a dict as an ordered set.
        self._pending: dict[str, dict[int, None]] = {}

    def topics(self) -> Sequence[Topic]:
        return list(self._topics.values())

    def subscriptions(self) -> Sequence[Subscription]:
        return list(self._subscriptions.values())

    def pending(self, subscription: str) -> Sequence[int]:
        return list(self._pending[subscription])

    def save_topic(self, topic: Topic) -> None:
        self._topics[topic.name] = topic

    def remove_topic(self, name: str) -> None:
        del self._topics[name]

    def save_subscription(self, subscription: Subscription) -> None:
        self._subscriptions[subscription.name] = subscription
        self._pending.setdefault(subscription.name, {})

    def remove_subscription(self, name: str) -> None:
        self.acknowledge(name, self.pending(name))
        del self._subscriptions[name], self._pending[name]

    def append(
        self, contents: Sequence[Content], publish_time_ns: int, subscriptions: Sequence[str]
    ) -> list[int]:
        ids = list(range(self._next_id, self._next_id + len(contents)))
        self._next_id += len(contents)
        if subscriptions:
            for message_id, content in zip(ids, contents, strict=True):
                self._messages[message_id] = Message(message_id, publish_time_ns, content)
                self._waiting[message_id] = len(subscriptions)
        for subscription in subscriptions:
            self._pending[subscription].update(dict.fromkeys(ids))
        return ids

    def read(self, message_id: int) -> Message:
        return self._messages[message_id]

    def acknowledge(self, subscription: str, message_ids: Sequence[int]) -> None:
        pending = self._pending[subscription]
        for message_id in message_ids:
            del pending[message_id]
            self._waiting[message_id] -= 1
            if not self._waiting[message_id]:
                del self._waiting[message_id], self._messages[message_id]

    def commit(self) -> None:
        """Nothing to do: memory is as safe as it gets."""

    def close(self) -> None:
        """Nothing to do."""
