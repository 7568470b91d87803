"""Datasets without a schema file: whole records, as JSON that a warehouse takes."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.decode import unframe
from pipeline.reject import Reason, Reject, Stage
from pipeline.unmapped import UnmappedPlan
from tests.pipeline.made import NOW, SAMPLES, SUBJECTS, message, outcome, strict_json, told
from tests.pipeline.nested_table import GATES
from tests.pipeline.texts import array_of, messy_members, object_of

PLAN = UnmappedPlan()
NEW = message(dataset="NEW_ONE", enqueued=7)


def test_records_are_kept_whole() -> None:
    text = (
        '[ {"b": 1.10,"a":"caf\u00e9"} ,{},5,{"n":NaN,"big":1e400,"long":95.123456789012345678,'
        r'"s":"\ud800","twice":1,"twice":{"x":[]}}]'
    )
    typed = PLAN.type_message(NEW, text, NOW)
    assert outcome(typed) == {
        "message": NEW,
        "columns": [
            ["NEW_ONE"] * 3,
            [
                '{"b":1.10,"a":"caf\u00e9"}',
                "{}",
                '{"n":"NaN","big":"1e400","long":"95.123456789012345678",'
                r'"s":"\"\\ud800\"","twice":{"x":[]}}',
            ],
        ],
        "index": [0, 1, 3],
        "extra": [None] * 3,
        "text": text,
        "rejects": [
            Reject(
                message=NEW,
                stage=Stage.TYPE,
                reason=Reason.NOT_OBJECT,
                detail="expected an object, got 5",
                payload=b"5",
                failed=NOW,
                field=None,
                record_index=2,
            )
        ],
        "records": 4,
        "misfits": 0,
        "unknown_fields": 0,
        "newest": None,
    }
    for record in typed.batch.columns[1]:
        strict_json(record)


@pytest.mark.parametrize("text", ["[]", "[ ]"])
def test_an_empty_message(text: str) -> None:
    typed = PLAN.type_message(NEW, text, NOW)
    assert (typed.batch.columns, list(typed.batch.index)) == ([[], []], [])
    assert (typed.rejects, typed.records) == ([], 0)


def test_a_single_object_replayed() -> None:
    typed = PLAN.type_message(message(dataset="NEW_ONE", record_index=7), '{"a":1}', NOW)
    assert typed.batch.columns == [["NEW_ONE"], ['{"a":1}']]
    assert (typed.batch.index, typed.records) == ([7], 1)


def test_text_that_is_no_json_is_one_reject() -> None:
    typed = PLAN.type_message(NEW, "[{}", NOW)
    assert [told(reject) for reject in typed.rejects] == [
        (None, Reason.NOT_JSON, None, "expected ',' or ']' at character 3", b"received")
    ]
    assert (typed.records, len(typed.batch)) == (0, 0)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_samples_come_back(subject: str) -> None:
    text = unframe((SAMPLES / f"{subject}.json").read_bytes())
    typed = PLAN.type_message(message(dataset=subject), text, NOW)
    records = [strict_json(record) for record in typed.batch.columns[1]]
    assert (typed.rejects, typed.records) == ([], len(records))
    assert records == json.loads(text, parse_float=held)


def held(literal: str) -> float | str:
    """A number of more digits than a double keeps is a string; nothing else changes."""
    return float(literal) if Decimal(literal) == Decimal(repr(float(literal))) else literal


@given(st.lists(messy_members((GATES,)).map(object_of), max_size=3))
def test_any_record_becomes_strict_json(records: list[str]) -> None:
    typed = PLAN.type_message(NEW, array_of(records), NOW)
    assert len(typed.batch.columns[1]) == len(records)
    for record in typed.batch.columns[1]:
        assert isinstance(strict_json(record), dict)
