"""AMQP 1.0 to Python values, part 1 of the standard (Types).

Whole numbers of all widths become int, arrays and lists become list. What cannot be decoded
raises ``CodecError``, whatever the bytes are.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any
from uuid import UUID

from local.servicebus.values import CodecError, Described, Opaque, Symbol, Timestamp

#: Deeper nesting is refused; recursion would run into Python's own limit otherwise.
MAX_DEPTH = 32

_U32 = struct.Struct(">I")
_SIZES = struct.Struct(">II")


def decode(data: bytes, at: int = 0) -> tuple[Any, int]:
    """The value that begins at ``data[at]``, and where the next one begins."""
    return _value(data, at, 0)


def decode_list(data: bytes, at: int = 0) -> tuple[list[Any], int]:
    """``decode`` for a value that has to be a list."""
    value, end = _value(data, at, 0)
    if type(value) is not list:
        raise CodecError(f"a list was expected, not {type(value).__name__}")
    return value, end


def skip(data: bytes, at: int, _depth: int = 0) -> int:
    """Where the value ends that begins at ``data[at]``; what is inside is not looked at."""
    if at >= len(data):
        raise CodecError("the bytes end where a value should begin")
    code = data[at]
    if code == 0x00:
        if _depth >= MAX_DEPTH:
            raise CodecError(f"values are nested deeper than {MAX_DEPTH}")
        return skip(data, skip(data, at + 1, _depth + 1), _depth + 1)
    width = code >> 4
    if width in _FIXED_WIDTHS:
        end = at + 1 + _FIXED_WIDTHS[width]
    elif width in (0xA, 0xC, 0xE):
        end = at + 2 + _byte(data, at + 1)
    elif width in (0xB, 0xD, 0xF):
        end = at + 5 + _unpack(_U32, data, at + 1)[0]
    else:
        raise CodecError(f"0x{code:02x} is no AMQP constructor")
    if end > len(data):
        raise CodecError("a value is longer than the bytes that there are")
    return end


def items_of_map(data: bytes, at: int) -> tuple[list[tuple[Any, bytes]], int]:
    """A map's entries in order: each key, with the bytes of key and value; and where it ends."""
    end = skip(data, at)
    code = data[at]
    if code == 0xC1:
        count, at = _byte(data, at + 2), at + 3
    elif code == 0xD1:
        count, at = _unpack(_U32, data, at + 5)[0], at + 9
    else:
        raise CodecError("a map was expected")
    items = []
    for _ in range(_pairs(count)):
        key, value_at = _value(data, at, 0)
        next_at = skip(data, value_at)
        items.append((key, data[at:next_at]))
        at = next_at
    if at != end:
        raise CodecError("a map's size and its entries do not agree")
    return items, end


