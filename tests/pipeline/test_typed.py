"""Messages into rows: what a whole message becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest

import schemas
from pipeline.decode import DecodeError, unframe
from pipeline.message import from_file
from pipeline.reject import Reason, Reject, Stage
from pipeline.times import format_moment
from pipeline.typed import Batch, Plan, reject_message, reject_rows
from schemas.model import Column
from tests.pipeline.made import (
    NOW,
    SAMPLES,
    SUBJECTS,
    dataset,
    days,
    message,
    micros,
    outcome,
    rows,
    told,
    type_text,
)

RIGHT = '{"day":"2026-05-06","at":"2026-05-06T03:00:00.000Z","unit":"T_ZENTH-1","level":1.5}'
RIGHT_ROW = [days("2026-05-06"), micros("2026-05-06T03:00:00Z"), "T_ZENTH-1", 1.5, None, None, None]


def test_a_message_as_its_schema_says() -> None:
    text = f"[{RIGHT},{RIGHT}]"
    typed = type_text(text, data=b"received", enqueued=7)
    assert outcome(typed) == {
        "message": message(b"received", enqueued=7),
        "columns": [[value, value] for value in RIGHT_ROW],
        "index": [0, 1],
        "extra": [None, None],
        "text": text,
        "rejects": [],
        "records": 2,
        "misfits": 0,
        "unknown_fields": 0,
        "newest": micros("2026-05-06T03:00:00Z"),
    }
    assert typed.batch.extra is None
    assert len(typed.batch) == 2


@pytest.mark.parametrize("text", ["[]", "[ ]"])
def test_an_empty_message(text: str) -> None:
    typed = type_text(text)
    assert outcome(typed) == {
        "message": message(),
        "columns": [[]] * 7,
        "index": [],
        "extra": [],
        "text": text,
        "rejects": [],
        "records": 0,
        "misfits": 0,
        "unknown_fields": 0,
        "newest": None,
    }


def test_a_single_object_is_one_record() -> None:
    assert rows(type_text(RIGHT)) == [RIGHT_ROW]
    typed = type_text('{"unit":"a"}')
    assert [told(reject) for reject in typed.rejects] == [
        (0, Reason.PARTITION_RANGE, "day", "day is missing", b'{"unit":"a"}')
    ]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_samples_lose_nothing(subject: str, registry: schemas.Registry) -> None:
    data = (SAMPLES / f"{subject}.json").read_bytes()
    records = json.loads(data)
    message = from_file(f"in/{subject}/{subject}_202611010000_00001.json", data)
    typed = Plan(registry[subject]).type_message(message, unframe(data), NOW)
    assert (typed.misfits, typed.unknown_fields, typed.rejects) == (0, 0, [])
    assert typed.batch.extra is None
    assert list(typed.batch.index) == list(range(len(records)))
    for column, values in zip(registry[subject].columns, typed.batch.columns, strict=True):
        given = [record.get(column.name) for record in records]
        assert [value is None for value in values] == [value is None for value in given]
        if column.type in ("STRING", "BOOL", "INT64", "FLOAT64"):
            assert list(values) == given


def test_the_values_of_a_real_price(registry: schemas.Registry) -> None:
    data = (SAMPLES / "DISEBSP.json").read_bytes()
    (record,) = json.loads(data, parse_float=str)
    dataset = registry["DISEBSP"]
    (row,) = rows(Plan(dataset).type_message(message(), unframe(data), NOW))
    long = {
        column.name: value
        for column, value in zip(dataset.columns, row, strict=True)
        if len(str(record[column.name]).partition(".")[2]) >= 15
    }
    assert long
    assert long == {name: float(record[name]) for name in long}


@pytest.mark.parametrize(("day", "periods"), [("2026-03-29", 46), ("2026-10-25", 50)])
def test_days_on_which_clocks_change(day: str, periods: int, registry: schemas.Registry) -> None:
    """A settlement date is a UK local date: neither it nor the period is reckoned with."""
    dataset = registry["FUELHH"]
    start = micros(f"{day}T00:00:00Z") - (0 if periods == 46 else 3_600_000_000)
    starts = [start + at * 1_800_000_000 for at in range(periods)]
    records = [
        {
            "dataset": "FUELHH",
            "publishTime": format_moment(at + 1_800_000_000),
            "startTime": format_moment(at).replace("Z", ".000Z"),
            "settlementDate": day,
            "settlementPeriod": period,
            "fuelType": "NUCLEAR",
            "generation": 4_000,
        }
        for period, at in enumerate(starts, 1)
    ]
    typed = Plan(dataset).type_message(message(), json.dumps(records), NOW)
    columns = dict(zip((c.name for c in dataset.columns), typed.batch.columns, strict=True))
    assert list(columns["settlementDate"]) == [days(day)] * periods
    assert list(columns["settlementPeriod"]) == list(range(1, periods + 1))
    assert list(columns["startTime"]) == starts
    assert (len(typed.batch), typed.rejects, typed.misfits) == (periods, [], 0)


def test_one_bad_record_of_300_costs_one_record() -> None:
    texts = [
        f'{{"day":"2026-05-06","count":{at},"level":95.123456789012345678}}' for at in range(300)
    ]
    texts[123] = '{ "day" : "2026-02-30", "count": 123,"level":95.123456789012345678 }'
    typed = type_text(f"[{' , '.join(texts)}]")
    expected = [
        [days("2026-05-06"), None, None, 95.12345678901235, at, None, None] for at in range(300)
    ]
    assert rows(typed) == expected[:123] + expected[124:]
    assert list(typed.batch.index) == [*range(123), *range(124, 300)]
    assert typed.batch.extra is None
    assert typed.rejects == [
        Reject(
            message=message(),
            stage=Stage.TYPE,
            reason=Reason.PARTITION_RANGE,
            detail='day is no DATE: "2026-02-30"',
            payload=texts[123].encode(),
            failed=NOW,
            field="day",
            record_index=123,
            content_encoding=None,
        )
    ]
    assert (typed.records, typed.misfits, typed.unknown_fields) == (300, 0, 0)


def test_a_decimal_in_an_integer_column_costs_the_value() -> None:
    """An earlier system lost the table's whole batch to one 205.8."""
    texts = ['{"day":"2026-05-06","count":205}'] * 499 + ['{"day":"2026-05-06","count":205.8}']
    typed = type_text(f"[{','.join(texts)}]")
    assert [row[4] for row in rows(typed)] == [205] * 499 + [None]
    assert outcome(typed)["extra"] == [None] * 499 + ['{"count":205.8}']
    assert (typed.rejects, typed.misfits, typed.records) == ([], 1, 500)


