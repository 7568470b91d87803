"""Live BigQuery tables whose columns are not the declared ones, at first or for a while."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from pipeline.sinks.base import Refusal
from pipeline.sinks.bigquery import BigQueryWarehouse
from schemas.model import Column, Partition, Table
from tests.pipeline.sinks.support import (
    GOOD,
    HASTY,
    NUMBER,
    OTHER,
    QUICK,
    STUBBORN,
    THIRD,
    live,
    numbers,
    outcomes,
    path,
    rows_of,
    some_value,
    stored,
    unavailable,
    until,
)
from tests.servers.bigquery_client import EVERY_TYPE
from tests.servers.bigquery_write import BigQueryWriteServer

FORMS: Any = ["stream", "response"]
N, TEXT = NUMBER
StatusCode = grpc.StatusCode


def change(server: BigQueryWriteServer, table: Table, *columns: Column) -> None:
    """Makes ``table`` anew with other columns."""
    server.delete_table(path(table))
    server.create_table(path(table), columns)


def all_three(sink: BigQueryWarehouse, number: int) -> list[list[Refusal]]:
    """One row for each of three tables, the middle one being the patient."""
    return sink.append([numbers(table, number) for table in (GOOD, OTHER, THIRD)])


def test_a_column_that_the_table_lacks_until_it_is_added() -> None:
    """The service tells of a new column in an answer; nobody has to ask."""
    with live(settings=STUBBORN) as (server, sink):
        server.create_table(path(GOOD), [Column("N", "INT64")])  # names do not mind their case
        narrow = rows_of(GOOD, [{"n": 1}], (N,))
        assert sink.missing_columns(GOOD) == frozenset({"text"})
        assert sink.append([narrow]) == [[]]
        server.add_column(path(GOOD), TEXT)
        assert sink.missing_columns(GOOD) == frozenset({"text"})
        assert sink.append([narrow]) == [[]]
        assert sink.missing_columns(GOOD) == frozenset()
        assert sink.append([numbers(GOOD, 2)]) == [[]]
        assert [tuple(row.values()) for row in server.rows(path(GOOD))] == [
            (1, None),
            (1, None),
            (2, "2"),
        ]


def test_a_column_that_was_added_is_seen_in_time() -> None:
    with live() as (server, sink):
        server.create_table(path(GOOD), [N])
        assert sink.missing_columns(GOOD) == frozenset({"text"})
        server.add_column(path(GOOD), TEXT)
        until(lambda: sink.missing_columns(GOOD) == frozenset())
        assert sink.append([numbers(GOOD, 2)]) == [[]]


@pytest.mark.parametrize("form", FORMS)
def test_a_column_that_is_removed(form: Any) -> None:
    with live(GOOD, OTHER, THIRD, settings=STUBBORN, schema_mismatch=form) as (server, sink):
        assert all_three(sink, 1) == [[], [], []]
        change(server, OTHER, N)
        text = "table p.d.other lacks text: run python -m schemas apply"
        assert all_three(sink, 2) == [[], unavailable(1, text), []]
        assert ({*stored(server, GOOD)}, {*stored(server, THIRD)}) == ({1, 2}, {1, 2})
        # From now on the rows come without it.
        assert sink.missing_columns(OTHER) == frozenset({"text"})
        assert sink.append([rows_of(OTHER, [{"n": 3}], (N,))]) == [[]]
        assert server.rows(path(OTHER)) == [{"n": 3}]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ever", [True, False])
def test_a_new_column_that_the_service_does_not_know_yet(
    form: Any, ever: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The description of a table is ahead of what its writers know, for up to some minutes."""
    settings = QUICK if ever else HASTY
    with live(GOOD, OTHER, THIRD, settings=settings, schema_mismatch=form) as (server, sink):
        assert all_three(sink, 1) == [[], [], []]
        ahead = sink._client.get_write_stream(
            {"name": f"{path(OTHER)}/streams/_default", "view": "FULL"}
        )
        change(server, OTHER, N)
        looks: list[Any] = []

        def look_ahead(request: Any, **_: Any) -> Any:
            looks.append(request.name)
            if len(looks) == 3 and ever:
                server.add_column(path(OTHER), TEXT)
            return ahead

        monkeypatch.setattr(sink._client, "get_write_stream", look_ahead)
        text = (
            "table p.d.other: INVALID_ARGUMENT: Input schema has more fields than BigQuery schema,"
            f" extra fields: 'text' Entity: {ahead.name}"
        )
        assert all_three(sink, 2) == [[], [] if ever else unavailable(1, text), []]
        assert set(looks) == {ahead.name}
        assert server.rows(path(OTHER)) == ([{"n": 2, "text": "2"}] if ever else [])
        assert {*stored(server, GOOD)} == {*stored(server, THIRD)} == {1, 2}


