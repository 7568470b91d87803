"""The way of one ``append``: every row is sent until it is written or refused.

All requests are sent before the first answer is awaited, in rounds: what a round leaves over, the
next one sends. A refused row becomes a refusal while the rest of its request is sent again; a
passing fault is retried with back-off; a lasting fault of a table refuses that table's rows.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Final

import grpc
from google.cloud.bigquery_storage_v1 import types

from pipeline.reject import Reason
from pipeline.sinks.base import Refusal, TransientError
from pipeline.sinks.bigquery_requests import Job
from pipeline.sinks.bigquery_tables import Settings, TableStates
from pipeline.sinks.connection import ConnectionLost, is_mismatch

Answer = types.AppendRowsResponse

#: Statuses by which the service blames one request, when they end the whole call.
_BLAME: Final = (
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.INVALID_ARGUMENT,
)
_BY_NUMBER: Final = {code.value[0]: code for code in grpc.StatusCode}


class _Doubtful(TransientError):
    """A refusal that the table's own description contradicts: believed when the retries are over.

    For a while the service gives NOT_FOUND for tables that exist, and does not know columns that
    have been added.
    """


class Delivery:
    """Delivers the jobs of one ``append``.

    Args:
        settings: how patient it is.
        tables: what is known of the tables.
        send: sends a job; the future gives its answer or raises ``ConnectionLost``.
        give_up: called when no answer has come for a while; ends a call that is stuck.
        refusals: for each write of the ``append`` the rows refused; filled here.
    """

    def __init__(
        self,
        settings: Settings,
        tables: TableStates,
        send: Callable[[Job], Future[Answer]],
        give_up: Callable[[], None],
        refusals: list[list[Refusal]],
    ) -> None:
        self._settings = settings
        self._tables = tables
        self._send = send
        self._give_up = give_up
        self._refusals = refusals

    def run(self, jobs: list[Job]) -> None:
        """Returns when each row is written or refused.

        Raises:
            TransientError: faults went on for longer than the retries.
        """
        pause, deadline = self._settings.first_wait, 0.0
        while jobs:
            sent = [(job, self._send(job)) for job in jobs]
            jobs, failed = [], []
            for job, answer in sent:
                try:
                    jobs += self._settle(job, answer)
                except TransientError as fault:
                    failed.append((job, fault))
            if not failed:
                pause, deadline = self._settings.first_wait, 0.0
                continue
            now = time.monotonic()
            deadline = deadline or now + self._settings.retry_for
            if now < deadline:
                jobs += [job for job, _ in failed]
                time.sleep(pause * random.uniform(0.5, 1.5))
                pause = min(pause * 2, self._settings.longest_wait)
            else:
                self._end_retries(failed)

    def _end_retries(self, failed: list[tuple[Job, TransientError]]) -> None:
        for job, fault in failed:
            if isinstance(fault, _Doubtful):
                self._refuse(job, self._tables.give_up(job.table, str(fault)))
        for _, fault in failed:
            if not isinstance(fault, _Doubtful):
                raise TransientError(f"{fault} (tried for {self._settings.retry_for:g} s)")

    def _settle(self, job: Job, answer: Future[Answer]) -> Iterable[Job]:
        """What is left to send of ``job``.

        Raises:
            TransientError: all of it, after a wait.
        """
        try:
            response = self._wait(answer)
        except ConnectionLost as lost:
            return self._after_loss(job, lost)
        pb = Answer.pb(response)
        if pb.HasField("updated_schema"):
            self._tables.update(job.table, response.updated_schema)
        if pb.row_errors:
            return self._after_row_errors(job, pb.row_errors)
        if not pb.error.code:
            return ()
        code = _BY_NUMBER.get(pb.error.code, grpc.StatusCode.UNKNOWN)
        return self._after_status(job, code, pb.error.message, is_mismatch(pb.error))

    def _wait(self, answer: Future[Answer]) -> Answer:
        while True:
            try:
                return answer.result(self._settings.answer_timeout / 4)
            except TimeoutError:
                self._give_up()

    def _after_loss(self, job: Job, lost: ConnectionLost) -> Iterable[Job]:
        if not job.alone and (lost.first or lost.code in _BLAME):
            # A call of its own shows whether it is this request that the service objects to,
            # and spares the others if it is.
            return [replace(job, alone=True)]
        if lost.code in _BLAME:
            return self._after_status(job, lost.code, lost.detail, lost.mismatch)
        raise TransientError(f"{self._tables.name(job.table)}: {lost}") from lost

    def _after_status(
        self, job: Job, code: grpc.StatusCode, message: str, mismatch: bool
    ) -> Iterable[Job]:
        """What is left of a request that the service has refused as a whole."""
        detail = f"{code.name}: {message}"
        if code is grpc.StatusCode.PERMISSION_DENIED:
            return self._refuse(job, self._tables.give_up(job.table, detail))
        if mismatch or code is grpc.StatusCode.NOT_FOUND:
            fault = self._tables.fault_now(job.table, job.columns)
            if fault is None:
                raise _Doubtful(detail)
            return self._refuse(job, fault)
        if code is not grpc.StatusCode.INVALID_ARGUMENT:
            raise TransientError(f"{self._tables.name(job.table)}: {detail}")
        if not job.halved:  # perhaps the table has changed, and no row is to blame
            fault = self._tables.fault_now(job.table, job.columns)
            if fault is not None:
                return self._refuse(job, fault)
        return self._halve(job, message)

    def _after_row_errors(self, job: Job, errors: Any) -> Iterable[Job]:
        """The request again without the rows that the service named."""
        bad = {error.index: error.message for error in errors if 0 <= error.index < len(job.rows)}
        if not bad:  # named rows that were not in the request
            return self._halve(job, errors[0].message)
        for at, message in bad.items():
            self._refuse_row(job, at, message)
        rest = job.without(set(bad))
        return [rest] if rest.rows else ()

    def _halve(self, job: Job, message: str) -> Iterable[Job]:
        """The request in two: the service has not said which row it refuses."""
        if len(job.rows) > 1:
            return job.halves()
        self._refuse_row(job, 0, message)
        return ()

    def _refuse_row(self, job: Job, at: int, message: str) -> None:
        refusal = Refusal(job.positions[at], Reason.ROW_REFUSED, message or "refused")
        self._refusals[job.write].append(refusal)

    def _refuse(self, job: Job, fault: str) -> Iterable[Job]:
        """All rows of ``job``, for a fault of their table."""
        for position in job.positions:
            self._refusals[job.write].append(Refusal(position, Reason.TABLE_UNAVAILABLE, fault))
        return ()
