"""BigQuery through the Storage Write API: default streams, at least once, any number of tables.

All requests of a bundle are sent before the first answer is awaited. A refused row becomes a dead
letter while the rest of its request is sent again; a passing fault is retried with back-off; a
lasting fault of a table refuses that table's rows and the table is looked at again every minute.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from typing import Any, Final

import grpc
from google.cloud.bigquery_storage_v1 import types

from pipeline.reject import Reason
from pipeline.sinks.bigquery_tables import TableStates, open_client
from pipeline.sinks.base import (
    Refusal,
    TransientError,
    Warehouse,
    WarehouseError,
    Write,
    refuse_all,
)
from pipeline.sinks.connection import Connection, ConnectionLost, is_mismatch
from pipeline.sinks.proto import RowEncoder, row_descriptor
from schemas.model import Column, Table
from schemas.tables import DEAD_LETTERS, MESSAGES

#: A request must stay below 10,000,000 bytes, the schema included.
MAX_ROWS_BYTES: Final = 8_000_000
MAX_ROW_BYTES: Final = 9_500_000

#: Statuses by which the service blames one request, when they end the whole call.
_BLAME: Final = (
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.INVALID_ARGUMENT,
)
_BY_NUMBER: Final = {code.value[0]: code for code in grpc.StatusCode}


@dataclass(frozen=True)
class Settings:
    """How patient the sink is, in seconds."""

    answer_timeout: float = 60.0
    retry_for: float = 120.0
    first_wait: float = 0.1
    longest_wait: float = 10.0
    probe_every: float = 60.0


@dataclass(slots=True)
class _Job:
    """Rows of one write on their way: ``positions`` are their places in the write."""

    write: int
    table: Table
    columns: tuple[Column, ...]
    rows: Sequence[bytes]
    positions: Sequence[int]
    suspect: bool = False

    def part(self, start: int, stop: int) -> _Job:
        return replace(self, rows=self.rows[start:stop], positions=self.positions[start:stop])


class _NotFound(TransientError):
    """NOT_FOUND for a table that is there; given up only when the retries are over."""


class BigQueryWarehouse(Warehouse):
    """Tables of the BigQuery dataset ``PROJECT.DATASET``. Never creates or alters one."""

    def __init__(self, place: str, settings: Settings | None = None, client: Any = None) -> None:
        self._settings = settings or Settings()
        self._client = client or open_client()
        self._tables = TableStates(self._client, place, self._settings.probe_every)
        self._connection = Connection(self._open_call)
        self._encoders: dict[tuple[Column, ...], RowEncoder] = {}
        self._headers: dict[tuple[Column, ...], types.ProtoSchema] = {}
        self._encoding = threading.Lock()
        self._ready = False

    def append(self, writes: Sequence[Write]) -> list[list[Refusal]]:
        self._check_ready()
        refusals: list[list[Refusal]] = [[] for _ in writes]
        jobs: list[_Job] = []
        for at, write in enumerate(writes):
            fault = self._tables.state(write.table).fault
            if fault is not None:
                refusals[at] = refuse_all(write, Reason.TABLE_UNAVAILABLE, fault)
            else:
                jobs += self._jobs(at, write, refusals[at])
        self._deliver(jobs, refusals)
        return refusals

    def missing_columns(self, table: Table) -> frozenset[str]:
        self._check_ready()
        return self._tables.state(table).missing

    def close(self) -> None:
        self._connection.close()
        self._client.transport.close()

    def _check_ready(self) -> None:
        """Nothing is written before the tables that must take every failure are there."""
        if self._ready:
            return
        for table in (DEAD_LETTERS, MESSAGES):
            state = self._tables.state(table)
            fault = state.fault
            if fault is None and state.missing:
                names = ", ".join(sorted(state.missing))
                fault = f"table {self._tables.name(table)} lacks {names}"
            if fault is not None:
                raise WarehouseError(f"{fault}: run python -m schemas apply first")
        self._ready = True

    def _open_call(self, requests: Iterator[types.AppendRowsRequest]) -> Any:
        # The header routes the call to the dataset's region; any of its tables names it.
        stream = self._tables.stream(MESSAGES)
        metadata = (("x-goog-request-params", f"write_stream={stream}"),)
        return self._client.transport.append_rows(requests, metadata=metadata)

    def _jobs(self, at: int, write: Write, refused: list[Refusal]) -> Iterator[_Job]:
        """The rows of ``write`` in requests of bounded size."""
        with self._encoding:
            encoder = self._encoders.get(write.columns)
            if encoder is None:
                encoder = self._encoders[write.columns] = RowEncoder(write.columns)
                self._headers[write.columns] = types.ProtoSchema(
                    proto_descriptor=row_descriptor(write.columns)
                )
        rows = encoder.encode(write)
        whole = _Job(at, write.table, write.columns, rows, range(len(rows)))
        start = size = 0
        for row, data in enumerate(rows):
            if len(data) > MAX_ROW_BYTES:
                detail = f"the row takes {len(data)} bytes, BigQuery at most {MAX_ROW_BYTES}"
                refused.append(Refusal(row, Reason.ROW_TOO_LARGE, detail))
                if row > start:
                    yield whole.part(start, row)
                start, size = row + 1, 0
            elif size + len(data) > MAX_ROWS_BYTES and row > start:
                yield whole.part(start, row)
                start, size = row, len(data)
            else:
                size += len(data)
        if start < len(rows):
            yield whole.part(start, len(rows))

    def _deliver(self, jobs: list[_Job], refusals: list[list[Refusal]]) -> None:
        """Sends all jobs together, settles each, and goes on with what is left of them."""
        deadline = time.monotonic() + self._settings.retry_for
        pause = self._settings.first_wait
        while jobs:
            sent = [(job, self._send(job)) for job in jobs]
            jobs = []
            fault: Exception | None = None
            late = time.monotonic() > deadline
            for job, answer in sent:
                try:
                    jobs += self._settle(job, answer, refusals)
                except _NotFound as error:
                    if late:
                        self._give_up_table(job, str(error), refusals)
                    else:
                        fault = error
                        jobs.append(job)
                except TransientError as error:
                    fault = error
                    jobs.append(job)
            if fault is not None:
                if late:
                    raise fault
                time.sleep(pause * random.uniform(0.5, 1.5))
                pause = min(pause * 2, self._settings.longest_wait)

    def _send(self, job: _Job) -> Future[types.AppendRowsResponse]:
        request = types.AppendRowsRequest(
            write_stream=self._tables.stream(job.table),
            proto_rows=types.AppendRowsRequest.ProtoData(
                writer_schema=self._headers[job.columns],
                rows=types.ProtoRows(serialized_rows=job.rows),
            ),
        )
        if not job.suspect:
            return self._connection.submit(request)
        # A call of its own shows whether it is this request that the service objects to.
        alone = Connection(self._open_call)
        try:
            answer = alone.submit(request)
            wait([answer], self._settings.answer_timeout)
            return answer
        finally:
            alone.close()

    def _settle(
        self,
        job: _Job,
        answer: Future[types.AppendRowsResponse],
        refusals: list[list[Refusal]],
    ) -> Iterable[_Job]:
        """What is left to send of ``job``.

        Raises:
            TransientError: all of it, after a wait.
        """
        try:
            response = answer.result(self._settings.answer_timeout)
        except ConnectionLost as lost:
            return self._after_loss(job, lost, refusals)
        except TimeoutError:
            self._connection.reset()
            raise TransientError(f"{self._tables.name(job.table)}: no answer in time") from None
        pb = types.AppendRowsResponse.pb(response)
        if pb.HasField("updated_schema"):
            self._tables.update(job.table, response.updated_schema)
        if not pb.error.code:
            return ()
        if pb.row_errors:
            return self._without(job, pb.row_errors, refusals)
        code = _BY_NUMBER.get(pb.error.code, grpc.StatusCode.UNKNOWN)
        mismatch = is_mismatch(pb.error)
        return self._after_status(job, code, pb.error.message, mismatch, refusals)

    def _after_status(
        self,
        job: _Job,
        code: grpc.StatusCode,
        message: str,
        mismatch: bool,
        refusals: list[list[Refusal]],
    ) -> Iterable[_Job]:
        """What is left of a request that the service has refused as a whole."""
        detail = f"{code.name}: {message}"
        if mismatch or code is grpc.StatusCode.PERMISSION_DENIED:
            return self._give_up_table(job, detail, refusals)
        if code is grpc.StatusCode.NOT_FOUND:
            # Seen for tables that exist, for a while: the table itself decides.
            fault = self._tables.look_again(job.table).fault
            if fault is None:
                raise _NotFound(f"{self._tables.name(job.table)}: {detail}")
            return self._give_up_table(job, fault, refusals)
        if code is grpc.StatusCode.INVALID_ARGUMENT:
            return self._halve(job, message, refusals)
        raise TransientError(f"{self._tables.name(job.table)}: {detail}")

    def _after_loss(
        self, job: _Job, lost: ConnectionLost, refusals: list[list[Refusal]]
    ) -> Iterable[_Job]:
        if lost.code not in _BLAME:
            raise TransientError(f"{self._tables.name(job.table)}: {lost}") from lost
        if not job.suspect:
            return [replace(job, suspect=True)]
        return self._after_status(job, lost.code, lost.detail, lost.mismatch, refusals)

    def _without(
        self, job: _Job, row_errors: Any, refusals: list[list[Refusal]]
    ) -> Iterable[_Job]:
        """The request again without the rows that the service named."""
        bad = {error.index: error.message for error in row_errors if error.index < len(job.rows)}
        for index, message in bad.items():
            refusals[job.write].append(
                Refusal(job.positions[index], Reason.ROW_REFUSED, message or "refused")
            )
        if not bad:  # named rows that were not in the request
            return self._halve(job, "row errors without a row", refusals)
        good = [at for at in range(len(job.rows)) if at not in bad]
        if not good:
            return ()
        rows = [job.rows[at] for at in good]
        return [replace(job, rows=rows, positions=[job.positions[at] for at in good])]

    def _halve(self, job: _Job, detail: str, refusals: list[list[Refusal]]) -> Iterable[_Job]:
        """The request in two halves: the service refused it and did not say which row."""
        if len(job.rows) == 1:
            refusals[job.write].append(Refusal(job.positions[0], Reason.ROW_REFUSED, detail))
            return ()
        half = len(job.rows) // 2
        return [job.part(0, half), job.part(half, len(job.rows))]

    def _give_up_table(
        self, job: _Job, detail: str, refusals: list[list[Refusal]]
    ) -> Iterable[_Job]:
        fault = self._tables.give_up(job.table, detail)
        for position in job.positions:
            refusals[job.write].append(Refusal(position, Reason.TABLE_UNAVAILABLE, fault))
        return ()

