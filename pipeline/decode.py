"""From the bytes of a message to the JSON text of its records.

The body of an IRIS message is probably a JSON string literal that holds the JSON array: the only
framing that fits all three of the operator's example clients (inferred, never seen on the wire).
Plain arrays, single objects, a byte-order mark and gzip are taken as well.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from typing import Final

import orjson

import envelope
from pipeline.reject import Reason

_BOM: Final = "\ufeff"
_GZIP_MAGIC: Final = b"\x1f\x8b"
_WHITESPACE: Final = " \t\r\n"
#: A body may be a literal inside a literal; the third parse must give the records.
_LITERALS: Final = 2
#: More than this from one compressed message is an attack or a fault, not market data.
MAX_DECOMPRESSED_BYTES: Final = 1_000_000_000

# parse_int: Python's int refuses more than 4,300 digits, which are JSON all the same.
_lenient = json.JSONDecoder(strict=False, parse_int=float)


class DecodeError(ValueError):
    """A body without records in it; ``reason`` is its dead-letter code."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def unframe(data: bytes, content_encoding: str | None = None) -> str:
    """The JSON text of the array or object in ``data``, not yet parsed.

    Text may hold lone surrogates: what strict UTF-8 cannot carry costs the field where it stands,
    not the message.

    Raises:
        DecodeError: no UTF-8, broken gzip, no JSON string literal where one begins, or a body
            that is neither array nor object.
    """
    if content_encoding == envelope.GZIP or data[:2] == _GZIP_MAGIC:
        data = _gunzip(data)
    text, literals = _open(data), _LITERALS
    if text is None:
        text = _decode(data)
    else:
        literals -= 1
    for _ in range(literals):
        text = _trim(text)
        if text[:1] != '"':
            break
        text = _parse_literal(text)
    text = _trim(text)
    if text[:1] in ("[", "{"):
        return text
    if not text:
        raise DecodeError(Reason.NOT_JSON, "the body is empty")
    raise DecodeError(*_explain(text))


def _open(data: bytes) -> str | None:
    """What is in the string literal that nearly every body is, or None: take a closer look."""
    if data[:1] != b'"':
        return None
    try:
        text: str = orjson.loads(data)
    except ValueError:
        return None
    return text


def _trim(text: str) -> str:
    if text[:1] == _BOM:
        text = text[1:]
    return text.lstrip(_WHITESPACE)


def _parse_literal(text: str) -> str:
    try:
        value = orjson.loads(text)
    except ValueError:  # also a lone surrogate, which the lenient parser takes
        value = _parse_leniently(text)
    assert isinstance(value, str)
    return value


def _parse_leniently(text: str) -> object:
    try:
        value, end = _lenient.raw_decode(text)
    except ValueError as error:
        raise DecodeError(Reason.NOT_JSON, f"broken JSON string: {error}") from None
    if text[end:].strip(_WHITESPACE):
        raise DecodeError(Reason.NOT_JSON, f"text behind the JSON string at character {end}")
    return value


def _explain(text: str) -> tuple[Reason, str]:
    """Why ``text``, which begins neither an array nor an object, holds no records."""
    try:
        value = _lenient.decode(text)
    except (ValueError, RecursionError) as error:
        return Reason.NOT_JSON, f"no JSON: {error}"
    kind = "a string inside strings" if isinstance(value, str) else f"{text[:40]!r}"
    return Reason.NOT_RECORDS, f"expected an array of records, got {kind}"


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        detail = f"no UTF-8: byte 0x{data[error.start]:02x} at position {error.start}"
        raise DecodeError(Reason.BAD_ENCODING, detail) from None


def _gunzip(data: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            text = file.read(MAX_DECOMPRESSED_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DecodeError(Reason.BAD_ENCODING, f"broken gzip: {error}") from None
    if len(text) > MAX_DECOMPRESSED_BYTES:
        limit = f"more than {MAX_DECOMPRESSED_BYTES} bytes"
        raise DecodeError(Reason.BAD_ENCODING, f"gzip expands to {limit}")
    return text
