"""The broker's rules, on a clock that only the tests move: no threads, no gRPC, no waiting."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from local.pubsub.backlog import Backlog
from local.pubsub.broker import Broker
from local.pubsub.leases import FlowControl
from local.pubsub.model import (
    DELETED_TOPIC,
    AlreadyExists,
    Content,
    Delivery,
    Message,
    NotFound,
    Subscription,
    Topic,
)
from tests.local.pubsub.clock import Clock

TOPIC = "projects/p/topics/t"
OTHER_TOPIC = "projects/p/topics/other"
SUB = "projects/p/subscriptions/s"
OTHER_SUB = "projects/p/subscriptions/other"
NOW_NS = 1_700_000_000_123_456_789


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def broker(backlog: Backlog, clock: Clock) -> Broker:
    """One topic with one subscription, ten seconds to acknowledge."""
    broker = Broker(backlog, clock, lambda: NOW_NS)
    broker.create_topic(Topic(TOPIC))
    broker.create_subscription(Subscription(SUB, TOPIC))
    return broker


def texts(*data: str) -> list[Content]:
    return [Content(each.encode()) for each in data]


def data(deliveries: Sequence[Delivery]) -> list[str]:
    return [delivery.message.content.data.decode() for delivery in deliveries]


def ack_ids(deliveries: Sequence[Delivery]) -> list[str]:
    return [delivery.ack_id for delivery in deliveries]


class TestDelivery:
    def test_a_message_arrives_as_published(self, broker: Broker) -> None:
        content = Content(b"\x00\xff", {"dataset": "FUELINST"}, "key")
        assert broker.publish(TOPIC, [content]) == [1]
        (delivery,) = broker.pull(SUB, 10)
        assert delivery.message == Message(1, NOW_NS, content)

    def test_messages_come_in_order_and_no_more_than_asked_for(self, broker: Broker) -> None:
        broker.publish(TOPIC, texts("a", "b"))
        broker.publish(TOPIC, texts("c"))
        assert [data(broker.pull(SUB, 2)) for _ in range(3)] == [["a", "b"], ["c"], []]

    def test_each_subscription_gets_every_message(self, broker: Broker) -> None:
        broker.create_subscription(Subscription(OTHER_SUB, TOPIC))
        broker.publish(TOPIC, texts("a", "b"))
        broker.acknowledge(SUB, ack_ids(broker.pull(SUB, 10)))
        assert data(broker.pull(OTHER_SUB, 10)) == ["a", "b"]
        assert (broker.unacknowledged(SUB), broker.unacknowledged(OTHER_SUB)) == (0, 2)

    def test_a_subscription_gets_what_is_published_after_it(self, broker: Broker) -> None:
        broker.publish(TOPIC, texts("before"))
        broker.create_subscription(Subscription(OTHER_SUB, TOPIC))
        broker.publish(TOPIC, texts("after"))
        assert data(broker.pull(OTHER_SUB, 10)) == ["after"]

    def test_without_a_subscription_a_message_is_gone_but_has_an_id(self, broker: Broker) -> None:
        broker.create_topic(Topic(OTHER_TOPIC))
        assert broker.publish(OTHER_TOPIC, texts("a", "b")) == [1, 2]
        assert broker.publish(TOPIC, texts("c")) == [3]
        assert data(broker.pull(SUB, 10)) == ["c"]


class TestLeases:
    def test_an_acknowledged_message_never_comes_again(self, broker: Broker, clock: Clock) -> None:
        broker.publish(TOPIC, texts("a"))
        broker.acknowledge(SUB, ack_ids(broker.pull(SUB, 1)))
        clock.now += 1_000
        assert broker.pull(SUB, 1) == []
        assert broker.unacknowledged(SUB) == 0

    def test_at_its_deadline_a_message_comes_again_with_a_new_ack_id(
        self, broker: Broker, clock: Clock
    ) -> None:
        broker.publish(TOPIC, texts("a"))
        (first,) = broker.pull(SUB, 1)
        clock.now += 9.99
        assert broker.pull(SUB, 1) == []
        clock.now += 0.01
        (second,) = broker.pull(SUB, 1)
        assert second.message == first.message
        assert second.ack_id != first.ack_id

    @pytest.mark.parametrize("redelivered", [False, True])
    def test_an_acknowledgement_after_the_deadline_is_ignored(
        self, broker: Broker, clock: Clock, redelivered: bool
    ) -> None:
        broker.publish(TOPIC, texts("a"))
        late = ack_ids(broker.pull(SUB, 1))
        clock.now += 10
        if redelivered:
            broker.pull(SUB, 1)
        broker.acknowledge(SUB, late)
        broker.modify_ack_deadline(SUB, late, 600)
        clock.now += 10
        assert data(broker.pull(SUB, 1)) == ["a"]

    def test_a_nack_gives_the_message_back_at_once(self, broker: Broker) -> None:
        broker.publish(TOPIC, texts("a", "b"))
        broker.modify_ack_deadline(SUB, ack_ids(broker.pull(SUB, 1)), 0)
        assert data(broker.pull(SUB, 1)) == ["a"]

    def test_a_message_nacked_for_ever_does_not_hold_up_the_others(self, broker: Broker) -> None:
        broker.publish(TOPIC, texts("bad", "b", "c"))
        seen = []
        for _ in range(5):
            deliveries = broker.pull(SUB, 1)
            seen += data(deliveries)
            if data(deliveries) == ["bad"]:
                broker.modify_ack_deadline(SUB, ack_ids(deliveries), 0)
        assert seen == ["bad", "bad", "b", "bad", "c"]

    def test_a_deadline_can_be_moved_to_either_side(self, broker: Broker, clock: Clock) -> None:
        broker.publish(TOPIC, texts("long", "short"))
        long, short = ack_ids(broker.pull(SUB, 2))
        broker.modify_ack_deadline(SUB, [long], 60)
        broker.modify_ack_deadline(SUB, [short], 1)
        clock.now += 1
        assert data(broker.pull(SUB, 2)) == ["short"]
        clock.now += 58.5
        broker.acknowledge(SUB, [long])
        assert broker.unacknowledged(SUB) == 1

    def test_the_puller_may_set_the_deadline(self, broker: Broker, clock: Clock) -> None:
        broker.publish(TOPIC, texts("a"))
        broker.pull(SUB, 1, ack_deadline_seconds=60)
        assert broker.seconds_to_expiry(SUB) == 60
        clock.now += 61
        assert broker.seconds_to_expiry(SUB) == 0

    def test_without_leases_nothing_expires(self, broker: Broker) -> None:
        assert broker.seconds_to_expiry(SUB) == float("inf")

    def test_ack_ids_hold_for_their_own_subscription_only(self, broker: Broker) -> None:
        broker.create_subscription(Subscription(OTHER_SUB, TOPIC))
        broker.publish(TOPIC, texts("a"))
        broker.acknowledge(OTHER_SUB, [*ack_ids(broker.pull(SUB, 1)), "nonsense"])
        assert (broker.unacknowledged(SUB), broker.unacknowledged(OTHER_SUB)) == (1, 1)

    def test_leases_extended_very_often_still_expire_once(
        self, broker: Broker, clock: Clock
    ) -> None:
        broker.publish(TOPIC, texts("a", "b", "c"))
        leased = ack_ids(broker.pull(SUB, 3))
        for _ in range(2_000):
            clock.now += 1
            broker.modify_ack_deadline(SUB, leased, 10)
        assert broker.seconds_to_expiry(SUB) == 10
        clock.now += 10
        assert sorted(data(broker.pull(SUB, 10))) == ["a", "b", "c"]


class TestSizes:
    def test_an_answer_stays_below_the_limit(self, broker: Broker) -> None:
        broker.publish(TOPIC, [Content(b"x" * 1_000_000)] * 8)
        assert [len(broker.pull(SUB, 10)) for _ in range(4)] == [3, 3, 2, 0]

    def test_a_message_above_the_limit_comes_alone(self, broker: Broker) -> None:
        sizes = [1, 5_000_000, 1, 1]
        broker.publish(TOPIC, [Content(b"x" * size) for size in sizes])
        answers = [broker.pull(SUB, 10) for _ in range(3)]
        assert [[len(each.message.content.data) for each in answer] for answer in answers] == [
            [1],
            [5_000_000],
            [1, 1],
        ]

    def test_attributes_and_ordering_key_count(self, broker: Broker) -> None:
        attributes = {f"{number:04}": "é" * 512 for number in range(100)}
        broker.publish(TOPIC, [Content(b"", attributes, "k" * 1_000)] * 100)
        assert len(broker.pull(SUB, 100)) == 3_500_000 // (100 * (4 + 1_024 + 12) + 1_000 + 128)

    def test_flow_control_counts_messages_until_their_lease_ends(
        self, broker: Broker, clock: Clock
    ) -> None:
        flow = FlowControl(max_messages=3)
        broker.publish(TOPIC, texts(*"abcdefgh"))
        first = broker.pull(SUB, 10, flow=flow)
        assert (data(first), broker.pull(SUB, 10, flow=flow)) == (["a", "b", "c"], [])
        broker.acknowledge(SUB, ack_ids(first)[:2])
        assert data(broker.pull(SUB, 10, flow=flow)) == ["d", "e"]
        broker.modify_ack_deadline(SUB, ack_ids(first)[2:], 0)
        assert data(broker.pull(SUB, 10, flow=flow)) == ["c"]
        clock.now += 10
        assert len(broker.pull(SUB, 10, flow=flow)) == 3

    def test_flow_control_counts_bytes_but_lets_one_message_pass(self, broker: Broker) -> None:
        flow = FlowControl(max_bytes=1_000)
        broker.publish(TOPIC, [Content(b"x" * size) for size in (5_000, 300, 300, 300)])
        for expected in ([5_000], [300, 300], [300]):
            deliveries = broker.pull(SUB, 10, flow=flow)
            assert [len(each.message.content.data) for each in deliveries] == expected
            broker.acknowledge(SUB, ack_ids(deliveries))


class TestNames:
    def test_lists_are_sorted_and_per_project(self, broker: Broker) -> None:
        broker.create_topic(Topic(OTHER_TOPIC, {"label": "value"}))
        broker.create_topic(Topic("projects/p2/topics/t"))
        broker.create_subscription(Subscription(OTHER_SUB, TOPIC, 60))
        assert broker.topics("projects/p") == [
            Topic(OTHER_TOPIC, {"label": "value"}),
            Topic(TOPIC),
        ]
        assert broker.subscriptions("projects/p") == [
            Subscription(OTHER_SUB, TOPIC, 60),
            Subscription(SUB, TOPIC, 10),
        ]
        assert broker.subscriptions("projects/p2") == []

    def test_names_are_used_once(self, broker: Broker) -> None:
        with pytest.raises(AlreadyExists, match=f"^topic {TOPIC} exists already$"):
            broker.create_topic(Topic(TOPIC))
        with pytest.raises(AlreadyExists, match=f"^subscription {SUB} exists already$"):
            broker.create_subscription(Subscription(SUB, TOPIC))

    def test_what_does_not_exist_is_not_found(self, broker: Broker) -> None:
        missing_topic = f"^topic {OTHER_TOPIC} does not exist$"
        missing_subscription = f"^subscription {OTHER_SUB} does not exist$"
        with pytest.raises(NotFound, match=missing_topic):
            broker.publish(OTHER_TOPIC, texts("a"))
        with pytest.raises(NotFound, match=missing_topic):
            broker.delete_topic(OTHER_TOPIC)
        with pytest.raises(NotFound, match=missing_topic):
            broker.create_subscription(Subscription(OTHER_SUB, OTHER_TOPIC))
        with pytest.raises(NotFound, match=missing_subscription):
            broker.pull(OTHER_SUB, 1)
        with pytest.raises(NotFound, match=missing_subscription):
            broker.acknowledge(OTHER_SUB, ["x"])
        with pytest.raises(NotFound, match=missing_subscription):
            broker.modify_ack_deadline(OTHER_SUB, ["x"], 1)
        with pytest.raises(NotFound, match=missing_subscription):
            broker.delete_subscription(OTHER_SUB)

    def test_a_deleted_topic_leaves_its_subscriptions_what_they_have(
        self, broker: Broker, backlog: Backlog
    ) -> None:
        broker.publish(TOPIC, texts("a"))
        broker.delete_topic(TOPIC)
        broker.create_topic(Topic(TOPIC))
        broker.publish(TOPIC, texts("b"))
        for each in (broker, Broker(backlog)):
            assert each.subscription(SUB) == Subscription(SUB, DELETED_TOPIC)
            assert data(each.pull(SUB, 10)) == ["a"]

    def test_a_deleted_subscription_takes_its_messages_along(self, broker: Broker) -> None:
        broker.create_subscription(Subscription(OTHER_SUB, TOPIC))
        broker.publish(TOPIC, texts("a"))
        broker.delete_subscription(SUB)
        assert data(broker.pull(OTHER_SUB, 10)) == ["a"]
        broker.create_subscription(Subscription(SUB, TOPIC))
        assert broker.pull(SUB, 10) == []


def test_the_last_acknowledgement_frees_the_message(broker: Broker, backlog: Backlog) -> None:
    broker.create_subscription(Subscription(OTHER_SUB, TOPIC))
    (message_id,) = broker.publish(TOPIC, texts("a"))
    broker.acknowledge(SUB, ack_ids(broker.pull(SUB, 1)))
    assert backlog.read(message_id) == Message(message_id, NOW_NS, Content(b"a"))
    broker.delete_subscription(OTHER_SUB)
    backlog.commit()
    with pytest.raises(KeyError):
        backlog.read(message_id)


def test_a_new_broker_on_the_same_backlog_goes_on(
    broker: Broker, backlog: Backlog, clock: Clock
) -> None:
    broker.publish(TOPIC, texts("acknowledged", "leased", "waiting"))
    acknowledged, leased = ack_ids(broker.pull(SUB, 2))
    broker.acknowledge(SUB, [acknowledged])

    restarted = Broker(backlog, clock, lambda: NOW_NS)
    assert restarted.topics("projects/p") == [Topic(TOPIC)]
    assert restarted.subscriptions("projects/p") == [Subscription(SUB, TOPIC)]
    deliveries = restarted.pull(SUB, 10)
    assert data(deliveries) == ["leased", "waiting"]
    restarted.acknowledge(SUB, [acknowledged, leased])  # void
    assert restarted.unacknowledged(SUB) == 2
    assert restarted.publish(TOPIC, texts("new")) == [4]
