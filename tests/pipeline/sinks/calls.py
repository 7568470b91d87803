"""Calls that a test plays by hand, in place of gRPC's."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

import grpc
from google.cloud.bigquery_storage_v1 import types

Request = types.AppendRowsRequest
Response = types.AppendRowsResponse


class CallError(grpc.RpcError, grpc.Call):
    """What gRPC raises at the end of a call."""

    def __init__(self, code: grpc.StatusCode, details: str, metadata: Any = ()) -> None:
        self._code, self._details, self._metadata = code, details, metadata

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> Any:
        return self._metadata

    def _unused(self, *_: Any) -> Any:
        raise NotImplementedError

    initial_metadata = add_callback = cancel = is_active = time_remaining = _unused


class HandPlayed:
    """A call whose answers and end the test gives; reads requests in a thread, as gRPC does."""

    def __init__(self, requests: Iterator[Request]) -> None:
        self.sent: queue.Queue[str] = queue.Queue()
        self.cancelled = threading.Event()
        self._answers: queue.Queue[Response | Exception | None] = queue.Queue()
        threading.Thread(target=self._read, args=(requests,), daemon=True).start()

    def _read(self, requests: Iterator[Request]) -> None:
        for request in requests:
            self.sent.put(request.write_stream)

    def answer(self, stream: str) -> str:
        """Answers the next request, when it has been sent; gives the request's stream."""
        sent = self.sent.get(timeout=5)
        self.say(stream)
        return sent

    def say(self, stream: str) -> None:
        """Gives an answer, whether there is a request or not."""
        self._answers.put(Response(write_stream=stream))

    def end(self, fault: Exception | None = None) -> None:
        self._answers.put(fault)

    def cancel(self) -> None:
        self.cancelled.set()
        self._answers.put(CallError(grpc.StatusCode.CANCELLED, "Locally cancelled"))

    def __iter__(self) -> Iterator[Response]:
        while (answer := self._answers.get()) is not None:
            if isinstance(answer, Exception):
                raise answer
            yield answer


class Calls:
    """Opens calls and hands them to the test."""

    def __init__(self) -> None:
        self._opened: queue.Queue[HandPlayed] = queue.Queue()

    def __call__(self, requests: Iterator[Request]) -> HandPlayed:
        call = HandPlayed(requests)
        self._opened.put(call)
        return call

    def next(self) -> HandPlayed:
        return self._opened.get(timeout=5)
