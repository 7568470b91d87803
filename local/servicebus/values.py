"""The AMQP values that no plain Python type stands for."""

from __future__ import annotations

from typing import Any, NamedTuple


class CodecError(ValueError):
    """A value that cannot be encoded, or bytes that are not an encoded value."""


class Symbol(str):
    """A name out of a set that both sides know, in ASCII."""

    __slots__ = ()


class Timestamp(int):
    """Milliseconds since 1970-01-01 UTC."""

    __slots__ = ()


class Described(NamedTuple):
    """A value together with what it is meant to be."""

    descriptor: Any
    value: Any


class Opaque(NamedTuple):
    """A value that is carried as it came: a decimal or a character.

    Attributes:
        code: the constructor byte that says how wide and of which type it is.
    """

    code: int
    data: bytes
