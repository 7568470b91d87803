"""Rows and values through the BigQuery sink: what goes in comes back, what is refused is named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import schemas
from pipeline.reject import Reason
from pipeline.sinks import bigquery_requests
from pipeline.sinks.base import Refusal, Write
from pipeline.sinks.bigquery import BigQueryWarehouse
from pipeline.sinks.bigquery_requests import MAX_ROW_BYTES, MAX_ROWS_BYTES
from schemas.model import Column, Table
from schemas.tables import all_tables
from tests.pipeline.sinks.support import (
    GOOD,
    NUMBER,
    OTHER,
    THIRD,
    each_once,
    live,
    numbers,
    outcomes,
    path,
    refused,
    rows_back,
    rows_of,
    some_value,
    stored,
    typed,
    writes,
)
from tests.servers.bigquery_client import EVERY_TYPE
from tests.servers.bigquery_write import BigQueryWriteServer

FORMS: Any = ["stream", "response"]
EVERY = Table("every", (*EVERY_TYPE, Column("lists", "STRUCT", True, columns=EVERY_TYPE[-2:])))
#: The service's limit, which the local server enforces.
LIMIT = 10_000_000


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[BigQueryWriteServer, BigQueryWarehouse]]:
    with live(EVERY) as pair:
        yield pair


@given(write=writes(EVERY, most=4))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_values_of_every_type_come_back(
    shared: tuple[BigQueryWriteServer, BigQueryWarehouse], write: Write
) -> None:
    server, sink = shared
    before = len(server.rows(path(EVERY)))
    assert sink.append([write]) == [[]]
    assert typed(server.rows(path(EVERY))[before:]) == typed(rows_back(write, no_list=[]))


def test_every_table_of_the_project() -> None:
    tables = all_tables(schemas.load())
    with live(*tables, system=False) as (server, sink):
        assert [sink.missing_columns(table) for table in tables] == [frozenset()] * len(tables)
        sent = []
        for table in tables:
            full = {column.name: some_value(column) for column in table.columns}
            sent.append(rows_of(table, [full, {}, full]))
        assert sink.append(sent) == [[] for _ in tables]
        assert server.counters().connections_opened == 1
        for write in sent:
            assert typed(server.rows(path(write.table))) == typed(rows_back(write, no_list=[]))


def test_columns_that_are_not_written_are_null() -> None:
    with live(EVERY) as (server, sink):
        some = (EVERY.columns[6], EVERY.columns[1])
        assert sink.append([rows_of(EVERY, [{"d": 20_454, "i": 5}, {}], some)]) == [[]]
        whole = rows_of(EVERY, [{"d": 20_454, "i": 5}, {}])
        assert typed(server.rows(path(EVERY))) == typed(rows_back(whole, no_list=[]))


def test_several_writes_into_one_table() -> None:
    with live(GOOD) as (server, sink):
        narrow = rows_of(GOOD, [{"n": 4}], NUMBER[:1])
        server.faults.refuse_rows(lambda row: row["n"] in (2, 4))
        sent = [numbers(GOOD, 1, 2), narrow, numbers(GOOD, 2, 3)]
        assert sink.append(sent) == [refused(1), refused(0), refused(0)]
        assert sorted(stored(server, GOOD)) == [1, 3]


@pytest.mark.parametrize("most", [None, 1, 2])
def test_refused_rows(most: int | None) -> None:
    """The service names bad rows, perhaps not all of them at once."""
    with live(GOOD, OTHER, max_row_errors=most) as (server, sink):
        server.faults.refuse_rows(lambda row: row["n"] % 3 == 0, table=path(GOOD))
        sent = [numbers(GOOD, *range(10)), numbers(OTHER, *range(10)), numbers(GOOD, 3, 6)]
        assert sink.append(sent) == [refused(0, 3, 6, 9), [], refused(0, 1)]
        assert stored(server, GOOD) == [1, 2, 4, 5, 7, 8]
        assert stored(server, OTHER) == list(range(10))
        assert server.counters().connections_opened == 1


def test_values_that_the_service_refuses_are_named() -> None:
    """Values that pass our own types and not BigQuery's."""
    table = Table("t", (Column("n", "INT64"), Column("j", "JSON"), Column("d", "DATE")))
    rows = [
        {"n": 1, "j": "{}", "d": 1},
        {"n": 2, "j": "{", "d": 1},
        {"n": 3, "j": "1e400", "d": 1},
        {"n": 4, "j": "null", "d": 3_000_000},
    ]
    with live(table) as (server, sink):
        (got,) = sink.append([rows_of(table, rows)])
        assert [row["n"] for row in server.rows(path(table))] == [1]
    assert [(one.row, one.reason) for one in got] == [(at, Reason.ROW_REFUSED) for at in (1, 2, 3)]
    assert [one.detail.partition("on field ")[2] for one in got] == ["j.", "j.", "d."]
    assert got[2].detail == "Date field value is out of range: 3000000 on field d."


def test_a_refused_row_without_words() -> None:
    with live(GOOD) as (server, sink):
        server.faults.refuse_rows(lambda row: row["n"] == 1, message="")
        assert sink.append([numbers(GOOD, 0, 1)]) == [refused(1, detail="refused")]


