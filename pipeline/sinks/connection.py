"""One multiplexed ``AppendRows`` call: many tables, one connection, answers in order.

BigQuery allows some 1,000 connections per region, so a connection per table and process would
run out in a backfill. Here every thread of a process submits to one call, which one thread owns:
it opens the call when there is something to send, hands each answer to the request that it
belongs to (the service answers in the order of the requests), and when the call ends, for
whatever reason, fails all requests that have no answer. The next request opens a new call.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, Final

import grpc
from google.cloud.bigquery_storage_v1 import types
from google.cloud.bigquery_storage_v1.types import AppendRowsRequest, AppendRowsResponse
from grpc_status import rpc_status

#: Opens a call from an iterator of requests; the call iterates over responses and cancels.
OpenCall = Callable[[Iterator[AppendRowsRequest]], Any]


class ConnectionLost(Exception):
    """The call ended before the answer came: the rows may or may not have been written.

    Attributes:
        code: the status with which the call ended; OK where the server closed it in peace.
        detail: the status in words.
        mismatch: True where the service says that the rows' schema is not the table's.
    """

    def __init__(self, code: grpc.StatusCode, detail: str, mismatch: bool = False) -> None:
        super().__init__(f"{code.name}: {detail}")
        self.code = code
        self.detail = detail
        self.mismatch = mismatch


class _Call:
    """One life of the connection."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.outbox: deque[tuple[AppendRowsRequest, Future[AppendRowsResponse]]] = deque()
        self.flight: deque[tuple[str, Future[AppendRowsResponse]]] = deque()
        self.ended = False
        self.handle: Any = None

    def requests(self) -> Iterator[AppendRowsRequest]:
        """Runs in gRPC's sending thread until the call ends."""
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.outbox or self.ended)
                if self.ended:
                    return
                request, future = self.outbox.popleft()
                self.flight.append((request.write_stream, future))
            yield request

    def end(self) -> list[Future[AppendRowsResponse]]:
        """Closes the call; the futures that will have no answer."""
        with self.changed:
            self.ended = True
            lost = [future for _, future in (*self.flight, *self.outbox)]
            self.flight.clear()
            self.outbox.clear()
            self.changed.notify_all()
        if self.handle is not None:
            self.handle.cancel()
        return lost


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
            call = self._call
            if call is None or call.ended:
                call = self._call = _Call()
                self._wake.notify()
            with call.changed:
                call.outbox.append((request, future))
                call.changed.notify_all()
        return future

    def reset(self) -> None:
        """Gives up the present call: requests without an answer fail with ``ConnectionLost``."""
        with self._wake:
            call, self._call = self._call, None
        if call is not None:
            _fail(call.end(), ConnectionLost(grpc.StatusCode.DEADLINE_EXCEEDED, "no answer"))

    def close(self) -> None:
        """Ends the call and its thread."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self.reset()
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
            self._converse(served)

    def _converse(self, call: _Call) -> None:
        try:
            call.handle = self._open_call(call.requests())
            for response in call.handle:
                with call.changed:
                    stream, future = call.flight.popleft() if call.flight else ("", None)
                if future is None:
                    break
                if response.write_stream and response.write_stream != stream:
                    # Never seen; but an answer given to the wrong rows would lose data in silence.
                    detail = f"answer for {response.write_stream}, expected {stream}"
                    future.set_exception(ConnectionLost(grpc.StatusCode.INTERNAL, detail))
                    break
                future.set_result(response)
            error = ConnectionLost(grpc.StatusCode.OK, "the service closed the call")
        except grpc.RpcError as fault:
            status = rpc_status.from_call(fault)
            mismatch = status is not None and is_mismatch(status)
            error = ConnectionLost(fault.code(), fault.details() or "", mismatch)
        except Exception as fault:  # a fault of the client library must not leave anybody waiting
            error = ConnectionLost(grpc.StatusCode.UNKNOWN, repr(fault))
        _fail(call.end(), error)


def is_mismatch(status: Any) -> bool:
    """True where the service's own code says that the rows have fields that the table lacks."""
    for detail in status.details:
        error = types.StorageError.pb()()
        if detail.Unpack(error):
            code: Any = types.StorageError.StorageErrorCode.SCHEMA_MISMATCH_EXTRA_FIELDS
            return bool(error.code == code)
    return False


def _fail(futures: list[Future[AppendRowsResponse]], error: ConnectionLost) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
