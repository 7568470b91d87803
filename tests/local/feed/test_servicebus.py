"""From the feed through the local Service Bus to an unmodified client."""

from __future__ import annotations

import threading
from datetime import timedelta

from azure.servicebus import ServiceBusClient

from local.feed import Profile, Sender
from local.feed.servicebus import to_queue
from local.servicebus import ServiceBusServer
from tests.local.feed.conftest import Feed
from tests.local.feed.moments import START


def test_a_client_receives_what_the_feed_sends(profile: Profile, feed: Feed) -> None:
    """Messages of 2 MB and messages without a subject among them."""
    some = profile.only("UOU2T14D", "BOALF", "FUELINST")
    messages = list(feed(some, duration=timedelta(minutes=2), odd=0.5))
    assert None in {message.dataset for message in messages}
    with ServiceBusServer() as server:
        sender = Sender(to_queue(server.queue("iris")), speed=1e6)
        progress = sender.run(iter(messages), START, threading.Event())
        assert progress.messages == len(messages)
        assert progress.bytes == sum(len(message.body) for message in messages)
        assert server.queue("iris").counts().active == len(messages)
        received: list[tuple[str | None, str | None, bytes]] = []
        client = ServiceBusClient.from_connection_string(server.connection_string)
        with client, client.get_queue_receiver("iris") as receiver:
            while len(received) < len(messages):
                batch = receiver.receive_messages(max_message_count=20, max_wait_time=30)
                assert batch, "the queue has nothing more to give"
                for one in batch:
                    received.append((one.subject, one.message_id, b"".join(one.body)))
                    receiver.complete_message(one)
    assert received == [(one.dataset, one.message_id, one.body) for one in messages]