@given(count=st.integers(1, 40), bad=st.sets(st.integers(0, 39), max_size=4))
@settings(max_examples=15, deadline=None)
def test_a_refusal_that_names_no_row_is_narrowed_down(count: int, bad: set[int]) -> None:
    with live(GOOD, OTHER) as (server, sink):
        server.faults.refuse_requests(lambda row: row["n"] in bad, table=path(GOOD))
        sent = [numbers(OTHER, *range(count)), numbers(GOOD, *range(count))]
        hit = [row for row in range(count) if row in bad]
        detail = "Request contains an invalid argument. Entity: " + path(GOOD) + "/streams/_default"
        assert sink.append(sent) == [[], refused(*hit, detail=detail)]
        assert each_once(stored(server, GOOD), set(range(count)) - bad)
        assert stored(server, OTHER) == list(range(count))
        assert server.counters().connections_opened == 1


def test_a_refusal_that_names_no_row_asks_for_the_table_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The table may have changed; where it has not, every half would ask again."""
    with live(GOOD) as (server, sink):
        assert sink.append([numbers(GOOD, -1)]) == [[]]
        looks: list[str] = []
        look = sink._client.get_write_stream

        def count(request: Any, **options: Any) -> Any:
            looks.append(request.name)
            return look(request, **options)

        monkeypatch.setattr(sink._client, "get_write_stream", count)
        server.faults.refuse_requests(lambda row: row["n"] in (3, 8))
        ((first, second),) = sink.append([numbers(GOOD, *range(16))])
        assert (first.row, second.row) == (3, 8)
        assert looks == [path(GOOD) + "/streams/_default"]


def test_rows_refused_with_and_without_a_name_in_one_request() -> None:
    with live(GOOD) as (server, sink):
        server.faults.refuse_requests(lambda row: row["n"] == 5, message="no")
        server.faults.refuse_rows(lambda row: row["n"] in (0, 6))
        (got,) = sink.append([numbers(GOOD, *range(8))])
        entity = f" Entity: {path(GOOD)}/streams/_default"
        assert got == [*refused(0), *refused(5, detail="no" + entity), *refused(6)]
        assert each_once(stored(server, GOOD), [1, 2, 3, 4, 7])


@pytest.mark.parametrize("form", FORMS)
def test_requests_that_the_service_finds_too_large(form: Any) -> None:
    with live(GOOD, OTHER, max_request_bytes=600, oversize=form) as (server, sink):
        rows = [{"n": at, "text": str(at)} for at in range(40)]
        rows[7]["text"] = "x" * 900
        (got, other) = sink.append([rows_of(GOOD, rows), numbers(OTHER, *range(40))])
        (refusal,) = got
        assert refusal[:2] == (7, Reason.ROW_REFUSED)
        assert refusal.detail.startswith("AppendRows request too large: ")
        assert other == []
        assert each_once(stored(server, GOOD), [at for at in range(40) if at != 7])
        assert each_once(stored(server, OTHER), range(40))


def test_a_row_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bigquery_requests, "MAX_ROWS_BYTES", 300)
    monkeypatch.setattr(bigquery_requests, "MAX_ROW_BYTES", 200)
    with live(GOOD, OTHER, THIRD) as (server, sink):
        rows = [{"n": at, "text": str(at)} for at in range(9)]
        for at in (0, 4, 5, 8):
            rows[at]["text"] = "x" * 201
        sent = [rows_of(GOOD, rows), rows_of(OTHER, rows[:1]), numbers(THIRD, 1)]
        detail = "the row takes 206 bytes, BigQuery at most 200"
        assert sink.append(sent) == [
            [Refusal(at, Reason.ROW_TOO_LARGE, detail) for at in (0, 4, 5, 8)],
            [Refusal(0, Reason.ROW_TOO_LARGE, detail)],
            [],
        ]
        assert stored(server, GOOD) == [1, 2, 3, 6, 7]
        assert outcomes(server, GOOD) == [(3, "applied"), (2, "applied")]
        assert (stored(server, OTHER), stored(server, THIRD)) == ([], [1])


@pytest.mark.parametrize("size", [0, 1, 40, 300])
def test_requests_of_bounded_size(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """However small the rows are: each takes a tag and a length beside its bytes."""
    monkeypatch.setattr(bigquery_requests, "MAX_ROWS_BYTES", 1000)
    table = Table("t", (Column("text", "STRING"),))
    # 100 bytes are more than enough for the schema and the stream's name.
    with live(table, max_request_bytes=1150) as (server, sink):
        rows = [{"text": "x" * size if size else None}] * 600
        assert sink.append([rows_of(table, rows)]) == [[]]
        assert {outcome for _, outcome in outcomes(server, table)} == {"applied"}
        assert server.counters(path(table)).rows == 600
        assert server.counters(path(table)).requests > 600 * (size + 2) / 1000


def test_requests_never_exceed_the_limit_of_the_service() -> None:
    table = max(all_tables(schemas.load()), key=lambda one: len(one.columns))
    text = next(column for column in table.columns if column.type == "STRING")
    # The row as it is on the wire is some bytes longer than its text.
    lengths = [MAX_ROW_BYTES - 20, 1, MAX_ROWS_BYTES // 2, MAX_ROWS_BYTES // 2 - 20, 900_000]
    with live(table, max_request_bytes=LIMIT) as (server, sink):
        rows = [{text.name: "x" * length} for length in lengths]
        rows.append({text.name: "x" * MAX_ROW_BYTES})
        (got,) = sink.append([rows_of(table, rows)])
        assert [one[:2] for one in got] == [(5, Reason.ROW_TOO_LARGE)]
        assert {outcome for _, outcome in outcomes(server, table)} == {"applied"}
        assert sorted(len(row[text.name]) for row in server.rows(path(table))) == sorted(lengths)
