"""The local BigQueryWrite server, seen through Google's own client: faults on order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient, types
from google.rpc import code_pb2

from schemas.model import Column
from tests.servers.bigquery_client import (
    Call,
    connect,
    default_stream,
    descriptor,
    encode,
    proto_request,
)
from tests.servers.bigquery_write import BigQueryWriteServer

GOOD = "projects/p/datasets/d/tables/good"
OTHER = "projects/p/datasets/d/tables/other"
NUMBER = (Column("n", "INT64"),)
MESSAGE = descriptor(NUMBER)
Answered = tuple[int, str, list[int]]
FORMS: Any = ["stream", "response"]


@pytest.fixture
def server() -> Iterator[BigQueryWriteServer]:
    with BigQueryWriteServer(tables={GOOD: NUMBER, OTHER: NUMBER}) as server:
        yield server


@pytest.fixture
def client(server: BigQueryWriteServer) -> Iterator[BigQueryWriteClient]:
    client, channel = connect(server.address)
    yield client
    channel.close()


def numbers(*values: int, path: str = GOOD) -> types.AppendRowsRequest:
    return proto_request(path, MESSAGE, encode(MESSAGE, [{"n": value} for value in values]))


def append(client: BigQueryWriteClient, *requests: types.AppendRowsRequest) -> list[Answered]:
    """Per answer: the code of its error, the text without the entity, the rows it names."""
    responses = client.append_rows(iter(requests), retry=None, timeout=10)
    return [
        (
            response.error.code,
            response.error.message.partition(" Entity: ")[0],
            [error.index for error in response.row_errors],
        )
        for response in responses
    ]


def stored(server: BigQueryWriteServer, path: str = GOOD) -> list[int]:
    return [row["n"] for row in server.rows(path)]


def outcomes(server: BigQueryWriteServer) -> list[tuple[int, str]]:
    return [(request.rows, request.outcome) for request in server.requests()]


def until(condition: Callable[[], bool]) -> None:
    """Waits for what the server does on another thread."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


OK: Answered = (0, "", [])


def test_refused_rows(server: BigQueryWriteServer, client: BigQueryWriteClient) -> None:
    odd = server.faults.refuse_rows(lambda row: row["n"] % 2 == 1, table=GOOD, times=1)
    big = server.faults.refuse_rows(lambda row: row["n"] > 3)
    first, second, third = append(
        client, numbers(1, 2, 3, 4, 5), numbers(1, 2, 3), numbers(9, path=OTHER)
    )
    assert (first[0], first[2]) == (code_pb2.INVALID_ARGUMENT, [0, 2, 3, 4])
    assert second == OK
    assert third[2] == [0]
    assert (odd.fired, big.fired) == (1, 2)
    assert (stored(server), stored(server, OTHER)) == ([1, 2, 3], [])
    assert outcomes(server) == [(5, "row_errors"), (3, "applied"), (1, "row_errors")]


def test_the_list_of_row_errors_may_be_cut() -> None:
    with BigQueryWriteServer(tables={GOOD: NUMBER}, max_row_errors=2) as server:
        server.faults.refuse_rows(lambda row: True)
        client, channel = connect(server.address)
        (answer,) = append(client, numbers(1, 2, 3))
        channel.close()
    assert answer[2] == [0, 1]


def test_a_request_is_refused_without_saying_which_row(
    server: BigQueryWriteServer, client: BigQueryWriteClient
) -> None:
    server.faults.refuse_requests(lambda row: row["n"] == 3)
    refused: Answered = (code_pb2.INVALID_ARGUMENT, "Request contains an invalid argument.", [])
    halves = [numbers(1, 2, 3, 4), numbers(1, 2), numbers(3, 4), numbers(3), numbers(4)]
    assert append(client, *halves) == [refused, OK, refused, refused, OK]
    assert stored(server) == [1, 2, 4]