def _value(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    if at >= len(data):
        raise CodecError("the bytes end where a value should begin")
    if depth > MAX_DEPTH:
        raise CodecError(f"values are nested deeper than {MAX_DEPTH}")
    code = data[at]
    if code == 0x00:
        descriptor, at = _value(data, at + 1, depth + 1)
        value, at = _value(data, at, depth + 1)
        return Described(descriptor, value), at
    decoder = _DECODERS[code]
    if decoder is None:
        raise CodecError(f"0x{code:02x} is no AMQP constructor")
    return decoder(data, at + 1, depth + 1)


_Decoder = Callable[[bytes, int, int], tuple[Any, int]]


def _byte(data: bytes, at: int) -> int:
    if at >= len(data):
        raise CodecError("a value is longer than the bytes that there are")
    return data[at]


def _unpack(layout: struct.Struct, data: bytes, at: int) -> tuple[Any, ...]:
    try:
        return layout.unpack_from(data, at)
    except struct.error as error:
        raise CodecError("a value is longer than the bytes that there are") from error


def _constant(value: Any) -> _Decoder:
    return lambda data, at, depth: (value, at)


def _number(layout: str, of: Callable[[Any], Any] | None = None) -> _Decoder:
    packed = struct.Struct(layout)
    width = packed.size

    def decoder(data: bytes, at: int, depth: int) -> tuple[Any, int]:
        (value,) = _unpack(packed, data, at)
        return (of(value) if of else value), at + width

    return decoder


def _boolean(data: bytes, at: int, depth: int) -> tuple[bool, int]:
    value = _byte(data, at)
    if value > 1:
        raise CodecError(f"a boolean is 0 or 1, not {value}")
    return value == 1, at + 1


def _opaque(code: int, width: int) -> _Decoder:
    def decoder(data: bytes, at: int, depth: int) -> tuple[Opaque, int]:
        value, end = _slice(data, at, width)
        return Opaque(code, value), end

    return decoder


def _uuid(data: bytes, at: int, depth: int) -> tuple[UUID, int]:
    value, end = _slice(data, at, 16)
    return UUID(bytes=value), end


def _slice(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    end = at + size
    if end > len(data):
        raise CodecError("a value is longer than the bytes that there are")
    return bytes(data[at:end]), end


def _variable(of: Callable[[bytes], Any] | None, *, wide: bool) -> _Decoder:
    def decoder(data: bytes, at: int, depth: int) -> tuple[Any, int]:
        if wide:
            (size,) = _unpack(_U32, data, at)
            value, end = _slice(data, at + 4, size)
        else:
            value, end = _slice(data, at + 1, _byte(data, at))
        if of is None:
            return value, end
        try:
            return of(value), end
        except UnicodeDecodeError as error:
            raise CodecError(f"text that is not what it says: {error}") from error

    return decoder


def _sizes(data: bytes, at: int, *, wide: bool) -> tuple[int, int, int]:
    """Of list, map or array: how many items, where they begin, and where they have to end."""
    if wide:
        size, count = _unpack(_SIZES, data, at)
        begin, end = at + 8, at + 4 + size
    else:
        size, count = _byte(data, at), _byte(data, at + 1)
        begin, end = at + 2, at + 1 + size
    if not begin <= end <= len(data):
        raise CodecError("a value is longer than the bytes that there are")
    return count, begin, end


def _compound(*, wide: bool) -> _Decoder:
    def decoder(data: bytes, at: int, depth: int) -> tuple[list[Any], int]:
        count, at, end = _sizes(data, at, wide=wide)
        if count > end - at:  # each takes a byte at least
            raise CodecError("a list's count and its size do not agree")
        items = []
        for _ in range(count):
            item, at = _value(data, at, depth)
            items.append(item)
        if at != end:
            raise CodecError("a list's size and its items do not agree")
        return items, end

    return decoder


def _pairs(count: int) -> int:
    if count % 2:
        raise CodecError("a map has a key without a value")
    return count // 2


def _map(*, wide: bool) -> _Decoder:
    as_list = _compound(wide=wide)

    def decoder(data: bytes, at: int, depth: int) -> tuple[dict[Any, Any], int]:
        items, end = as_list(data, at, depth)
        _pairs(len(items))
        try:
            return dict(zip(items[::2], items[1::2], strict=True)), end
        except TypeError as error:
            raise CodecError(f"a map's key cannot be one: {error}") from error

    return decoder


def _array(*, wide: bool) -> _Decoder:
    def decoder(data: bytes, at: int, depth: int) -> tuple[list[Any], int]:
        count, at, end = _sizes(data, at, wide=wide)
        if count == 0:
            return [], end
        # Items without bytes of their own, such as true, are refused rather than counted out.
        if count > end - at:
            raise CodecError("an array's count and its size do not agree")
        descriptor = None
        described = _byte(data, at) == 0x00
        if described:
            descriptor, at = _value(data, at + 1, depth)
        code = _byte(data, at)
        item_decoder = _DECODERS[code]
        if item_decoder is None:
            raise CodecError(f"0x{code:02x} is no AMQP constructor of an array's items")
        at += 1
        items = []
        for _ in range(count):
            item, at = item_decoder(data, at, depth + 1)
            items.append(Described(descriptor, item) if described else item)
        if at != end:
            raise CodecError("an array's size and its items do not agree")
        return items, end

    return decoder


def _too_deep(decoder: _Decoder) -> _Decoder:
    """Arrays call decoders without ``_value``, so compound ones look at the depth themselves."""

    def checked(data: bytes, at: int, depth: int) -> tuple[Any, int]:
        if depth > MAX_DEPTH:
            raise CodecError(f"values are nested deeper than {MAX_DEPTH}")
        return decoder(data, at, depth)

    return checked


_FIXED_WIDTHS = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}
_DECODERS: list[_Decoder | None] = [None] * 256
for _code, _decoder in {
    0x40: _constant(None),
    0x41: _constant(True),
    0x42: _constant(False),
    0x43: _constant(0),
    0x44: _constant(0),
    0x45: lambda data, at, depth: ([], at),
    0x50: _number(">B"),
    0x51: _number(">b"),
    0x52: _number(">B"),
    0x53: _number(">B"),
    0x54: _number(">b"),
    0x55: _number(">b"),
    0x56: _boolean,
    0x60: _number(">H"),
    0x61: _number(">h"),
    0x70: _number(">I"),
    0x71: _number(">i"),
    0x72: _number(">f"),
    0x73: _opaque(0x73, 4),
    0x74: _opaque(0x74, 4),
    0x80: _number(">Q"),
    0x81: _number(">q"),
    0x82: _number(">d"),
    0x83: _number(">q", Timestamp),
    0x84: _opaque(0x84, 8),
    0x94: _opaque(0x94, 16),
    0x98: _uuid,
    0xA0: _variable(None, wide=False),
    0xA1: _variable(bytes.decode, wide=False),
    0xA3: _variable(lambda data: Symbol(data, "ascii"), wide=False),
    0xB0: _variable(None, wide=True),
    0xB1: _variable(bytes.decode, wide=True),
    0xB3: _variable(lambda data: Symbol(data, "ascii"), wide=True),
    0xC0: _too_deep(_compound(wide=False)),
    0xC1: _too_deep(_map(wide=False)),
    0xD0: _too_deep(_compound(wide=True)),
    0xD1: _too_deep(_map(wide=True)),
    0xE0: _too_deep(_array(wide=False)),
    0xF0: _too_deep(_array(wide=True)),
}.items():
    _DECODERS[_code] = _decoder
