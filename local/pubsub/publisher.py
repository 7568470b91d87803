"""The gRPC service ``google.pubsub.v1.Publisher``."""

from __future__ import annotations

from typing import Any

import grpc
from google.pubsub_v1 import types

from local.pubsub import wire
from local.pubsub.faults import Faults
from local.pubsub.limits import check_contents, check_name, check_request_size
from local.pubsub.rpc import Service
from local.pubsub.shared import SharedBroker

_ListTopicsResponse = types.ListTopicsResponse.pb()
_PublishResponse = types.PublishResponse.pb()


class Publisher:
    """Topics, and publishing to them; every change is committed before it is answered."""

    def __init__(self, shared: SharedBroker, faults: Faults) -> None:
        self._shared = shared
        self._faults = faults

    def service(self) -> Service:
        """The handler to add to a gRPC server."""
        return Service(
            "google.pubsub.v1.Publisher",
            self._faults,
            {
                "CreateTopic": (self._create_topic, types.Topic),
                "GetTopic": (self._get_topic, types.GetTopicRequest),
                "ListTopics": (self._list_topics, types.ListTopicsRequest),
                "DeleteTopic": (self._delete_topic, types.DeleteTopicRequest),
                "Publish": (self._publish, types.PublishRequest),
            },
        )

    def _create_topic(self, request: Any, context: grpc.ServicerContext) -> Any:
        topic = wire.topic_from_proto(request)
        with self._shared.durable_turn() as broker:
            broker.create_topic(topic)
        return wire.topic_to_proto(topic)

    def _get_topic(self, request: Any, context: grpc.ServicerContext) -> Any:
        check_name("topic", request.topic, "topics")
        with self._shared.turn() as broker:
            return wire.topic_to_proto(broker.topic(request.topic))

    def _list_topics(self, request: Any, context: grpc.ServicerContext) -> Any:
        check_name("project", request.project, "projects")
        with self._shared.turn() as broker:
            topics = broker.topics(request.project)
        shown, token = wire.page(topics, request.page_size, request.page_token)
        return _ListTopicsResponse(
            topics=[wire.topic_to_proto(topic) for topic in shown], next_page_token=token
        )

    def _delete_topic(self, request: Any, context: grpc.ServicerContext) -> None:
        check_name("topic", request.topic, "topics")
        with self._shared.durable_turn() as broker:
            broker.delete_topic(request.topic)

    def _publish(self, request: Any, context: grpc.ServicerContext) -> Any:
        if refusal := self._faults.take_refusal():
            context.abort(refusal.code, refusal.details)
        check_name("topic", request.topic, "topics")
        check_request_size(request.ByteSize())
        contents = [wire.content_from_proto(message) for message in request.messages]
        check_contents(contents)
        with self._shared.durable_turn() as broker:
            ids = broker.publish(request.topic, contents)
        if self._faults.take_loss():
            context.abort(grpc.StatusCode.UNAVAILABLE, "the answer was lost, as a test asked for")
        return _PublishResponse(message_ids=[str(message_id) for message_id in ids])
