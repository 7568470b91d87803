"""The faults that a test orders from the local BigQueryWrite server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import grpc

Predicate = Callable[[dict[str, Any]], bool]


class Kind(Enum):
    """What a fault does; see the method of ``Faults`` with the same meaning."""

    REFUSE_ROWS = "refuse_rows"
    REFUSE_REQUESTS = "refuse_requests"
    TOO_LARGE = "refuse_larger_than"
    ANSWER_ERROR = "answer_error"
    CLOSE_STREAM = "close_stream"
    DROP_CONNECTION = "drop_connection"
    LOSE_ANSWER = "lose_answer"
    DELAY = "delay"
    HANG = "hang"
    FAIL_GET_WRITE_STREAM = "fail_get_write_stream"


@dataclass
class Fault:
    """One fault on order.

    Attributes:
        kind: what it does.
        table: the path of the only table that it concerns, or None for all.
        left: how many more requests it strikes, or None for all that come.
        fired: how many requests it has struck.
    """

    kind: Kind
    table: str | None
    left: int | None
    fired: int = 0
    code: grpc.StatusCode = grpc.StatusCode.INVALID_ARGUMENT
    message: str = ""
    predicate: Predicate = field(default=lambda row: True, repr=False)
    amount: float = 0.0


class Faults:
    """Orders faults and hands them to the server; safe to use while the server runs.

    Every order takes ``table`` (a table's path, None for all tables) and ``times`` (how many
    requests it strikes, None for all from now on) and returns the ``Fault``, whose ``fired``
    counts. Of two faults of one kind the older strikes first. A request struck by a fault is
    not applied, unless the order says so.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: list[Fault] = []

    def refuse_rows(
        self,
        predicate: Predicate,
        *,
        message: str = "Refused by the test",
        table: str | None = None,
        times: int | None = None,
    ) -> Fault:
        """Answers ``row_errors`` for the rows where ``predicate(row)`` is true.

        The message ends with ``on field <name>.`` at the real service; here it is as given.
        """
        return self._add(
            Fault(Kind.REFUSE_ROWS, table, times, message=message, predicate=predicate)
        )

    def refuse_requests(
        self,
        predicate: Predicate,
        *,
        code: grpc.StatusCode = grpc.StatusCode.INVALID_ARGUMENT,
        message: str = "Request contains an invalid argument.",
        table: str | None = None,
        times: int | None = None,
    ) -> Fault:
        """Answers ``error`` without ``row_errors`` where the predicate is true of any row."""
        return self._add(Fault(Kind.REFUSE_REQUESTS, table, times, 0, code, message, predicate))

    def refuse_larger_than(
        self, size: int, *, table: str | None = None, times: int | None = None
    ) -> Fault:
        """Treats a request of more than ``size`` bytes as one above the service's limit."""
        return self._add(Fault(Kind.TOO_LARGE, table, times, amount=size))

    def answer_error(
        self,
        code: grpc.StatusCode,
        *,
        message: str = "Ordered by the test",
        table: str | None = None,
        times: int | None = 1,
    ) -> Fault:
        """Answers ``error`` with ``code``; the connection stays open."""
        return self._add(Fault(Kind.ANSWER_ERROR, table, times, 0, code, message))

    def close_stream(
        self,
        code: grpc.StatusCode,
        *,
        message: str = "Ordered by the test",
        table: str | None = None,
        times: int | None = 1,
    ) -> Fault:
        """Ends the AppendRows call with ``code`` in place of the answer."""
        return self._add(Fault(Kind.CLOSE_STREAM, table, times, 0, code, message))

    def drop_connection(self, *, table: str | None = None, times: int | None = 1) -> Fault:
        """Cuts the client's TCP connection in place of the answer; nothing is applied."""
        return self._add(Fault(Kind.DROP_CONNECTION, table, times))

    def lose_answer(self, *, table: str | None = None, times: int | None = 1) -> Fault:
        """Applies the rows, then cuts the client's TCP connection in place of the answer."""
        return self._add(Fault(Kind.LOSE_ANSWER, table, times))

    def delay(self, seconds: float, *, table: str | None = None, times: int | None = 1) -> Fault:
        """Answers ``seconds`` later; requests behind it are read and applied meanwhile."""
        return self._add(Fault(Kind.DELAY, table, times, amount=seconds))

    def hang(self, *, table: str | None = None, times: int | None = 1) -> Fault:
        """Neither applies nor answers, nor reads on, until the client ends the call."""
        return self._add(Fault(Kind.HANG, table, times))

    def fail_get_write_stream(
        self,
        code: grpc.StatusCode,
        *,
        message: str = "Ordered by the test",
        table: str | None = None,
        times: int | None = 1,
    ) -> Fault:
        """Fails GetWriteStream with ``code``."""
        return self._add(Fault(Kind.FAIL_GET_WRITE_STREAM, table, times, 0, code, message))

    def clear(self, fault: Fault | None = None) -> None:
        """Withdraws one order, or all of them."""
        with self._lock:
            self._orders = [o for o in self._orders if fault is not None and o is not fault]

    def take(
        self, kind: Kind, table: str, strikes: Callable[[Fault], bool] = lambda fault: True
    ) -> Fault | None:
        """For the server: the first order of ``kind`` that strikes this request, now counted."""
        with self._lock:
            orders = [o for o in self._orders if o.kind is kind and o.table in (None, table)]
        # The predicates of a test run outside of the lock: they may order faults themselves.
        for order in orders:
            if order.left == 0 or not strikes(order):
                continue
            with self._lock:
                if order.left == 0:
                    continue
                order.left = None if order.left is None else order.left - 1
                order.fired += 1
            return order
        return None

    def _add(self, fault: Fault) -> Fault:
        with self._lock:
            self._orders.append(fault)
        return fault
