"""Passing faults of the service: every row is written, however often it had to be sent."""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import grpc
import pytest

from pipeline.sinks.base import Refusal, TransientError
from pipeline.sinks.bigquery import BigQueryWarehouse
from tests.pipeline.sinks.support import (
    GOOD,
    HASTY,
    OTHER,
    QUICK,
    THIRD,
    live,
    numbers,
    outcomes,
    path,
    refused,
    stored,
    until,
)
from tests.servers.bigquery_write import BigQueryWriteServer

StatusCode = grpc.StatusCode
PASSING = [
    StatusCode.UNAVAILABLE,
    StatusCode.RESOURCE_EXHAUSTED,
    StatusCode.ABORTED,
    StatusCode.INTERNAL,
    StatusCode.UNKNOWN,
    StatusCode.DEADLINE_EXCEEDED,
]
#: Gives up soon on a service that does not answer.
IMPATIENT = replace(QUICK, answer_timeout=0.3)
TABLES = (GOOD, OTHER, THIRD)


def everywhere(sink: BigQueryWarehouse, *rows: int) -> list[list[Refusal]]:
    """Writes ``rows`` into all three tables."""
    return sink.append([numbers(table, *rows) for table in TABLES])


def times_stored(server: BigQueryWriteServer) -> list[dict[int, int]]:
    """For each table how often each number is there."""
    return [dict(Counter(stored(server, table))) for table in TABLES]


@pytest.mark.parametrize("code", PASSING)
def test_an_error_in_an_answer(code: grpc.StatusCode) -> None:
    with live(*TABLES) as (server, sink):
        fault = server.faults.answer_error(code, table=path(OTHER), times=3)
        assert everywhere(sink, 1, 2) == [[], [], []]
        assert fault.fired == 3
        assert times_stored(server) == [{1: 1, 2: 1}] * 3
        assert server.counters().connections_opened == 1


@pytest.mark.parametrize("code", PASSING)
def test_the_end_of_the_call(code: grpc.StatusCode) -> None:
    with live(*TABLES) as (server, sink):
        fault = server.faults.close_stream(code, table=path(OTHER), times=3)
        assert everywhere(sink, 1, 2) == [[], [], []]
        assert fault.fired == 3
        # Answers that came before the end stand; nothing behind it was looked at.
        assert times_stored(server) == [{1: 1, 2: 1}] * 3


@pytest.mark.parametrize("fault", ["answer_error", "close_stream"])
def test_retries_that_are_over(fault: str) -> None:
    with live(*TABLES, settings=HASTY) as (server, sink):
        order = getattr(server.faults, fault)
        order(StatusCode.UNAVAILABLE, message="Try later.", table=path(OTHER), times=None)
        stream = f"{path(OTHER)}/streams/_default"
        with pytest.raises(TransientError) as caught:
            everywhere(sink, 1, 2)
        assert str(caught.value) == (
            f"p.d.other: UNAVAILABLE: Try later. Entity: {stream} (tried for 0.2 s)"
        )
        assert len(outcomes(server, OTHER)) > 3
        # One that does not pass holds up only those who have rows for that table.
        assert times_stored(server) == [{1: 1, 2: 1}, {}, {1: 1, 2: 1}]
        assert sink.append([numbers(GOOD, 3)]) == [[]]
        server.faults.clear()
        assert everywhere(sink, 1, 2) == [[], [], []]
        assert times_stored(server) == [{1: 2, 2: 2, 3: 1}, {1: 1, 2: 1}, {1: 2, 2: 2}]


def test_a_table_that_ends_the_call_each_time_is_sent_by_itself() -> None:
    with live(*TABLES, settings=HASTY) as (server, sink):
        server.faults.close_stream(StatusCode.INTERNAL, table=path(OTHER), times=None)
        with pytest.raises(TransientError, match=r"^p\.d\.other: INTERNAL: "):
            everywhere(sink, 1)
        log = server.requests()
        others = {one.connection for one in log if one.table != path(OTHER)}
        shared = [one for one in log if one.table == path(OTHER) and one.connection in others]
        assert len(shared) == 1
        assert times_stored(server) == [{1: 1}, {}, {1: 1}]


def test_a_call_that_was_idle_is_opened_again() -> None:
    with live(*TABLES, idle_seconds=0.05) as (server, sink):
        for turn in range(3):
            assert everywhere(sink, turn) == [[], [], []]
            until(lambda: server.counters().connections_open == 0)
        assert times_stored(server) == [{0: 1, 1: 1, 2: 1}] * 3
        assert server.counters().connections_opened >= 3


def test_an_idle_call_that_closes_just_as_a_request_comes() -> None:
    with live(*TABLES, idle_seconds=0.004) as (server, sink):
        rng = random.Random(5)
        for turn in range(60):
            assert everywhere(sink, turn) == [[], [], []]
            time.sleep(rng.uniform(0.002, 0.006))
        for counts in times_stored(server):
            assert counts.keys() == set(range(60))
        assert server.counters().connections_opened > 3


