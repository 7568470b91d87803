"""What every backlog does, whether it keeps messages in memory or on the disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.pubsub import Backlog
from local.pubsub.model import DELETED_TOPIC, Content, Message, Subscription, Topic

TOPIC = Topic("projects/p/topics/t", {"label": "é"})
SUB = Subscription("projects/p/subscriptions/s", TOPIC.name, 77, {"a": "b"})
OTHER = Subscription("projects/p/subscriptions/other", TOPIC.name)
NOW_NS = 1_700_000_000_123_456_789

Open = Callable[[], Backlog]


@pytest.fixture
def backlog(backlog: Backlog) -> Backlog:
    """One topic with two subscriptions."""
    backlog.save_topic(TOPIC)
    backlog.save_subscription(SUB)
    backlog.save_subscription(OTHER)
    return backlog


def append(backlog: Backlog, *data: bytes, to: tuple[Subscription, ...] = (SUB,)) -> list[int]:
    contents = [Content(each) for each in data]
    return backlog.append(contents, NOW_NS, [each.name for each in to])


def pending(backlog: Backlog) -> dict[str, list[int]]:
    return {each.name: list(backlog.pending(each.name)) for each in backlog.subscriptions()}


def test_topics_and_subscriptions_survive(backlog: Backlog, open_backlog: Open) -> None:
    gone = Topic("projects/p/topics/gone")
    backlog.save_topic(gone)
    backlog.remove_topic(gone.name)
    append(backlog, b"a")
    orphan = replace(SUB, topic=DELETED_TOPIC)
    backlog.save_subscription(orphan)
    backlog.close()
    backlog = open_backlog()
    assert backlog.topics() == [TOPIC]
    assert sorted(backlog.subscriptions(), key=lambda sub: sub.name) == [OTHER, orphan]
    assert pending(backlog) == {SUB.name: [1], OTHER.name: []}
    backlog.close()


def test_each_subscription_waits_for_its_own(backlog: Backlog, open_backlog: Open) -> None:
    append(backlog, b"a", b"b", to=(SUB, OTHER))
    append(backlog, b"c")
    backlog.acknowledge(SUB.name, [2])
    backlog.acknowledge(OTHER.name, [1, 2])
    backlog.close()
    backlog = open_backlog()
    assert pending(backlog) == {SUB.name: [1, 3], OTHER.name: []}
    assert [backlog.read(each).content.data for each in (1, 3)] == [b"a", b"c"]
    with pytest.raises(KeyError):
        backlog.read(2)
    backlog.close()


def test_a_removed_subscription_waits_for_nothing(backlog: Backlog, open_backlog: Open) -> None:
    append(backlog, b"a", b"b", to=(SUB, OTHER))
    backlog.acknowledge(OTHER.name, [2])
    backlog.remove_subscription(SUB.name)
    backlog.save_subscription(SUB)
    backlog.close()
    backlog = open_backlog()
    assert pending(backlog) == {SUB.name: [], OTHER.name: [1]}
    assert backlog.read(1) == Message(1, NOW_NS, Content(b"a"))
    with pytest.raises(KeyError):
        backlog.read(2)
    backlog.close()


def test_ids_are_given_once(backlog: Backlog, open_backlog: Open) -> None:
    assert append(backlog, b"a", b"b") == [1, 2]
    assert append(backlog, b"c", to=()) == [3]
    backlog.acknowledge(SUB.name, [1, 2])
    backlog.close()
    backlog = open_backlog()
    assert pending(backlog) == {SUB.name: [], OTHER.name: []}
    assert min(append(backlog, b"d")) > 3
    backlog.close()


def test_a_message_can_be_read_before_the_commit(backlog: Backlog) -> None:
    assert append(backlog, b"a") == [1]
    assert backlog.read(1) == Message(1, NOW_NS, Content(b"a"))


def test_closing_twice_is_closing_once(backlog: Backlog) -> None:
    backlog.close()
    backlog.close()


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
contents = st.builds(
    Content, st.binary(max_size=100), st.dictionaries(texts, texts, max_size=3), texts
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contents=st.lists(contents, min_size=1, max_size=5), now_ns=st.integers(0, 2**63 - 1))
def test_a_message_comes_back_as_it_was(
    backlog: Backlog, contents: list[Content], now_ns: int
) -> None:
    ids = backlog.append(contents, now_ns, [SUB.name])
    backlog.commit()
    assert [backlog.read(each) for each in ids] == [
        Message(message_id, now_ns, content)
        for message_id, content in zip(ids, contents, strict=True)
    ]


def test_a_body_of_ten_megabytes(backlog: Backlog, open_backlog: Open) -> None:
    data = bytes(range(250)) * 40_000
    append(backlog, data)
    backlog.close()
    backlog = open_backlog()
    assert backlog.read(1) == Message(1, NOW_NS, Content(data))
    backlog.close()
