"""What a subscription delivers: taken in batches, leased while they are written, then settled."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Final

import google.cloud.pubsub_v1 as pubsub_v1
from google.api_core import exceptions as api

from pipeline.leases import KeptLease

#: Whatever a call may end with, faults that outlasted the client's own retries included.
FAULTS: Final = (api.GoogleAPICallError, api.RetryError)
#: Faults that no retry mends.
LASTING: Final = (
    api.NotFound,
    api.PermissionDenied,
    api.Unauthenticated,
    api.InvalidArgument,
    api.FailedPrecondition,
)

#: A pull asks for so many; an answer that has them, or so many bytes, has left some behind.
PULL_MESSAGES: Final = 1_000
FULL_ANSWER_BYTES: Final = 3_000_000
PULL_SECONDS: Final = 5.0
#: The same for a pull while messages are at hand, which should not wait for long.
NEXT_PULL_SECONDS: Final = 1.0
#: Where a batch stops growing. A run over many datasets costs seconds, so that small batches
#: could not keep up with a backlog; large ones cost memory and, after a crash, duplicates.
BATCH_MESSAGES: Final = 2_000
BATCH_BYTES: Final = 16_000_000

#: How long a lease outlives this process.
LEASE_SECONDS: Final = 30
RENEW_SECONDS: Final = 10.0
#: Ack ids in one request, as many as the client library's own subscriber sends.
ACK_IDS: Final = 1_000

log = logging.getLogger(__name__)


class SubscriptionError(Exception):
    """A subscription that cannot be read; the text says what to do."""


class Deliveries:
    """Batches of a subscription's messages.

    A batch is a list of ``ReceivedMessage``. Faults that may pass are logged and cost a
    redelivery at worst.

    Args:
        subscription: ``projects/P/subscriptions/S``.
        stop: ends waiting when set.
    """

    def __init__(
        self, client: pubsub_v1.SubscriberClient, subscription: str, stop: threading.Event
    ) -> None:
        self._client = client
        self._subscription = subscription
        self._stop = stop

    def take(self) -> list[Any] | None:
        """What has arrived, perhaps nothing; None where Pub/Sub could not be asked.

        One pull when little arrives; of a backlog as much as a batch may have.

        Raises:
            SubscriptionError: the subscription is missing or forbidden.
        """
        most = min(PULL_MESSAGES, BATCH_MESSAGES)
        answer = self._pull(most, timeout=PULL_SECONDS)
        if answer is None:
            return None
        batch = answer
        while answer and (len(answer) >= most or _size(answer) >= FULL_ANSWER_BYTES):
            most = min(PULL_MESSAGES, BATCH_MESSAGES - len(batch))
            if most <= 0 or _size(batch) >= BATCH_BYTES or self._stop.is_set():
                break
            answer = self._pull(most, timeout=NEXT_PULL_SECONDS, retry=None) or []
            batch = batch + answer
        return batch

    def kept(self, batch: Sequence[Any]) -> KeptLease:
        """Keeps the batch from others while the ``with`` block runs."""
        return KeptLease(lambda: self._renew(batch), LEASE_SECONDS, RENEW_SECONDS)

    def give_back(self, batch: Sequence[Any]) -> None:
        """Has the batch delivered again, at once."""
        self._settle(batch, "give back", self._client.modify_ack_deadline, ack_deadline_seconds=0)

    def acknowledge(self, batch: Sequence[Any]) -> None:
        """Ends the batch's life."""
        self._settle(batch, "acknowledge", self._client.acknowledge)

    def _pull(self, most: int, **options: Any) -> list[Any] | None:
        request = {"subscription": self._subscription, "max_messages": most}
        try:
            return list(self._client.pull(request=request, **options).received_messages)
        except api.DeadlineExceeded:
            return []
        except LASTING as error:
            raise SubscriptionError(f"{self._subscription}: {error.message}") from None
        except FAULTS as error:
            log.warning("cannot pull from %s, trying again: %s", self._subscription, error)
            self._stop.wait(1.0)
            return None

    def _renew(self, batch: Sequence[Any]) -> bool:
        try:
            for request in self._requests(batch, ack_deadline_seconds=LEASE_SECONDS):
                # Not the client's own retries: they would outlast the end of the batch.
                self._client.modify_ack_deadline(request=request, retry=None, timeout=PULL_SECONDS)
        except FAULTS as error:
            log.warning("cannot renew the lease of %d messages: %s", len(batch), error)
            return False
        return True

    def _settle(self, batch: Sequence[Any], what: str, call: Any, **fields: int) -> None:
        try:
            for request in self._requests(batch, **fields):
                call(request=request)
        except FAULTS as error:  # the lease runs out, and they come once more
            log.warning("cannot %s %d messages: %s", what, len(batch), error)

    def _requests(self, batch: Sequence[Any], **fields: int) -> Iterator[dict[str, Any]]:
        ack_ids = (one.ack_id for one in batch)
        while some := list(itertools.islice(ack_ids, ACK_IDS)):
            yield {"subscription": self._subscription, "ack_ids": some, **fields}


def _size(answer: Sequence[Any]) -> int:
    """Bytes of the bodies."""
    return sum(len(one.message.data) for one in answer)