@pytest.mark.parametrize("form", FORMS)
def test_too_large(form: Any) -> None:
    tables = {GOOD: NUMBER, OTHER: NUMBER}
    limit = len(types.AppendRowsRequest.serialize(numbers(1, 2, 3)))
    with BigQueryWriteServer(tables=tables, max_request_bytes=limit, oversize=form) as server:
        client, channel = connect(server.address)
        assert append(client, numbers(1, 2, 3)) == [OK]
        text = f"AppendRows request too large: {limit + 4} limit {limit}"
        if form == "stream":
            with pytest.raises(exceptions.InvalidArgument, match=text):
                append(client, numbers(1, 2, 3, 4), numbers(5))
        else:
            assert append(client, numbers(1, 2, 3, 4), numbers(5)) == [
                (code_pb2.INVALID_ARGUMENT, text, []),
                OK,
            ]
            fault = server.faults.refuse_larger_than(limit - 4, table=GOOD)
            assert append(client, numbers(6, 7, 8))[0][1].endswith(f"limit {limit - 4}")
            assert append(client, numbers(6, 7), numbers(6, path=OTHER)) == [OK, OK]
            assert fault.fired == 1
        channel.close()


def test_a_message_above_the_limit_of_ten_million_bytes(
    server: BigQueryWriteServer, client: BigQueryWriteClient
) -> None:
    ((code, text, _),) = append(client, proto_request(GOOD, MESSAGE, [b" " * 10_000_000]))
    assert code == code_pb2.INVALID_ARGUMENT
    assert text.endswith("limit 10000000")
    assert stored(server) == []


@pytest.mark.parametrize(
    "code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED", "INTERNAL", "PERMISSION_DENIED"]
)
def test_errors_in_answers_and_of_streams(
    server: BigQueryWriteServer, client: BigQueryWriteClient, code: str
) -> None:
    status = grpc.StatusCode[code]
    number = status.value[0]
    server.faults.answer_error(status, message="busy", table=GOOD, times=2)
    requests = [numbers(1), numbers(2, path=OTHER), numbers(3), numbers(4)]
    assert append(client, *requests) == [(number, "busy", []), OK, (number, "busy", []), OK]
    server.faults.close_stream(status, message="closing")
    with pytest.raises(exceptions.GoogleAPICallError, match="closing") as caught:
        append(client, numbers(5), numbers(6))
    assert caught.value.grpc_status_code == status
    assert append(client, numbers(7)) == [OK]
    assert (stored(server), stored(server, OTHER)) == ([4, 7], [2])
    assert outcomes(server)[-2:] == [(1, f"closed {code}"), (1, "applied")]


def test_answers_before_the_end_of_a_stream_still_arrive(
    server: BigQueryWriteServer, client: BigQueryWriteClient
) -> None:
    server.faults.close_stream(grpc.StatusCode.INTERNAL, table=OTHER)
    call = Call(client, numbers(1), numbers(2), numbers(3, path=OTHER), numbers(4))
    assert [call.answer().write_stream for _ in range(2)] == [default_stream(GOOD)] * 2
    with pytest.raises(exceptions.InternalServerError):
        call.answer()
    assert stored(server) == [1, 2]


@pytest.mark.parametrize("form", FORMS)
def test_a_missing_table(form: Any) -> None:
    with BigQueryWriteServer(tables={GOOD: NUMBER}, missing_table=form) as server:
        client, channel = connect(server.address)
        text = "Requested entity was not found."
        if form == "stream":
            with pytest.raises(exceptions.NotFound) as caught:
                append(client, numbers(1, path=OTHER), numbers(1))
            assert caught.value.message == f"{text} Entity: {default_stream(OTHER)}"
        else:
            answers = append(client, numbers(1, path=OTHER), numbers(1))
            assert answers == [(code_pb2.NOT_FOUND, text, []), OK]
        server.create_table(OTHER, NUMBER)
        assert append(client, numbers(2, path=OTHER)) == [OK]
        channel.close()


