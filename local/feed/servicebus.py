"""A feed into a queue of the local Service Bus."""

from __future__ import annotations

from collections.abc import Sequence

from local.feed.message import FeedMessage
from local.feed.sender import Send
from local.servicebus import QueueHandle, QueueMessage


def to_queue(queue: QueueHandle) -> Send:
    """Puts messages into ``queue``: the dataset as subject, the body as one data section."""

    def send(messages: Sequence[FeedMessage]) -> None:
        queue.send(
            [
                QueueMessage(one.body, subject=one.dataset, message_id=one.message_id)
                for one in messages
            ]
        )

    return send
