"""What a local run tells at its end."""

from __future__ import annotations

from typing import Any

from apache_beam.metrics.cells import DistributionData, DistributionResult
from apache_beam.metrics.execution import MetricKey, MetricResult
from apache_beam.metrics.metric import MetricsFilter
from apache_beam.metrics.metricbase import MetricName

from pipeline import metrics
from pipeline.reject import Reason
from pipeline.summary import Totals


class Result:
    """A finished run that has counted this; ``reference`` has the least and the newest second."""

    def __init__(
        self, counters: dict[str, int], reference: dict[str, tuple[int, int]] | None = None
    ) -> None:
        self._counters = {("iris", name): value for name, value in counters.items()}
        self._counters["beam", "elements"] = 99
        self._reference = reference or {}

    def metrics(self) -> Result:
        return self

    def query(self, wanted: MetricsFilter) -> dict[str, list[MetricResult]]:
        counters = [
            MetricResult(_key(space, name), value, value)
            for (space, name), value in self._counters.items()
            if space in wanted.namespaces
        ]
        spreads = [
            _distribution(f"{dataset}.reference_time", *bounds)
            for dataset, bounds in self._reference.items()
        ]
        spreads += [_distribution("FREQ.milliseconds_enqueued_to_written", 1, 9_999_999)]
        return {"counters": counters, "distributions": spreads}


def _key(space: str, name: str) -> MetricKey:
    return MetricKey("a step", MetricName(space, name))


def _distribution(name: str, least: int, greatest: int) -> MetricResult:
    value = DistributionResult(DistributionData(least + greatest, 2, least, greatest))
    return MetricResult(_key("iris", name), value, value)


def totals(*results: Any) -> Totals:
    made = Totals()
    for result in results:
        made.add(result)
    return made


def text(*results: Any) -> str:
    return "\n".join(totals(*results).lines())


FIRST = Result(
    {
        "FREQ.messages": 1_234,
        "FREQ.records": 12_345,
        "FREQ.rows": 12_340,
        "FREQ.payload_bytes": 5,
        "FREQ.dead_letters.PartitionRange": 3,
        "FREQ.dead_letters.RowRefused": 2,
        "FREQ.dead_letters.NotJson": 1,
        "mibm_mid.messages": 1,
        "unmapped.messages": 2,
        "unmapped.records": 2,
        "unmapped.rows": 2,
        "FREQ.misfit_values": 4,
    },
    {"FREQ": (1_793_534_281, 1_793_534_341)},
)
SECOND = Result(
    {
        "FREQ.messages": 1,
        "FREQ.dead_letters.BadEncoding": 1,
        "INDOD.messages": 10,
        "INDOD.records": 10,
        "INDOD.rows": 10,
        "INDOD.missing_columns": 1_000,
        "INDOD.unknown_fields": 7,
    },
    {"FREQ": (1, 1_793_534_340), "INDOD": (1_793_491_200, 1_793_491_200)},
)


def test_one_run() -> None:
    assert (
        text(FIRST)
        == """\
dataset   messages    rows  dead letters  newest reference time
--------  --------  ------  ------------  ---------------------
FREQ         1,234  12,340             6   2026-11-01T11:59:01Z
mibm_mid         1       0             0                      -
unmapped         2       2             0                      -
--------  --------  ------  ------------  ---------------------
total        1,237  12,342             6

12,347 records = 12,342 rows + 5 dead-lettered records; 1 undecodable messages
4 misfit_values: values that did not fit their column: NULL there, kept in _extra
3 dead letters PartitionRange
2 dead letters RowRefused
1 dead letters NotJson"""
    )


def test_runs_add_up() -> None:
    assert (
        text(FIRST, SECOND)
        == """\
dataset   messages    rows  dead letters  newest reference time
--------  --------  ------  ------------  ---------------------
FREQ         1,235  12,340             7   2026-11-01T11:59:01Z
INDOD           10      10             0   2026-11-01T00:00:00Z
mibm_mid         1       0             0                      -
unmapped         2       2             0                      -
--------  --------  ------  ------------  ---------------------
total        1,248  12,352             7

12,357 records = 12,352 rows + 5 dead-lettered records; 2 undecodable messages
4 misfit_values: values that did not fit their column: NULL there, kept in _extra
7 unknown_fields: fields that the schema file does not know, kept in _extra
1,000 missing_columns: values of columns that the live table lacks, kept in _extra
3 dead letters PartitionRange
2 dead letters RowRefused
1 dead letters BadEncoding
1 dead letters NotJson"""
    )


def test_a_run_over_nothing() -> None:
    assert (
        text()
        == """\
dataset  messages  rows  dead letters  newest reference time
-------  --------  ----  ------------  ---------------------
-------  --------  ----  ------------  ---------------------
total           0     0             0

0 records = 0 rows + 0 dead-lettered records; 0 undecodable messages"""
    )
    assert totals().adds_up


def test_what_does_not_add_up_is_said() -> None:
    lost = Result({"FREQ.messages": 1, "FREQ.records": 5, "FREQ.rows": 4})
    assert not totals(lost).adds_up
    assert "5 records IS NOT 4 rows + 0 dead-lettered records" in text(lost)


def test_one_dataset_does_not_make_up_for_another() -> None:
    lost = {"FREQ.records": 5, "FREQ.rows": 4}
    twice = {"INDOD.records": 5, "INDOD.rows": 6}
    assert not totals(Result(lost | twice)).adds_up


def test_undecodable_messages_have_no_records() -> None:
    whole = {Reason.BAD_ENCODING, Reason.NOT_JSON, Reason.NOT_RECORDS}
    for reason in Reason:
        result = Result({"FREQ.messages": 1, f"FREQ.dead_letters.{reason}": 1})
        assert totals(result).adds_up == (reason in whole), reason


def test_totals_of_a_dataset() -> None:
    made = totals(FIRST, SECOND)
    freq = made.datasets["FREQ"]
    assert (freq.counts[metrics.ROWS], freq.dead_letters) == (12_340, 7)
    assert made.count(metrics.MESSAGES) == 1_248
    assert made.reasons == {
        "PartitionRange": 3,
        "RowRefused": 2,
        "NotJson": 1,
        "BadEncoding": 1,
    }
    assert made.reasons[Reason.ROW_REFUSED] == 2


def test_times_before_1970() -> None:
    old = Result({"FREQ.messages": 1}, {"FREQ": (-7_200, -3_600)})
    assert "1969-12-31T23:00:00Z" in text(old)
    assert "2026-11-01T00:00:00Z" in text(old, Result({}, {"FREQ": (0, 1_793_491_200)}))


def test_a_live_run_tells_how_long_messages_took() -> None:
    made = Totals(delays=True)
    for _ in range(2):
        made.add(Result({"FREQ.messages": 2, "FREQ.records": 2, "FREQ.rows": 2, "MID.messages": 1}))
    lines = list(made.lines())
    assert lines[0].endswith("  newest reference time  seconds to table    longest")
    assert [lines[at].split() for at in (2, 3, 5)] == [
        ["FREQ", "4", "4", "0", "-", "5,000.00", "10,000.00"],
        ["MID", "2", "0", "0", "-", "-", "-"],
        ["total", "6", "4", "0", "5,000.00", "10,000.00"],
    ]
