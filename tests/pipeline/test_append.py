"""Rows, dead letters and ledger of messages, in a warehouse that behaves."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from schemas.model import Dataset
from schemas.tables import DEAD_LETTERS, MESSAGES, UNMAPPED, table_for
from tests.pipeline.graph_runs import (
    dead_row,
    demand,
    freq_row,
    ledger_row,
    message,
    reading,
    run,
)
from tests.pipeline.made import NOW, days, micros
from tests.pipeline.memory import MemoryWarehouse

pytestmark = pytest.mark.usefixtures("stopped_clock")


def without_detail(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Dead letters without their words, which the tests of ``typed`` and ``decode`` hold."""
    for row in rows:
        assert row.pop("detail")
    return rows


def test_a_row_has_every_column(warehouse: MemoryWarehouse, datasets: list[Dataset]) -> None:
    first, second = message([reading(1), reading(2)]), message([demand()], "INDOD", "m2")
    run(warehouse, datasets, [first, second])
    assert {name: warehouse.rows(name) for name in warehouse.tables} == {
        "bmrs_freq_iris": [freq_row(1), freq_row(2, index=1)],
        "bmrs_indod_iris": [
            {
                "dataset": "INDOD",
                "publishTime": micros("2026-11-01T09:00:00+00:00"),
                "settlementDate": days("2026-10-31"),
                "demand": 800,
                "source": "IRIS",
                "ingested_utc": NOW,
                "_message_id": "m2",
                "_record_index": 0,
                "_enqueued_utc": first.enqueued,
                "_extra": None,
            }
        ],
        "iris_messages": [ledger_row(first, 2, 2, 0), ledger_row(second, 1, 1, 0)],
    }
    tables = (table_for(datasets[0]), table_for(datasets[1]), MESSAGES)
    for table in tables:
        assert list(warehouse.tables[table.name][0]) == [c.name for c in table.columns]


def test_rows_of_all_tables_go_in_one_call(
    warehouse: MemoryWarehouse, datasets: list[Dataset]
) -> None:
    messages = [
        message([reading(1)]),
        message([demand(), demand("2026-10-30")], "INDOD", "m2"),
        message([{"a": 1}], "NEWS", "m3"),
        message([reading(2)], message_id="m4"),
    ]
    run(warehouse, datasets, messages)
    assert sorted(warehouse.calls[0]) == [
        ("bmrs_freq_iris", 2),
        ("bmrs_indod_iris", 2),
        ("iris_unmapped", 1),
    ]
    assert warehouse.calls[1:] == [[("iris_messages", 4)]]


def test_the_envelope_decides_and_its_case_matters(
    warehouse: MemoryWarehouse, datasets: list[Dataset]
) -> None:
    half_hour = {
        "dataset": "MID",
        "startTime": "2026-11-01T11:30:00Z",
        "settlementDate": "2026-11-01",
    }
    messages = [
        message([reading(1, dataset="INDOD")], "FREQ", "says another"),
        message([{"measurementTime": "2026-11-01T11:58:02Z"}], "FREQ", "says nothing"),
        message([half_hour], "mibm_mid", "lower"),
        message([half_hour], "MIBM_MID", "upper"),
        message([half_hour], "freq", "lower of FREQ"),
    ]
    run(warehouse, datasets, messages)
    assert {
        name: [(row["dataset"], row["_message_id"]) for row in rows]
        for name, rows in warehouse.tables.items()
        if name != "iris_messages"
    } == {
        "bmrs_freq_iris": [("INDOD", "says another"), (None, "says nothing")],
        "bmrs_mibm_mid_iris": [("MID", "lower")],
        "iris_unmapped": [("MIBM_MID", "upper"), ("freq", "lower of FREQ")],
    }


def test_what_nobody_has_described_is_kept(
    warehouse: MemoryWarehouse, datasets: list[Dataset]
) -> None:
    new = message([{"a": [1, None]}, 7, {"b": "ä"}], "NEWS", "m9", source="ARCHIVE")
    got = run(warehouse, datasets, [new])
    own = {
        "dataset": "NEWS",
        "source": "ARCHIVE",
        "ingested_utc": NOW,
        "_message_id": "m9",
        "_enqueued_utc": new.enqueued,
        "_extra": None,
    }
    rows = warehouse.tables["iris_unmapped"]
    assert [json.loads(row["record"]) for row in rows] == [{"a": [1, None]}, {"b": "ä"}]
    assert [row | {"record": 0} for row in rows] == [
        own | {"record": 0, "_record_index": 0},
        own | {"record": 0, "_record_index": 2},
    ]
    assert list(rows[0]) == [column.name for column in UNMAPPED.columns]
    dead = without_detail(warehouse.tables["iris_dead_letters"])
    assert dead == [dead_row(new, "type", "NotObject", b"7", _record_index=1)]
    assert warehouse.tables["iris_messages"] == [ledger_row(new, 3, 2, 1)]
    assert got.counters == {
        "unmapped.messages": 1,
        "unmapped.records": 3,
        "unmapped.rows": 2,
        "unmapped.payload_bytes": len(new.data),
        "unmapped.dead_letters.NotObject": 1,
    }


