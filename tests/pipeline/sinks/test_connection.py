"""The one call that all threads share, against calls that a test plays by hand."""

from __future__ import annotations

import pickle
import random
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from google.cloud.bigquery_storage_v1 import types
from google.rpc import status_pb2

from pipeline.sinks import connection as connection_module
from pipeline.sinks.connection import Connection, ConnectionLost, OpenCall, ask
from tests.pipeline.sinks.calls import CallError, Calls, HandPlayed, Request, Response
from tests.pipeline.sinks.support import until

StatusCode = grpc.StatusCode


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def connection(calls: Calls) -> Iterator[Connection]:
    connection = Connection(calls)
    yield connection
    connection.close()


def stream(table: str) -> str:
    return f"projects/p/datasets/d/tables/{table}/streams/_default"


def submit(connection: Connection, *tables: str) -> list[Future[Response]]:
    return [connection.submit(Request(write_stream=stream(table))) for table in tables]


def lost(future: Future[Response]) -> tuple[StatusCode, str, bool, bool]:
    error = future.exception(timeout=5)
    assert isinstance(error, ConnectionLost)
    return error.code, error.detail, error.mismatch, error.first


def answered(future: Future[Response]) -> str:
    return str(future.result(timeout=5).write_stream)


def test_answers_go_to_the_requests_in_order(connection: Connection, calls: Calls) -> None:
    futures = submit(connection, "a", "b")
    call = calls.next()
    assert call.answer(stream("a")) == stream("a")
    futures += submit(connection, "c")
    assert call.answer("") == stream("b")  # an error may come without its stream
    assert call.answer(stream("c")) == stream("c")
    assert [answered(future) for future in futures] == [stream("a"), "", stream("c")]
    assert not call.cancelled.is_set()


def test_another_spelling_of_the_same_table(connection: Connection, calls: Calls) -> None:
    (future,) = submit(connection, "a")
    other = "projects/1234567/datasets/d/tables/a/_default"
    calls.next().answer(other)
    assert answered(future) == other


def test_an_answer_for_another_table_is_given_to_nobody(
    connection: Connection, calls: Calls
) -> None:
    futures = submit(connection, "a", "b")
    call = calls.next()
    call.answer(stream("b"))
    detail = f"an answer for {stream('b')}, expected {stream('a')}"
    assert [lost(future) for future in futures] == [
        (StatusCode.INTERNAL, detail, False, True),
        (StatusCode.INTERNAL, detail, False, False),
    ]
    assert call.cancelled.wait(5)


def test_an_answer_that_nobody_waits_for_ends_the_call(
    connection: Connection, calls: Calls
) -> None:
    (future,) = submit(connection, "a")
    call = calls.next()
    call.answer(stream("a"))
    call.say(stream("a"))
    assert answered(future) == stream("a")
    assert call.cancelled.wait(5)
    (future,) = submit(connection, "b")
    calls.next().answer("")
    assert answered(future) == ""


def test_the_end_of_the_call_fails_all_that_wait(connection: Connection, calls: Calls) -> None:
    futures = submit(connection, "a", "b", "c")
    call = calls.next()
    call.answer(stream("a"))
    answered(futures[0])
    call.end(CallError(StatusCode.UNAVAILABLE, "gone"))
    assert [lost(future) for future in futures[1:]] == [
        (StatusCode.UNAVAILABLE, "gone", False, True),
        (StatusCode.UNAVAILABLE, "gone", False, False),
    ]
    (after,) = submit(connection, "d")
    calls.next().end()
    assert lost(after) == (StatusCode.OK, "the service closed the call", False, True)


def details(code: int, text: str, kind: str) -> tuple[tuple[str, bytes], ...]:
    error = types.StorageError(code=types.StorageError.StorageErrorCode[kind], error_message=text)
    status = status_pb2.Status(code=code, message=text)
    status.details.add().Pack(types.StorageError.pb(error))
    return (("x-other", b"1"), ("grpc-status-details-bin", status.SerializeToString()))


MISMATCH = "SCHEMA_MISMATCH_EXTRA_FIELDS"


@pytest.mark.parametrize(
    ("metadata", "mismatch"),
    [
        (details(3, "extra fields", MISMATCH), True),
        (details(3, "longer than the header's text", MISMATCH), True),
        (details(13, "extra fields", MISMATCH), True),
        (details(3, "extra fields", "TABLE_NOT_FOUND"), False),
        ((("grpc-status-details-bin", b"\xff\xff"),), False),
        ((("grpc-status-details-bin", b"\x08\x03"),), False),
        (None, False),
    ],
)
def test_details_of_the_status_whatever_they_are(
    connection: Connection, calls: Calls, metadata: Any, mismatch: bool
) -> None:
    (future,) = submit(connection, "a")
    calls.next().end(CallError(StatusCode.INVALID_ARGUMENT, "extra fields", metadata))
    assert lost(future) == (StatusCode.INVALID_ARGUMENT, "extra fields", mismatch, True)
    (future,) = submit(connection, "a")  # the owner is alive
    calls.next().answer(stream("a"))
    assert answered(future) == stream("a")


