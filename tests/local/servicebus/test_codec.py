"""Encoding and decoding: round trips, nonsense, and the SDK's own codec on the other side."""

from __future__ import annotations

import math
import struct
import uuid
from contextlib import suppress
from typing import Any

import pytest
from azure.servicebus._pyamqp import _decode, _encode
from hypothesis import example, given
from hypothesis import strategies as st

from local.servicebus import encoding
from local.servicebus.decoding import MAX_DEPTH, decode, decode_list, items_of_map, skip
from local.servicebus.values import CodecError, Described, Opaque, Symbol, Timestamp

INT64 = st.integers(-(2**63), 2**63 - 1)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    INT64,
    st.floats(allow_nan=False),
    st.text(max_size=300),
    st.binary(max_size=300),
    st.uuids(),
    st.text(st.characters(max_codepoint=127), max_size=300).map(Symbol),
    INT64.map(Timestamp),
    st.binary(min_size=16, max_size=16).map(lambda data: Opaque(0x94, data)),
)
VALUES = st.recursive(
    SCALARS,
    lambda values: st.one_of(
        st.lists(values, max_size=6),
        st.dictionaries(SCALARS, values, max_size=6),
        st.tuples(st.integers(0, 255), values).map(lambda pair: Described(*pair)),
    ),
    max_leaves=20,
)


@given(VALUES, st.binary(max_size=9), st.binary(max_size=9))
@example("x" * 255, b"", b"")
@example(b"x" * 256, b"", b"")
@example(["x"] * 127, b"", b"")
@example(["x"] * 126 + [None], b"", b"")
@example(["x" * 252], b"", b"")
@example(["x" * 253], b"", b"")
@example({"k" * 100: "v" * 150}, b"", b"")
@example({"k" * 100: "v" * 151}, b"", b"")
def test_what_is_encoded_is_decoded(value: Any, before: bytes, after: bytes) -> None:
    data = before + encoding.encode(value) + after
    end = len(data) - len(after)
    decoded, at = decode(data, len(before))
    assert (decoded, type(decoded), at) == (value, type(value), end)
    assert skip(data, len(before)) == end


@given(st.binary(max_size=60), st.integers(0, 70))
def test_nonsense_raises_nothing_else(data: bytes, at: int) -> None:
    for function in (decode, decode_list, skip, items_of_map):
        with suppress(CodecError):
            function(data, at)


@given(VALUES, st.data())
def test_damaged_values_are_a_clear_error_or_a_value(value: Any, choice: st.DataObject) -> None:
    data = bytearray(encoding.encode(value))
    data[choice.draw(st.integers(0, len(data) - 1))] = choice.draw(st.integers(0, 255))
    del data[choice.draw(st.integers(0, len(data))) :]
    try:
        _, end = decode(bytes(data))
    except CodecError:
        return
    assert end <= len(data)


