"""Odd messages: each is as odd as it says, and becomes what it says."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from local.feed import FeedMessage, Odd, Outcome, Profile, schedule
from schemas import Registry
from tests.local.feed.conftest import Feed
from tests.local.feed.typing_checks import Reader


@pytest.fixture(scope="module", autouse=True)
def _same_serials() -> Iterator[None]:
    """Else they would be others where some messages are odd."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedule, "_first_serial", lambda run: 7)
        yield


@pytest.fixture(scope="module")
def messages(profile: Profile, feed: Feed) -> list[FeedMessage]:
    """Five minutes, of which every message is odd."""
    return list(feed(profile, duration=timedelta(minutes=5), odd=1.0))


@pytest.fixture(scope="module")
def usual(profile: Profile, feed: Feed) -> list[FeedMessage]:
    """The same without."""
    return list(feed(profile, duration=timedelta(minutes=5)))


def test_the_pipeline_makes_of_them_what_they_say(
    messages: list[FeedMessage], registry: Registry
) -> None:
    reader = Reader(registry)
    for message in messages:
        assert reader.outcome(message) == (message.records, message.outcome), message.message_id


def test_each_kind_comes_as_often(messages: list[FeedMessage], usual: list[FeedMessage]) -> None:
    kinds = Counter(message.odd for message in messages)
    assert kinds.pop(None) == kinds[Odd.DUPLICATE]  # the originals
    assert kinds.keys() == set(Odd)
    assert max(kinds.values()) - min(kinds.values()) <= 1
    assert len(messages) == len(usual) + kinds[Odd.DUPLICATE]


def test_what_is_odd_about_them(messages: list[FeedMessage], usual: list[FeedMessage]) -> None:
    originals = iter(usual)
    previous = original = usual[0]
    for message in messages:
        if message.odd is not Odd.DUPLICATE:
            original = next(originals)
        count = original.records
        same_body, same_name = message.body == original.body, message.dataset == original.dataset
        match message.odd:
            case None:
                assert message == original
            case Odd.DUPLICATE:
                assert (message.message_id, message.body) == (previous.message_id, previous.body)
                assert message.outcome == Outcome(rows=count)
            case Odd.UNKNOWN_DATASET:
                assert message.dataset == f"{original.dataset}_UNHEARD_OF"
                assert message.message_id.startswith(f"{message.dataset}_2026")
                assert (same_body, message.outcome) == (True, Outcome(unmapped=count))
            case Odd.NO_SUBJECT:
                assert message.dataset is None
                assert (same_body, message.outcome) == (True, Outcome(unmapped=count))
            case Odd.NOT_JSON:
                assert original.body.startswith(message.body)
                assert (same_body, same_name) == (False, True)
                assert (message.records, message.outcome) == (0, Outcome(dead_letters=1))
            case Odd.EMPTY:
                assert json.loads(json.loads(message.body)) == []
                assert (same_name, message.records, message.outcome) == (True, 0, Outcome())
            case Odd.MISFIT:
                assert (same_body, message.outcome) == (False, Outcome(rows=count, misfits=1))
            case Odd.OUT_OF_RANGE:
                assert message.outcome == Outcome(rows=count - 1, dead_letters=1)
        previous = message
    assert next(originals, None) is None


def test_names_are_those_of_the_usual_messages(messages: list[FeedMessage]) -> None:
    names = Counter(one.message_id for one in messages if one.odd is not Odd.DUPLICATE)
    assert set(names.values()) == {1}


def test_a_misfit_spares_the_key(
    messages: list[FeedMessage], usual: list[FeedMessage], registry: Registry
) -> None:
    reader = Reader(registry)
    keys = {message.message_id: reader.keys(message) for message in usual}
    spoilt = [message for message in messages if message.odd is Odd.MISFIT]
    assert len(spoilt) > 50
    for message in spoilt:
        assert reader.keys(message) == keys[message.message_id]


def test_a_share(profile: Profile, feed: Feed) -> None:
    some = list(feed(profile.only("MILS"), duration=timedelta(minutes=30), odd=0.1))
    share = sum(message.odd is not None for message in some) / len(some)
    assert 0.07 < share < 0.13
    assert list(feed(profile.only("MILS"), duration=timedelta(minutes=30), odd=0.1)) == some


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_what_is_no_share(share: float, profile: Profile, feed: Feed) -> None:
    with pytest.raises(ValueError, match=f"odd: {share} is no share between 0 and 1"):
        feed(profile, odd=share)
