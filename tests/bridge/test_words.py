"""Errors as the SDKs raise them, in words. What a login can meet is in ``test_login.py``."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import grpc
import pytest
from google.auth.exceptions import RefreshError
from hypothesis import given
from hypothesis import strategies as st

from bridge import words
from bridge.login import Login, Secret
from bridge.message import Packed
from bridge.settings import Settings
from bridge.source import Access, Source, SourceLost
from bridge.topic import Failed, Topic, TopicError
from local.pubsub import PubSubServer
from local.servicebus import ServiceBusServer
from tests.bridge.stack import QUEUE

TOPIC = "projects/some-project/topics/iris"

#: How a link is refused, and the words for it.
REFUSALS = {
    ("amqp:not-found", "It is gone."): (
        "there is no queue iris in HOST: check IRIS_QUEUE_NAME"
    ),
    ("com.microsoft:entity-disabled", "It is disabled."): (
        "the queue iris is disabled: see the IRIS page"
    ),
    ("amqp:unauthorized-access", "No claim. TrackingId:77_G1, SystemTracker:x"): (
        "no permission on the queue iris: check IRIS_QUEUE_NAME, and that the client id belongs "
        "to the same account (No claim)"
    ),
    ("com.microsoft:auth-failed", "No."): (
        "no permission on the queue iris: check IRIS_QUEUE_NAME, and that the client id belongs "
        "to the same account (No)"
    ),
    ("com.microsoft:server-busy", "Later."): "HOST asks to slow down (Later)",
    ("amqp:resource-limit-exceeded", "Too many."): (
        "a quota of HOST is used up: does another client read iris? (Too many)"
    ),
    ("com.microsoft:timeout", "It took too long."): "HOST does not answer",
    ("amqp:internal-error", "It broke. Reference:12"): "HOST: It broke. Reference:12",
}  # fmt: skip


async def refused(condition: str, description: str) -> str:
    """What is said of a queue whose links are refused so."""
    with ServiceBusServer([QUEUE]) as server:
        server.faults.throttle(condition, description)
        text = server.connection_string
        access = Access(Settings(QUEUE, TOPIC, server.address, Secret(text)))
        with pytest.raises(SourceLost) as caught:
            async with Source(access):
                pass
        return str(caught.value).replace(server.address, "HOST")


def test_a_link_that_is_refused() -> None:
    async def run() -> list[str]:
        return await asyncio.gather(*(refused(*one) for one in REFUSALS))

    assert dict(zip(REFUSALS, asyncio.run(run()), strict=True)) == REFUSALS


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            grpc.StatusCode.NOT_FOUND,
            f"there is no topic {TOPIC}: create it, or check PUBSUB_TOPIC",
        ),
        (
            grpc.StatusCode.PERMISSION_DENIED,
            f"no permission to publish to {TOPIC}, or there is no such topic: create it, grant "
            "roles/pubsub.publisher on it, or check PUBSUB_TOPIC",
        ),
        (grpc.StatusCode.UNAUTHENTICATED, "Google refuses the credentials (401 the details)"),
        (
            grpc.StatusCode.INVALID_ARGUMENT,
            f"{TOPIC} takes no message: a schema on the topic? (400 the details)",
        ),
        (grpc.StatusCode.DEADLINE_EXCEEDED, f"Pub/Sub does not answer ({TOPIC})"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, f"{TOPIC}: 429 the details"),
        (grpc.StatusCode.INTERNAL, f"{TOPIC}: 500 the details"),
        (grpc.StatusCode.UNAVAILABLE, f"{TOPIC}: 503 the details"),
        (grpc.StatusCode.UNKNOWN, f"{TOPIC}: None the details"),
    ],
)
def test_a_publish_that_is_refused(code: grpc.StatusCode, said: str, topics: PubSubServer) -> None:
    async def run() -> list[object]:
        async with Topic(TOPIC, topics.address) as topic:
            return [*await topic.publish([Packed(b"", b"", b"")])]

    topics.faults.refuse_publishes(code, details="the details")
    assert asyncio.run(run()) == [Failed(said)]


@pytest.fixture
def topics() -> Iterator[PubSubServer]:
    with PubSubServer() as server:
        server.ensure_topic(TOPIC)
        yield server


def test_a_topic_that_nobody_serves() -> None:
    with PubSubServer() as server:
        address = server.address

    async def run() -> None:
        async with Topic(TOPIC, address) as topic:
            await topic.check()

    with pytest.raises(TopicError, match=re.escape(f"{TOPIC}: 503 ")):
        asyncio.run(run())


@given(st.text(), st.text())
def test_a_line_is_one_line_and_short(text: str, host: str) -> None:
    login = Login("tenant", "client", Secret("secret"))
    for error in (ValueError(text), OSError(text), TimeoutError(text), KeyError(text)):
        said = words.of_queue(error, "iris", "host", login)
        assert len(said) < 400
        assert "\n" not in said
        assert said.strip()
        assert words.of_login(error, login).count("\n") == 0


def test_an_error_that_is_its_own_cause() -> None:
    error = ValueError("round")
    error.__cause__ = OSError("and round")
    error.__cause__.__context__ = error
    assert words.of_queue(error, "iris", "host") == "host: the connection is lost (round)"


def test_credentials_that_are_there_and_refused() -> None:
    """As of a key that was deleted: no call of the API is made."""
    error = RefreshError("invalid_grant: Invalid JWT Signature.")  # type: ignore[no-untyped-call]
    said = "Google refuses the credentials"
    assert words.of_secret(error, "projects/p/secrets/s/versions/latest") == (
        f"IRIS_CLIENT_SECRET_NAME: {said} to read projects/p/secrets/s/versions/latest "
        "(invalid_grant: Invalid JWT Signature)"
    )
    assert words.of_monitoring(error, "p") == f"{said} (invalid_grant: Invalid JWT Signature)"
