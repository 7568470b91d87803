"""Answers that the local server never gives, and the order in which retries end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import grpc
import pytest
from google.cloud.bigquery_storage_v1 import types

from pipeline.sinks.base import Refusal, TransientError
from pipeline.sinks.bigquery_delivery import Delivery
from pipeline.sinks.bigquery_requests import Job
from pipeline.sinks.bigquery_tables import TableStates
from pipeline.sinks.connection import ConnectionLost
from schemas.model import Table
from tests.pipeline.sinks.support import GOOD, HASTY, OTHER, QUICK, THIRD, refused, unavailable

Answer = types.AppendRowsResponse
OK = Answer(append_result={})


class Healthy:
    """A client to whom every table is there, as declared."""

    def get_write_stream(self, *_: Any, **__: Any) -> types.WriteStream:
        return types.WriteStream()


def error(code: int, message: str, *rows: tuple[int, str]) -> Answer:
    errors = [types.RowError(index=at, message=text) for at, text in rows]
    return Answer(error={"code": code, "message": message}, row_errors=errors)


def job(write: int, table: Table, *rows: int) -> Job:
    return Job(write, table, table.columns, [b"%d" % row for row in rows], range(len(rows)))


def deliver(
    answer: Callable[[Job], Answer | Exception], *jobs: Job, settings: Any = QUICK
) -> tuple[list[list[Refusal]], list[tuple[str, list[bytes]]]]:
    """What is refused of each job, and what was sent: the table and the rows."""
    sent = []

    def send(one: Job) -> Future[Answer]:
        sent.append((one.table.name, list(one.rows)))
        future: Future[Answer] = Future()
        given = answer(one)
        if isinstance(given, Exception):
            future.set_exception(given)
        else:
            future.set_result(given)
        return future

    refusals: list[list[Refusal]] = [[] for _ in jobs]
    tables = TableStates(Healthy(), "p.d", settings)
    Delivery(settings, tables, send, lambda: None, refusals).run(list(jobs))
    return [sorted(one) for one in refusals], sent


def one_after_another(*answers: Answer | Exception) -> Callable[[Job], Answer | Exception]:
    left: Iterator[Answer | Exception] = iter(answers)
    return lambda _: next(left)


@pytest.mark.parametrize("code", [0, 3, 13])
def test_named_rows_are_refused_whatever_the_status_says(code: int) -> None:
    first = error(code, "see row_errors", (1, "bad"), (1, "bad"))
    assert deliver(one_after_another(first, OK), job(0, GOOD, 7, 8, 9)) == (
        [refused(1, detail="bad")],
        [("good", [b"7", b"8", b"9"]), ("good", [b"7", b"9"])],
    )


def test_named_rows_that_were_not_in_the_request() -> None:
    """Then it is not known which row is bad, and no good one may be taken for it."""

    def answer(one: Job) -> Answer:
        return error(3, "see row_errors", (-1, "bad"), (5, "bad")) if b"8" in one.rows else OK

    got, sent = deliver(answer, job(0, GOOD, 7, 8, 9))
    assert got == [refused(1, detail="bad")]
    assert [rows for _, rows in sent] == [
        [b"7", b"8", b"9"],
        [b"7"],
        [b"8", b"9"],
        [b"8"],
        [b"9"],
    ]


def test_a_status_that_nobody_knows_may_pass() -> None:
    sent = [("good", [b"7"])] * 3
    unknown = error(99, "what is this")
    assert deliver(one_after_another(unknown, unknown, OK), job(0, GOOD, 7)) == ([[]], sent)


def test_an_answer_without_anything_in_it_is_a_yes() -> None:
    assert deliver(one_after_another(Answer()), job(0, GOOD, 7)) == ([[]], [("good", [b"7"])])


def test_the_end_of_the_retries_believes_a_refusal_and_tells_of_the_fault() -> None:
    lost = ConnectionLost(grpc.StatusCode.UNAVAILABLE, "down")

    def answer(one: Job) -> Answer | Exception:
        if one.table is OTHER:
            return error(5, "not there")
        return OK if one.table is GOOD else lost

    refusals: list[list[Refusal]] = []
    with pytest.raises(TransientError) as caught:
        refusals, _ = deliver(
            answer, job(0, GOOD, 1), job(1, OTHER, 2), job(2, THIRD, 3), settings=HASTY
        )
    assert str(caught.value) == "p.d.third: UNAVAILABLE: down (tried for 0.2 s)"
    assert refusals == []
    refusals, sent = deliver(answer, job(0, GOOD, 1), job(1, OTHER, 2), settings=HASTY)
    assert refusals == [[], unavailable(1, "table p.d.other: NOT_FOUND: not there")]
    assert sent[:2] == [("good", [b"1"]), ("other", [b"2"])]
    assert {name for name, _ in sent[2:]} == {"other"}


def test_the_time_for_retries_begins_anew_when_all_goes_well() -> None:
    """Narrowing down may take long; that leaves no less patience for a fault that comes then."""
    turns: list[int] = []

    def answer(one: Job) -> Answer | Exception:
        turns.append(len(one.rows))
        if len(turns) % 2:
            return ConnectionLost(grpc.StatusCode.UNAVAILABLE, "down")
        return error(3, "", (0, "bad"))

    rows = range(30)  # far more than fit into the time, if it was one time for all
    got, _ = deliver(answer, job(0, GOOD, *rows), settings=replace(HASTY, retry_for=0.05))
    assert got == [refused(*rows, detail="bad")]
    assert len(turns) == 60