@pytest.mark.parametrize("said", [None, "FREQ", "TIDE"])
def test_what_a_record_says_of_its_dataset_is_data(said: str | None) -> None:
    columns = (Column("dataset", "STRING"), Column("day", "DATE"))
    record = {"day": "2026-05-06"} | ({} if said is None else {"dataset": said})
    typed = type_text(json.dumps([record]), dataset(columns, reference=None))
    assert rows(typed) == [[said, days("2026-05-06")]]
    assert (typed.rejects, typed.batch.extra, typed.newest) == ([], None, None)


@pytest.mark.parametrize("blank", [RIGHT, "5"])
def test_a_replayed_record_keeps_its_place(blank: str) -> None:
    """On both paths, and for rejects too."""
    typed = type_text(f'[{RIGHT},{blank},{{"unit":"a"}}]', record_index=41)
    rejected = [reject.record_index for reject in typed.rejects]
    assert sorted([*typed.batch.index, *rejected]) == [41, 42, 43]
    assert 43 in rejected
    assert list(type_text(f"[{RIGHT}]", record_index=41).batch.index) == [41]


@pytest.mark.parametrize(
    ("column", "texts", "newest"),
    [
        ("at", ["2026-05-06T03:00Z", "2026-05-06T04:00Z", None], micros("2026-05-06T04:00:00Z")),
        ("at", [None], None),
        ("day", ["2026-05-06"], micros("2026-05-06T00:00:00Z")),
        (None, ["2026-05-06T03:00Z"], None),
    ],
)
@pytest.mark.parametrize("slow", [False, True])
def test_the_newest_reference_time(
    column: str | None, texts: list[str | None], newest: int | None, slow: bool
) -> None:
    records = [{"day": "2026-05-06", column or "at": text} for text in texts]
    more: list[Any] = [{"at": "2027-01-01T00:00Z"}] if slow else []  # rejected: it does not count
    typed = type_text(json.dumps(records + more), dataset(reference=column))
    assert (typed.newest, len(typed.rejects)) == (newest, len(more))


