"""Protocol buffers to the broker's values and back.

The services work on the plain protocol buffer classes behind ``google.pubsub_v1.types``: the
proto-plus wrappers cost several times as much per message.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from google.pubsub_v1 import types

from local.pubsub.limits import check_ack_deadline, check_name
from local.pubsub.model import (
    DEFAULT_ACK_DEADLINE_SECONDS,
    Content,
    Delivery,
    InvalidArgument,
    Subscription,
    Topic,
    Unimplemented,
)

_Topic = types.Topic.pb()
_Subscription = types.Subscription.pb()
_ReceivedMessage = types.ReceivedMessage.pb()

_Named = TypeVar("_Named", Topic, Subscription)


def topic_from_proto(proto: Any) -> Topic:
    """Raises ``Unimplemented`` for a setting that would change what happens to messages."""
    check_name("name", proto.name, "topics")
    _refuse_other_settings(proto, {"name", "labels"})
    return Topic(proto.name, dict(proto.labels))


def topic_to_proto(topic: Topic) -> Any:
    """As GetTopic and ListTopics answer."""
    return _Topic(name=topic.name, labels=topic.labels)


def subscription_from_proto(proto: Any) -> Subscription:
    """Raises ``Unimplemented`` for a setting that would change what happens to messages."""
    check_name("name", proto.name, "subscriptions")
    check_name("topic", proto.topic, "topics")
    _refuse_other_settings(proto, {"name", "topic", "ack_deadline_seconds", "labels"})
    seconds = proto.ack_deadline_seconds or DEFAULT_ACK_DEADLINE_SECONDS
    check_ack_deadline("ack_deadline_seconds", seconds)
    return Subscription(proto.name, proto.topic, seconds, dict(proto.labels))


def subscription_to_proto(subscription: Subscription) -> Any:
    """As GetSubscription and ListSubscriptions answer."""
    return _Subscription(
        name=subscription.name,
        topic=subscription.topic,
        ack_deadline_seconds=subscription.ack_deadline_seconds,
        labels=subscription.labels,
        state=types.Subscription.State.ACTIVE,
    )


def content_from_proto(proto: Any) -> Content:
    """A publisher's message; an id and a publish time it may carry are not the publisher's."""
    return Content(proto.data, dict(proto.attributes), proto.ordering_key)


def received_messages(deliveries: Iterable[Delivery]) -> list[Any]:
    """The answer of a pull."""
    return [_received_message(delivery) for delivery in deliveries]


def _received_message(delivery: Delivery) -> Any:
    message = delivery.message
    content = message.content
    received = _ReceivedMessage(ack_id=delivery.ack_id)
    proto = received.message
    proto.data = content.data
    proto.attributes.update(content.attributes)
    proto.ordering_key = content.ordering_key
    proto.message_id = str(message.message_id)
    seconds, nanos = divmod(message.publish_time_ns, 1_000_000_000)
    proto.publish_time.seconds, proto.publish_time.nanos = seconds, nanos
    return received


def page(items: Sequence[_Named], size: int, token: str) -> tuple[Sequence[_Named], str]:
    """One page of ``items``, which are in the order of their names, and the next page's token.

    Args:
        size: items on a page; 0 is all of them.
        token: the name of the last item of the page before, empty for the first page.
    """
    if size < 0:
        raise InvalidArgument(f"page_size: {size}, the least is 0")
    rest = [item for item in items if item.name > token]
    shown = rest[: size or None]
    return shown, shown[-1].name if len(shown) < len(rest) else ""


def _refuse_other_settings(proto: Any, understood: set[str]) -> None:
    for field, value in proto.ListFields():
        # An empty sub-message says no more than an absent one: push_config {} means pull.
        is_empty = hasattr(value, "ByteSize") and not value.ByteSize()
        if field.name not in understood and not is_empty:
            raise Unimplemented(
                f"{field.name}: the local Pub/Sub server does not implement this setting"
            )
