"""The gRPC service ``google.pubsub.v1.Subscriber``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
from google.pubsub_v1 import types

from local.pubsub import wire
from local.pubsub.faults import Faults
from local.pubsub.limits import (
    MAX_ANSWER_MESSAGES,
    check_ack_ids,
    check_deadline_change,
    check_max_messages,
    check_name,
)
from local.pubsub.rpc import Service
from local.pubsub.shared import SharedBroker
from local.pubsub.streaming import StreamingPull

#: Seconds that an empty pull waits. The real service waits much longer; a short wait lets a
#: pulling loop notice between two pulls that it should stop.
PULL_PATIENCE = 1.0
#: Seconds before the client's deadline at which an empty answer leaves, to arrive in time.
DEADLINE_MARGIN = 0.25

_ListSubscriptionsResponse = types.ListSubscriptionsResponse.pb()
_PullResponse = types.PullResponse.pb()


class Subscriber:
    """Subscriptions, pulls and acknowledgements."""

    def __init__(self, shared: SharedBroker, faults: Faults) -> None:
        self._shared = shared
        self._faults = faults

    def service(self) -> Service:
        """The handler to add to a gRPC server."""
        return Service(
            "google.pubsub.v1.Subscriber",
            self._faults,
            {
                "CreateSubscription": (self._create_subscription, types.Subscription),
                "GetSubscription": (self._get_subscription, types.GetSubscriptionRequest),
                "ListSubscriptions": (self._list_subscriptions, types.ListSubscriptionsRequest),
                "DeleteSubscription": (self._delete_subscription, types.DeleteSubscriptionRequest),
                "Pull": (self._pull, types.PullRequest),
                "Acknowledge": (self._acknowledge, types.AcknowledgeRequest),
                "ModifyAckDeadline": (self._modify_ack_deadline, types.ModifyAckDeadlineRequest),
            },
            {"StreamingPull": (self._streaming_pull, types.StreamingPullRequest)},
        )

    def _create_subscription(self, request: Any, context: grpc.ServicerContext) -> Any:
        subscription = wire.subscription_from_proto(request)
        with self._shared.durable_turn() as broker:
            broker.create_subscription(subscription)
        return wire.subscription_to_proto(subscription)

    def _get_subscription(self, request: Any, context: grpc.ServicerContext) -> Any:
        check_name("subscription", request.subscription, "subscriptions")
        with self._shared.turn() as broker:
            return wire.subscription_to_proto(broker.subscription(request.subscription))

    def _list_subscriptions(self, request: Any, context: grpc.ServicerContext) -> Any:
        check_name("project", request.project, "projects")
        with self._shared.turn() as broker:
            found = broker.subscriptions(request.project)
        shown, token = wire.page(found, request.page_size, request.page_token)
        return _ListSubscriptionsResponse(
            subscriptions=[wire.subscription_to_proto(each) for each in shown],
            next_page_token=token,
        )

    def _delete_subscription(self, request: Any, context: grpc.ServicerContext) -> None:
        check_name("subscription", request.subscription, "subscriptions")
        with self._shared.durable_turn() as broker:
            broker.delete_subscription(request.subscription)

    def _pull(self, request: Any, context: grpc.ServicerContext) -> Any:
        check_name("subscription", request.subscription, "subscriptions")
        check_max_messages(request.max_messages)
        deliveries = self._shared.wait_and_pull(
            request.subscription,
            min(request.max_messages, MAX_ANSWER_MESSAGES),
            patience=0.0 if request.return_immediately else _patience(context),
            alive=context.is_active,
        )
        return _PullResponse(received_messages=wire.received_messages(deliveries))

    def _acknowledge(self, request: Any, context: grpc.ServicerContext) -> None:
        check_name("subscription", request.subscription, "subscriptions")
        check_ack_ids(request.ack_ids)
        with self._shared.turn() as broker:
            broker.acknowledge(request.subscription, request.ack_ids)

    def _modify_ack_deadline(self, request: Any, context: grpc.ServicerContext) -> None:
        check_name("subscription", request.subscription, "subscriptions")
        check_ack_ids(request.ack_ids)
        check_deadline_change("ack_deadline_seconds", request.ack_deadline_seconds)
        with self._shared.turn() as broker:
            broker.modify_ack_deadline(
                request.subscription, request.ack_ids, request.ack_deadline_seconds
            )

    def _streaming_pull(
        self, requests: Iterator[Any], context: grpc.ServicerContext
    ) -> Iterator[Any]:
        return StreamingPull(self._shared, self._faults, requests, context).responses()


def _patience(context: grpc.ServicerContext) -> float:
    remaining: float | None = context.time_remaining()
    if remaining is None:
        return PULL_PATIENCE
    return min(PULL_PATIENCE, max(0.0, remaining - DEADLINE_MARGIN))