EVERY = Table("every", EVERY_TYPE)


@pytest.mark.parametrize("at", range(len(EVERY_TYPE)))
def test_a_column_of_another_type(at: int) -> None:
    declared = EVERY_TYPE[at]
    shown = f"ARRAY<{declared.type}>" if declared.repeated else declared.type
    for other, other_shown in [
        (Column(declared.name, "BOOL" if declared.type == "STRING" else "STRING"), None),
        (Column(declared.name, declared.type, not declared.repeated, "", declared.columns), None),
    ]:
        other_shown = f"ARRAY<{other.type}>" if other.repeated else other.type
        with live(GOOD) as (server, sink):
            server.create_table(path(EVERY), [*EVERY_TYPE[:at], other, *EVERY_TYPE[at + 1 :]])
            row = {column.name: some_value(column) for column in EVERY_TYPE}
            text = (
                f"table p.d.every: column {declared.name} is {other_shown} and not {shown}:"
                " see python -m schemas diff"
            )
            assert sink.append([rows_of(EVERY, [row, row]), numbers(GOOD, 1)]) == [
                unavailable(2, text),
                [],
            ]
            assert sink.missing_columns(EVERY) == frozenset()
            assert (server.rows(path(EVERY)), stored(server, GOOD)) == ([], [1])


@pytest.mark.parametrize("form", FORMS)
def test_a_column_that_changes_its_type(form: Any) -> None:
    """No row is to blame, so none is sent by itself."""
    with live(GOOD, OTHER, THIRD, settings=STUBBORN, schema_mismatch=form) as (server, sink):
        assert all_three(sink, 1) == [[], [], []]
        before = len(outcomes(server, OTHER))
        change(server, OTHER, Column("n", "STRING"), TEXT)
        text = "table p.d.other: column n is STRING and not INT64: see python -m schemas diff"
        sent = [numbers(GOOD, 2), numbers(OTHER, *range(100)), numbers(THIRD, 2)]
        assert sink.append(sent) == [[], unavailable(100, text), []]
        assert len(outcomes(server, OTHER)) - before <= 2
        assert ({*stored(server, GOOD)}, {*stored(server, THIRD)}) == ({1, 2}, {1, 2})


NESTED = Table(
    "nested",
    (
        N,
        Column(
            "one",
            "STRUCT",
            columns=(
                Column("x", "INT64"),
                Column("deep", "STRUCT", True, columns=(Column("y", "DATE"), Column("z", "BOOL"))),
            ),
        ),
    ),
)


def nested(*inner: Column) -> tuple[Column, ...]:
    """The columns of ``NESTED`` with other fields in the inner struct."""
    deep = Column("deep", "STRUCT", True, columns=inner)
    return (N, Column("one", "STRUCT", columns=(Column("x", "INT64"), deep)))


def test_a_struct_that_lacks_a_field_counts_as_missing() -> None:
    with live() as (server, sink):
        server.create_table(path(NESTED), nested(Column("y", "DATE")))
        assert sink.missing_columns(NESTED) == frozenset({"one"})
        assert sink.append([rows_of(NESTED, [{"n": 1}], (N,))]) == [[]]
        server.delete_table(path(NESTED))
        server.create_table(path(NESTED), NESTED.columns)
        until(lambda: sink.missing_columns(NESTED) == frozenset())
        row = {"n": 2, "one": some_value(NESTED.columns[1])}
        assert sink.append([rows_of(NESTED, [row])]) == [[]]
        assert [row["n"] for row in server.rows(path(NESTED))] == [2]


def test_a_struct_with_a_field_of_another_type() -> None:
    with live() as (server, sink):
        server.create_table(path(NESTED), nested(Column("y", "DATE"), Column("z", "STRING")))
        text = (
            "table p.d.nested: column one.deep.z is STRING and not BOOL: see python -m schemas diff"
        )
        assert sink.append([rows_of(NESTED, [{"n": 1}])]) == [unavailable(1, text)]


def test_a_table_without_the_column_that_partitions_it() -> None:
    table = Table("good", NUMBER, Partition("n"))
    with live() as (server, sink):
        server.create_table(path(GOOD), [TEXT])
        text = "table p.d.good: there is no column n to partition it by: see python -m schemas diff"
        assert sink.missing_columns(table) == frozenset()
        assert sink.append([numbers(table, 1)]) == [unavailable(1, text)]


def test_columns_of_the_users_own_do_not_matter() -> None:
    with live() as (server, sink):
        server.create_table(path(GOOD), [Column("mine", "BYTES"), *NUMBER])
        assert sink.missing_columns(GOOD) == frozenset()
        assert sink.append([numbers(GOOD, 1)]) == [[]]
        assert server.rows(path(GOOD)) == [{"mine": None, "n": 1, "text": "1"}]
