"""What is counted, in metrics and on the terminal, and when rows go out."""

from __future__ import annotations

import pytest

from pipeline import append, metrics
from pipeline.reject import Reason
from pipeline.sinks import bundle
from schemas.model import Dataset
from tests.pipeline.graph_runs import demand, message, reading, run, spread
from tests.pipeline.made import NOW, micros
from tests.pipeline.memory import MemoryWarehouse

pytestmark = pytest.mark.usefixtures("stopped_clock")


def test_counters_say_what_happened(warehouse: MemoryWarehouse, datasets: list[Dataset]) -> None:
    messages = [
        message([reading(1), reading(2, frequency="high", new=1), reading(3, odd=2)]),
        message([reading(5)], message_id="late", enqueued=NOW - 7_000_000),
        message([], message_id="without records", enqueued=None),
        message(b"[", message_id="broken"),
        message(b"nothing", message_id="worse"),
        message([demand(), demand("1999-01-01"), demand("2222-01-01"), 5], "INDOD", "d"),
    ]
    warehouse.refuses["bmrs_freq_iris"] = lambda row: "no" if row["frequency"] == 53.0 else None
    got = run(warehouse, datasets, messages)
    assert got.counters == {
        "FREQ.messages": 5,
        "FREQ.records": 4,
        "FREQ.rows": 3,
        "FREQ.misfit_values": 1,
        "FREQ.unknown_fields": 2,
        "FREQ.payload_bytes": sum(len(one.data) for one in messages[:5]),
        "FREQ.dead_letters.RowRefused": 1,
        "FREQ.dead_letters.NotJson": 2,
        "INDOD.messages": 1,
        "INDOD.records": 4,
        "INDOD.rows": 1,
        "INDOD.payload_bytes": len(messages[5].data),
        "INDOD.dead_letters.PartitionRange": 2,
        "INDOD.dead_letters.NotObject": 1,
    }
    newest = [NOW // 1_000_000 - 120 + second for second in (3, 5)]
    published = micros("2026-11-01T09:00:00+00:00") // 1_000_000
    assert got.distributions == {
        # "broken" begins an array: it goes the way of records, and has an enqueued time.
        "FREQ.milliseconds_enqueued_to_written": spread(60_000, 7_000, 60_000),
        "FREQ.seconds_reference_to_written": spread(117, 115),
        "FREQ.reference_time": spread(*newest),
        "INDOD.milliseconds_enqueued_to_written": spread(60_000),
        "INDOD.seconds_reference_to_written": spread(3 * 3600),
        "INDOD.reference_time": spread(published),
    }


def test_records_are_rows_plus_dead_letters(
    warehouse: MemoryWarehouse, datasets: list[Dataset]
) -> None:
    messages = [
        message([reading(at % 60), *([1] * (at % 3))], message_id=f"f{at}") for at in range(40)
    ] + [message([demand(value=at)], "INDOD", f"d{at}") for at in range(40)]
    warehouse.refuses["bmrs_indod_iris"] = lambda row: "odd" if row["demand"] % 2 else None
    got = run(warehouse, datasets, messages)
    for subject, rows, reason in (("FREQ", 40, "NotObject"), ("INDOD", 20, "RowRefused")):
        dead = got.counters[f"{subject}.dead_letters.{reason}"]
        table = warehouse.tables[f"bmrs_{subject.lower()}_iris"]
        assert len(table) == rows == got.counters[f"{subject}.rows"]
        assert got.counters[f"{subject}.records"] == rows + dead
    ledger = warehouse.tables["iris_messages"]
    assert len({row["message_id"] for row in ledger}) == len(ledger) == 80
    assert all(row["records"] == row["rows"] + row["dead_letters"] for row in ledger)
    assert len(warehouse.tables["iris_dead_letters"]) == sum(row["dead_letters"] for row in ledger)


def test_dead_letters_are_written_before_they_fill_the_memory(
    warehouse: MemoryWarehouse, datasets: list[Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(append, "FLUSH_BYTES", 100)
    monkeypatch.setattr(bundle, "FLUSH_BYTES", 100)
    broken = [message(b"x" * 60, message_id=f"m{at}") for at in range(5)]
    run(warehouse, datasets, broken)
    calls = [call for call in warehouse.calls if call[0][0] == "iris_dead_letters"]
    assert calls == [[("iris_dead_letters", count)] for count in (2, 2, 1)]
    assert {row["reason"] for row in warehouse.tables["iris_dead_letters"]} == {Reason.NOT_JSON}


def test_progress_is_told_while_the_bundle_goes_on(
    warehouse: MemoryWarehouse, datasets: list[Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    progress = metrics.Progress()
    monkeypatch.setattr(metrics, "PROGRESS", progress)
    monkeypatch.setattr(bundle, "FLUSH_BYTES", 1)
    seen = []
    warehouse.on_append = lambda: seen.append((progress.messages, progress.rows))
    broken = message([])._replace(data=b"no json", message_id="broken")
    run(
        warehouse,
        datasets,
        [message([reading(1), 7], "FREQ", f"m{n}") for n in range(3)] + [broken],
    )
    assert (progress.messages, progress.rows, progress.dead_letters) == (4, 3, 4)
    assert seen[:3] == [(0, 0), (1, 1), (2, 2)]
