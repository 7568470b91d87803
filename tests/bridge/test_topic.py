"""The topic against the local Pub/Sub, with the real client."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import pytest

from bridge.message import Letter, Packed, pack
from bridge.topic import Answer, Confirmed, Failed, Refused, Topic, TopicError
from local.pubsub import PubSubServer

TOPIC = "projects/local-project/topics/iris"
SUBSCRIPTION = "projects/local-project/subscriptions/iris"
T = TypeVar("T")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PubSubServer]:
    with PubSubServer() as server:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.address)
        server.ensure_topic(TOPIC)
        server.ensure_subscription(SUBSCRIPTION, TOPIC)
        yield server


def within(call: Callable[[Topic], Awaitable[T]], name: str = TOPIC) -> T:
    async def run() -> T:
        async with Topic(name) as topic:
            return await call(topic)

    return asyncio.run(run())


def message(text: str = "[]", **attributes: str) -> Packed:
    packed = pack(Letter(text.encode(), {"dataset": "MID", **attributes}))
    assert isinstance(packed, Packed)
    return packed


#: Refused by Pub/Sub: the value of an attribute is too long.
BAD = message(x="y" * 1_025)


def test_what_is_confirmed_is_there(server: PubSubServer) -> None:
    sent = [message(str(at)) for at in range(5)]
    assert within(lambda topic: topic.publish(sent)) == [Confirmed()] * 5
    assert server.unacknowledged(SUBSCRIPTION) == 5


def test_more_than_one_request_holds(server: PubSubServer) -> None:
    sent = [message("x" * 900_000)] * 3
    assert within(lambda topic: topic.publish(sent)) == [Confirmed()] * 3
    assert server.unacknowledged(SUBSCRIPTION) == 3


def test_a_message_that_is_refused_holds_up_none(server: PubSubServer) -> None:
    sent = [message(), message(), BAD, message(), BAD, message(), message()]
    answers = within(lambda topic: topic.publish(sent))
    assert [type(answer) for answer in answers] == [
        Confirmed,
        Confirmed,
        Refused,
        Confirmed,
        Refused,
        Confirmed,
        Confirmed,
    ]
    assert isinstance(answers[2], Refused)
    assert "the limit is 1,024" in answers[2].detail
    assert server.unacknowledged(SUBSCRIPTION) == 5


def test_a_topic_that_takes_nothing_is_not_the_messages_fault(server: PubSubServer) -> None:
    async def calls(topic: Topic) -> list[list[Answer]]:
        return [
            await topic.publish([BAD]),
            await topic.publish([message()]),
            await topic.publish([BAD]),
        ]

    first, second, third = within(calls)
    assert [type(one) for one in (*first, *second, *third)] == [Failed, Confirmed, Refused]


def test_trust_in_the_topic_ends(server: PubSubServer) -> None:
    now = 0.0

    async def run() -> list[Answer]:
        nonlocal now
        async with Topic(TOPIC, clock=lambda: now) as topic:
            await topic.publish([message()])
            now = 60.0
            answers = await topic.publish([BAD])
            now = 61.0
            return [*answers, *await topic.publish([BAD])]

    assert [type(one) for one in asyncio.run(run())] == [Refused, Failed]


def test_trust_ends_with_many_refusals(server: PubSubServer) -> None:
    """A topic that gets a schema refuses everything from then on."""

    async def calls(topic: Topic) -> list[str]:
        await topic.publish([message()])
        found = [await topic.publish([BAD] * count) for count in (4, 6, 1)]
        await topic.publish([message()])
        found.append(await topic.publish([BAD]))
        return [type(one).__name__ for answers in found for one in answers]

    assert within(calls) == [*["Refused"] * 10, "Failed", "Refused"]


def test_a_large_request_has_more_time(
    server: PubSubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.topic.PUBLISH_SECONDS", 0.001)
    monkeypatch.setattr("bridge.topic._SLOWEST_LINE", 10_000)
    server.faults.delay_answers(0.3, "Publish")
    small = within(lambda topic: topic.publish([message()]))
    assert small == [Failed(f"Pub/Sub does not answer ({TOPIC})")]
    assert within(lambda topic: topic.publish([message("x" * 900_000)])) == [Confirmed()]


def test_patience_with_the_topic_ends(server: PubSubServer) -> None:
    """What stands behind a message that is refused may fit."""
    now = 0.0

    async def run() -> list[str]:
        nonlocal now
        found = []
        async with Topic(TOPIC, clock=lambda: now) as topic:
            for moment in (0.0, 200.0, 300.0, 301.0, 302.0, 602.0, 603.0):
                now = moment
                found += [type(one).__name__ for one in await topic.publish([BAD])]
        return found

    assert asyncio.run(run()) == [*["Failed"] * 3, "Refused", *["Failed"] * 2, "Refused"]


def test_a_refusal_that_is_to_be_believed(server: PubSubServer) -> None:
    [answer] = within(lambda topic: topic.publish([BAD], believe=True))
    assert isinstance(answer, Refused)


def test_a_topic_that_is_missing(server: PubSubServer) -> None:
    name = "projects/local-project/topics/none"
    words = f"there is no topic {name}: create it, or check PUBSUB_TOPIC"
    assert within(lambda topic: topic.publish([message()] * 2), name) == [Failed(words)] * 2
    with pytest.raises(TopicError) as caught:
        within(lambda topic: topic.check(), name)
    assert str(caught.value) == words


def test_a_topic_that_is_there(server: PubSubServer) -> None:
    within(lambda topic: topic.check())


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    with PubSubServer() as server:
        address = server.address
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", address)
    [answer] = within(lambda topic: topic.publish([message()]))
    assert isinstance(answer, Failed)
    assert answer.why.startswith(f"{TOPIC}: 503 ")


def test_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: os.PathLike[str]) -> None:
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
    monkeypatch.setenv("CLOUDSDK_CONFIG", os.fspath(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(TopicError, match="no Google credentials: run gcloud auth application"):
        within(lambda topic: topic.check())
