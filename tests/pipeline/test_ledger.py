"""Rows of the pipeline's own tables, held against the tables' columns."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

import schemas
from pipeline import reject
from pipeline.ledger import LedgerEntry, dead_letter_rows
from pipeline.reject import Reason, Reject, Stage
from pipeline.version import VERSION
from tests.pipeline.made import message


def named(table: schemas.Table, row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip((column.name for column in table.columns), row, strict=True))


def test_a_row_of_the_ledger() -> None:
    entry = LedgerEntry(
        message_id="m1",
        dataset="TIDE",
        source="IRIS",
        enqueued=1,
        written=2,
        bytes=3,
        records=9,
        rows=5,
        dead_letters=4,
    )
    assert named(schemas.MESSAGES, entry) == {
        "message_id": "m1",
        "dataset": "TIDE",
        "source": "IRIS",
        "enqueued_utc": 1,
        "written_utc": 2,
        "bytes": 3,
        "records": 9,
        "rows": 5,
        "dead_letters": 4,
    }


REJECT = Reject(
    message=message(b"", enqueued=1, source="REPLAY"),
    stage=Stage.TYPE,
    reason=Reason.PARTITION_RANGE,
    detail="day is missing",
    payload=b"{}",
    failed=2,
    field="day",
    record_index=7,
)


def test_a_dead_letter() -> None:
    (row,) = dead_letter_rows([REJECT])
    assert named(schemas.DEAD_LETTERS, row) == {
        "stage": "type",
        "reason": "PartitionRange",
        "detail": "day is missing",
        "dataset": "TIDE",
        "field": "day",
        "payload": b"{}",
        "content_encoding": None,
        "source": "REPLAY",
        "_message_id": "m1",
        "_record_index": 7,
        "_enqueued_utc": 1,
        "failed_utc": 2,
        "pipeline_version": VERSION,
    }
    # Sinks take text, not members of an enumeration.
    assert [type(value) for value in row[:2]] == [str, str]
    assert dead_letter_rows([]) == []


def test_a_dead_letter_in_parts_is_several_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reject, "MAX_PAYLOAD_BYTES", 40)
    large = Reject(
        message=message(b""),
        stage=Stage.DECODE,
        reason=Reason.NOT_JSON,
        detail="no JSON",
        payload=bytes(range(60)),
        failed=2,
    )
    rows = [named(schemas.DEAD_LETTERS, row) for row in dead_letter_rows([REJECT, large, REJECT])]
    assert [row["detail"] for row in rows] == [
        "day is missing",
        "no JSON (payload part 1 of 2)",
        "no JSON (payload part 2 of 2)",
        "day is missing",
    ]
    first, second = rows[1:3]
    assert gzip.decompress(first["payload"] + second["payload"]) == bytes(range(60))
    differing = {name for name in first if first[name] != second[name]}
    assert differing == {"detail", "payload"}
    assert first | {"detail": None, "payload": None} == {
        "stage": "decode",
        "reason": "NotJson",
        "detail": None,
        "dataset": "TIDE",
        "field": None,
        "payload": None,
        "content_encoding": "gzip",
        "source": "IRIS",
        "_message_id": "m1",
        "_record_index": None,
        "_enqueued_utc": None,
        "failed_utc": 2,
        "pipeline_version": VERSION,
    }
