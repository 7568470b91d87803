"""What addresses and audiences of tokens mean."""

from __future__ import annotations

import pytest

from local.servicebus.addresses import Address, Kind, covers, parse

IRIS = Address(Kind.QUEUE, "iris")
DEAD = Address(Kind.QUEUE, "iris", dead_letters=True)
MANAGEMENT = Address(Kind.MANAGEMENT, "iris")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("iris", IRIS),
        ("/iris/", IRIS),
        ("amqps://ns.servicebus.windows.net/iris", IRIS),
        ("amqps://127.0.0.1:5672/iris/", IRIS),
        ("a/b", Address(Kind.QUEUE, "a/b")),
        ("iris/$DeadLetterQueue", DEAD),
        ("amqps://ns/iris/$deadletterqueue", DEAD),
        ("iris/$management", MANAGEMENT),
        ("iris/$DeadLetterQueue/$Management", Address(Kind.MANAGEMENT, "iris", True)),
        ("$cbs", Address(Kind.CBS)),
        ("amqps://ns/$cbs", Address(Kind.CBS)),
        ("", Address(Kind.QUEUE, "")),
        (None, Address(Kind.QUEUE, "")),
        ("amqps://ns", Address(Kind.QUEUE, "")),
    ],
)
def test_addresses(text: str | None, address: Address) -> None:
    assert parse(text) == address


@pytest.mark.parametrize(
    ("audience", "address", "expected"),
    [
        ("sb://ns/iris", IRIS, True),
        ("sb://ns/IRIS", IRIS, True),
        ("sb://ns/iris", DEAD, True),
        ("sb://ns/iris", MANAGEMENT, True),
        ("sb://ns/iris/$management", IRIS, True),
        ("sb://ns/", IRIS, True),
        ("sb://ns", IRIS, True),
        ("amqps://ns/iris/$DeadLetterQueue", DEAD, True),
        ("amqps://ns/iris/$DeadLetterQueue", IRIS, False),
        ("sb://ns/iri", IRIS, False),
        ("sb://ns/iris2", IRIS, False),
        ("sb://ns/other", IRIS, False),
        ("sb://ns/a", Address(Kind.QUEUE, "a/b"), True),
    ],
)
def test_what_a_token_covers(audience: str, address: Address, expected: bool) -> None:
    assert covers(audience, address) is expected
