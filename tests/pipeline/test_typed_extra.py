"""What has no place in the columns: misfits and unknown fields, kept as strict JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from pipeline.typed import Plan
from schemas.model import Column
from tests.pipeline.made import (
    NOW,
    SAMPLES,
    dataset,
    days,
    message,
    micros,
    outcome,
    rows,
    strict_json,
    type_text,
)
from tests.pipeline.nested_table import LEAVES_OVER
from tests.pipeline.texts import array_of, messy_records
from tests.pipeline.type_table import REFUSES, TAKES

DAY = days("2026-05-06")


def extra_of(members: str) -> tuple[list[Any], str | None, int, int]:
    """Row, ``_extra`` and counts of a record with these members, which is not rejected."""
    typed = type_text(f'[{{"day":"2026-05-06",{members}}}]')
    assert typed.rejects == []
    (row,), (extra,) = rows(typed), outcome(typed)["extra"]
    if extra is not None:
        strict_json(extra)
    return row, extra, typed.misfits, typed.unknown_fields


def row_of(**values: Any) -> list[Any]:
    names = ["day", "at", "unit", "level", "count", "open", "gates"]
    return [({"day": DAY} | values).get(name) for name in names]


@pytest.mark.parametrize(
    ("members", "row", "extra", "misfits", "unknown"),
    [
        # Nothing to keep: NULL, also where the exact path had to look.
        ('"unit":null,"level":null', row_of(), None, 0, 0),
        ('"count":205.0', row_of(count=205), None, 0, 0),
        # Misfits.
        ('"count":205.8', row_of(), '{"count":205.8}', 1, 0),
        ('"count":"205"', row_of(), '{"count":"205"}', 1, 0),
        ('"unit":205', row_of(), '{"unit":205}', 1, 0),
        ('"unit":["a"]', row_of(), '{"unit":["a"]}', 1, 0),
        ('"level":"1.5","unit":"a"', row_of(unit="a"), '{"level":"1.5"}', 1, 0),
        ('"open":1,"level":true', row_of(), '{"level":true,"open":1}', 2, 0),
        (
            '"at":"2026-12-31T23:59:60Z"',
            row_of(),
            '{"at":"2026-12-31T23:59:60Z"}',
            1,
            0,
        ),
        # What strict JSON or a double cannot hold.
        ('"level":NaN', row_of(), '{"level":"NaN"}', 1, 0),
        ('"level":-Infinity', row_of(), '{"level":"-Infinity"}', 1, 0),
        ('"level":1e400', row_of(), '{"level":"1e400"}', 1, 0),
        ('"count":1180591620717411303424', row_of(), '{"count":"1180591620717411303424"}', 1, 0),
        ('"count":18446744073709551615', row_of(), '{"count":18446744073709551615}', 1, 0),
        ('"unit":95.123456789012345678', row_of(), '{"unit":"95.123456789012345678"}', 1, 0),
        ('"unit":9007199254740993.0', row_of(), '{"unit":"9007199254740993.0"}', 1, 0),
        (r'"unit":"a\ud800"', row_of(), r'{"unit":"\"a\\ud800\""}', 1, 0),
        ('"unit":"a\ud800"', row_of(), r'{"unit":"\"a\\ud800\""}', 1, 0),
        # Unknown fields.
        ('"new":"x","unit":"a"', row_of(unit="a"), '{"new":"x"}', 0, 1),
        ('"new":null', row_of(), '{"new":null}', 0, 1),
        ('"Unit":"a"', row_of(), '{"Unit":"a"}', 0, 1),
        ('"b":{"c":[1.10,NaN]},"a":1', row_of(), '{"b":{"c":[1.10,"NaN"]},"a":1}', 0, 2),
        (r'"\ud800":1', row_of(), r'{"\"\\ud800\"":1}', 0, 1),
        ('"":0', row_of(), '{"":0}', 0, 1),
        # Unknown before misfits, these in the order of the columns.
        ('"count":"x","unit":1,"new":2', row_of(), '{"new":2,"unit":1,"count":"x"}', 2, 1),
        # Duplicate keys: the last wins, in columns and in _extra.
        ('"unit":"a","unit":"b"', row_of(unit="b"), None, 0, 0),
        ('"unit":1,"unit":"b"', row_of(unit="b"), None, 0, 0),
        ('"unit":"b","unit":1', row_of(), '{"unit":1}', 1, 0),
        (r'"new":1,"n\u0065w":{"a":1,"a":2}', row_of(), '{"new":{"a":2}}', 0, 1),
        # Nested: the whole raw value of the top-level column, NULL where the misfit was.
        (
            '"gates":[{"width":"wide","start":"2026-05-06T03:00Z"},{"width":2}]',
            row_of(
                gates=[
                    {"start": micros("2026-05-06T03:00:00Z"), "width": None},
                    {"start": None, "width": 2.0},
                ]
            ),
            '{"gates":[{"width":"wide","start":"2026-05-06T03:00Z"},{"width":2}]}',
            1,
            0,
        ),
        (
            '"gates":[{"width":2,"depth":1e400}]',
            row_of(gates=[{"start": None, "width": 2.0}]),
            '{"gates":[{"width":2,"depth":"1e400"}]}',
            0,
            1,
        ),
        ('"gates":[{"width":2},null]', row_of(), '{"gates":[{"width":2},null]}', 1, 0),
        ('"gates":{"width":2}', row_of(), '{"gates":{"width":2}}', 1, 0),
        (
            '"gates":[{"width":2,"width":3}]',
            row_of(gates=[{"start": None, "width": 3.0}]),
            None,
            0,
            0,
        ),
    ],
)
def test_what_is_left_over(
    members: str, row: list[Any], extra: str | None, misfits: int, unknown: int
) -> None:
    assert extra_of(members) == (row, extra, misfits, unknown)


@pytest.mark.parametrize("kind", TAKES)
def test_the_type_table_from_end_to_end(kind: str) -> None:
    columns = (Column("day", "DATE"), Column("v", kind))
    taken = [f'{{"day":"2026-05-06","v":{literal}}}' for literal, _ in TAKES[kind]]
    refused = [f'{{"day":"2026-05-06","v":{literal}}}' for literal in REFUSES[kind]]
    typed = type_text(array_of(taken + refused), dataset(columns, reference=None))
    values = [value for _, value in TAKES[kind]] + [None] * len(refused)
    assert repr(list(typed.batch.columns[1])) == repr(values)
    extras = outcome(typed)["extra"]
    assert extras[: len(taken)] == [None] * len(taken)
    assert [list(strict_json(extra)) for extra in extras[len(taken) :]] == [["v"]] * len(refused)
    assert (typed.misfits, typed.unknown_fields, typed.rejects) == (len(refused), 0, [])


@pytest.mark.parametrize(("column", "literal", "value", "misfits", "unknown"), LEAVES_OVER)
def test_nested_left_overs_from_end_to_end(
    column: Column, literal: str, value: Any, misfits: int, unknown: int
) -> None:
    columns = (Column("day", "DATE"), column)
    typed = type_text(f'[{{"day":"2026-05-06","v":{literal}}}]', dataset(columns, reference=None))
    assert rows(typed) == [[DAY, value]]
    assert outcome(typed)["extra"] == [f'{{"v":{literal}}}']
    assert (typed.misfits, typed.unknown_fields) == (misfits, unknown)


def test_an_outage_profile_with_a_misfit(registry: schemas.Registry) -> None:
    remit = registry["REMIT"]
    records = json.loads((SAMPLES / "REMIT.json").read_bytes())
    record = next(record for record in records if record.get("outageProfile"))
    sound = Plan(remit).type_message(message(), json.dumps([record]), NOW)
    record["outageProfile"][0]["capacity"] = "none"
    record["outageProfile"][0]["unit"] = "MW"
    typed = Plan(remit).type_message(message(), json.dumps([record]), NOW)
    at = [column.name for column in remit.columns].index("outageProfile")
    (before,), (row,) = rows(sound), rows(typed)
    assert row[:at] + row[at + 1 :] == before[:at] + before[at + 1 :]
    assert row[at] == [before[at][0] | {"capacity": None}, *before[at][1:]]
    (extra,) = outcome(typed)["extra"]
    assert strict_json(extra) == {"outageProfile": record["outageProfile"]}
    assert (typed.misfits, typed.unknown_fields, typed.rejects) == (1, 1, [])


def test_a_misfit_costs_no_other_record() -> None:
    texts = ['{"day":"2026-05-06","unit":"a"}'] * 3
    texts[1] = '{"day":"2026-05-06","unit":"b","level":NaN,"new":1}'
    typed = type_text(array_of(texts))
    assert rows(typed) == [row_of(unit="a"), row_of(unit="b"), row_of(unit="a")]
    assert outcome(typed)["extra"] == [None, '{"new":1,"level":"NaN"}', None]
    assert (typed.misfits, typed.unknown_fields, typed.records) == (1, 1, 3)


def test_a_rejected_record_counts_no_misfits() -> None:
    """They would be said to be in ``_extra``; the dead letter holds the whole record."""
    text = '[{"day":"soon","count":205.8,"new":1},{"day":"2026-05-06","open":0}]'
    typed = type_text(text)
    assert (typed.misfits, typed.unknown_fields, len(typed.rejects)) == (1, 0, 1)


def test_twenty_levels_of_nesting_are_kept() -> None:
    deep = "[" * 20 + "1.10" + "]" * 20
    assert extra_of(f'"unit":{deep}') == (row_of(), f'{{"unit":{deep}}}', 1, 0)


def test_columns_that_the_table_lacks() -> None:
    plan = Plan(dataset(), without=frozenset({"at", "gates"}))
    text = (
        '[{"day":"2026-05-06","at":"soon","unit":"a","gates":[{"width":1.0}]},{"day":"2026-05-06"}]'
    )
    typed = plan.type_message(message(), text, NOW)
    assert [column.name for column in plan.columns] == ["day", "unit", "level", "count", "open"]
    assert rows(typed) == [[DAY, "a", None, None, None], [DAY, None, None, None, None]]
    assert outcome(typed)["extra"] == ['{"at":"soon","gates":[{"width":1.0}]}', None]
    assert (typed.misfits, typed.unknown_fields, typed.newest) == (0, 2, None)


@given(st.lists(messy_records(dataset().columns), min_size=1, max_size=3))
def test_extra_is_strict_json_and_names_what_was_not_kept(records: list[str]) -> None:
    columns = (Column("at", "DATE"), *(c for c in dataset().columns if c.name != "at"))
    dated = [
        f'{record[:-1]}{"," if record != "{}" else ""}"at":"2026-05-06"}}' for record in records
    ]
    typed = type_text(array_of(dated), dataset(columns, partition="at", reference=None))
    assert typed.rejects == []
    counted = 0
    for extra in outcome(typed)["extra"]:
        kept = {} if extra is None else strict_json(extra)
        assert extra is None or kept
        counted += sum(name not in {column.name for column in columns} for name in kept)
    assert counted <= typed.unknown_fields
    assert (typed.misfits + typed.unknown_fields > 0) == (typed.batch.extra is not None)
