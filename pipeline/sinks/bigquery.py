"""BigQuery through the Storage Write API: default streams, at least once, any number of tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

from google.api_core.gapic_v1 import routing_header
from google.cloud.bigquery_storage_v1 import types

from pipeline.reject import Reason
from pipeline.sinks.base import Refusal, Warehouse, WarehouseError, Write, refuse_all
from pipeline.sinks.bigquery_delivery import Delivery
from pipeline.sinks.bigquery_requests import Job, Requests
from pipeline.sinks.bigquery_tables import Settings, TableStates, open_client
from pipeline.sinks.connection import Connection, ask
from schemas.model import Table
from schemas.tables import DEAD_LETTERS, MESSAGES

__all__ = ["BigQueryWarehouse", "Settings"]

#: Calls beside the shared one, for requests that may have ended it.
_CALLS_ALONE: Final = 8


class BigQueryWarehouse(Warehouse):
    """Tables of the BigQuery dataset ``PROJECT.DATASET``. Never creates or alters one."""

    def __init__(self, place: str, settings: Settings | None = None, client: Any = None) -> None:
        self._settings = settings or Settings()
        self._client: Any = client or open_client()
        self._tables = TableStates(self._client, place, self._settings)
        self._requests = Requests()
        self._connection = Connection(self._open_call)
        self._alone = ThreadPoolExecutor(_CALLS_ALONE, "AppendRowsAlone")
        self._ready = False

    def append(self, writes: Sequence[Write]) -> list[list[Refusal]]:
        self._check_ready()
        refusals: list[list[Refusal]] = [[] for _ in writes]
        jobs: list[Job] = []
        for at, write in enumerate(writes):
            fault = self._tables.state(write.table).fault
            if fault is not None:
                refusals[at] = refuse_all(write, Reason.TABLE_UNAVAILABLE, fault)
            else:
                jobs += self._requests.jobs(at, write, refusals[at])
        Delivery(self._settings, self._tables, self._send, self._give_up, refusals).run(jobs)
        return [sorted(refused) for refused in refusals]

    def missing_columns(self, table: Table) -> frozenset[str]:
        self._check_ready()
        return self._tables.state(table).missing

    def close(self) -> None:
        self._connection.close()
        self._alone.shutdown(wait=False)
        self._client.transport.close()

    def _check_ready(self) -> None:
        """Nothing is written before the tables that must take every failure are there."""
        if self._ready:
            return
        for table in (DEAD_LETTERS, MESSAGES):
            fault = self._tables.fault(table, table.columns)
            if fault is not None:
                raise WarehouseError(fault)
        self._ready = True

    def _send(self, job: Job) -> Future[types.AppendRowsResponse]:
        request = self._requests.request(job, self._tables.stream(job.table))
        if job.alone:
            return self._alone.submit(ask, self._open_call_for_one, request)
        return self._connection.submit(request)

    def _give_up(self) -> None:
        self._connection.give_up(self._settings.answer_timeout)

    def _open_call_for_one(self, requests: Iterator[types.AppendRowsRequest]) -> Any:
        return self._open_call(requests, self._settings.answer_timeout)

    def _open_call(
        self, requests: Iterator[types.AppendRowsRequest], timeout: float | None = None
    ) -> Any:
        # The header routes the call to the dataset's region; any of its tables names it.
        stream = self._tables.stream(MESSAGES)
        routing: Any = routing_header
        metadata = (routing.to_grpc_metadata({"write_stream": stream}),)
        return self._client.transport.append_rows(requests, timeout=timeout, metadata=metadata)
