"""Datasets, messages and results in a form that tests can write down and compare."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipeline.convert import Faults, convert
from pipeline.exact import parse
from pipeline.message import Message
from pipeline.reject import Reject
from pipeline.typed import Plan, Typed
from schemas.model import Column, Confidence, Dataset, Partition

SAMPLES = Path(__file__).parents[2] / "local" / "samples"
SUBJECTS = sorted(path.stem for path in SAMPLES.glob("*.json"))


def micros(text: str) -> int:
    """Microseconds since 1970 UTC of an ISO time with a zone, reckoned by ``datetime``."""
    span = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds


def days(text: str) -> int:
    """Days since 1970 of an ISO date, reckoned by ``datetime``."""
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1)).days


#: The time of all tests.
NOW = micros("2026-11-01T12:00:00+00:00")

#: A dataset with one column of each kind; a record needs no more than ``day``.
TIDE = (
    Column("day", "DATE"),
    Column("at", "DATETIME"),
    Column("unit", "STRING"),
    Column("level", "FLOAT64"),
    Column("count", "INT64"),
    Column("open", "BOOL"),
    Column(
        "gates",
        "STRUCT",
        repeated=True,
        columns=(Column("start", "DATETIME"), Column("width", "FLOAT64")),
    ),
)


def dataset(
    columns: tuple[Column, ...] = TIDE, partition: str = "day", reference: str | None = "at"
) -> Dataset:
    """A dataset of these columns."""
    return Dataset(
        subject="TIDE",
        title="Tidal generation",
        columns=columns,
        natural_key=(partition,),
        entity_key=(partition,),
        version_order=(),
        reference_time=reference,
        partition=Partition(partition),
        cluster=(),
        cadence_seconds=None,
        cadence_source="Made up.",
        confidence=Confidence("spec", "unknown", "inferred", "inferred"),
    )


def message(data: bytes = b"received", **envelope: Any) -> Message:
    """A message of ``TIDE``."""
    return Message(**({"data": data, "dataset": "TIDE", "message_id": "m1"} | envelope))


def type_text(text: str, of: Dataset | None = None, **envelope: Any) -> Typed:
    """What becomes of ``text`` as a message of the dataset ``of``."""
    return Plan(of or dataset()).type_message(message(**envelope), text, NOW)


def rows(typed: Typed) -> list[list[Any]]:
    """The rows of ``typed``, each a list of values in the order of the columns."""
    return [list(row) for row in zip(*typed.batch.columns, strict=True)]


def outcome(typed: Typed) -> dict[str, Any]:
    """Everything that ``typed`` says, in values that compare and print alike on both paths."""
    batch = typed.batch
    return {
        "message": batch.message,
        "columns": [list(column) for column in batch.columns],
        "index": list(batch.index),
        "extra": list(batch.extra or [None] * len(batch)),
        "text": batch.text,
        "rejects": typed.rejects,
        "records": typed.records,
        "misfits": typed.misfits,
        "unknown_fields": typed.unknown_fields,
        "newest": typed.newest,
    }


def told(reject: Reject) -> tuple[Any, ...]:
    """What a reject says of its record."""
    return reject.record_index, reject.reason, reject.field, reject.detail, reject.payload


def exactly(columns: tuple[Column, ...], text: str) -> list[list[Any]] | None:
    """The columns of ``text`` by the exact path; None where anything is left over or refused."""
    faults = Faults()
    names = {column.name for column in columns}
    records = [element.value for element in parse(text)]
    if not all(isinstance(record, dict) and record.keys() <= names for record in records):
        return None
    values = [[convert(c, record.get(c.name), faults) for record in records] for c in columns]
    return None if faults.total else values


def strict_json(text: str) -> Any:
    """The value of strict JSON; AssertionError for what a strict reader refuses or bends."""
    text.encode()  # a lone surrogate fails here

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs), "duplicate keys"
        for key, _ in pairs:
            key.encode()
        return dict(pairs)

    def whole(literal: str) -> int | float:
        number = int(literal)
        return number if -(2**63) <= number < 2**64 else double(literal)

    def double(literal: str) -> float:
        number = float(literal)
        assert Decimal(literal) == Decimal(repr(number)), f"a double bends {literal}"
        return number

    def constant(literal: str) -> Any:
        raise AssertionError(f"{literal} is no JSON")

    value = json.loads(
        text,
        object_pairs_hook=members,
        parse_int=whole,
        parse_float=double,
        parse_constant=constant,
    )
    _encodable(value)
    return value


def _encodable(value: Any) -> None:
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            _encodable(inner)
