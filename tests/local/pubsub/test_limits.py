"""What a publish request may hold: the last value that passes, the first that does not."""

from __future__ import annotations

import re

import pytest

from local.pubsub import limits
from local.pubsub.model import Content, InvalidArgument


@pytest.mark.parametrize(
    "contents",
    [
        [Content(b"x")] * 1_000,
        [Content(b"", {"key": ""})],
        [Content(b"x", {f"key{number}": "" for number in range(100)})],
        [Content(b"x", {"k" * 256: "v" * 1_024})],
        [Content(b"x", {"é" * 128: "é" * 512})],
        [Content(b"x", {}, "o" * 1_024)],
    ],
)
def test_within_the_limits(contents: list[Content]) -> None:
    limits.check_contents(contents)


@pytest.mark.parametrize(
    ("contents", "text"),
    [
        ([], "messages: the request has none"),
        ([Content(b"x")] * 1_001, "messages: the request has 1,001, the limit is 1,000"),
        (
            [Content(b"x"), Content()],
            "messages[1].data: empty, and there are no attributes either",
        ),
        (
            [Content(b"x", {f"key{number}": "" for number in range(101)})],
            "messages[0].attributes: 101, the limit is 100",
        ),
        ([Content(b"x", {"": "v"})], "messages[0].attributes: an empty key"),
        (
            [Content(b"x", {"é" * 129: ""})],
            f"messages[0].attributes: the key '{'é' * 40}' has 258 bytes, the limit is 256",
        ),
        (
            [Content(b"x", {"dataset": "v" * 1_025})],
            "messages[0].attributes['dataset']: the value has 1,025 bytes, the limit is 1,024",
        ),
        (
            [Content(b"x", {}, "o" * 1_025)],
            "messages[0].ordering_key: it has 1,025 bytes, the limit is 1,024",
        ),
    ],
)
def test_beyond_the_limits(contents: list[Content], text: str) -> None:
    with pytest.raises(InvalidArgument, match=f"^{re.escape(text)}$"):
        limits.check_contents(contents)


def test_request_size() -> None:
    limits.check_request_size(10_000_000)
    text = "messages: the request has 10,000,001 bytes, the limit is 10,000,000"
    with pytest.raises(InvalidArgument, match=f"^{text}$"):
        limits.check_request_size(10_000_001)


@pytest.mark.parametrize("name", ["t", "projects/p/topics/", "projects/p/subscriptions/t", ""])
def test_a_name_of_another_form(name: str) -> None:
    text = f"topic: {name!r} is not of the form projects/PROJECT/topics/NAME"
    with pytest.raises(InvalidArgument, match=f"^{text}$"):
        limits.check_name("topic", name, "topics")


@pytest.mark.parametrize("seconds", [9, 601])
def test_ack_deadlines(seconds: int) -> None:
    limits.check_ack_deadline("ack_deadline_seconds", 10)
    limits.check_ack_deadline("ack_deadline_seconds", 600)
    text = f"^ack_deadline_seconds: {seconds}, it must be 10 to 600 seconds$"
    with pytest.raises(InvalidArgument, match=text):
        limits.check_ack_deadline("ack_deadline_seconds", seconds)
