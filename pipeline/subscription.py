"""The Pub/Sub doors: Beam's own on a runner that streams, micro-batches on this machine."""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import apache_beam as beam
import google.cloud.pubsub_v1 as pubsub_v1
import grpc
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from google.api_core import exceptions as api
from google.auth.exceptions import GoogleAuthError
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from pipeline.deliveries import PULL_SECONDS, Deliveries
from pipeline.deliveries import SubscriptionError as SubscriptionError
from pipeline.message import Message, from_pubsub
from pipeline.sinks.base import TransientError

log = logging.getLogger(__name__)

LONGEST_WAIT: Final = 30.0
#: After a batch of fewer messages the loop rests, for so many times as long as the batch took,
#: and so many seconds at most.
BACKLOG_MESSAGES: Final = 250
REST_SHARE: Final = 2.0
LONGEST_REST: Final = 1.0


class ReadMessages(beam.PTransform):
    """Messages of a subscription, by Beam's own connector (Dataflow)."""

    def __init__(self, subscription: str) -> None:
        super().__init__()
        self._subscription = subscription

    def expand(self, begin: Any) -> Any:
        return (
            begin
            | "ReadFromPubSub"
            >> beam.io.ReadFromPubSub(subscription=self._subscription, with_attributes=True)
            | "ToMessage" >> beam.Map(to_message)
        )


def to_message(message: Any) -> Message:
    """The message that one of Beam's ``PubsubMessage`` carries."""
    return from_pubsub(message.data, message.attributes, message.message_id)


#: Batches on their way into a run, by ticket: payloads stay out of the graph.
_batches: dict[int, list[Message]] = {}
_tickets = itertools.count()


def open_subscriber() -> pubsub_v1.SubscriberClient:
    """A subscriber client; with an emulator, one that takes messages of any size.

    The library's own channel to an emulator keeps gRPC's limit of 4 MiB for an answer, less than
    Pub/Sub's limit for a message.

    Raises:
        SubscriptionError: there are no credentials.
    """
    host = os.environ.get("PUBSUB_EMULATOR_HOST")
    if not host:
        try:
            return pubsub_v1.SubscriberClient()
        except GoogleAuthError as error:
            advice = "run gcloud auth application-default login"
            raise SubscriptionError(
                f"no Google credentials for Pub/Sub: {advice} ({error})"
            ) from None
    channel = grpc.insecure_channel(host, options=[("grpc.max_receive_message_length", -1)])
    return pubsub_v1.SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))


def check_subscription(subscription: str) -> None:
    """Refuses a subscription that is missing, before anything is made for its messages.

    Raises:
        SubscriptionError: with one line for the user.
    """
    with open_subscriber() as client:
        try:
            client.get_subscription(subscription=subscription, retry=None, timeout=PULL_SECONDS)
        except (api.NotFound, api.InvalidArgument) as error:
            raise SubscriptionError(f"{subscription}: {error.message}") from None
        except api.GoogleAPICallError:
            pass  # a subscriber need not be allowed to look: the first pull will tell


@contextmanager
def held(messages: list[Message]) -> Iterator[int]:
    """A ticket for ``messages``, valid inside the ``with`` block and in this process."""
    ticket = next(_tickets)
    _batches[ticket] = messages
    try:
        yield ticket
    finally:
        del _batches[ticket]


class TakeBatch(beam.DoFn):
    """Ticket → the Messages of that batch, in the process that pulled them."""

    def process(self, ticket: int) -> Iterator[Any]:
        yield from _batches[ticket]


class MicroBatches:
    """Pulls batches, runs a graph over each in this process, acknowledges after the write.

    Beam's local runners either read nothing from Pub/Sub or acknowledge before they process, so
    a crash would lose data. Here a message is acknowledged when its rows, its dead letters and
    its ledger entry are written; until then it belongs to the subscription.

    Args:
        subscription: ``projects/P/subscriptions/S``.
        write: applies the transforms to the messages, given the datasets among them.
        on_result: called with the result of each finished run.
        stop: ends the loop when set, after the batch under way.
        stop_when_idle: seconds without a message after which the loop ends; None for never.
    """

    def __init__(
        self,
        subscription: str,
        write: Callable[[Any, frozenset[str]], Any],
        on_result: Callable[[Any], None],
        stop: threading.Event,
        stop_when_idle: float | None = None,
    ) -> None:
        self._subscription = subscription
        self._write = write
        self._on_result = on_result
        self._stop = stop
        self._stop_when_idle = stop_when_idle

    def run(self) -> None:
        """Runs until ``stop`` is set or the subscription has been idle for long enough.

        Raises:
            SubscriptionError: the subscription is missing or forbidden.
        """
        wait = 1.0
        with open_subscriber() as client:
            deliveries = Deliveries(client, self._subscription, self._stop)
            last_message = time.monotonic()
            while not self._stop.is_set():
                batch = deliveries.take()
                if batch is None:
                    continue
                if not batch:
                    idle = time.monotonic() - last_message
                    if self._stop_when_idle is not None and idle >= self._stop_when_idle:
                        return
                    continue
                began = time.monotonic()
                try:
                    with deliveries.kept(batch):
                        self._process([_received(one.message) for one in batch])
                except TransientError as error:
                    what = "left for the next start" if self._stop.is_set() else "trying again"
                    log.warning("batch of %d not written, %s: %s", len(batch), what, plain(error))
                    deliveries.give_back(batch)
                    self._stop.wait(wait)
                    wait = min(wait * 2, LONGEST_WAIT)
                except BaseException:
                    deliveries.give_back(batch)  # the next run need not wait for them
                    raise
                else:
                    deliveries.acknowledge(batch)
                    wait = 1.0
                    self._rest(len(batch), time.monotonic() - began)
                last_message = time.monotonic()

    def _rest(self, messages: int, seconds: float) -> None:
        """Lets a trickle gather: a graph per message would keep a core busy for nothing."""
        if messages < BACKLOG_MESSAGES:
            self._stop.wait(min(REST_SHARE * seconds, LONGEST_REST))

    def _process(self, messages: list[Message]) -> None:
        with held(messages) as ticket:
            options = PipelineOptions(["--runner=FnApiRunner"])
            pipeline = beam.Pipeline(runner=FnApiRunner(), options=options)
            batch = pipeline | "Ticket" >> beam.Create([ticket]) | beam.ParDo(TakeBatch())
            self._write(batch, frozenset(message.dataset for message in messages))
            result = pipeline.run()
            result.wait_until_finish()
        self._on_result(result)


def plain(error: Exception) -> str:
    """The text of ``error`` without the place in the graph that Beam adds."""
    return str(error).partition(" [while running")[0]


def _received(message: Any) -> Message:
    return from_pubsub(message.data, dict(message.attributes), message.message_id)
