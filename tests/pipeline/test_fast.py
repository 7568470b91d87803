"""The fast path is the exact path: it gives the same columns, or leaves it to the other."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import schemas
from pipeline.decode import DecodeError, unframe
from pipeline.exact import parse
from pipeline.fast import Columns, FastDecoder, Memo
from pipeline.times import parse_moment
from pipeline.typed import Plan
from schemas.model import Column
from tests.pipeline.made import SAMPLES, SUBJECTS, TIDE, exactly
from tests.pipeline.nested_table import LEAVES_OVER, TAKES_NESTED
from tests.pipeline.texts import (
    array_of,
    messy_records,
    mutated,
    right_records,
    schemas_of,
    values,
    wrong,
)
from tests.pipeline.type_table import REFUSES, TAKES


def seen(columns: Columns | None) -> str:
    """Columns so that they can be compared to the bit: repr tells 1, 1.0, True and -0.0 apart."""
    return repr(columns and [list(column) for column in columns])


def agrees(columns: tuple[Column, ...], text: str, decoder: FastDecoder | None = None) -> bool:
    """Checks the fast path on ``text``; True where it took it."""
    fast = (decoder or FastDecoder(columns)).decode(text)
    if fast is None:
        return False
    assert seen(fast) == seen(exactly(columns, text))
    return True


def one(column: Column, literal: str) -> tuple[tuple[Column, ...], str]:
    return (column,), f'[{{"{column.name}":{literal}}}]'


#: What the table takes and the fast path leaves to the exact one.
LEFT_OVER = {"205.0", "205.000000000000000000000000000000", "2050e-1", "0e0", "0e30"} | {
    "2e2",
    "2E+2",
    "-0.0e-400",
    "9007199254740993.0",
    "9223372036854775807.0",
    "922337203685477580700e-2",
    "-9223372036854775808.0",
}


@pytest.mark.parametrize("kind", TAKES)
def test_what_a_column_takes(kind: str) -> None:
    for literal, value in TAKES[kind]:
        columns, text = one(Column("v", kind), literal)
        fast = FastDecoder(columns).decode(text)
        if kind != "INT64" or literal not in LEFT_OVER:
            assert seen(fast) == repr([[value]])
        else:
            assert fast is None


@pytest.mark.parametrize("kind", REFUSES)
def test_what_a_column_does_not_take(kind: str) -> None:
    decoder = FastDecoder((Column("v", kind),))
    assert {
        literal for literal in REFUSES[kind] if decoder.decode(f'[{{"v":{literal}}}]') is not None
    } == set()


@pytest.mark.parametrize(("column", "literal", "value"), TAKES_NESTED)
def test_what_a_nested_column_takes(column: Column, literal: str, value: Any) -> None:
    columns, text = one(column, literal)
    assert seen(FastDecoder(columns).decode(text)) == repr([[value]])


@pytest.mark.parametrize(("column", "literal"), [row[:2] for row in LEAVES_OVER])
def test_what_a_nested_column_leaves_over(column: Column, literal: str) -> None:
    columns, text = one(column, literal)
    assert FastDecoder(columns).decode(text) is None


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("[]", [[], []]),
        (" [ ] ", None),  # unframe takes the blanks in front away
        ("{}", [[None], [None]]),
        ('{"a":"x"} ', [["x"], [None]]),
        ('[{"b":1,"a":"x"},{"a":null},{}]', [["x", None, None], [1, None, None]]),
        (r'[{"\u0061":"x","a":"y"}]', [["y"], [None]]),
        ('[{"a":1,"a":"y"}]', None),
        ('[{"a":"y","a":1}]', None),
        ('[{"A":"x"}]', None),
        ('[{"f0":"x"}]', None),
        ('[{"":0}]', None),
        ("[null]", None),
        ("[[]]", None),
        ('"[]"', None),
        ("5", None),
        ("", None),
        ("[{}", None),
        ("[{}] x", None),
        ("[{}]\x00", None),
        ("[{},]", None),
        ('[{"b":1.}]', None),
        ('[{"b":01}]', None),
        ('[{"b":+1}]', None),
        ('[{"a":"x\n"}]', None),
        ('[{"a":"\ud800"}]', None),
        (r'[{"a":"\ud800"}]', None),
        ("[" * 100_000, None),
        ('{"a":' * 100_000, None),
    ],
)
def test_texts(text: str, columns: list[list[Any]] | None) -> None:
    decoder = FastDecoder((Column("a", "STRING"), Column("b", "INT64")))
    assert seen(decoder.decode(text)) == repr(columns)


def test_names_are_only_names() -> None:
    names = ["f1", "f0", "class", "None", "__init__", "_x", "a" * 300]
    columns = tuple(Column(name, "INT64") for name in names)
    members = ",".join(f'"{name}":{at}' for at, name in enumerate(names))
    assert seen(FastDecoder(columns).decode(f"[{{{members}}}]")) == repr([[at] for at in range(7)])


def test_a_memo_is_bounded_and_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Memo, "LIMIT", 3)
    asked: list[str] = []

    def length(text: str) -> int | None:
        asked.append(text)
        return len(text) or None

    memo = Memo(length)
    for text in ["a", "bb", "a", "ccc", "dddd", "dddd", "a"]:
        assert memo[text] == len(text)
        assert len(memo) <= 3
    assert asked == ["a", "bb", "ccc", "dddd", "a"]
    assert memo[None] is None
    for _ in range(2):
        with pytest.raises(Exception, match=r"^$"):
            memo[""]
    assert asked[-2:] == ["", ""]


def test_a_refused_time_is_refused_each_time() -> None:
    columns, text = one(Column("v", "DATETIME"), '"2026-05-06T12:30:60Z"')
    decoder = FastDecoder(columns)
    assert [decoder.decode(text), decoder.decode(text)] == [None, None]
    moment = parse_moment("2026-05-06T12:30:59Z")
    assert seen(decoder.decode(text.replace(":60", ":59"))) == repr([[moment]])


@pytest.mark.parametrize("subject", SUBJECTS)
def test_samples_are_as_their_schema_says(subject: str, registry: schemas.Registry) -> None:
    text = unframe((SAMPLES / f"{subject}.json").read_bytes())
    columns = registry[subject].columns
    fast = FastDecoder(columns).decode(text)
    assert fast is not None
    assert [len(column) for column in fast] == [len(parse(text))] * len(columns)
    assert seen(fast) == seen(exactly(columns, text))


@pytest.mark.parametrize("subject", SUBJECTS)
@settings(max_examples=5)
@given(st.data())
def test_right_records_of_each_dataset(
    subject: str, registry: schemas.Registry, data: st.DataObject
) -> None:
    columns = registry[subject].columns
    text = array_of(data.draw(st.lists(right_records(columns), max_size=2)))
    assert agrees(columns, text)


@pytest.mark.parametrize("subject", SUBJECTS)
@settings(max_examples=4)
@given(st.data())
def test_messy_records_of_each_dataset(
    subject: str, registry: schemas.Registry, data: st.DataObject
) -> None:
    columns = registry[subject].columns
    records = st.lists(messy_records(columns) | right_records(columns), max_size=2)
    text = data.draw(records.map(array_of) | mutated(records.map(array_of)))
    try:
        agrees(columns, text)
    except DecodeError:
        pytest.fail("the fast path takes what is no JSON")


@settings(max_examples=60)
@given(st.data())
def test_records_of_any_schema(data: st.DataObject) -> None:
    columns = data.draw(schemas_of())
    decoder = FastDecoder(columns)
    assert agrees(columns, array_of(data.draw(st.lists(right_records(columns)))), decoder)
    for _ in range(5):
        agrees(columns, array_of([data.draw(messy_records(columns))]), decoder)


@settings(max_examples=300)
@given(st.sampled_from(TIDE).flatmap(lambda c: st.tuples(st.just(c), wrong(c) | values())))
@example((Column("v", "FLOAT64"), "-0"))
@example((Column("v", "FLOAT64"), "1" * 400))
@example((Column("v", "INT64"), "1" * 5_000))
@example((Column("v", "INT64"), "9223372036854775808"))
@example((Column("v", "STRING"), r'"\udc00\ud800"'))
def test_any_value_in_a_column(drawn: tuple[Column, str]) -> None:
    column, literal = drawn
    columns, text = one(column, literal)
    agrees(columns, text)


@settings(max_examples=200)
@given(mutated(st.lists(right_records(TIDE), min_size=1, max_size=2).map(array_of)))
def test_mutated_text(text: str) -> None:
    try:
        agrees(TIDE, text)
    except DecodeError:
        pytest.fail("the fast path takes what is no JSON")


def test_a_plan_decodes_with_its_own_columns(registry: schemas.Registry) -> None:
    dataset = registry["FREQ"]
    text = unframe((SAMPLES / "FREQ.json").read_bytes())
    left = next(c.name for c in dataset.columns if c.name != dataset.partition.column)
    assert Plan(dataset)._fast.decode(text) is not None
    assert Plan(dataset, without=frozenset({left}))._fast.decode(text) is None
