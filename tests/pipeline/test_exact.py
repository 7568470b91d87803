"""The exact parser: against Python's own, and where Python's own is not exact."""

from __future__ import annotations

import json
import math
import re
import time
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.decode import DecodeError
from pipeline.exact import (
    Element,
    Number,
    TooDeep,
    is_nested_deeper,
    parse,
    to_strict_json,
)
from pipeline.reject import Reason
from tests.pipeline.made import strict_json
from tests.pipeline.texts import array_of, mutated, numbers, values


def typed(value: Any) -> Any:
    """``value`` with the types of its strings and numbers, which plain equality blurs."""
    if isinstance(value, dict):
        return {key: typed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [typed(inner) for inner in value]
    return type(value), value


def test_numbers_keep_their_text() -> None:
    text = '[1.10, -0, 2E+2, 123456789012345678901234567890, NaN, -Infinity, "1.10", true, null]'
    numbers = ["1.10", "-0", "2E+2", "123456789012345678901234567890", "NaN", "-Infinity"]
    assert typed([element.value for element in parse(text)]) == [
        *((Number, literal) for literal in numbers),
        (str, "1.10"),
        (bool, True),
        (type(None), None),
    ]


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("[]", []),
        ("[ \n\t\r]", []),
        ("[{}]", [Element({}, "{}")]),
        ('{ "a" : "b" } \n', [Element({"a": "b"}, '{ "a" : "b" }')]),
        (
            '[ {"a": 1.10 },\n{"a":"x"} , [ ] ]',
            [
                Element({"a": Number("1.10")}, '{"a": 1.10 }'),
                Element({"a": "x"}, '{"a":"x"}'),
                Element([], "[ ]"),
            ],
        ),
        ('[{"a":"b","a":"c"}]', [Element({"a": "c"}, '{"a":"b","a":"c"}')]),
        (
            r'[{"\u0061":"b","a":"\ud800"}]',
            [Element({"a": "\ud800"}, r'{"\u0061":"b","a":"\ud800"}')],
        ),
        ('["a\n\x00"]', [Element("a\n\x00", '"a\n\x00"')]),
    ],
)
def test_elements_know_their_text(text: str, elements: list[Element]) -> None:
    assert typed([list(element) for element in parse(text)]) == typed(
        [list(element) for element in elements]
    )


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("", "neither an array nor an object"),
        ("x]", "neither an array nor an object"),
        ('"[]"', "neither an array nor an object"),
        ("[", "Expecting value: line 1 column 2 (char 1)"),
        ("[,]", "Expecting value: line 1 column 2 (char 1)"),
        ("[1,]", "Expecting value: line 1 column 4 (char 3)"),
        ("[01]", "expected ',' or ']' at character 2"),
        ("[1 2]", "expected ',' or ']' at character 3"),
        ("[1", "expected ',' or ']' at character 2"),
        ("[1}", "expected ',' or ']' at character 2"),
        ("[1\xa0]", "expected ',' or ']' at character 2"),
        ("[] []", "text behind the end at character 3"),
        ("[]\x00", "text behind the end at character 2"),
        ("{}{}", "text behind the end at character 2"),
        ('{"a":1', "Expecting ',' delimiter: line 1 column 7 (char 6)"),
        ('["a', "Unterminated string starting at: line 1 column 2 (char 1)"),
        (r'["\x"]', "Invalid \\escape: line 1 column 3 (char 2)"),
        (f"[{'[' * 5_000}", "an array or object is not closed"),
        (f"[{'[' * 5_000}]]", "an array or object is not closed"),
    ],
)
def test_no_json(text: str, detail: str) -> None:
    with pytest.raises(DecodeError) as caught:
        parse(text)
    assert (caught.value.reason, str(caught.value)) == (Reason.NOT_JSON, detail)


def nested(levels: int, inside: str = "") -> str:
    return "[" * levels + inside + "]" * levels


def test_only_the_element_that_is_too_deep_is_lost() -> None:
    deep = '{"a":[' + nested(5_000, r'"]\"]}{"') + ',"]"]}'
    first, second, third = parse(f"[1, {deep} ,2]")
    assert typed([first.value, third.value]) == typed([Number("1"), Number("2")])
    assert isinstance(second.value, TooDeep)
    assert second.text == deep
    (alone,) = parse(f'{{"a":{deep}}}')
    assert isinstance(alone.value, TooDeep)
    assert alone.text == f'{{"a":{deep}}}'


@pytest.mark.parametrize("inside", ["", "1", '"["'])
def test_levels_are_counted_whatever_is_in_the_last(inside: str) -> None:
    assert [is_nested_deeper(parse(f"[{nested(n, inside)}]")[0].value) for n in (99, 100, 101)] == [
        False,
        False,
        True,
    ]
    values = ["text", {}, {"a": []}, {"a": [{}]}]
    assert [is_nested_deeper(value, 2) for value in values] == [False, False, False, True]