def test_a_connection_that_drops_in_the_middle_of_a_request() -> None:
    with live(*TABLES) as (server, sink):
        for table in (GOOD, OTHER, OTHER):
            server.faults.drop_connection(table=path(table))
        assert everywhere(sink, 1, 2) == [[], [], []]
        assert [outcome for _, outcome in outcomes(server, OTHER)].count("dropped") == 2
        # Answers to others are lost with the connection, so that they may be there again.
        for counts in times_stored(server):
            assert counts.keys() == {1, 2}
            assert max(counts.values()) <= 4


def test_an_answer_that_is_lost() -> None:
    """The rows are there and nobody was told: they are sent again, and none is missing."""
    with live(*TABLES) as (server, sink):
        fault = server.faults.lose_answer(table=path(OTHER))
        server.faults.refuse_rows(lambda row: row["n"] == 3)
        assert everywhere(sink, 1, 2, 3) == [refused(2)] * 3
        assert fault.fired == 1
        good, other, third = times_stored(server)
        assert other == {1: 2, 2: 2}
        for counts in (good, third):
            assert counts.keys() == {1, 2}
            assert max(counts.values()) <= 2


def test_a_request_that_is_never_answered() -> None:
    with live(*TABLES, settings=IMPATIENT) as (server, sink):
        server.faults.hang(table=path(OTHER))
        assert everywhere(sink, 1, 2) == [[], [], []]
        for counts in times_stored(server):
            assert counts.keys() == {1, 2}
        assert outcomes(server, OTHER)[0] == (2, "hung")


def test_a_table_that_never_answers_holds_up_nobody_else() -> None:
    settings = replace(IMPATIENT, retry_for=0.5)
    with live(*TABLES, settings=settings) as (server, sink), ThreadPoolExecutor(1) as pool:
        assert everywhere(sink, 0) == [[], [], []]
        server.faults.hang(table=path(OTHER), times=None)
        stuck = pool.submit(sink.append, [numbers(OTHER, 1)])
        until(lambda: "hung" in dict(map(reversed, outcomes(server, OTHER))))
        turn = 0
        while not stuck.done():
            turn += 1
            assert sink.append([numbers(GOOD, turn), numbers(THIRD, turn)]) == [[], []]
        error = stuck.exception()
        assert isinstance(error, TransientError)
        assert str(error).startswith("p.d.other: DEADLINE_EXCEEDED: ")
        assert stored(server, GOOD)[-1] == stored(server, THIRD)[-1] == turn
        # The shared call met the request once; after that it was asked in calls of its own.
        log = server.requests()
        others = {one.connection for one in log if one.table != path(OTHER)}
        hung = [one.connection for one in log if one.outcome == "hung"]
        assert len(hung) > 1
        assert not set(hung[1:]) & others


def test_a_request_waits_its_turn_as_long_as_answers_come_in() -> None:
    settings = replace(QUICK, answer_timeout=1.0)
    with live(*TABLES, settings=settings) as (server, sink), ThreadPoolExecutor(1) as pool:
        for turn in range(1, 7):
            server.faults.delay(0.3 * turn, table=path(GOOD))
        slow = pool.submit(sink.append, [numbers(GOOD, turn) for turn in range(6)])
        until(lambda: server.counters(path(GOOD)).requests == 6)
        assert sink.append([numbers(OTHER, 1)]) == [[]]  # answered behind all of them
        assert slow.result(20) == [[]] * 6
        assert times_stored(server)[:2] == [dict.fromkeys(range(6), 1), {1: 1}]
        assert server.counters().connections_opened == 1


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_every_row_is_written_or_refused(seed: int) -> None:
    """Faults at random, and a caller that sends again what failed, as a runner does."""
    rng = random.Random(seed)
    settings = replace(IMPATIENT, retry_for=0.1)
    with live(*TABLES, settings=settings, max_row_errors=2) as (server, sink):
        server.faults.refuse_rows(lambda row: row["n"] % 7 == 3)
        server.faults.refuse_requests(lambda row: row["n"] % 11 == 5, message="")
        for turn in range(8):
            order_faults(server, rng)
            rows = range(turn * 20, turn * 20 + 20)
            while True:
                try:
                    answers = everywhere(sink, *rows)
                    break
                except TransientError:
                    continue
            bad = [at for at, n in enumerate(rows) if n % 7 == 3 or n % 11 == 5]
            assert [[one.row for one in answer] for answer in answers] == [bad] * 3
        written = {n for n in range(160) if n % 7 != 3 and n % 11 != 5}
        assert [counts.keys() for counts in times_stored(server)] == [written] * 3


def order_faults(server: BigQueryWriteServer, rng: random.Random) -> None:
    """Some faults, most of them brief."""
    faults = server.faults
    for _ in range(rng.randint(0, 3)):
        table = path(rng.choice(TABLES))
        times = rng.choice([1, 1, 2, 4])
        code = rng.choice(PASSING)
        rng.choice(
            [
                lambda: faults.answer_error(code, table=table, times=times),  # noqa: B023
                lambda: faults.close_stream(code, table=table, times=times),  # noqa: B023
                lambda: faults.drop_connection(table=table, times=times),  # noqa: B023
                lambda: faults.lose_answer(table=table, times=times),  # noqa: B023
                lambda: faults.delay(0.02, table=table, times=times),  # noqa: B023
                lambda: faults.hang(table=table),  # noqa: B023
                lambda: faults.answer_error(StatusCode.NOT_FOUND, table=table),  # noqa: B023
            ]
        )()