@pytest.mark.parametrize("where", ["open", "answers"])
def test_the_owner_survives_whatever_is_raised(where: str) -> None:
    calls = Calls()
    faults = [ValueError("Cannot invoke RPC on closed channel!"), MemoryError(), KeyError("x")]

    def open_call(requests: Iterator[Request]) -> HandPlayed:
        if faults and where == "open":
            raise faults.pop(0)
        call = calls(requests)
        if faults:
            call.end(faults.pop(0))
        return call

    connection = Connection(open_call)
    ends = [lost(*submit(connection, "a")) for _ in range(3)]
    assert ends == [
        (StatusCode.UNKNOWN, text, False, True)
        for text in (
            "ValueError('Cannot invoke RPC on closed channel!')",
            "MemoryError()",
            "KeyError('x')",
        )
    ]
    (future,) = submit(connection, "a")
    for _ in range(4 if where == "answers" else 1):
        call = calls.next()
    call.answer(stream("a"))
    assert answered(future) == stream("a")
    connection.close()


def test_giving_up_only_what_is_stuck(
    connection: Connection, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(connection_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    connection.give_up(0.0)  # there is no call
    (first,) = submit(connection, "a")
    call = calls.next()
    now[0] = 9.0
    connection.give_up(10.0)  # not yet
    call.answer("")
    answered(first)
    now[0] = 99.0
    connection.give_up(10.0)  # nobody waits
    futures = submit(connection, "b", "c", "d")
    connection.give_up(10.0)  # nobody has waited for long
    now[0] = 108.0
    call.answer("")
    answered(futures[0])
    now[0] = 117.0
    connection.give_up(10.0)  # an answer has come since
    assert not call.cancelled.is_set()
    now[0] = 118.0
    connection.give_up(10.0)
    assert [lost(future) for future in futures[1:]] == [
        (StatusCode.DEADLINE_EXCEEDED, "no answer for 10 s", False, True),
        (StatusCode.DEADLINE_EXCEEDED, "no answer for 10 s", False, False),
    ]
    assert call.cancelled.wait(5)
    (future,) = submit(connection, "e")
    calls.next().answer("")
    assert answered(future) == ""


def test_a_call_given_up_while_it_was_being_opened(calls: Calls) -> None:
    opening, go_on = threading.Event(), threading.Event()

    def open_call(requests: Iterator[Request]) -> HandPlayed:
        opening.set()
        assert go_on.wait(5)
        return calls(requests)

    connection = Connection(open_call)
    (future,) = submit(connection, "a")
    assert opening.wait(5)
    connection.give_up(0.0)
    assert lost(future)[0] is StatusCode.DEADLINE_EXCEEDED
    (after,) = submit(connection, "b")
    go_on.set()
    assert calls.next().cancelled.wait(5)  # else its owner would wait for it for ever
    assert calls.next().answer(stream("b")) == stream("b")
    assert answered(after) == stream("b")
    connection.close()


def test_close(calls: Calls) -> None:
    connection = Connection(calls)
    futures = submit(connection, "a", "b")
    call = calls.next()
    connection.close()
    assert [lost(future)[:2] for future in futures] == [
        (StatusCode.CANCELLED, "the connection is closed")
    ] * 2
    assert call.cancelled.is_set()
    assert not connection._owner.is_alive()
    with pytest.raises(RuntimeError, match="the connection is closed"):
        submit(connection, "c")
    connection.close()


def test_no_request_is_left_without_an_answer_while_calls_keep_ending() -> None:
    """The end of a call races with requests that are being put into it."""

    class ShortLived(HandPlayed):
        """Answers a few requests, then ends."""

        def _read(self, requests: Iterator[Request]) -> None:
            left = random.randint(0, 3)
            for request in requests:
                if not left:
                    break
                left -= 1
                self.say(request.write_stream)
            self.end()

    connection = Connection(ShortLived)
    outcomes: dict[int, list[str]] = {}

    def work(number: int) -> None:
        done = outcomes[number] = []
        for turn in range(250):
            (future,) = submit(connection, f"{number}-{turn}")
            try:
                done.append(answered(future))
            except ConnectionLost:
                done.append("lost")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
        connection.close()
    for number, done in outcomes.items():
        assert len(done) == 250
        assert {one for one in done if one != "lost"} <= {
            stream(f"{number}-{turn}") for turn in range(250)
        }
    assert 0 < sum(done.count("lost") for done in outcomes.values()) < 2000


def test_one_request_in_a_call_of_its_own() -> None:
    opened: list[HandPlayed] = []

    def answering(*ends: Any) -> OpenCall:
        def open_call(requests: Iterator[Request]) -> HandPlayed:
            call = HandPlayed(requests)
            opened.append(call)
            for end in ends:
                call.say(end) if isinstance(end, str) else call.end(end)
            return call

        return open_call

    request = Request(write_stream=stream("a"))
    assert ask(answering("one", "two"), request).write_stream == "one"
    ends: list[Any] = [None, CallError(StatusCode.NOT_FOUND, "no table"), ValueError("closed")]
    faults = []
    for end in ends:
        with pytest.raises(ConnectionLost) as caught:
            ask(answering(end), request)
        faults.append((caught.value.code, caught.value.detail))
    assert faults == [
        (StatusCode.OK, "the service closed the call"),
        (StatusCode.NOT_FOUND, "no table"),
        (StatusCode.UNKNOWN, "ValueError('closed')"),
    ]
    assert all(call.cancelled.is_set() for call in opened)
    until(lambda: all(call.sent.qsize() == 1 for call in opened))


def test_the_loss_in_words_and_between_processes() -> None:
    error = ConnectionLost(StatusCode.ABORTED, "inactive for 600 s", mismatch=True, first=True)
    again = pickle.loads(pickle.dumps(error))
    assert [(str(one), vars(one)) for one in (error, again)] == [
        (
            "ABORTED: inactive for 600 s",
            {
                "code": StatusCode.ABORTED,
                "detail": "inactive for 600 s",
                "mismatch": True,
                "first": True,
            },
        )
    ] * 2
