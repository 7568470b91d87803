"""The Pub/Sub side: publish requests, and what became of each message."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final

import grpc.aio
from google.api_core import exceptions as api
from google.api_core.gapic_v1.routing_header import to_grpc_metadata
from google.auth.exceptions import GoogleAuthError
from google.pubsub_v1 import PublisherAsyncClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.types import PublishResponse

from bridge import words
from bridge.message import Packed, in_requests, request

#: Seconds within which a publish request is answered, or counts as failed, ...
PUBLISH_SECONDS: Final = 30.0
#: ... and bytes that a line passes on in a second at the least: a large request takes longer.
_SLOWEST_LINE: Final = 50_000
#: A message that is refused while others went through within so many seconds is itself at fault ...
_TRUSTED_SECONDS: Final = 60.0
#: ... unless so many have been refused since: then the topic may have begun to refuse them all.
_TRUSTED_REFUSALS: Final = 10
#: One that is refused for so long while nothing goes through is at fault, too: what stands behind
#: it may fit.
_PATIENCE_SECONDS: Final = 300.0
_METHOD: Final = "/google.pubsub.v1.Publisher/Publish"
_PERMISSION: Final = "pubsub.topics.publish"
_FAULTS: Final = (api.GoogleAPICallError, api.RetryError, GoogleAuthError, grpc.RpcError)


class TopicError(Exception):
    """The topic cannot be used; the text says why and what to do."""


@dataclass(frozen=True)
class Confirmed:
    """Pub/Sub has the message."""


@dataclass(frozen=True)
class Refused:
    """Pub/Sub will never take this message."""

    detail: str


@dataclass(frozen=True)
class Failed:
    """Pub/Sub may have the message or not; the text says why."""

    why: str


Answer = Confirmed | Refused | Failed


class Topic:
    """Publishes to one topic. A context manager; for one event loop.

    There is one publish request per batch (or per MB of it), and no retry inside: the caller
    holds the messages' locks and decides. It hands over a batch at a time and waits, so what is
    under way is bounded by the batch.

    Args:
        name: ``projects/P/topics/T``.
        emulator: ``HOST:PORT`` to use instead of Google's Pub/Sub; by default, as for Google's own
            libraries, what ``PUBSUB_EMULATOR_HOST`` says.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        name: str,
        emulator: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._emulator = emulator or os.environ.get("PUBSUB_EMULATOR_HOST")
        self._metadata = [to_grpc_metadata([("topic", name)])]  # type: ignore[no-untyped-call]
        self._clock = clock
        self._trusted_until = -1.0
        self._refused = 0
        self._patient_until: float | None = None

    async def __aenter__(self) -> Topic:
        """Opens the client, without a call. Raises TopicError where there are no credentials."""
        emulator = self._emulator
        try:
            transport = PublisherGrpcAsyncIOTransport(
                channel=grpc.aio.insecure_channel(emulator) if emulator else None
            )
        except GoogleAuthError as error:
            raise TopicError(words.of_topic(error, self.name)) from None
        self._client = PublisherAsyncClient(transport=transport)
        # The client's own method copies every request into its wrapper.
        channel: grpc.aio.Channel = transport.grpc_channel
        self._publish = channel.unary_unary(
            _METHOD,
            request_serializer=None,
            response_deserializer=PublishResponse.pb().FromString,
        )
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.transport.close()  # type: ignore[no-untyped-call]

    async def check(self) -> None:
        """Looks whether the topic is there and takes messages from this account.

        Raises:
            TopicError: it is not, or nobody answers.
        """
        try:
            if self._emulator:  # emulators have no permissions to ask for
                await self._client.get_topic(topic=self.name, retry=None, timeout=10.0)
                return
            asked = {"resource": self.name, "permissions": [_PERMISSION]}
            answer = await self._client.test_iam_permissions(asked, retry=None, timeout=10.0)
        except _FAULTS as error:
            raise TopicError(words.of_topic(error, self.name)) from error
        if _PERMISSION not in answer.permissions:
            raise TopicError(words.no_permission(self.name))

    async def publish(self, messages: Sequence[Packed], believe: bool = False) -> list[Answer]:
        """One attempt at ``messages``; an answer for each, in their order.

        Args:
            believe: a refusal is the message's own fault. Otherwise it is so only where others
                go through, for a topic may refuse them all.
        """
        requests = in_requests(messages)
        found = await asyncio.gather(*(self._request(one) for one in requests))
        answers = [answer for part in found for answer in part]
        if believe or self._trusts(answers):
            return answers
        return [
            Failed(answer.detail) if isinstance(answer, Refused) else answer for answer in answers
        ]

    def _trusts(self, answers: Sequence[Answer]) -> bool:
        """Whether the refusals among ``answers`` are the messages' fault, not the topic's."""
        now = self._clock()
        refused = sum(isinstance(answer, Refused) for answer in answers)
        if any(isinstance(answer, Confirmed) for answer in answers):
            self._trusted_until = now + _TRUSTED_SECONDS
            self._refused = 0
            self._patient_until = None
        elif refused:
            self._refused += refused
            if now <= self._trusted_until and self._refused <= _TRUSTED_REFUSALS:
                return True
            if self._patient_until is None:
                self._patient_until = now + _PATIENCE_SECONDS
            if now <= self._patient_until:
                return False
            self._patient_until = None
        return True

    async def _request(self, messages: list[Packed]) -> list[Answer]:
        asked = request(self.name, messages)
        seconds = PUBLISH_SECONDS + len(asked) / _SLOWEST_LINE
        try:
            answer = await self._publish(asked, timeout=seconds, metadata=self._metadata)
        except grpc.RpcError as error:
            fault = api.from_grpc_error(error)  # type: ignore[no-untyped-call]
            return await self._failed(messages, fault)
        except GoogleAuthError as error:
            return await self._failed(messages, error)
        if len(answer.message_ids) != len(messages):
            return [Failed(f"{self.name}: an answer for another number of messages")] * len(
                messages
            )
        return [Confirmed()] * len(messages)

    async def _failed(self, messages: list[Packed], error: Exception) -> list[Answer]:
        why = words.of_topic(error, self.name)
        if not isinstance(error, api.InvalidArgument):
            return [Failed(why)] * len(messages)
        if len(messages) == 1:
            return [Refused(why)]
        middle = len(messages) // 2  # one bad message refuses the request: find it
        first, second = messages[:middle], messages[middle:]
        return [*await self._request(first), *await self._request(second)]