def test_an_idle_stream_is_closed(server: BigQueryWriteServer, client: BigQueryWriteClient) -> None:
    call = Call(client, numbers(1))
    call.answer()
    assert server.counters().connections_open == 1
    server.idle_seconds = 0.2
    with pytest.raises(exceptions.Aborted) as caught:
        call.answer()
    assert caught.value.message == (
        "Closing the stream because it has been inactive for 0.2 seconds."
        f" Entity: {default_stream(GOOD)}"
    )
    until(lambda: server.counters().connections_open == 0)
    assert append(client, numbers(2)) == [OK]
    assert server.counters().connections_opened == 2


def test_a_dropped_connection(server: BigQueryWriteServer, client: BigQueryWriteClient) -> None:
    server.faults.drop_connection(table=OTHER)
    call = Call(client, numbers(1))
    call.answer()  # before the drop, which could overtake it
    call.send(numbers(2, path=OTHER), numbers(3))
    with pytest.raises(exceptions.ServiceUnavailable):
        call.answer()
    assert (stored(server), stored(server, OTHER)) == ([1], [])
    until(lambda: server.counters().connections_open == 0)
    assert append(client, numbers(2, path=OTHER)) == [OK]
    assert outcomes(server) == [(1, "applied"), (1, "dropped"), (1, "applied")]


def test_a_lost_answer(server: BigQueryWriteServer, client: BigQueryWriteClient) -> None:
    server.faults.lose_answer()
    with pytest.raises(exceptions.ServiceUnavailable):
        append(client, numbers(1))
    assert append(client, numbers(1)) == [OK]
    assert stored(server) == [1, 1]
    assert outcomes(server) == [(1, "lost"), (1, "applied")]


def test_delayed_answers_keep_their_order(
    server: BigQueryWriteServer, client: BigQueryWriteClient
) -> None:
    server.faults.delay(0.5, table=GOOD)
    call = Call(client, numbers(0, path=OTHER))
    call.answer()
    started = time.monotonic()
    call.send(numbers(1), numbers(2, path=OTHER))
    until(lambda: stored(server, OTHER) == [0, 2])
    streams = [call.answer().write_stream for _ in range(2)]
    assert streams == [default_stream(GOOD), default_stream(OTHER)]
    assert time.monotonic() - started >= 0.5


def test_a_hanging_request(server: BigQueryWriteServer, client: BigQueryWriteClient) -> None:
    server.faults.hang(table=OTHER)
    call = Call(client, numbers(1), numbers(2, path=OTHER), numbers(3), timeout=0.6)
    call.answer()
    with pytest.raises(exceptions.DeadlineExceeded):
        call.answer()
    assert outcomes(server) == [(1, "applied"), (1, "hung")]
    until(lambda: server.counters().connections_open == 0)
    assert append(client, numbers(4)) == [OK]


def test_get_write_stream_fails_and_orders_can_be_withdrawn(
    server: BigQueryWriteServer, client: BigQueryWriteClient
) -> None:
    server.faults.fail_get_write_stream(grpc.StatusCode.PERMISSION_DENIED, times=None)
    with pytest.raises(exceptions.PermissionDenied):
        client.get_write_stream(name=default_stream(GOOD), retry=None)
    refuse = server.faults.refuse_rows(lambda row: True)
    server.faults.clear(refuse)
    assert append(client, numbers(1)) == [OK]
    server.faults.clear()
    assert client.get_write_stream(name=default_stream(GOOD), retry=None).location == "EU"


def test_a_server_that_comes_back_on_its_port(
    server: BigQueryWriteServer, client: BigQueryWriteClient
) -> None:
    call = Call(client, numbers(1))
    call.answer()
    server.close()
    with pytest.raises(exceptions.ServiceUnavailable):
        call.answer()
    assert stored(server) == [1]
    with BigQueryWriteServer(server.port, tables={GOOD: NUMBER}) as again:
        (response,) = client.append_rows(iter([numbers(2)]), retry=None, timeout=10)
        assert response.error.code == 0
        assert stored(again) == [2]
