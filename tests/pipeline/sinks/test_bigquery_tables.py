"""Tables that the BigQuery sink cannot write as they are declared, at first or for a while."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from pipeline.sinks.base import Refusal, TransientError
from pipeline.sinks.bigquery import BigQueryWarehouse
from schemas.model import Column, Table
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
GONE = "table p.d.other does not exist: run python -m schemas apply"
StatusCode = grpc.StatusCode


def change(server: BigQueryWriteServer, table: Table, *columns: Column) -> None:
    """Makes ``table`` anew with other columns."""
    server.delete_table(path(table))
    server.create_table(path(table), columns)


def all_three(sink: BigQueryWarehouse, number: int) -> list[list[Refusal]]:
    """One row for each of three tables, the middle one being the patient."""
    return sink.append([numbers(table, number) for table in (GOOD, OTHER, THIRD)])


def test_a_table_that_was_never_there() -> None:
    with live(GOOD, THIRD, settings=STUBBORN) as (server, sink):
        assert sink.missing_columns(OTHER) == frozenset()
        sent = [numbers(GOOD, 1), numbers(OTHER, 1, 2, 3), numbers(THIRD, 1)]
        assert sink.append(sent) == [[], unavailable(3, GONE), []]
        assert (stored(server, GOOD), stored(server, THIRD)) == ([1], [1])
        assert server.counters(path(OTHER)).requests == 0
        # It is not looked at again before its time.
        server.create_table(path(OTHER), NUMBER)
        assert all_three(sink, 2) == [[], unavailable(1, GONE), []]


def test_a_table_that_appears() -> None:
    with live(GOOD, THIRD) as (server, sink):
        assert all_three(sink, 1) == [[], unavailable(1, GONE), []]
        server.create_table(path(OTHER), NUMBER)
        until(lambda: all_three(sink, 2) == [[], [], []])
        assert stored(server, OTHER) == [2]


@pytest.mark.parametrize("form", FORMS)
def test_a_table_that_goes_missing(form: Any) -> None:
    with live(GOOD, OTHER, THIRD, missing_table=form) as (server, sink):
        assert all_three(sink, 1) == [[], [], []]
        server.delete_table(path(OTHER))
        assert all_three(sink, 2) == [[], unavailable(1, GONE), []]
        assert (set(stored(server, GOOD)), set(stored(server, THIRD))) == ({1, 2}, {1, 2})
        server.create_table(path(OTHER), NUMBER)
        until(lambda: all_three(sink, 3) == [[], [], []])
        assert stored(server, OTHER) == [3]


@pytest.mark.parametrize("form", FORMS)
def test_not_found_is_not_believed_of_a_table_that_is_there(form: Any) -> None:
    with live(GOOD, OTHER, THIRD) as (server, sink):
        fault = order(server, form, StatusCode.NOT_FOUND, "Requested entity was not found.", 3)
        assert all_three(sink, 1) == [[], [], []]
        assert fault.left == 0
        assert stored(server, OTHER) == [1]
        assert {*stored(server, GOOD)} == {*stored(server, THIRD)} == {1}


@pytest.mark.parametrize("form", FORMS)
def test_not_found_is_believed_when_the_retries_are_over(form: Any) -> None:
    with live(GOOD, OTHER, THIRD, settings=HASTY) as (server, sink):
        order(server, form, StatusCode.NOT_FOUND, "Not there.", None)
        stream = path(OTHER) + "/streams/_default"
        text = f"table p.d.other: NOT_FOUND: Not there. Entity: {stream}"
        assert all_three(sink, 1) == [[], unavailable(1, text), []]
        assert {*stored(server, GOOD)} == {*stored(server, THIRD)} == {1}
        assert stored(server, OTHER) == []


def order(
    server: BigQueryWriteServer, form: Any, code: grpc.StatusCode, message: str, times: int | None
) -> Any:
    """Orders refusals of requests for ``OTHER``, as answers or as the end of the call."""
    faults = server.faults
    make = faults.answer_error if form == "response" else faults.close_stream
    return make(code, message=message, table=path(OTHER), times=times)


@pytest.mark.parametrize("form", FORMS)
def test_a_forbidden_table(form: Any) -> None:
    with live(GOOD, OTHER, THIRD, settings=STUBBORN) as (server, sink):
        fault = order(server, form, StatusCode.PERMISSION_DENIED, "You may not.", None)
        stream = path(OTHER) + "/streams/_default"
        text = f"table p.d.other: PERMISSION_DENIED: You may not. Entity: {stream}"
        assert all_three(sink, 1) == [[], unavailable(1, text), []]
        asked = fault.fired
        assert all_three(sink, 2) == [[], unavailable(1, text), []]
        assert fault.fired == asked
        assert ({*stored(server, GOOD)}, {*stored(server, THIRD)}) == ({1, 2}, {1, 2})


def test_a_forbidden_table_is_tried_again() -> None:
    with live(GOOD, OTHER, THIRD) as (server, sink):
        fault = order(server, "response", StatusCode.PERMISSION_DENIED, "You may not.", None)
        assert all_three(sink, 1)[1]
        server.faults.clear(fault)
        until(lambda: not all_three(sink, 2)[1])
        assert stored(server, OTHER) == [2]


def test_a_table_that_may_not_be_looked_at() -> None:
    with live(GOOD, OTHER, THIRD) as (server, sink):
        server.faults.fail_get_write_stream(
            StatusCode.PERMISSION_DENIED, message="Not for you.", table=path(OTHER)
        )
        assert sink.missing_columns(OTHER) == frozenset()
        assert all_three(sink, 1) == [[], unavailable(1, "table p.d.other: Not for you."), []]


def test_a_look_that_fails_for_a_while() -> None:
    with live(GOOD, OTHER, THIRD) as (server, sink):
        for code in (StatusCode.UNAVAILABLE, StatusCode.RESOURCE_EXHAUSTED, StatusCode.INTERNAL):
            server.faults.fail_get_write_stream(code, table=path(OTHER))
        assert all_three(sink, 1) == [[], [], []]


@pytest.mark.parametrize("code", [StatusCode.UNAVAILABLE, StatusCode.UNAUTHENTICATED])
def test_a_look_that_fails_for_long(code: grpc.StatusCode) -> None:
    with live(GOOD, OTHER, THIRD, settings=HASTY) as (server, sink):
        fault = server.faults.fail_get_write_stream(code, table=path(OTHER), times=None)
        with pytest.raises(TransientError, match=r"^p\.d\.other: .*Ordered by the test"):
            all_three(sink, 1)
        with pytest.raises(TransientError, match=r"^p\.d\.other: .*Ordered by the test"):
            sink.missing_columns(OTHER)
        server.faults.clear(fault)
        assert all_three(sink, 2) == [[], [], []]
        assert stored(server, GOOD) == stored(server, OTHER) == stored(server, THIRD) == [2]


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


def test_columns_of_the_users_own_do_not_matter() -> None:
    with live() as (server, sink):
        server.create_table(path(GOOD), [Column("mine", "BYTES"), *NUMBER])
        assert sink.missing_columns(GOOD) == frozenset()
        assert sink.append([numbers(GOOD, 1)]) == [[]]
        assert server.rows(path(GOOD)) == [{"mine": None, "n": 1, "text": "1"}]
