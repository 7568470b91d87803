"""What a warehouse that does not behave costs: rows, tables, time, never data."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline import metrics
from pipeline.append import AppendRows, SettleUndecoded
from pipeline.decode import DecodeError
from pipeline.reject import Reason
from pipeline.sinks import bundle, use_warehouse
from pipeline.sinks.base import TransientError, WarehouseError
from pipeline.transforms import Decoded, TypeRecords
from pipeline.typed import reject_message
from schemas.model import Dataset
from schemas.tables import ENVELOPE_COLUMNS, UNMAPPED
from tests.pipeline.graph_runs import (
    URL,
    dead_row,
    demand,
    freq_row,
    ledger_row,
    message,
    reading,
    run,
)
from tests.pipeline.made import NOW
from tests.pipeline.memory import MemoryWarehouse

pytestmark = pytest.mark.usefixtures("stopped_clock")

ERROR = DecodeError(Reason.NOT_JSON, "the body is empty")


def test_a_refused_row_is_a_dead_letter_with_its_own_json(
    warehouse: MemoryWarehouse, datasets: list[Dataset]
) -> None:
    texts = [json.dumps(reading(at)) for at in range(4)]
    texts[2] = ' { "frequency":\t52.0,"measurementTime": "2026-11-01T11:58:02Z", "ü":"\\u00fc" } '
    odd = message(f"[{','.join(texts)}]".encode())
    warehouse.refuses["bmrs_freq_iris"] = lambda row: (
        f"no {row['frequency']}" if row["frequency"] in (50.0, 52.0) else None
    )
    got = run(warehouse, datasets, [odd])
    assert [row["_record_index"] for row in warehouse.rows("bmrs_freq_iris")] == [1, 3]
    assert warehouse.rows("iris_dead_letters") == [
        dead_row(
            odd, "write", "RowRefused", texts[at].strip().encode(), detail=why, _record_index=at
        )
        for at, why in ((0, "no 50.0"), (2, "no 52.0"))
    ]
    assert warehouse.rows("iris_messages") == [ledger_row(odd, 4, 2, 2)]
    assert got.counters["FREQ.dead_letters.RowRefused"] == 2
    assert got.counters["FREQ.rows"] == 2


def test_refused_rows_find_their_message_among_many(
    warehouse: MemoryWarehouse, datasets: list[Dataset]
) -> None:
    messages = [
        message([reading(at), 0, reading(at + 30)], message_id=f"m{at:02}") for at in range(20)
    ]
    warehouse.refuses["bmrs_freq_iris"] = lambda row: (
        "no" if row["frequency"] in (53.0, 93.0) else None
    )
    run(warehouse, datasets, messages)
    refused = [row for row in warehouse.rows("iris_dead_letters") if row["stage"] == "write"]
    assert [(row["_message_id"], row["_record_index"], row["payload"]) for row in refused] == [
        ("m03", 0, json.dumps(reading(3)).encode()),
        ("m13", 2, json.dumps(reading(43)).encode()),
    ]
    fates = {row["message_id"]: row["rows"] for row in warehouse.rows("iris_messages")}
    assert fates == {f"m{at:02}": 1 if at in (3, 13) else 2 for at in range(20)}


def test_a_lasting_fault_of_a_table_leaves_the_others_alone(
    warehouse: MemoryWarehouse, datasets: list[Dataset]
) -> None:
    gone = message([demand(), 5], "INDOD", "gone")
    messages = [message([reading(1)]), gone, message([{"a": 1}], "NEWS", "new")]
    warehouse.unavailable["bmrs_indod_iris"] = "there is no such table"
    got = run(warehouse, datasets, messages)
    assert {name: len(rows) for name, rows in warehouse.tables.items()} == {
        "bmrs_freq_iris": 1,
        "iris_unmapped": 1,
        "iris_dead_letters": 2,
        "iris_messages": 3,
    }
    assert warehouse.rows("iris_dead_letters")[0] == dead_row(
        gone,
        "write",
        "TableUnavailable",
        json.dumps(demand()).encode(),
        detail="there is no such table",
        _record_index=0,
    )
    assert warehouse.rows("iris_messages")[0] == ledger_row(gone, 2, 0, 2)
    assert got.counters["INDOD.dead_letters.TableUnavailable"] == 1
    assert "INDOD.rows" not in got.counters


def test_values_without_a_column_are_kept_raw(
    warehouse: MemoryWarehouse, datasets: list[Dataset]
) -> None:
    warehouse.lacks["bmrs_freq_iris"] = frozenset({"frequency", "dataset"})
    old = [
        message(b'[{"frequency": 50.10, "measurementTime": "2026-11-01T11:58:00Z", "new": 1}]'),
        message([{"measurementTime": "2026-11-01T11:58:01Z"}, None], message_id="m2"),
    ]
    got = run(warehouse, datasets, [*old, message([demand()], "INDOD", "m3")])
    rows = warehouse.rows("bmrs_freq_iris")
    narrow = freq_row()
    del narrow["dataset"], narrow["frequency"]
    assert [row | {"_extra": None} for row in rows] == [
        narrow,
        narrow | {"measurementTime": narrow["measurementTime"] + 1_000_000, "_message_id": "m2"},
    ]
    assert [row["_extra"] for row in rows] == ['{"frequency":50.10,"new":1}', None]
    assert warehouse.rows("bmrs_indod_iris")[0]["demand"] == 800
    assert warehouse.rows("iris_messages")[:2] == [
        ledger_row(old[0], 1, 1, 0),
        ledger_row(old[1], 2, 1, 1),
    ]
    assert got.counters["FREQ.missing_columns"] == 1
    assert got.counters["FREQ.unknown_fields"] == 1
    assert got.counters["FREQ.dead_letters.NotObject"] == 1


def test_refused_rows_of_a_table_that_lacks_columns(
    warehouse: MemoryWarehouse, datasets: list[Dataset]
) -> None:
    warehouse.lacks["bmrs_freq_iris"] = frozenset({"frequency"})
    warehouse.refuses["bmrs_freq_iris"] = lambda row: "no" if row["_record_index"] == 2 else None
    old = message([reading(1), 1, reading(3)])
    run(warehouse, datasets, [old])
    assert [row["payload"] for row in warehouse.rows("iris_dead_letters")] == [
        b"1",
        json.dumps(reading(3)).encode(),
    ]


@pytest.mark.parametrize("column", [column.name for column in ENVELOPE_COLUMNS])
def test_a_table_that_lacks_a_column_of_the_envelope_is_not_ours(
    column: str, warehouse: MemoryWarehouse, datasets: list[Dataset]
) -> None:
    warehouse.lacks["bmrs_freq_iris"] = frozenset({"frequency", column})
    foreign = message([reading(1), reading(2)])
    got = run(warehouse, datasets, [foreign])
    assert warehouse.rows("iris_dead_letters") == [
        dead_row(
            foreign,
            "write",
            "TableUnavailable",
            json.dumps(reading(at + 1)).encode(),
            detail=f"table bmrs_freq_iris lacks {column}: run python -m schemas apply",
            _record_index=at,
        )
        for at in (0, 1)
    ]
    assert warehouse.rows("iris_messages") == [ledger_row(foreign, 2, 0, 2)]
    assert got.counters["FREQ.dead_letters.TableUnavailable"] == 2
    assert "bmrs_freq_iris" not in warehouse.tables


def test_a_table_that_lacks_its_partition_column_is_not_ours(
    warehouse: MemoryWarehouse, datasets: list[Dataset]
) -> None:
    warehouse.lacks["bmrs_indod_iris"] = frozenset({"settlementDate"})
    foreign = message([demand()], "INDOD")
    run(warehouse, datasets, [foreign, message([reading(1)], message_id="m2")])
    assert warehouse.rows("iris_dead_letters") == [
        dead_row(
            foreign,
            "write",
            "TableUnavailable",
            json.dumps(demand()).encode(),
            detail="table bmrs_indod_iris lacks settlementDate: run python -m schemas apply",
            _record_index=0,
        )
    ]
    assert len(warehouse.tables["bmrs_freq_iris"]) == 1


@pytest.mark.parametrize("column", [column.name for column in UNMAPPED.columns])
def test_the_table_of_the_unmapped_needs_all_its_columns(
    column: str, warehouse: MemoryWarehouse, datasets: list[Dataset]
) -> None:
    warehouse.lacks["iris_unmapped"] = frozenset({column})
    new = message([{"a": 1}], "NEWS")
    run(warehouse, datasets, [new, message([reading(1)], message_id="m2")])
    (dead,) = warehouse.rows("iris_dead_letters")
    assert (dead["reason"], dead["payload"]) == ("TableUnavailable", b'{"a": 1}')
    assert len(warehouse.tables["bmrs_freq_iris"]) == 1


@pytest.mark.parametrize("late", [False, True])
def test_a_passing_fault_fails_the_bundle_and_loses_nothing(
    late: bool, warehouse: MemoryWarehouse, datasets: list[Dataset]
) -> None:
    messages = [message([reading(1), 5]), message([demand()], "INDOD", "m2")]
    warehouse.failures, warehouse.fails_late = 1, late
    with pytest.raises(TransientError):
        run(warehouse, datasets, messages)
    assert "iris_messages" not in warehouse.tables
    assert "iris_dead_letters" not in warehouse.tables

    got = run(warehouse, datasets, messages)
    copies = 2 if late else 1
    assert warehouse.rows("bmrs_freq_iris") == [freq_row(1)] * copies
    assert len(warehouse.tables["bmrs_indod_iris"]) == copies
    assert [row["payload"] for row in warehouse.rows("iris_dead_letters")] == [b"5"]
    assert warehouse.rows("iris_messages") == [
        ledger_row(messages[0], 2, 1, 1),
        ledger_row(messages[1], 1, 1, 0),
    ]
    assert (got.counters["FREQ.rows"], got.counters["FREQ.messages"]) == (1, 1)


def test_nothing_of_a_bundle_that_failed_is_counted_or_written_later(
    warehouse: MemoryWarehouse, datasets: list[Dataset]
) -> None:
    warehouse.failures = 1
    with pytest.raises(TransientError):
        run(warehouse, datasets, [message([reading(1)]), message(b"[", message_id="m2")])
    got = run(warehouse, datasets, [message([demand()], "INDOD", "m3")])
    assert {name: len(rows) for name, rows in warehouse.tables.items()} == {
        "bmrs_indod_iris": 1,
        "iris_messages": 1,
    }
    assert {name for name in got.counters if not name.startswith("INDOD")} == set()


@pytest.mark.parametrize("own", ["iris_dead_letters", "iris_messages"])
def test_own_tables_must_take_every_row(
    own: str, warehouse: MemoryWarehouse, datasets: list[Dataset]
) -> None:
    warehouse.refuses[own] = lambda row: "full"
    with pytest.raises(WarehouseError, match=f"{own} does not take its rows: full"):
        run(warehouse, datasets, [message([reading(1), 5])])


def test_a_wrong_setting_stops_the_run(warehouse: MemoryWarehouse, datasets: list[Dataset]) -> None:
    warehouse.error = WarehouseError("apply the schema first")
    with pytest.raises(WarehouseError, match="apply the schema first"):
        run(warehouse, datasets, [message([])])
    assert warehouse.tables == {}


def test_a_row_that_outgrows_a_request_keeps_its_reason(
    warehouse: MemoryWarehouse, datasets: list[Dataset]
) -> None:
    warehouse.reason = Reason.ROW_TOO_LARGE
    warehouse.refuses["bmrs_freq_iris"] = lambda row: "20 MB"
    got = run(warehouse, datasets, [message([reading(1)])])
    assert got.counters["FREQ.dead_letters.RowTooLarge"] == 1
    assert warehouse.rows("iris_dead_letters")[0]["reason"] == "RowTooLarge"


def test_undecodable_messages_of_any_name_are_counted_in_one_place(
    warehouse: MemoryWarehouse, datasets: list[Dataset]
) -> None:
    broken = [message(b"", name, name) for name in ("FREQ", "v1.2", "a.messages.b", "NEWS")]
    got = run(warehouse, datasets, broken)
    assert got.counters == {
        "FREQ.messages": 1,
        "FREQ.dead_letters.NotJson": 1,
        "unmapped.messages": 3,
        "unmapped.dead_letters.NotJson": 3,
    }
    assert [row["dataset"] for row in warehouse.rows("iris_dead_letters")] == [
        "FREQ",
        "NEWS",
        "a.messages.b",
        "v1.2",
    ]


def test_a_message_typed_anew_has_its_rejects_once(
    warehouse: MemoryWarehouse, datasets: list[Dataset]
) -> None:
    warehouse.lacks["bmrs_indod_iris"] = frozenset({"demand"})
    bad = message([demand("1999-01-01"), demand()], "INDOD")
    got = run(warehouse, datasets, [bad])
    assert [row["_record_index"] for row in warehouse.rows("iris_dead_letters")] == [0]
    assert warehouse.rows("iris_messages") == [ledger_row(bad, 2, 1, 1)]
    assert got.counters["INDOD.dead_letters.PartitionRange"] == 1


def test_what_a_failed_bundle_has_counted_is_forgotten(
    warehouse: MemoryWarehouse, datasets: list[Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker keeps its DoFns when a bundle fails, and gives them the next one."""
    counted: dict[str, int] = {}

    def counter(namespace: str, name: str) -> Any:
        return SimpleNamespace(inc=lambda amount: counted.update({name: amount}))

    monkeypatch.setattr(bundle, "FLUSH_BYTES", 1)
    monkeypatch.setattr(metrics.Metrics, "counter", counter)
    use_warehouse(URL, warehouse)
    typed, rejected = TypeRecords(datasets[0]), reject_message(message(b""), ERROR, NOW)
    typed.setup()
    append, settle = AppendRows(URL, datasets[0]), SettleUndecoded(frozenset())
    for do, element in (
        (append, next(typed.process(Decoded(message([]), "[1]")))),
        (settle, rejected),
    ):
        do.setup()
        do.start_bundle()
        assert list(do.process(element))
        do.start_bundle()
        assert list(do.finish_bundle() or ()) == []
    assert counted == {}
