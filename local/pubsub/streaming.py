"""One streaming pull: deliveries out, acknowledgements and changes of deadlines in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import grpc
from google.pubsub_v1 import types

from local.pubsub import wire
from local.pubsub.faults import Faults
from local.pubsub.leases import FlowControl
from local.pubsub.limits import (
    MAX_ANSWER_MESSAGES,
    check_ack_deadline,
    check_deadline_change,
    check_name,
)
from local.pubsub.model import InvalidArgument
from local.pubsub.shared import SharedBroker

_StreamingPullResponse = types.StreamingPullResponse.pb()


class StreamingPull:
    """Serves one stream, in two threads: this one's deliveries, and a reader of its requests.

    Args:
        requests: the client's requests; the first names the subscription, the limits and the
            deadline, later ones may change the deadline and settle deliveries.
    """

    def __init__(
        self,
        shared: SharedBroker,
        faults: Faults,
        requests: Iterator[Any],
        context: grpc.ServicerContext,
    ) -> None:
        self._shared = shared
        self._faults = faults
        self._requests = requests
        self._context = context
        self._drops_at_start = faults.streams_dropped
        self._requests_ended = False
        self._error: Exception | None = None
        self._subscription = ""
        self._ack_deadline_seconds = 0

    def responses(self) -> Iterator[Any]:
        """What to send, until the client closes or cancels, the server stops or a fault drops it.

        Raises:
            PubSubError: the client sent something wrong, or the subscription does not exist.
        """
        first = next(self._requests, None)
        if first is None:
            raise InvalidArgument("subscription: the stream ended before its first request")
        flow = self._open(first)
        threading.Thread(target=self._read_requests, name="streaming-pull", daemon=True).start()
        while self._is_open():
            deliveries = self._shared.wait_and_pull(
                self._subscription,
                MAX_ANSWER_MESSAGES,
                patience=None,
                alive=self._is_open,
                ack_deadline_seconds=self._ack_deadline_seconds,
                flow=flow,
            )
            if deliveries:
                yield _StreamingPullResponse(received_messages=wire.received_messages(deliveries))
            elif self._shared.closed:
                self._context.abort(grpc.StatusCode.UNAVAILABLE, "the server is stopping")
        if self._error is not None:
            raise self._error
        if self._is_dropped():
            self._context.abort(grpc.StatusCode.UNAVAILABLE, "dropped, as a test asked for")

    def _open(self, request: Any) -> FlowControl:
        check_name("subscription", request.subscription, "subscriptions")
        check_ack_deadline("stream_ack_deadline_seconds", request.stream_ack_deadline_seconds)
        self._subscription = request.subscription
        self._apply(request)
        return FlowControl(request.max_outstanding_messages, request.max_outstanding_bytes)

    def _is_open(self) -> bool:
        return self._context.is_active() and not self._requests_ended and not self._is_dropped()

    def _is_dropped(self) -> bool:
        return self._faults.streams_dropped != self._drops_at_start

    def _read_requests(self) -> None:
        try:
            for request in self._requests:
                self._apply(request)
        except grpc.RpcError:
            pass  # gRPC's way to say that the call has ended
        except Exception as error:
            self._error = error  # for the other thread to raise, which can answer the client
        finally:
            self._requests_ended = True
            self._shared.wake()

    def _apply(self, request: Any) -> None:
        if request.stream_ack_deadline_seconds:
            check_ack_deadline("stream_ack_deadline_seconds", request.stream_ack_deadline_seconds)
            self._ack_deadline_seconds = request.stream_ack_deadline_seconds
        changes = dict(_deadline_changes(request))
        if not request.ack_ids and not changes:
            return  # a heartbeat
        with self._shared.turn() as broker:
            if request.ack_ids:
                broker.acknowledge(self._subscription, request.ack_ids)
            for ack_id, seconds in changes.items():
                broker.modify_ack_deadline(self._subscription, [ack_id], seconds)


def _deadline_changes(request: Any) -> Iterator[tuple[str, int]]:
    ack_ids, deadlines = request.modify_deadline_ack_ids, request.modify_deadline_seconds
    if len(ack_ids) != len(deadlines):
        raise InvalidArgument(
            f"modify_deadline_seconds: {len(deadlines)} for {len(ack_ids)} modify_deadline_ack_ids"
        )
    for ack_id, seconds in zip(ack_ids, deadlines, strict=True):
        check_deadline_change("modify_deadline_seconds", seconds)
        yield ack_id, seconds
