"""The exact JSON parser: slow, and right where fast parsers are not.

It keeps every number as the text that stood in the message, takes ``NaN``, ``Infinity`` and lone
surrogates as values, and tells for each record of an array where it stood, so that a dead letter
carries the record as it was. Of duplicate keys the last wins, as in every common JSON parser.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

from pipeline.decode import DecodeError
from pipeline.reject import Reason

#: IRIS nests two levels deep; anything beyond this is not market data.
MAX_DEPTH: Final = 100
#: BigQuery's JSON type refuses number literals above 1,500 characters.
MAX_NUMBER: Final = 1_000


class Number(str):
    """The literal of a JSON number, or ``NaN``, ``Infinity``, ``-Infinity``."""

    __slots__ = ()


class TooDeep:
    """Stands for an element that is nested deeper than ``MAX_DEPTH``."""


class Element(NamedTuple):
    """One element of a message's array: its value and the text that it was read from."""

    value: Any
    text: str


_decoder = json.JSONDecoder(
    parse_float=Number, parse_int=Number, parse_constant=Number, strict=False
)
_BLANK = re.compile(r"[ \t\r\n]*")
#: A bracket, or a string, also one that never ends (else each of its quotes would be tried).
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def parse(text: str) -> list[Element]:
    """The elements of the array in ``text``, or the one object.

    Raises:
        DecodeError: ``text`` is no JSON.
    """
    if text[:1] == "{":
        element, end = _element(text, 0)
        elements = [element]
    elif text[:1] == "[":
        elements, end = _array(text)
    else:
        raise _broken("neither an array nor an object")
    end = _skip(text, end)
    if end != len(text):
        raise _broken(f"text behind the end at character {end}")
    return elements


def _array(text: str) -> tuple[list[Element], int]:
    elements: list[Element] = []
    at = _skip(text, 1)
    if text[at : at + 1] == "]":
        return elements, at + 1
    while True:
        element, at = _element(text, at)
        elements.append(element)
        at = _skip(text, at)
        follow = text[at : at + 1]
        if follow == "]":
            return elements, at + 1
        if follow != ",":
            raise _broken(f"expected ',' or ']' at character {at}")
        at = _skip(text, at + 1)


def _element(text: str, start: int) -> tuple[Element, int]:
    try:
        value, end = _decoder.raw_decode(text, start)
    except RecursionError:
        value, end = TooDeep(), _end_of_brackets(text, start)
    except ValueError as error:
        raise _broken(str(error)) from None
    return Element(value, text[start:end]), end


def _end_of_brackets(text: str, start: int) -> int:
    """Where the object or array that begins at ``start`` ends, whatever it holds."""
    depth = 0
    for token in _TOKEN.finditer(text, start):
        if token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
            if depth == 0:
                return token.end()
    raise _broken("an array or object is not closed")


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    assert match is not None
    return match.end()


def _broken(detail: str) -> DecodeError:
    return DecodeError(Reason.NOT_JSON, detail)


def is_nested_deeper(value: Any, limit: int = MAX_DEPTH) -> bool:
    """True where arrays and objects in ``value`` are nested more than ``limit`` levels."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(limit):
        if not level:
            return False
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return bool(level)


def to_strict_json(value: Any) -> str:
    """``value`` (as ``parse`` gives it) as strict JSON.

    What strict JSON, or a double, cannot hold exactly is kept as a JSON string of its literal:
    ``NaN``, ``1e400``, a number of more digits than a double keeps, a string with a lone
    surrogate. BigQuery's JSON type refuses the rest of the row otherwise.
    """
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, Number):
        return str(value) if _is_held_exactly(value) else f'"{value}"'
    if isinstance(value, str):
        return _strict_string(value)
    if isinstance(value, dict):
        members = {_strict_string(key): to_strict_json(inner) for key, inner in value.items()}
        return "{" + ",".join(f"{key}:{inner}" for key, inner in members.items()) + "}"
    return "[" + ",".join([to_strict_json(inner) for inner in value]) + "]"


def _strict_string(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(text)
    return json.dumps(text, ensure_ascii=False)


def _is_held_exactly(literal: str) -> bool:
    """True for numbers that survive literal → 64-bit integer or double → shortest literal."""
    if len(literal) <= 18 and literal.lstrip("-").isdigit():
        return True
    if len(literal) > MAX_NUMBER:
        return False
    try:
        exact = Decimal(literal)
    except InvalidOperation:  # an exponent beyond what Decimal takes
        return False
    if not exact.is_finite():
        return False
    # With a point or an exponent it is read as a double, however whole it is.
    if literal.lstrip("-").isdigit() and -(2**63) <= exact < 2**64:
        return True
    return exact == Decimal(repr(float(literal)))
