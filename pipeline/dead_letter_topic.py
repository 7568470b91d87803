"""Dead letters as Pub/Sub messages: seen at once, where a table's metrics come hours late."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any, Final

import apache_beam as beam
import google.cloud.pubsub_v1 as pubsub_v1
from google.api_core import exceptions as api
from google.auth.exceptions import GoogleAuthError

import envelope
from pipeline.options import LOCAL_RUNNERS
from pipeline.reject import Reject
from pipeline.sinks.base import TransientError, WarehouseError
from pipeline.times import format_moment
from pipeline.version import VERSION

#: Room for attributes below Pub/Sub's limit for a request.
MAX_DATA_BYTES: Final = 9_500_000
PUBLISH_SECONDS: Final = 60.0
CHECK_SECONDS: Final = 5.0


def open_publisher() -> pubsub_v1.PublisherClient:
    """A publisher client.

    Raises:
        WarehouseError: there are no credentials.
    """
    try:
        return pubsub_v1.PublisherClient()
    except GoogleAuthError as error:
        advice = "run gcloud auth application-default login"
        raise WarehouseError(f"no Google credentials for Pub/Sub: {advice} ({error})") from None


def check_topic(topic: str) -> None:
    """Refuses a topic that is missing, before the first dead letter comes, perhaps in days.

    Raises:
        WarehouseError: with one line for the user.
    """
    client = open_publisher()
    try:
        client.get_topic(topic=topic, retry=None, timeout=CHECK_SECONDS)
    except (api.NotFound, api.InvalidArgument) as error:
        raise WarehouseError(f"--dead_letter_topic {topic}: {error.message}") from None
    except api.GoogleAPICallError:
        pass  # a publisher need not be allowed to look: the first dead letter will tell
    finally:
        client.stop()


def to_pubsub(reject: Reject) -> tuple[bytes, dict[str, str]]:
    """``(data, attributes)`` of a dead letter: the envelope it came in, and what went wrong.

    A payload that does not fit even when compressed is left out (``payload`` says so): the table
    ``iris_dead_letters`` has it.
    """
    message = reject.message
    data, encoding = reject.payload, reject.content_encoding
    if len(data) > MAX_DATA_BYTES and encoding != envelope.GZIP:
        data, encoding = gzip.compress(data, 6, mtime=0), envelope.GZIP
    attributes = {
        envelope.DATASET: message.dataset,
        envelope.MESSAGE_ID: message.message_id,
        envelope.ENQUEUED_TIME: "" if message.enqueued is None else format_moment(message.enqueued),
        envelope.SOURCE: message.source,
        envelope.CONTENT_ENCODING: encoding or "",
        envelope.RECORD_INDEX: "" if reject.record_index is None else str(reject.record_index),
        "stage": str(reject.stage),
        "reason": str(reject.reason),
        "detail": reject.detail,
        "field": reject.field or "",
        "failed_utc": format_moment(reject.failed),
        "pipeline_version": VERSION,
    }
    if len(data) > MAX_DATA_BYTES:
        data, attributes["payload"] = b"", "too large: see iris_dead_letters"
    return data, {name: _cut(value) for name, value in attributes.items() if value}


def _cut(value: str) -> str:
    """``value`` within the limit of an attribute, never in the middle of a character."""
    return value.encode()[: envelope.MAX_ATTRIBUTE_BYTES].decode(errors="ignore")


def to_beam(rejects: list[Reject]) -> Iterator[Any]:
    """Beam's ``PubsubMessage`` for each of a message's rejects."""
    for reject in rejects:
        data, attributes = to_pubsub(reject)
        yield beam.io.PubsubMessage(data, attributes)


def publish_dead_letters(topic: str, runner: str | None) -> beam.PTransform:
    """Rejects → ``topic``, by Beam's connector where the runner has one."""
    if runner in LOCAL_RUNNERS:
        return beam.ParDo(PublishDeadLetters(topic))
    return _WriteToPubSub(topic)


class _WriteToPubSub(beam.PTransform):
    def __init__(self, topic: str) -> None:
        super().__init__()
        self._topic = topic

    def expand(self, rejects: Any) -> Any:
        return (
            rejects
            | "ToPubSub" >> beam.FlatMap(to_beam)
            | "WriteToPubSub" >> beam.io.WriteToPubSub(self._topic, with_attributes=True)
        )


class PublishDeadLetters(beam.DoFn):
    """A message's rejects → the topic, by the Pub/Sub client: for local runners.

    Beam's own connector writes natively on Dataflow, but ``FnApiRunner`` has none. The bundle ends
    when Pub/Sub has confirmed every one.
    """

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def setup(self) -> None:
        self._client = open_publisher()

    def start_bundle(self) -> None:
        self._published: list[Future[str]] = []

    def process(self, rejects: list[Reject]) -> None:
        for reject in rejects:
            data, attributes = to_pubsub(reject)
            self._published.append(self._client.publish(self._topic, data, **attributes))

    def finish_bundle(self) -> None:
        try:
            for future in self._published:
                future.result(PUBLISH_SECONDS)
        except (api.NotFound, api.PermissionDenied) as error:
            raise WarehouseError(f"--dead_letter_topic {self._topic}: {error.message}") from None
        except (api.GoogleAPICallError, api.RetryError, TimeoutError) as error:
            raise TransientError(f"{self._topic}: {error!r}") from error

    def teardown(self) -> None:
        self._client.stop()
