"""What the live BigQuery tables look like, and which of them cannot be written at the moment."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final

import google.api_core.exceptions as api
import google.auth.exceptions
import grpc
from google.api_core.retry import Retry, if_exception_type
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient, types
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import (
    BigQueryWriteGrpcTransport,
)

from pipeline.sinks.base import TransientError, WarehouseError
from schemas.model import Column, Table

#: Plaintext address of a server that stands in for BigQuery's write service (tests, benchmarks).
EMULATOR_HOST: Final = "BIGQUERY_STORAGE_EMULATOR_HOST"

_PASSING: Final = (
    api.ServiceUnavailable,
    api.TooManyRequests,
    api.InternalServerError,
    api.DeadlineExceeded,
    api.Aborted,
    api.Unknown,
)
_Type = types.TableFieldSchema.Type
_LIVE_TYPES: Final = {
    "STRING": _Type.STRING,
    "INT64": _Type.INT64,
    "FLOAT64": _Type.DOUBLE,
    "BOOL": _Type.BOOL,
    "DATETIME": _Type.DATETIME,
    "TIMESTAMP": _Type.TIMESTAMP,
    "DATE": _Type.DATE,
    "JSON": _Type.JSON,
    "BYTES": _Type.BYTES,
    "STRUCT": _Type.STRUCT,
}


def open_client() -> BigQueryWriteClient:
    """The write client: application default credentials, or the emulator's address.

    Raises:
        WarehouseError: there are no credentials.
    """
    host = os.environ.get(EMULATOR_HOST)
    try:
        if host:
            channel = grpc.insecure_channel(host)
            return BigQueryWriteClient(transport=BigQueryWriteGrpcTransport(channel=channel))
        return BigQueryWriteClient()
    except google.auth.exceptions.GoogleAuthError as error:
        raise WarehouseError(
            f"no Google credentials for BigQuery: run gcloud auth application-default login ({error})"
        ) from None


@dataclass(frozen=True)
class TableState:
    """A live table: why it cannot be written, or which declared columns it lacks."""

    fault: str | None = None
    missing: frozenset[str] = frozenset()
    expires: float = float("inf")


class TableStates:
    """Looks at tables on first use, and again once a minute at those that are not well."""

    def __init__(self, client: Any, place: str, probe_every: float) -> None:
        project, _, dataset = place.rpartition(".")
        self._parent = f"projects/{project}/datasets/{dataset}/tables"
        self._place = place
        self._client = client
        self._probe_every = probe_every
        self._states: dict[str, TableState] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def name(self, table: Table) -> str:
        """``PROJECT.DATASET.TABLE``."""
        return f"{self._place}.{table.name}"

    def stream(self, table: Table) -> str:
        """The table's default stream."""
        return f"{self._parent}/{table.name}/streams/_default"

    def state(self, table: Table) -> TableState:
        """What is known of ``table``.

        Raises:
            TransientError: BigQuery does not answer.
        """
        with self._locks[table.name]:
            state = self._states.get(table.name)
            if state is None or state.expires < time.monotonic():
                state = self._states[table.name] = self._probe(table)
            return state

    def look_again(self, table: Table) -> TableState:
        """What ``table`` is like now, whatever was known of it.

        Raises:
            TransientError: BigQuery does not answer.
        """
        with self._locks[table.name]:
            state = self._states[table.name] = self._probe(table)
            return state

    def give_up(self, table: Table, detail: str) -> str:
        """Marks ``table`` as not to be written for a while; the fault in words."""
        name = f"table {self.name(table)}"
        fault = detail if detail.startswith(name) else f"{name}: {detail}"
        with self._locks[table.name]:
            self._states[table.name] = self._unwell(fault=fault)
        return fault

    def update(self, table: Table, schema: types.TableSchema) -> None:
        """Takes the schema that the service has sent after a change of ``table``."""
        with self._locks[table.name]:
            self._states[table.name] = self._compare(table, schema)

    def _probe(self, table: Table) -> TableState:
        request = types.GetWriteStreamRequest(
            name=self.stream(table), view=types.WriteStreamView.FULL
        )
        retry = Retry(predicate=if_exception_type(*_PASSING), initial=0.2, maximum=5.0, timeout=30)
        try:
            stream = self._client.get_write_stream(request, retry=retry, timeout=10.0)
        except api.NotFound:
            return self._unwell(fault=f"table {self.name(table)} does not exist")
        except (api.Forbidden, api.InvalidArgument) as error:
            return self._unwell(fault=f"table {self.name(table)}: {error.message}")
        except (api.GoogleAPICallError, api.RetryError) as error:
            raise TransientError(f"{self.name(table)}: {error}") from error
        return self._compare(table, stream.table_schema)

    def _compare(self, table: Table, schema: types.TableSchema) -> TableState:
        live = {field.name.lower(): field for field in schema.fields}
        if not live:  # the service did not show the schema: take the table as declared
            return TableState()
        for column in table.columns:
            field = live.get(column.name.lower())
            if field is not None and not _fits(column, field):
                kind = types.TableFieldSchema.Type(field.type_).name
                return self._unwell(
                    fault=f"table {self.name(table)}: column {column.name} is {kind} and not "
                    f"{column.type}: see python -m schemas diff"
                )
        missing = frozenset(c.name for c in table.columns if c.name.lower() not in live)
        return self._unwell(missing=missing) if missing else TableState()

    def _unwell(self, fault: str | None = None, missing: frozenset[str] = frozenset()) -> TableState:
        return TableState(fault, missing, time.monotonic() + self._probe_every)


def _fits(column: Column, field: types.TableFieldSchema) -> bool:
    repeated = field.mode == types.TableFieldSchema.Mode.REPEATED
    return field.type_ == _LIVE_TYPES[column.type] and repeated == column.repeated
