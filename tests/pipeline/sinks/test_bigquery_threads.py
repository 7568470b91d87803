"""Many threads over the one connection: every answer reaches the request that it belongs to."""

from __future__ import annotations

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from pipeline.sinks.base import Refusal, TransientError
from pipeline.sinks.bigquery import BigQueryWarehouse
from schemas.model import Table
from tests.pipeline.sinks.support import NUMBER, live, numbers, path, refused, stored, until
from tests.servers.bigquery_write import BigQueryWriteServer

THREADS = 8
TABLES = [Table(f"t{number}", NUMBER) for number in range(20)]
ROUNDS = 25
#: Rows of one write.
COUNT = 4


def first_number(thread: int, turn: int, table: int) -> int:
    """The first of the numbers that only this write has."""
    return ((thread * ROUNDS + turn) * len(TABLES) + table) * COUNT


def is_bad(number: int) -> bool:
    """Whether the service refuses the row, with no pattern that a mix-up could keep."""
    return random.Random(number).random() < 0.3


def bad_rows(first: int) -> list[int]:
    return [at for at in range(COUNT) if is_bad(first + at)]


def tables_of(thread: int, turn: int) -> list[int]:
    """The tables that this bundle writes to, in an order of its own."""
    rng = random.Random(thread * 1000 + turn)
    return rng.sample(range(len(TABLES)), rng.randint(1, 6))


def append_all(sink: BigQueryWarehouse, thread: int) -> list[list[list[Refusal]]]:
    """Writes all bundles of one thread; what was refused of each."""
    answers = []
    for turn in range(ROUNDS):
        sent = []
        for table in tables_of(thread, turn):
            first = first_number(thread, turn, table)
            sent.append(numbers(TABLES[table], *range(first, first + COUNT)))
        while True:
            try:
                answers.append(sink.append(sent))
                break
            except TransientError:
                continue
    return answers


def in_threads(sink: BigQueryWarehouse) -> list[list[list[list[Refusal]]]]:
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda thread: append_all(sink, thread), range(THREADS)))


def every_write() -> list[tuple[int, int]]:
    """Table and first number of each write of all threads."""
    return [
        (table, first_number(thread, turn, table))
        for thread in range(THREADS)
        for turn in range(ROUNDS)
        for table in tables_of(thread, turn)
    ]


def good_numbers(table: int) -> list[int]:
    """The numbers that belong into a table."""
    firsts = [first for at, first in every_write() if at == table]
    return sorted(n for first in firsts for n in range(first, first + COUNT) if not is_bad(n))


EXPECTED = [
    [
        [refused(*bad_rows(first_number(thread, turn, table))) for table in tables_of(thread, turn)]
        for turn in range(ROUNDS)
    ]
    for thread in range(THREADS)
]


def test_every_answer_reaches_its_own_request() -> None:
    with live(*TABLES) as (server, sink):
        server.faults.refuse_rows(lambda row: is_bad(row["n"]))
        assert in_threads(sink) == EXPECTED
        for at, table in enumerate(TABLES):
            assert sorted(stored(server, table)) == good_numbers(at)
        assert server.counters().connections_opened == 1


def test_answers_keep_to_their_requests_while_calls_end() -> None:
    with live(*TABLES) as (server, sink):
        server.faults.refuse_rows(lambda row: is_bad(row["n"]))
        stop = threading.Event()
        vandal = threading.Thread(target=disturb, args=(server, stop))
        vandal.start()
        try:
            answers = in_threads(sink)
        finally:
            stop.set()
            vandal.join()
        assert answers == EXPECTED
        for at, table in enumerate(TABLES):
            counts = Counter(stored(server, table))
            assert sorted(counts) == good_numbers(at)
        assert server.counters().connections_opened > 3


def disturb(server: BigQueryWriteServer, stop: threading.Event) -> None:
    """Ends calls in every way that the service has, again and again."""
    rng = random.Random(3)
    faults = server.faults
    while not stop.wait(0.02):
        table = path(rng.choice(TABLES))
        kind = rng.choice(
            (faults.close_stream, faults.answer_error, faults.drop_connection, faults.lose_answer)
        )
        if kind in (faults.close_stream, faults.answer_error):
            kind(grpc.StatusCode.UNAVAILABLE, table=table)
        else:
            kind(table=table)


@pytest.mark.parametrize("form", ["stream", "response"])
def test_a_table_that_is_gone_for_all_threads(form: str) -> None:
    gone, *others = TABLES[:6]
    with live(gone, *others, missing_table=form) as (server, sink):
        warm_up = [numbers(table, -1) for table in (gone, *others)]
        assert sink.append(warm_up) == [[]] * 6
        server.delete_table(path(gone))

        def work(thread: int) -> list[list[int]]:
            sent = [numbers(table, thread) for table in (gone, *others)]
            return [[refusal.row for refusal in answer] for answer in sink.append(sent)]

        with ThreadPoolExecutor(THREADS) as pool:
            assert list(pool.map(work, range(THREADS))) == [[[0], [], [], [], [], []]] * THREADS
        for table in others:
            assert set(stored(server, table)) == {-1, *range(THREADS)}


def test_close_while_threads_write() -> None:
    """Each append either has written its rows or raises; none waits for ever."""
    with live(*TABLES[:3]) as (server, sink):
        written: list[list[int]] = [[] for _ in range(THREADS)]

        def work(thread: int) -> None:
            for turn in range(100_000):
                number = turn * THREADS + thread
                assert sink.append([numbers(TABLES[thread % 3], number)]) == [[]]
                written[thread].append(number)

        with ThreadPoolExecutor(THREADS) as pool:
            ends = [pool.submit(work, thread) for thread in range(THREADS)]
            until(lambda: all(written))
            sink.close()
            assert [type(end.exception(20)) for end in ends] == [RuntimeError] * THREADS
        for at, table in enumerate(TABLES[:3]):
            kept = set(stored(server, table))
            assert kept >= {n for thread in range(at, THREADS, 3) for n in written[thread]}
