"""Runs the benchmarks and prints them as Markdown; ``--write`` puts them into the documents."""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import backlog, bridge, small
from benchmarks.core import (
    WriteServer,
    core,
    encoders,
    in_beam,
    limit,
    old_way,
    plan_and_table,
)
from benchmarks.measure import machine, medians, on_one_core
from benchmarks.messages import RECORDS, Sized, messages
from pipeline.sinks import close_warehouses, use_warehouse
from pipeline.sinks.base import Warehouse
from pipeline.sinks.bigquery import BigQueryWarehouse
from pipeline.sinks.bigquery_tables import EMULATOR_HOST, open_client
from pipeline.sinks.duckdb import DuckDBWarehouse

DOCUMENT: Final = Path("docs/benchmarks.md")
#: What is measured, each with a place of its own in the document.
PARTS: Final = ("core", "backlog", "bridge", "small")
_COLUMNS: Final = (
    *("limit", "old", "core duckdb", "core bigquery"),
    *("beam duckdb", "beam bigquery", "into duckdb", "into bigquery"),
)
#: Records measured per dataset and round.
_RECORDS_PER_ROUND: Final = 30_000
_MESSAGES_PER_ROUND: Final = 3_000


def main() -> int:
    """Runs everything, or the parts asked for; the results on standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"put the results into {DOCUMENT}")
    parser.add_argument("--quick", action="store_true", help="a tenth of the records and files")
    parser.add_argument("--part", action="append", choices=PARTS, help="repeat for more")
    arguments = parser.parse_args()
    fewer = 10 if arguments.quick else 1
    for part in arguments.part or PARTS:
        lines: list[str] = []
        for line in itertools.chain([_head(), ""], _RUN[part](fewer)):
            lines.append(line)
            print(line, flush=True)
        print()
        if arguments.write:
            _write(part, lines)
    return 0


def _write(part: str, lines: list[str]) -> None:
    """Replaces the results of ``part`` in the document."""
    start, end = f"<!-- {part}: make bench ARGS=--write -->", f"<!-- {part}: end -->"
    before, _, rest = DOCUMENT.read_text().partition(start)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"{DOCUMENT}: has no place {start} ... {end}")
    DOCUMENT.write_text("\n".join([f"{before}{start}", "", *lines, "", f"{end}{after}"]))


def _head() -> str:
    return f"Measured {datetime.now(UTC):%Y-%m-%d} on {machine()}."


def _core(fewer: int) -> Iterator[str]:
    cores = os.sched_getaffinity(0)
    try:
        yield from _parts(_RECORDS_PER_ROUND // fewer)
    finally:
        os.sched_setaffinity(0, cores)


def _bridge(fewer: int) -> Iterator[str]:
    yield (
        "Messages a second, medians of rounds in turns. The client has one core, the servers "
        "another; the round trip is added on both sides of the bridge."
    )
    yield ""
    yield (
        "| body | added round trip | bare SDK loop | bridge | ratio "
        "| bridge, for a second of its processor time |"
    )
    yield "|---:|---:|---:|---:|---:|---:|"
    for one in bridge.throughput(fewer=fewer):
        yield (
            f"| {one.size / 1_000:.0f} KB | {one.round_trip * 1_000:.0f} ms | {one.bare:,.0f} "
            f"| {one.bridge:,.0f} | {one.ratio:.2f} | {one.bridge_by_processor:,.0f} |"
        )
    yield ""
    yield (
        f"At {bridge.RATE:.0f} messages a second, from the queue's enqueued time to Pub/Sub's "
        "confirmation: "
        + "; ".join(_latency(round_trip, bridge.TRICKLE // fewer) for round_trip in (0.0, 0.020))
        + "."
    )


def _latency(round_trip: float, count: int) -> str:
    p50, p99 = bridge.latency(round_trip, count)
    return (
        f"p50 {p50 * 1_000:.0f} ms, p99 {p99 * 1_000:.0f} ms "
        f"with {round_trip * 1_000:.0f} ms of added round trip"
    )


def _parts(records: int) -> Iterator[str]:
    yield (
        "Microseconds per record, medians; in brackets the share of (a), 1.00 being the limit. "
        "Processor time in (a) to (d), elapsed time in (e) and (f)."
    )
    yield ""
    yield (
        "| dataset (records) | (a) limit | (b) old way | (c) core, DuckDB | (c) core, BigQuery "
        "| (d) Beam, DuckDB | (d) Beam, BigQuery | (e) into DuckDB | (f) into BigQueryWrite "
        "| (f) rows/s |"
    )
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    with WriteServer() as address, tempfile.TemporaryDirectory() as folder:
        os.environ[EMULATOR_HOST] = address
        on_one_core()
        bigquery = BigQueryWarehouse("bench.iris", client=open_client())
        duckdb = DuckDBWarehouse(f"{folder}/bench.duckdb")
        encode = encoders()
        for url, warehouse in encode.items():
            use_warehouse(url, warehouse)
        graphs = []
        for dataset, number in RECORDS.items():
            batch = messages(dataset, min(records // number, _MESSAGES_PER_ROUND))
            seconds = medians(_runs(dataset, batch, encode), clock=time.process_time)
            seconds |= medians(_writes(dataset, batch, duckdb, bigquery))
            graph, (seconds["beam duckdb"], seconds["beam bigquery"]) = _beam(batch, encode)
            graphs.append(graph)
            yield _row(dataset, sum(one.records for one in batch), seconds)
        close_warehouses()
        bigquery.close()
    yield ""
    yield (
        "(d) runs ten times the messages, net of an empty run of the same graph "
        f"({statistics.median(graphs):.1f} s with the branches of all datasets, once per batch)."
    )


def _runs(
    dataset: str,
    batch: list[Sized],
    encode: dict[str, Warehouse],
) -> dict[str, Callable[[], object]]:
    """Parts (a) to (c): nothing waits, so the processor time tells."""
    plan, table = plan_and_table(dataset)
    return {
        "limit": lambda: limit(batch),
        "old": lambda: old_way(batch),
        "core duckdb": lambda: core(batch, plan, table, encode["duckdb"]),
        "core bigquery": lambda: core(batch, plan, table, encode["bigquery"]),
    }


def _writes(
    dataset: str, batch: list[Sized], duckdb: Warehouse, bigquery: Warehouse
) -> dict[str, Callable[[], object]]:
    """Parts (e) and (f), by the clock on the wall: they wait for the disk and the server."""
    plan, table = plan_and_table(dataset)
    return {
        "into duckdb": lambda: core(batch, plan, table, duckdb),
        "into bigquery": lambda: core(batch, plan, table, bigquery),
    }


def _beam(batch: list[Sized], urls: Iterable[str]) -> tuple[float, list[float]]:
    """Seconds for the empty graph, and net seconds for ``batch`` in Beam for each of ``urls``."""
    many = batch * 10
    runs = {url: lambda url=url: in_beam(many, url) for url in urls}
    seconds = medians(
        {"empty": lambda: in_beam([], "duckdb"), **runs}, rounds=3, clock=time.process_time
    )
    empty = seconds.pop("empty")
    return empty, [(value - empty) / 10 for value in seconds.values()]


def _row(dataset: str, records: int, seconds: dict[str, float]) -> str:
    limit_seconds = seconds["limit"]
    cells = [f"{dataset} ({RECORDS[dataset]})"]
    cells += [
        f"{seconds[name] / records * 1e6:.2f} ({limit_seconds / seconds[name]:.2f})"
        for name in _COLUMNS
    ]
    cells.append(f"{records / seconds['into bigquery']:,.0f}")
    return "| " + " | ".join(cells) + " |"


def _backlog(fewer: int) -> Iterator[str]:
    result = backlog.run(backlog.FILES // fewer)
    yield (
        f"Backlog: {result.files:,} files, {result.records:,} records, "
        f"{result.bytes / 1e6:.0f} MB, from folder to queryable tables in {result.seconds:.1f} s "
        f"({result.files / result.seconds:,.0f} files/s), peak memory {result.peak_mib:.0f} MiB."
    )


def _small(fewer: int) -> Iterator[str]:
    yield from small.lines(small.MINUTES / fewer)


_RUN: Final = {"core": _core, "backlog": _backlog, "bridge": _bridge, "small": _small}


if __name__ == "__main__":
    sys.exit(main())
