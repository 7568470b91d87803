"""Publishing, pulling and the rest of the unary methods, with unmodified clients."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.protobuf import duration_pb2, field_mask_pb2
from google.pubsub_v1 import types

from local.pubsub.model import AlreadyExists
from tests.local.pubsub.clients import Clients


class TestPublishAndPull:
    def test_a_message_arrives_as_published(self, clients: Clients) -> None:
        before = time.time()
        future = clients.publisher.publish(clients.topic, b"\x00\xff", dataset="FUELINST", é="ü")
        (received,) = clients.pull(1)
        message = received.message
        assert before - 1 <= message.publish_time.timestamp() <= time.time() + 1
        assert message == types.PubsubMessage(
            data=b"\x00\xff",
            attributes={"dataset": "FUELINST", "é": "ü"},
            message_id=future.result(timeout=10),
            publish_time=message.publish_time,
        )

    def test_batches_with_flow_control(self, clients: Clients) -> None:
        data = [f"{number}".encode() for number in range(2_500)]
        with pubsub_v1.PublisherClient(
            batch_settings=pubsub_v1.types.BatchSettings(max_messages=100, max_latency=0.05),
            publisher_options=pubsub_v1.types.PublisherOptions(
                flow_control=pubsub_v1.types.PublishFlowControl(
                    message_limit=200,
                    limit_exceeded_behavior=pubsub_v1.types.LimitExceededBehavior.BLOCK,
                )
            ),
        ) as publisher:
            futures = [publisher.publish(clients.topic, each) for each in data]
            ids = [future.result(timeout=10) for future in futures]
        received = clients.pull(len(data))
        assert len(set(ids)) == len(ids)
        assert {each.message.message_id: each.message.data for each in received} == dict(
            zip(ids, data, strict=True)
        )

    def test_ordering_keys_are_carried(self, clients: Clients) -> None:
        options = pubsub_v1.types.PublisherOptions(enable_message_ordering=True)
        with pubsub_v1.PublisherClient(publisher_options=options) as publisher:
            publisher.publish(clients.topic, b"x", ordering_key="key").result(timeout=10)
        (received,) = clients.pull(1)
        assert received.message.ordering_key == "key"

    def test_each_subscription_gets_every_message(self, clients: Clients) -> None:
        other = f"{clients.subscription}-2"
        clients.server.ensure_subscription(other, clients.topic)
        clients.publish(b"a", b"b")
        for name in (clients.subscription, other):
            assert [each.message.data for each in clients.pull(2, name)] == [b"a", b"b"]

    def test_an_empty_pull_answers_before_the_clients_deadline(self, clients: Clients) -> None:
        for timeout in (0.8, 30.0):
            answer = clients.subscriber.pull(
                subscription=clients.subscription, max_messages=1, timeout=timeout, retry=None
            )
            assert answer == types.PullResponse()

    @pytest.mark.filterwarnings("ignore:The return_immediately flag")
    def test_a_cancelled_pull_takes_no_message_along(self, clients: Clients) -> None:
        request = types.PullRequest(subscription=clients.subscription, max_messages=1)
        pull = clients.start_pull(request)
        time.sleep(0.1)  # so that it waits in the server; sooner would prove less
        pull.cancel()
        clients.plain_publisher.get_topic(topic=clients.topic)
        clients.publish(b"x")
        assert clients.pull_now() == [b"x"]

    @pytest.mark.filterwarnings("ignore:The return_immediately flag")
    def test_max_messages_is_respected(self, clients: Clients) -> None:
        clients.publish(b"a", b"b", b"c")
        assert [clients.pull_now(2) for _ in range(3)] == [[b"a", b"b"], [b"c"], []]

    def test_a_nack_and_an_expired_deadline_bring_messages_again(self, clients: Clients) -> None:
        clients.publish(b"x")
        ack_ids = []
        for seconds in (0, 1):
            answer = clients.subscriber.pull(subscription=clients.subscription, max_messages=1)
            (received,) = answer.received_messages
            ack_ids.append(received.ack_id)
            clients.subscriber.modify_ack_deadline(
                subscription=clients.subscription,
                ack_ids=[received.ack_id],
                ack_deadline_seconds=seconds,
            )
        (again,) = clients.pull(1)
        assert again.message.data == b"x"
        assert len({*ack_ids, again.ack_id}) == 3
        assert clients.unacknowledged() == 0

    def test_answers_stay_below_the_clients_receive_cap(self, clients: Clients) -> None:
        data = [bytes([number]) * 100_000 for number in range(100)]
        clients.publish(*data)
        assert sorted(each.message.data for each in clients.pull(100)) == data

    @pytest.mark.filterwarnings("ignore:The return_immediately flag")
    def test_a_message_above_the_cap_comes_alone(self, clients: Clients) -> None:
        big = b"x" * 9_900_000
        for data in (b"a", big, b"b"):
            clients.publish(data)
        assert [clients.pull_now() for _ in range(3)] == [[b"a"], [big], [b"b"]]


class TestResources:
    def test_topics(self, clients: Clients) -> None:
        project = clients.topic.replace("projects/local-project/topics/", "projects/of-")
        topics = [types.Topic(name=f"{project}/topics/{letter}") for letter in "abcde"]
        for topic in topics:
            assert clients.publisher.create_topic(request=topic) == topic
        assert clients.publisher.get_topic(topic=topics[0].name) == topics[0]
        assert list(clients.publisher.list_topics(project=project)) == topics
        request = types.ListTopicsRequest(project=project, page_size=2)
        pages = clients.plain_publisher.list_topics(request=request).pages
        assert [list(page.topics) for page in pages] == [topics[:2], topics[2:4], topics[4:]]
        clients.publisher.delete_topic(topic=topics[0].name)
        assert list(clients.publisher.list_topics(project=project)) == topics[1:]

    def test_subscriptions(self, clients: Clients) -> None:
        project = clients.topic.replace("projects/local-project/topics/", "projects/of-")
        default, longest = (
            types.Subscription(
                name=f"{project}/subscriptions/{name}",
                topic=clients.topic,
                ack_deadline_seconds=seconds,
                labels={"a": "b"},
                state=types.Subscription.State.ACTIVE,
            )
            for name, seconds in (("default", 10), ("longest", 600))
        )
        for expected, seconds in ((default, 0), (longest, 600)):
            request = {
                "name": expected.name,
                "topic": clients.topic,
                "labels": {"a": "b"},
                "ack_deadline_seconds": seconds,
                "push_config": {},
            }
            assert clients.subscriber.create_subscription(request=request) == expected
        assert clients.subscriber.get_subscription(subscription=default.name) == default
        assert list(clients.subscriber.list_subscriptions(project=project)) == [default, longest]

        clients.publisher.delete_topic(topic=clients.topic)
        clients.subscriber.delete_subscription(subscription=default.name)
        longest.topic = "_deleted_topic_"
        assert list(clients.subscriber.list_subscriptions(project=project)) == [longest]

    def test_ensure_is_idempotent_but_does_not_hide_another_topic(self, clients: Clients) -> None:
        server, subscription = clients.server, clients.subscription
        server.ensure_topic(clients.topic)
        server.ensure_subscription(subscription, clients.topic)
        server.ensure_topic(f"{clients.topic}-2")
        with pytest.raises(AlreadyExists, match=f"^subscription {subscription} exists already$"):
            server.ensure_subscription(subscription, f"{clients.topic}-2")


class TestRefusals:
    """Statuses and texts, once per kind; ``test_limits`` has the limits themselves."""

    def test_unknown_names(self, clients: Clients) -> None:
        topic, subscription = (
            "projects/local-project/topics/none",
            "projects/local-project/subscriptions/none",
        )
        with pytest.raises(exceptions.NotFound, match=f"topic {topic} does not exist"):
            clients.publisher.publish(topic, b"x").result(timeout=10)
        with pytest.raises(exceptions.NotFound, match=f"topic {topic} does not exist"):
            clients.subscriber.create_subscription(name=subscription, topic=topic)
        with pytest.raises(exceptions.NotFound, match=f"subscription {subscription} does not"):
            clients.subscriber.pull(subscription=subscription, max_messages=1)

    def test_names_in_use(self, clients: Clients) -> None:
        topic, subscription = clients.topic, clients.subscription
        with pytest.raises(exceptions.AlreadyExists, match=f"topic {topic} exists already"):
            clients.publisher.create_topic(name=topic)
        with pytest.raises(exceptions.AlreadyExists, match=f"subscription {subscription} exists"):
            clients.subscriber.create_subscription(name=subscription, topic=topic)

    @pytest.mark.parametrize(
        ("messages", "text"),
        [
            ([], "messages: the request has none"),
            ([types.PubsubMessage()], "messages[0].data: empty, and there are no attributes"),
            (
                [types.PubsubMessage(data=b"x" * 5_000_000)] * 2,
                "messages: the request has 10,000,0",
            ),
        ],
    )
    def test_what_cannot_be_published(
        self, clients: Clients, messages: list[types.PubsubMessage], text: str
    ) -> None:
        with pytest.raises(exceptions.InvalidArgument, match=re.escape(text)):
            clients.plain_publisher.publish(topic=clients.topic, messages=messages)
        assert clients.unacknowledged() == 0

    def test_the_largest_request_passes(self, clients: Clients) -> None:
        def request(size: int) -> types.PublishRequest:
            message = types.PubsubMessage(data=b"x" * size)
            return types.PublishRequest(topic=clients.topic, messages=[message])

        overhead = len(types.PublishRequest.serialize(request(9_999_000))) - 9_999_000
        largest = 10_000_000 - overhead
        clients.plain_publisher.publish(request=request(largest))
        with pytest.raises(exceptions.InvalidArgument, match="the request has 10,000,001 bytes"):
            clients.plain_publisher.publish(request=request(largest + 1))
        assert clients.unacknowledged() == 1

    def test_pulls_and_acknowledgements_out_of_range(self, clients: Clients) -> None:
        client, subscription = clients.plain_subscriber, clients.subscription
        with pytest.raises(exceptions.InvalidArgument, match="max_messages: 0, the least is 1"):
            client.pull(subscription=subscription, max_messages=0)
        with pytest.raises(exceptions.InvalidArgument, match="ack_ids: the request has none"):
            client.acknowledge(subscription=subscription, ack_ids=[])
        text = "ack_deadline_seconds: 601, it must be 0 to 600 seconds"
        with pytest.raises(exceptions.InvalidArgument, match=text):
            client.modify_ack_deadline(
                subscription=subscription, ack_ids=["x"], ack_deadline_seconds=601
            )

    @pytest.mark.parametrize(
        "setting",
        [
            {"filter": 'attributes.dataset = "FUELINST"'},
            {"push_config": {"push_endpoint": "https://example.org"}},
            {"enable_exactly_once_delivery": True},
            {"enable_message_ordering": True},
            {"message_retention_duration": duration_pb2.Duration(seconds=600)},
        ],
    )
    def test_settings_that_it_does_not_implement(
        self, clients: Clients, setting: dict[str, Any]
    ) -> None:
        name = f"{clients.subscription}-2"
        text = f"{next(iter(setting))}: the local Pub/Sub server does not implement this setting"
        with pytest.raises(exceptions.MethodNotImplemented, match=text):
            clients.subscriber.create_subscription(
                request={"name": name, "topic": clients.topic, **setting}
            )
        with pytest.raises(exceptions.NotFound):
            clients.subscriber.get_subscription(subscription=name)

    def test_methods_that_it_does_not_implement(self, clients: Clients) -> None:
        text = "google.pubsub.v1.Subscriber/UpdateSubscription: not a method of the local"
        with pytest.raises(exceptions.MethodNotImplemented, match=text):
            clients.subscriber.update_subscription(
                subscription={"name": clients.subscription, "ack_deadline_seconds": 60},
                update_mask=field_mask_pb2.FieldMask(paths=["ack_deadline_seconds"]),
            )