def as_the_sdk_sees_it(value: Any) -> Any:
    """The SDK makes bytes of texts and symbols."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, list):
        return [as_the_sdk_sees_it(each) for each in value]
    if isinstance(value, dict):
        return {as_the_sdk_sees_it(key): as_the_sdk_sees_it(each) for key, each in value.items()}
    return value


SDK_SCALARS = SCALARS.filter(lambda value: not isinstance(value, Opaque))
SDK_VALUES = st.recursive(
    SDK_SCALARS,
    lambda values: st.lists(values, max_size=6) | st.dictionaries(SDK_SCALARS, values, max_size=6),
    max_leaves=20,
)


@given(SDK_VALUES)
def test_the_sdk_decodes_what_is_encoded(value: Any) -> None:
    data = memoryview(encoding.encode(value))
    rest, decoded = _decode._DECODE_BY_CONSTRUCTOR[data[0]](data[1:])
    assert (decoded, bytes(rest)) == (as_the_sdk_sees_it(value), b"")


SENDABLE_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**31), 2**31 - 1),
    st.floats(allow_nan=False),
    st.text(max_size=300),
    st.binary(max_size=300),
    st.uuids(),
)
SENDABLE = st.recursive(
    SENDABLE_SCALARS,
    lambda values: (
        st.lists(values, max_size=6) | st.dictionaries(SENDABLE_SCALARS, values, max_size=6)
    ),
    max_leaves=20,
)


@given(SENDABLE)
def test_what_the_sdk_encodes_is_decoded(value: Any) -> None:
    output = bytearray()
    _encode.encode_value(output, value)
    assert decode(bytes(output)) == (value, len(output))


@given(st.lists(st.uuids(), min_size=1, max_size=300))
def test_arrays_of_the_sdk_are_lists(values: list[uuid.UUID]) -> None:
    output = bytearray()
    _encode.encode_array(output, values)
    assert decode(bytes(output)) == (values, len(output))


@pytest.mark.parametrize(
    ("encoder", "lowest", "highest", "name"),
    [
        (encoding.ubyte, 0, 2**8 - 1, "ubyte"),
        (encoding.ushort, 0, 2**16 - 1, "ushort"),
        (encoding.uint, 0, 2**32 - 1, "uint"),
        (encoding.ulong, 0, 2**64 - 1, "ulong"),
        (encoding.int_, -(2**31), 2**31 - 1, "int"),
        (encoding.long, -(2**63), 2**63 - 1, "long"),
        (encoding.timestamp, -(2**63), 2**63 - 1, "timestamp"),
    ],
)
def test_numbers_of_all_widths(encoder: Any, lowest: int, highest: int, name: str) -> None:
    edges = {lowest, -129, -128, -1, 0, 1, 127, 128, 255, 256, 2**16, 2**31, highest}
    for value in edges:
        if not lowest <= value <= highest:
            with pytest.raises(CodecError, match=f"^{value} does not fit its AMQP type"):
                encoder(value)
            continue
        data = encoder(value)
        assert decode(data) == (value, len(data))
        of_sdk = bytearray()
        getattr(_encode, f"encode_{name}")(of_sdk, value)
        assert data == of_sdk


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\x56\x01", True),
        (b"\x56\x00", False),
        (b"\x72" + struct.pack(">f", 0.5), 0.5),
        (b"\x51\xff", -1),
        (b"\x61\xff\xfe", -2),
        (b"\x73\x00\x00\x00\x41", Opaque(0x73, b"\x00\x00\x00\x41")),
        (b"\x84" + b"12345678", Opaque(0x84, b"12345678")),
        (b"\xe0\x04\x02\x52\x01\x02", [1, 2]),
        (b"\xe0\x01\x00", []),
        (b"\xf0\x00\x00\x00\x07\x00\x00\x00\x02\x52\x01\x02", [1, 2]),
        (b"\xe0\x07\x02\x00\x53\x07\x52\x01\x02", [Described(7, 1), Described(7, 2)]),
        (b"\xd1\x00\x00\x00\x07\x00\x00\x00\x02\xa1\x00\x41", {"": True}),
    ],
)
def test_forms_that_this_server_never_writes(data: bytes, value: Any) -> None:
    assert decode(data) == (value, len(data))
    assert skip(data, 0) == len(data)


def test_not_a_number() -> None:
    value, _ = decode(encoding.encode(math.nan))
    assert math.isnan(value)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "the bytes end where a value should begin"),
        (b"\x01", "0x01 is no AMQP constructor"),
        (b"\x70\x00", "a value is longer than the bytes that there are"),
        (b"\xa1\x05abc", "a value is longer than the bytes that there are"),
        (b"\xa1\x01\xff", "text that is not what it says"),
        (b"\xa3\x01\xff", "text that is not what it says"),
        (b"\x56\x02", "a boolean is 0 or 1, not 2"),
        (b"\xc0\x03\x01\x41\x41", "a list's size and its items do not agree"),
        (b"\xc0\x02\x09\x41", "a list's count and its size do not agree"),
        (b"\xc1\x02\x01\x41", "a map has a key without a value"),
        (b"\xc1\x03\x02\x45\x41", "a map's key cannot be one"),
        (b"\xe0\x02\x09\x41", "an array's count and its size do not agree"),
        (b"\xf0\x00\x00\x00\x05\xff\xff\xff\xff\x41", "an array's count and its size"),
        (b"\xd0\x00\x00\x00\x05\xff\xff\xff\xff\x41", "a list's count and its size"),
        (b"\x00" * 100, "values are nested deeper than 32"),
        (b"\xc0\x05\x01\xc0\x03\x01\xc0\x01", "a value is longer"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, text: str) -> None:
    with pytest.raises(CodecError, match=text):
        decode(data)


def test_deep_nesting_is_refused_in_every_form() -> None:
    lists = b"\x41"
    maps = b"\x41"
    for _ in range(MAX_DEPTH + 1):
        lists = encoding.list_([lists])
        maps = encoding.map_([encoding.NULL, maps])
    arrays = b"\x52\x01"
    for _ in range(MAX_DEPTH + 1):
        arrays = b"\xf0" + struct.pack(">II", len(arrays) + 4, 1) + arrays
    for data in (lists, maps, arrays):
        with pytest.raises(CodecError, match="nested deeper"):
            decode(data)
    with pytest.raises(CodecError, match="nested deeper"):
        skip(b"\x00" * 2_000, 0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (object(), "AMQP has no type for object"),
        (2**63, "does not fit its AMQP type"),
        ("\ud800", "text cannot be encoded"),
        (Symbol("é"), "a symbol is ASCII"),
        ([set()], "AMQP has no type for set"),
    ],
)
def test_what_cannot_be_encoded_is_said(value: Any, text: str) -> None:
    with pytest.raises(CodecError, match=text):
        encoding.encode(value)


@given(st.dictionaries(st.text(max_size=9), VALUES, max_size=5), st.booleans())
def test_the_entries_of_a_map(value: dict[str, Any], wide: bool) -> None:
    entries = [encoding.encode(key) + encoding.encode(each) for key, each in value.items()]
    data = encoding.encode(value)
    if wide:
        body = b"".join(entries)
        data = b"\xd1" + struct.pack(">II", len(body) + 4, 2 * len(entries)) + body
    expected = list(zip(value, entries, strict=True))
    assert items_of_map(b"." + data + b".", 1) == (expected, len(data) + 1)


def test_only_a_map_has_entries() -> None:
    with pytest.raises(CodecError, match="a map was expected"):
        items_of_map(encoding.encode([1]), 0)
    with pytest.raises(CodecError, match="a list was expected, not dict"):
        decode_list(encoding.encode({}))
    with pytest.raises(CodecError, match="a map's size and its entries do not agree"):
        items_of_map(b"\xc1\x04\x02\x41\x41\x41", 0)
