"""Real Pub/Sub clients on one topic and one subscription, for the tests of the server."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

import grpc
from google.cloud import pubsub_v1
from google.pubsub_v1 import PublisherClient, SubscriberClient, types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from local.pubsub import PubSubServer


class Clients:
    """A topic and a subscription of a server, and clients that talk to it.

    Create it while ``PUBSUB_EMULATOR_HOST`` is the server's address.

    Attributes:
        publisher, subscriber: the client library as users have it.
        plain_publisher, plain_subscriber: its generated part alone, which neither batches nor
            checks sizes, on a channel that receives messages of any size.
    """

    def __init__(self, server: PubSubServer, topic: str, subscription: str) -> None:
        self.server = server
        self.topic = topic
        self.subscription = subscription
        server.ensure_topic(topic)
        server.ensure_subscription(subscription, topic)
        self._channel = grpc.insecure_channel(
            server.address, options=[("grpc.max_receive_message_length", -1)]
        )
        self.plain_publisher = PublisherClient(
            transport=PublisherGrpcTransport(channel=self._channel)
        )
        self.plain_subscriber = SubscriberClient(
            transport=SubscriberGrpcTransport(channel=self._channel)
        )

    @cached_property
    def publisher(self) -> pubsub_v1.PublisherClient:
        return pubsub_v1.PublisherClient()

    @cached_property
    def subscriber(self) -> pubsub_v1.SubscriberClient:
        return pubsub_v1.SubscriberClient()

    def close(self) -> None:
        self._channel.close()
        if "publisher" in vars(self):
            self.publisher.stop()
            self.publisher.transport.close()
        if "subscriber" in vars(self):
            self.subscriber.close()

    def publish(self, *data: bytes) -> list[str]:
        """Publishes and waits for the answers; returns the message ids."""
        futures = [self.publisher.publish(self.topic, each) for each in data]
        return [future.result(timeout=10) for future in futures]

    def pull(
        self, count: int, subscription: str = "", most: int = 1_000
    ) -> list[types.ReceivedMessage]:
        """Pulls ``most`` at a time and acknowledges, until ``count`` messages have come."""
        subscription = subscription or self.subscription
        received: list[types.ReceivedMessage] = []
        while len(received) < count:
            answer = self.subscriber.pull(subscription=subscription, max_messages=most)
            received += answer.received_messages
            if answer.received_messages:
                ack_ids = [each.ack_id for each in answer.received_messages]
                self.subscriber.acknowledge(subscription=subscription, ack_ids=ack_ids)
        return received

    def pull_now(self, count: int = 100) -> list[bytes]:
        """What one pull brings without waiting; it is leased, not acknowledged."""
        request = types.PullRequest(
            subscription=self.subscription, max_messages=count, return_immediately=True
        )
        answer = self.plain_subscriber.pull(request=request)
        return [each.message.data for each in answer.received_messages]

    def start_pull(self, request: types.PullRequest) -> grpc.Future:
        """A pull that the test can cancel."""
        pull = self._channel.unary_unary(
            "/google.pubsub.v1.Subscriber/Pull", request_serializer=types.PullRequest.serialize
        )
        return pull.future(request)

    def unacknowledged(self) -> int:
        return self.server.unacknowledged(self.subscription)

    def stream(self, **first: Any) -> RawStream:
        """Opens a streaming pull; ``first`` are fields of its first request."""
        return RawStream(self.plain_subscriber, **{"subscription": self.subscription, **first})


class RawStream:
    """A streaming pull without the client library: every request and response by hand."""

    def __init__(self, client: SubscriberClient, **first: Any) -> None:
        self._requests: queue.SimpleQueue[types.StreamingPullRequest | None] = queue.SimpleQueue()
        self.send(**{"stream_ack_deadline_seconds": 10, **first})
        # Else opening the stream waits for its first message; the client library does the same.
        client.transport.streaming_pull._prefetch_first_result_ = False
        self._responses = client.streaming_pull(requests=iter(self._requests.get, None))

    def send(self, **fields: Any) -> None:
        self._requests.put(types.StreamingPullRequest(**fields))

    def receive(self, count: int) -> list[types.ReceivedMessage]:
        received: list[types.ReceivedMessage] = []
        while len(received) < count:
            received += next(self._responses).received_messages
        return received

    def close(self) -> list[types.StreamingPullResponse]:
        """Half-closes; returns what the server still sends until it ends the stream, too."""
        self._requests.put(None)
        return list(self._responses)


def eventually(condition: Callable[[], bool]) -> None:
    """Fails unless ``condition`` comes true within some seconds."""
    give_up = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)