def test_a_broken_text_takes_no_time() -> None:
    start = time.perf_counter()
    with pytest.raises(DecodeError):
        parse("[" * 5_000 + '"' + '\\"' * 30_000)
    assert time.perf_counter() - start < 5


@given(st.lists(values(), max_size=3).map(array_of) | mutated(st.lists(values()).map(array_of)))
@example("[1.]")
@example('{"a":1}')
def test_it_takes_what_python_takes(text: str) -> None:
    decoder = json.JSONDecoder(
        parse_float=Number, parse_int=Number, parse_constant=Number, strict=False
    )
    whole: Any
    try:
        whole = decoder.decode(text) if text[:1] in ("[", "{") else None
    except ValueError:
        whole = None
    try:
        elements = parse(text)
    except DecodeError:
        assert whole is None
        return
    values = [element.value for element in elements]
    assert typed(values) == typed(whole if isinstance(whole, list) else [whole])
    assert [typed(decoder.decode(element.text)) for element in elements] == typed(values)
    assert [text.count(element.text) > 0 for element in elements] == [True] * len(elements)


@pytest.mark.parametrize(
    ("text", "strict"),
    [
        ('[ null , true,false ,"a" ]', '[null,true,false,"a"]'),
        ('{"b":{},"a":[],"b":1}', '{"b":1,"a":[]}'),
        (r'"\u00e9\/\"\\\n\ud83d\ude00"', '"é/\\"\\\\\\n\U0001f600"'),
        ('"\x00\x1f\x7f"', '"\\u0000\\u001f\x7f"'),
        # Numbers that a 64-bit integer or a double holds stay as they were written.
        ("205", "205"),
        ("-0.0", "-0.0"),
        ("1.10", "1.10"),
        ("2E+2", "2E+2"),
        ("9223372036854775807", "9223372036854775807"),
        ("18446744073709551615", "18446744073709551615"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("1e22", "1e22"),
        ("5e-324", "5e-324"),
        # The others become strings.
        ("95.123456789012345678", '"95.123456789012345678"'),
        ("9007199254740993.0", '"9007199254740993.0"'),
        ("9007199254740993e0", '"9007199254740993e0"'),
        ("18446744073709551616.5", '"18446744073709551616.5"'),
        ("36893488147419103233", '"36893488147419103233"'),
        ("-9223372036854775809", '"-9223372036854775809"'),
        ("1e400", '"1e400"'),
        ("1e-400", '"1e-400"'),
        ("4e-324", '"4e-324"'),
        ("1e99999999999999999999", '"1e99999999999999999999"'),
        ("1." + "0" * 1_000, '"1.' + "0" * 1_000 + '"'),
        ("1" * 5_000, '"' + "1" * 5_000 + '"'),
        ("NaN", '"NaN"'),
        ("Infinity", '"Infinity"'),
        ("-Infinity", '"-Infinity"'),
        # A string with a lone surrogate becomes its literal; keys too.
        (r'"a\ud800"', r'"\"a\\ud800\""'),
        (r'{"\udc00":[1e400]}', r'{"\"\\udc00\"":["1e400"]}'),
    ],
)
def test_strict_json(text: str, strict: str) -> None:
    (element,) = parse(f"[{text}]")
    assert to_strict_json(element.value) == strict
    strict_json(strict)


@given(values())
def test_strict_json_says_the_same(text: str) -> None:
    (element,) = parse(f"[{text}]")
    strict = to_strict_json(element.value)
    strict_json(strict)
    assert kept(parse(f"[{strict}]")[0].value) == kept(element.value)


def kept(value: Any) -> Any:
    """What must stay of a value: numbers by their text, odd strings by their literal."""
    if isinstance(value, dict):
        return {kept(key): kept(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [kept(inner) for inner in value]
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return json.dumps(value)
    return value


@given(numbers())
@example("100000000000000000000000")
@example("0.30000000000000004")
@example("0.300000000000000044")
def test_a_number_survives_or_is_a_string(literal: str) -> None:
    strict = to_strict_json(Number(literal))
    strict_json(strict)
    assert strict == (literal if is_held(literal) else f'"{literal}"')


def is_held(literal: str) -> bool:
    """Whether a reader with 64-bit integers and doubles keeps the number of ``literal``."""
    if literal.removeprefix("-").isdigit() and len(literal) < 30:
        whole = int(literal)
        return -(2**63) <= whole < 2**64 or whole == int(Decimal(repr(float(literal))))
    if len(literal) > 1_000 or not math.isfinite(float(literal)):
        return False
    if re.search(r"e[-+]?[0-9]{7}", literal):  # Fraction would write this power of ten out
        return False
    return Fraction(literal) == Fraction(repr(float(literal)))
