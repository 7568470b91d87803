"""Every published message is delivered until acknowledged, and never afterwards."""

from __future__ import annotations

import tempfile

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from local.pubsub.backlog import Backlog, MemoryBacklog
from local.pubsub.broker import Broker
from local.pubsub.disk import DiskBacklog
from local.pubsub.model import Content, Subscription, Topic
from tests.local.pubsub.clock import Clock

TOPIC = "projects/p/topics/t"
SUB = "projects/p/subscriptions/s"
OTHER_SUB = "projects/p/subscriptions/other"


class Deliveries(RuleBasedStateMachine):
    """Any order of calls, restarts included, against a model of plain dictionaries.

    The model knows for every subscription the unacknowledged messages and, for those on lease,
    the ack id and the deadline. From it follows exactly what each pull may bring.
    """

    SUBS = (SUB, OTHER_SUB)

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.backlog = self.first_backlog()
        self.broker = Broker(self.backlog, self.clock)
        self.broker.create_topic(Topic(TOPIC))
        self.unacknowledged: dict[str, set[int]] = {}
        self.leases: dict[str, dict[str, tuple[int, float]]] = {}
        self.void_ack_ids: list[str] = []
        for subscription in self.SUBS:
            self.broker.create_subscription(Subscription(subscription, TOPIC))
            self.unacknowledged[subscription] = set()
            self.leases[subscription] = {}

    def first_backlog(self) -> Backlog:
        return MemoryBacklog(first_id=1)

    def next_backlog(self) -> Backlog:
        """The one that a new process finds."""
        return self.backlog

    def expire(self) -> None:
        for leases in self.leases.values():
            for ack_id, (_, deadline) in list(leases.items()):
                if deadline <= self.clock.now:
                    del leases[ack_id]
                    self.void_ack_ids.append(ack_id)

    @rule(count=st.integers(1, 5))
    def publish(self, count: int) -> None:
        ids = self.broker.publish(TOPIC, [Content(b"x")] * count)
        for unacknowledged in self.unacknowledged.values():
            assert unacknowledged.isdisjoint(ids)
            unacknowledged.update(ids)

    @rule(subscription=st.sampled_from(SUBS), count=st.integers(1, 7))
    def pull(self, subscription: str, count: int) -> None:
        leases = self.leases[subscription]
        deliveries = self.broker.pull(subscription, count)
        ready = self.unacknowledged[subscription] - {each for each, _ in leases.values()}
        ids = [delivery.message.message_id for delivery in deliveries]
        assert len(ids) == len(set(ids)) == min(count, len(ready))
        assert ready.issuperset(ids)
        for delivery in deliveries:
            assert delivery.ack_id not in leases
            assert delivery.ack_id not in self.void_ack_ids
            leases[delivery.ack_id] = (delivery.message.message_id, self.clock.now + 10)

    @rule(subscription=st.sampled_from(SUBS), choice=st.data())
    def acknowledge(self, subscription: str, choice: st.DataObject) -> None:
        for ack_id in self.some_leases(subscription, choice):
            message_id, _ = self.leases[subscription].pop(ack_id)
            self.unacknowledged[subscription].remove(message_id)
            self.broker.acknowledge(subscription, [ack_id])
            self.void_ack_ids.append(ack_id)

    @rule(subscription=st.sampled_from(SUBS), seconds=st.integers(0, 30), choice=st.data())
    def modify_deadline(self, subscription: str, seconds: int, choice: st.DataObject) -> None:
        chosen = self.some_leases(subscription, choice)
        self.broker.modify_ack_deadline(subscription, chosen, seconds)
        for ack_id in chosen:
            message_id, _ = self.leases[subscription][ack_id]
            self.leases[subscription][ack_id] = (message_id, self.clock.now + seconds)
        self.expire()

    @precondition(lambda self: self.void_ack_ids)
    @rule(subscription=st.sampled_from(SUBS), seconds=st.integers(0, 30), choice=st.data())
    def use_a_void_ack_id(self, subscription: str, seconds: int, choice: st.DataObject) -> None:
        ack_id = choice.draw(st.sampled_from(self.void_ack_ids))
        self.broker.modify_ack_deadline(subscription, [ack_id], seconds)
        self.broker.acknowledge(subscription, [ack_id])

    @rule(seconds=st.sampled_from([0.5, 4.0, 9.5, 30.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds
        self.expire()

    @rule()
    def restart(self) -> None:
        self.backlog.close()
        self.backlog = self.next_backlog()
        self.broker = Broker(self.backlog, self.clock)
        for leases in self.leases.values():
            self.void_ack_ids.extend(leases)
            leases.clear()

    @invariant()
    def nothing_is_lost_or_kept_too_long(self) -> None:
        counts = {sub: self.broker.unacknowledged(sub) for sub in self.SUBS}
        assert counts == {sub: len(ids) for sub, ids in self.unacknowledged.items()}
        pending = {sub: self.backlog.pending(sub) for sub in self.SUBS}
        assert pending == {sub: sorted(ids) for sub, ids in self.unacknowledged.items()}

    def teardown(self) -> None:
        """Whatever happened, in the end each unacknowledged message is delivered."""
        self.clock.now += 1_000
        for subscription, unacknowledged in self.unacknowledged.items():
            deliveries = self.broker.pull(subscription, 10_000)
            assert {each.message.message_id for each in deliveries} == unacknowledged
            self.broker.acknowledge(subscription, [each.ack_id for each in deliveries])
            assert self.broker.pull(subscription, 10_000) == []
        self.backlog.close()

    def some_leases(self, subscription: str, choice: st.DataObject) -> list[str]:
        leases = sorted(self.leases[subscription])
        return choice.draw(st.lists(st.sampled_from(leases), unique=True)) if leases else []


class DeliveriesFromDisk(Deliveries):
    """The same with a folder that every restart opens anew."""

    def first_backlog(self) -> Backlog:
        self.folder = tempfile.TemporaryDirectory()
        return self.next_backlog()

    def next_backlog(self) -> Backlog:
        return DiskBacklog(self.folder.name)

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestDeliveriesFromDisk = DeliveriesFromDisk.TestCase
TestDeliveriesFromDisk.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
