"""Tables that the BigQuery sink cannot write as they are declared, at first or for a while."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from pipeline.sinks.base import Refusal, TransientError
from pipeline.sinks.bigquery import BigQueryWarehouse
from tests.pipeline.sinks.support import (
    GOOD,
    HASTY,
    NUMBER,
    OTHER,
    STUBBORN,
    THIRD,
    live,
    numbers,
    path,
    stored,
    unavailable,
    until,
)
from tests.servers.bigquery_write import BigQueryWriteServer

FORMS: Any = ["stream", "response"]
N, TEXT = NUMBER
GONE = "table p.d.other does not exist: run python -m schemas apply"
StatusCode = grpc.StatusCode


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