def test_dead_letters_of_each_stage(warehouse: MemoryWarehouse, datasets: list[Dataset]) -> None:
    deep = "[" * 200 + "]" * 200
    early = reading(3, measurementTime="1999-12-31T23:59:59Z")
    texts = [json.dumps(reading(1)), "[1]", f'{{"deep":{deep}}}', json.dumps(early)]
    mixed = message(f"[{','.join(texts)}]".encode(), message_id="mixed")
    refused = message([demand(value=1), demand(value=2)], "INDOD", "refused", source="REPLAY")
    compressed = gzip.compress(b"[{}]")
    whole = [
        message(b"\xff\xfe", message_id="no text", content_encoding=None),
        message(compressed[:-5], "NEWS", "cut", content_encoding="gzip", enqueued=None),
        message(b"not json", "INDOD", "no json"),
        message(b"", "INDOD", "empty"),
        message(b"17", message_id="a number"),
        message(b"[{]", message_id="begins well"),
    ]
    warehouse.refuses["bmrs_indod_iris"] = lambda row: "too odd" if row["demand"] == 1 else None
    run(warehouse, datasets, [mixed, refused, *whole])

    dead = warehouse.rows("iris_dead_letters")
    assert [list(row) for row in dead] == [[c.name for c in DEAD_LETTERS.columns]] * len(dead)
    of_the_warehouse = [row["detail"] for row in dead if row["stage"] == "write"]
    assert of_the_warehouse == ["too odd"]
    assert without_detail(dead) == [
        dead_row(whole[4], "decode", "NotRecords", b"17"),
        dead_row(whole[5], "decode", "NotJson", b"[{]"),
        dead_row(whole[1], "decode", "BadEncoding", compressed[:-5], content_encoding="gzip"),
        dead_row(whole[3], "decode", "NotJson", b""),
        dead_row(mixed, "type", "NotObject", b"[1]", _record_index=1),
        dead_row(mixed, "type", "TooDeep", texts[2].encode(), _record_index=2),
        dead_row(
            mixed,
            "type",
            "PartitionRange",
            texts[3].encode(),
            _record_index=3,
            field="measurementTime",
        ),
        dead_row(whole[2], "decode", "NotJson", b"not json"),
        dead_row(whole[0], "decode", "BadEncoding", b"\xff\xfe"),
        dead_row(
            refused, "write", "RowRefused", json.dumps(demand(value=1)).encode(), _record_index=0
        ),
    ]
    by_id = {row["message_id"]: row for row in warehouse.tables["iris_messages"]}
    assert by_id == {
        "mixed": ledger_row(mixed, 4, 1, 3),
        "refused": ledger_row(refused, 2, 1, 1),
        **{one.message_id: ledger_row(one, 0, 0, 1) for one in whole},
    }


def test_every_message_stands_in_the_ledger(
    warehouse: MemoryWarehouse, datasets: list[Dataset]
) -> None:
    messages = [
        message([], message_id="no records"),
        message([None, 1], message_id="rejects alone"),
        message([], "NEWS", "unmapped, no records"),
        message(gzip.compress(b"[]"), message_id="compressed", content_encoding="gzip"),
        message([reading(1)], message_id="of a file", source="FILE", enqueued=None),
    ]
    run(warehouse, datasets, messages)
    assert warehouse.rows("iris_messages") == [
        ledger_row(messages[3], 0, 0, 0),
        ledger_row(messages[0], 0, 0, 0),
        ledger_row(messages[4], 1, 1, 0),
        ledger_row(messages[1], 2, 0, 2),
        ledger_row(messages[2], 0, 0, 0),
    ]


def test_one_bad_record_of_300(warehouse: MemoryWarehouse, datasets: list[Dataset]) -> None:
    records = [reading(at % 60) for at in range(300)]
    records[123]["measurementTime"] = "yesterday"
    big = message(records, message_id="big")
    got = run(warehouse, datasets, [big])
    rows = warehouse.tables["bmrs_freq_iris"]
    assert [row["_record_index"] for row in rows] == [at for at in range(300) if at != 123]
    assert warehouse.tables["iris_dead_letters"] == [
        dead_row(
            big,
            "type",
            "PartitionRange",
            json.dumps(records[123]).encode(),
            detail='measurementTime is no DATETIME: "yesterday"',
            field="measurementTime",
            _record_index=123,
        )
    ]
    assert warehouse.tables["iris_messages"] == [ledger_row(big, 300, 299, 1)]
    assert got.counters == {
        "FREQ.messages": 1,
        "FREQ.records": 300,
        "FREQ.rows": 299,
        "FREQ.payload_bytes": len(big.data),
        "FREQ.dead_letters.PartitionRange": 1,
    }


def test_a_replayed_record_keeps_its_place(
    warehouse: MemoryWarehouse, datasets: list[Dataset]
) -> None:
    good = message([reading(1)], record_index=41, source="REPLAY")
    bad = message([{"frequency": 1}], record_index=42, source="REPLAY")
    refused = message([reading(3)], record_index=43, source="REPLAY")
    warehouse.refuses["bmrs_freq_iris"] = lambda row: "no" if row["frequency"] == 53.0 else None
    run(warehouse, datasets, [good, bad, refused])
    assert warehouse.tables["bmrs_freq_iris"] == [freq_row(1, index=41, source="REPLAY")]
    dead = warehouse.rows("iris_dead_letters")
    assert [(row["_record_index"], row["payload"]) for row in dead] == [
        (42, b'{"frequency": 1}'),
        (43, json.dumps(reading(3)).encode()),
    ]
