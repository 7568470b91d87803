"""What arrives in Pub/Sub, and how it differs from what was sent."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import grpc
from google.api_core import exceptions as api
from google.pubsub_v1 import SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

import envelope
from local.pubsub import PubSubServer
from tests.chaos.traffic import Expected, digest, is_moment_within


class Arrival(NamedTuple):
    """One delivery: the body's digest, not compressed any more, and the attributes."""

    digest: bytes
    attributes: dict[str, str]


class Collector:
    """Pulls with the real client and acknowledges, in a thread; a context manager.

    Attributes:
        arrivals: by message id, one for each time that the message was published.
    """

    def __init__(self, server: PubSubServer, subscription: str) -> None:
        self.arrivals: dict[str, list[Arrival]] = {}
        self._subscription = subscription
        self._channel = grpc.insecure_channel(
            server.address, options=[("grpc.max_receive_message_length", -1)]
        )
        self._client = SubscriberClient(transport=SubscriberGrpcTransport(channel=self._channel))
        self._published: set[str] = set()
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="collector", daemon=True)

    def __enter__(self) -> Collector:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._channel.close()

    @property
    def duplicates(self) -> int:
        """How many messages too many were published."""
        return len(self._published) - len(self.arrivals)

    def check(self) -> None:
        """Raises what the collecting has failed with."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._pull()
        except BaseException as error:
            self._error = error

    def _pull(self) -> None:
        try:
            answer = self._client.pull(
                subscription=self._subscription, max_messages=500, timeout=1.0
            )
        except api.DeadlineExceeded:
            return
        for one in answer.received_messages:
            self._take(one.message)
        ack_ids = [one.ack_id for one in answer.received_messages]
        if ack_ids:
            self._client.acknowledge(subscription=self._subscription, ack_ids=ack_ids)

    def _take(self, message: Any) -> None:
        if message.message_id in self._published:
            return  # delivered again by Pub/Sub, whoever published it
        self._published.add(message.message_id)
        attributes = dict(message.attributes)
        data = message.data
        if attributes.get(envelope.CONTENT_ENCODING) == envelope.GZIP:
            data = gzip.decompress(data)
        arrival = Arrival(digest(data), attributes)
        self.arrivals.setdefault(attributes[envelope.MESSAGE_ID], []).append(arrival)


def differences(
    expected: Mapping[str, Expected], arrivals: Mapping[str, list[Arrival]]
) -> Iterator[str]:
    """Every way in which what arrived is not what was sent; more than once is allowed."""
    for message_id in expected.keys() - arrivals.keys():
        yield f"{message_id}: {expected[message_id].size:,} bytes, did not arrive"
    for message_id, found in arrivals.items():
        if message_id not in expected:
            yield f"{message_id}: was never sent"
            continue
        wanted = expected[message_id]
        if any(one != found[0] for one in found):
            yield f"{message_id}: its {len(found)} deliveries differ"
        rest = dict(found[0].attributes)
        enqueued, number = rest.pop(envelope.ENQUEUED_TIME), rest.pop(envelope.SEQUENCE_NUMBER)
        if found[0].digest != wanted.digest:
            yield f"{message_id}: its {wanted.size:,} bytes are others"
        if rest != wanted.attributes:
            yield f"{message_id}: {rest} instead of {wanted.attributes}"
        if not is_moment_within(enqueued, wanted.sent) or not number.isdecimal():
            yield f"{message_id}: enqueued {enqueued}, number {number}, sent {wanted.sent}"