def test_the_columns_of_the_whole_table() -> None:
    batch = Batch(message(b"", enqueued=7), [["a", "b"]], range(3, 5), [None, "{}"])
    assert [list(column) for column in batch.full_columns(ingested=9)] == [
        ["a", "b"],
        ["IRIS", "IRIS"],
        [9, 9],
        ["m1", "m1"],
        [3, 4],
        [7, 7],
        [None, "{}"],
    ]
    assert [c.name for c in schemas.ENVELOPE_COLUMNS] == [
        "source",
        "ingested_utc",
        "_message_id",
        "_record_index",
        "_enqueued_utc",
        "_extra",
    ]


BROKEN = Reject(
    message=message(b"gzipped", content_encoding="gzip", record_index=7),
    stage=Stage.DECODE,
    reason=Reason.NOT_JSON,
    detail="expected ',' or ']' at character 3",
    payload=b"gzipped",
    failed=NOW,
    record_index=7,
    content_encoding="gzip",
)


def test_text_that_is_no_json_is_one_reject() -> None:
    typed = type_text("[{}", data=b"gzipped", content_encoding="gzip", record_index=7)
    assert outcome(typed) | {"columns": [], "text": ""} == {
        "message": BROKEN.message,
        "columns": [],
        "index": [],
        "extra": [],
        "text": "",
        "rejects": [BROKEN],
        "records": 0,
        "misfits": 0,
        "unknown_fields": 0,
        "newest": None,
    }


@pytest.mark.parametrize("text", ["", "x]", '"[]"', "5", "[{}] x", "{", "[" * 9_999, '{"a"'])
def test_any_text_that_is_no_json_is_one_reject(text: str) -> None:
    typed = type_text(text)
    assert [reject.payload for reject in typed.rejects] == [b"received"]
    assert (typed.rejects[0].stage, typed.rejects[0].reason) == (Stage.DECODE, Reason.NOT_JSON)
    assert (typed.records, len(typed.batch)) == (0, 0)


def test_a_message_without_its_bytes_is_rejected_with_its_text() -> None:
    typed = type_text('["\ud800"', data=b"", content_encoding="gzip")
    (reject,) = typed.rejects
    assert (reject.payload, reject.content_encoding) == (b'["\xed\xa0\x80"', None)
    assert unframe(reject.payload + b"]") == '["\ud800"]'


def test_rows_that_the_warehouse_refuses() -> None:
    texts = [RIGHT, '{"unit":"rejected"}', '{"day":"2026-05-06","unit":"\ud800"}', f" {RIGHT} "]
    batch = type_text(f"[{','.join(texts)}]", record_index=10).batch
    assert list(batch.index) == [10, 12, 13]
    assert batch.record_texts() == [texts[0], texts[2], RIGHT]
    refused = [(2, Reason.ROW_TOO_LARGE, "too large"), (1, Reason.ROW_REFUSED, "no")]
    assert [told(reject) for reject in reject_rows(batch, iter(refused), NOW + 1)] == [
        (13, Reason.ROW_TOO_LARGE, None, "too large", RIGHT.encode()),
        (12, Reason.ROW_REFUSED, None, "no", texts[2].encode("utf-8", "surrogatepass")),
    ]
    (reject,) = reject_rows(batch, iter(refused[:1]), NOW + 1)
    assert (reject.stage, reject.failed, reject.message) == (Stage.WRITE, NOW + 1, batch.message)
    assert reject_rows(batch, iter(()), NOW) == []


def test_a_message_without_text_is_rejected_with_its_bytes() -> None:
    error = DecodeError(Reason.NOT_JSON, "expected ',' or ']' at character 3")
    assert reject_message(BROKEN.message, error, NOW) == BROKEN
