"""One multiplexed ``AppendRows`` call: many tables, one connection, answers in order.

BigQuery allows some 1,000 connections per region, so a connection per table and process would
run out in a backfill. Here every thread of a process submits to one call, which one thread owns:
it opens the call when there is something to send, hands each answer to the request that it
belongs to (the service answers in the order of the requests), and when the call ends, for
whatever reason, fails all requests that have no answer. The next request opens a new call.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, Final

import grpc
from google.cloud.bigquery_storage_v1 import types
from google.cloud.bigquery_storage_v1.types import AppendRowsRequest, AppendRowsResponse
from google.protobuf.message import DecodeError
from google.rpc import status_pb2

#: Opens a call from an iterator of requests; the call iterates over responses and cancels.
OpenCall = Callable[[Iterator[AppendRowsRequest]], Any]

_STATUS_DETAILS: Final = "grpc-status-details-bin"


class ConnectionLost(Exception):
    """The call ended before the answer came: the rows may or may not have been written.

    Attributes:
        code: the status with which the call ended; OK where the server closed it in peace.
        detail: the status in words.
        mismatch: True where the service says that the rows' schema is not the table's.
        first: True for the request whose turn it was to be answered: the likeliest cause.
    """

    def __init__(
        self, code: grpc.StatusCode, detail: str, mismatch: bool = False, first: bool = False
    ) -> None:
        super().__init__(code, detail, mismatch, first)
        self.code = code
        self.detail = detail
        self.mismatch = mismatch
        self.first = first

    def __str__(self) -> str:
        return f"{self.code.name}: {self.detail}"


class _Call:
    """One life of the connection. A request is in it from ``put`` until its future is done."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._outbox: deque[tuple[AppendRowsRequest, Future[AppendRowsResponse]]] = deque()
        self._flight: deque[tuple[str, Future[AppendRowsResponse]]] = deque()
        self._heard = time.monotonic()
        self._ended = False
        self._handle: Any = None

    def put(self, request: AppendRowsRequest, future: Future[AppendRowsResponse]) -> bool:
        """Queues ``request``; False where the call has ended and will not answer it."""
        with self._changed:
            if self._ended:
                return False
            if not self._outbox and not self._flight:
                self._heard = time.monotonic()
            self._outbox.append((request, future))
            self._changed.notify()
            return True

    def requests(self) -> Iterator[AppendRowsRequest]:
        """Runs in gRPC's sending thread until the call ends."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._outbox or self._ended)
                if self._ended:
                    return
                request, future = self._outbox.popleft()
                self._flight.append((request.write_stream, future))
            yield request

    def converse(self, handle: Any) -> None:
        """Gives each answer to the request whose turn it is, until there are no more."""
        with self._changed:
            self._handle = handle
            if self._ended:  # given up while it was being opened
                handle.cancel()
        for response in handle:
            with self._changed:
                if self._ended:
                    return
                _check(response.write_stream, self._flight[0][0] if self._flight else None)
                self._heard = time.monotonic()
                future = self._flight.popleft()[1]
            future.set_result(response)

    def is_stuck(self, quiet: float) -> bool:
        """True where requests wait and none was answered for ``quiet`` seconds."""
        with self._changed:
            waiting = self._outbox or self._flight
            return bool(waiting) and time.monotonic() - self._heard >= quiet

    def end(self, lost: ConnectionLost) -> None:
        """Closes the call; every request in it fails."""
        with self._changed:
            self._ended = True
            futures = [future for _, future in (*self._flight, *self._outbox)]
            self._flight.clear()
            self._outbox.clear()
            self._changed.notify_all()
            handle = self._handle
        if handle is not None:
            handle.cancel()
        for at, future in enumerate(futures):
            first = at == 0
            future.set_exception(ConnectionLost(lost.code, lost.detail, lost.mismatch, first))


class Connection:
    """Submits requests from any thread over one call at a time."""

    def __init__(self, open_call: OpenCall) -> None:
        self._open_call = open_call
        self._wake = threading.Condition()
        self._call: _Call | None = None
        self._closed = False
        self._owner: Final = threading.Thread(target=self._own, name="AppendRows", daemon=True)
        self._owner.start()

    def submit(self, request: AppendRowsRequest) -> Future[AppendRowsResponse]:
        """Sends ``request``; the future gives its answer or raises ``ConnectionLost``."""
        future: Future[AppendRowsResponse] = Future()
        with self._wake:
            if self._closed:
                raise RuntimeError("the connection is closed")
            if self._call is None or not self._call.put(request, future):
                self._call = _Call()
                self._call.put(request, future)
                self._wake.notify()
        return future

    def give_up(self, quiet: float) -> None:
        """Ends the present call if it has left requests without an answer for ``quiet`` seconds.

        As long as answers come in, a request may wait: its turn will come.
        """
        with self._wake:
            call = self._call
            if call is None or not call.is_stuck(quiet):
                return
            self._call = None
        detail = f"no answer for {quiet:g} s"
        call.end(ConnectionLost(grpc.StatusCode.DEADLINE_EXCEEDED, detail))

    def close(self) -> None:
        """Ends the call and its thread."""
        with self._wake:
            self._closed = True
            call, self._call = self._call, None
            self._wake.notify()
        if call is not None:
            call.end(ConnectionLost(grpc.StatusCode.CANCELLED, "the connection is closed"))
        self._owner.join(5)

    def _own(self) -> None:
        served: _Call | None = None
        while True:
            with self._wake:
                self._wake.wait_for(
                    lambda: self._closed or self._call not in (None, served)  # noqa: B023
                )
                if self._closed:
                    return
                served = self._call
            assert served is not None
            self._serve(served)

    def _serve(self, call: _Call) -> None:
        lost = ConnectionLost(grpc.StatusCode.OK, "the service closed the call")
        try:
            call.converse(self._open_call(call.requests()))
        except Exception as fault:  # whatever it is, it must leave nobody waiting
            lost = as_lost(fault)
        finally:
            call.end(lost)


def ask(open_call: OpenCall, request: AppendRowsRequest) -> AppendRowsResponse:
    """The answer to one request in a call of its own.

    Raises:
        ConnectionLost: the call ended without an answer.
    """
    call = None
    try:
        call = open_call(iter((request,)))
        for response in call:
            answer: AppendRowsResponse = response
            return answer
    except Exception as fault:
        raise as_lost(fault) from None
    finally:
        if call is not None:
            call.cancel()
    raise ConnectionLost(grpc.StatusCode.OK, "the service closed the call")


def as_lost(fault: Exception) -> ConnectionLost:
    """How a call ended, from what it raised."""
    if isinstance(fault, ConnectionLost):
        return fault
    if not isinstance(fault, grpc.Call):
        return ConnectionLost(grpc.StatusCode.UNKNOWN, repr(fault))
    metadata = dict(fault.trailing_metadata() or ())
    mismatch = False
    with contextlib.suppress(DecodeError):
        # Not grpc_status: it raises where the details' text is not that of the status.
        mismatch = is_mismatch(status_pb2.Status.FromString(metadata.get(_STATUS_DETAILS, b"")))
    return ConnectionLost(fault.code(), fault.details() or "", mismatch)


def is_mismatch(status: Any) -> bool:
    """True where the service's own code says that the rows have fields that the table lacks."""
    code: Any = types.StorageError.StorageErrorCode.SCHEMA_MISMATCH_EXTRA_FIELDS
    for detail in status.details:
        error = types.StorageError.pb()()
        with contextlib.suppress(DecodeError):
            if detail.Unpack(error):
                return bool(error.code == code)
    return False


def _check(said: str, due: str | None) -> None:
    """Never seen to fail; but an answer given to other rows would lose data in silence."""
    if due is None or (said and _table(said) != _table(due)):
        detail = f"an answer for {said or 'no stream'}, expected {due or 'none'}"
        raise ConnectionLost(grpc.StatusCode.INTERNAL, detail)


def _table(stream: str) -> str:
    """The table in the name of a stream; the service may spell the rest in another way."""
    return stream.partition("/tables/")[2].partition("/")[0]
