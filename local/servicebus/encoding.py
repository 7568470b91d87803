"""Python values to AMQP 1.0, part 1 of the standard (Types).

One function per AMQP type where the protocol prescribes the type, and ``encode`` where any will
do. Each returns the whole value, constructor byte included.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from local.servicebus.values import CodecError, Described, Opaque, Symbol, Timestamp

NULL = b"\x40"
TRUE = b"\x41"
FALSE = b"\x42"

_DOUBLE = struct.Struct(">Bd")
_SIZE_AND_COUNT = struct.Struct(">BII")


def boolean(value: bool) -> bytes:
    """A boolean."""
    return TRUE if value else FALSE


def ubyte(value: int) -> bytes:
    """0 to 255."""
    return _packed(">BB", 0x50, value)


def ushort(value: int) -> bytes:
    """0 to 65,535."""
    return _packed(">BH", 0x60, value)


def uint(value: int) -> bytes:
    """0 to 2**32 - 1."""
    if 0 < value <= 255:
        return bytes((0x52, value))
    return _packed(">BI", 0x70, value) if value else b"\x43"


def ulong(value: int) -> bytes:
    """0 to 2**64 - 1."""
    if 0 < value <= 255:
        return bytes((0x53, value))
    return _packed(">BQ", 0x80, value) if value else b"\x44"


def int_(value: int) -> bytes:
    """-2**31 to 2**31 - 1."""
    return _packed(">Bb", 0x54, value) if -128 <= value <= 127 else _packed(">Bi", 0x71, value)


def long(value: int) -> bytes:
    """-2**63 to 2**63 - 1."""
    return _packed(">Bb", 0x55, value) if -128 <= value <= 127 else _packed(">Bq", 0x81, value)


def timestamp(value: int) -> bytes:
    """Milliseconds since 1970-01-01 UTC."""
    return _packed(">Bq", 0x83, value)


def binary(value: bytes) -> bytes:
    """Bytes, as they are."""
    return variable_head(0xA0, len(value)) + value


def string(value: str) -> bytes:
    """Text."""
    try:
        data = value.encode()
    except UnicodeEncodeError as error:
        raise CodecError(f"text cannot be encoded: {error}") from error
    return variable_head(0xA1, len(data)) + data


def symbol(value: str) -> bytes:
    """A name in ASCII."""
    try:
        data = value.encode("ascii")
    except UnicodeEncodeError as error:
        raise CodecError(f"a symbol is ASCII: {error}") from error
    return variable_head(0xA3, len(data)) + data


def uuid(value: UUID) -> bytes:
    """A UUID, in network byte order."""
    return b"\x98" + value.bytes


def variable_head(code: int, size: int) -> bytes:
    """What comes before ``size`` bytes of binary, string or symbol.

    Args:
        code: the constructor for up to 255 bytes.
    """
    if size <= 255:
        return bytes((code, size))
    return _packed(">BI", code + 0x10, size)


def list_(items: Iterable[bytes]) -> bytes:
    """A list of values that are encoded already."""
    encoded = list(items)
    if not encoded:
        return b"\x45"
    return _compound(0xC0, len(encoded), b"".join(encoded))


def map_(items: Iterable[bytes]) -> bytes:
    """A map: keys and values in turn, encoded already."""
    encoded = list(items)
    return _compound(0xC1, len(encoded), b"".join(encoded))


def array(constructor: int, items: Iterable[bytes]) -> bytes:
    """An array.

    Args:
        constructor: of every item.
        items: encoded, without their constructors.
    """
    encoded = list(items)
    return _compound(0xE0, len(encoded), bytes((constructor,)) + b"".join(encoded))


def described(descriptor: int, value: bytes) -> bytes:
    """A value under a descriptor of the standard, one up to 255; the value is encoded already."""
    return bytes((0x00, 0x53, descriptor)) + value


def encode(value: Any) -> bytes:
    """A value of the AMQP type that is nearest to its Python type; int becomes long.

    Raises:
        CodecError: there is no such type, or the value does not fit.
    """
    encoder = _ENCODERS.get(type(value))
    if encoder is None:
        raise CodecError(f"AMQP has no type for {type(value).__name__}")
    return encoder(value)


def _packed(layout: str, code: int, value: int) -> bytes:
    try:
        return struct.pack(layout, code, value)
    except struct.error as error:
        raise CodecError(f"{value} does not fit its AMQP type: {error}") from error


def _compound(code: int, count: int, body: bytes) -> bytes:
    """List, map or array; ``code`` is the constructor for a size of one byte."""
    if len(body) < 255 and count <= 255:
        return bytes((code, len(body) + 1, count)) + body
    return _SIZE_AND_COUNT.pack(code + 0x10, len(body) + 4, count) + body


def _mapping(value: Mapping[Any, Any]) -> bytes:
    return map_(encode(each) for item in value.items() for each in item)


_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: NULL,
    bool: boolean,
    int: long,
    float: lambda value: _DOUBLE.pack(0x82, value),
    str: string,
    bytes: binary,
    UUID: uuid,
    Symbol: symbol,
    Timestamp: timestamp,
    Opaque: lambda value: bytes((value.code,)) + value.data,
    Described: lambda value: b"\x00" + encode(value.descriptor) + encode(value.value),
    list: lambda value: list_(map(encode, value)),
    tuple: lambda value: list_(map(encode, value)),
    dict: _mapping,
}
