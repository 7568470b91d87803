"""What the live BigQuery tables look like, and which of them cannot be written at the moment."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
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
#: A network path that has died in silence is noticed by pings; Beam's Java sink pings as often.
_PINGS: Final = (
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 60_000),
    ("grpc.keepalive_permit_without_calls", 1),
)
_APPLY: Final = "run python -m schemas apply"


@dataclass(frozen=True)
class Settings:
    """How patient the sink is, in seconds."""

    answer_timeout: float = 60.0
    retry_for: float = 120.0
    first_wait: float = 0.1
    longest_wait: float = 10.0
    probe_every: float = 60.0


def open_client() -> BigQueryWriteClient:
    """The write client: application default credentials, or the emulator's address.

    Raises:
        WarehouseError: there are no credentials.
    """
    host = os.environ.get(EMULATOR_HOST)
    channel = grpc.insecure_channel(host) if host else _create_channel
    try:
        transport = BigQueryWriteGrpcTransport(channel=channel)
        return BigQueryWriteClient(transport=transport)  # type: ignore[no-untyped-call]
    except google.auth.exceptions.GoogleAuthError as error:
        advice = "run gcloud auth application-default login"
        raise WarehouseError(f"no Google credentials for BigQuery: {advice} ({error})") from None


def _create_channel(*args: Any, options: Iterable[tuple[str, Any]] = (), **more: Any) -> Any:
    return BigQueryWriteGrpcTransport.create_channel(*args, options=[*options, *_PINGS], **more)


@dataclass(frozen=True)
class TableState:
    """A live table: why it cannot be written, or which declared columns it lacks."""

    fault: str | None = None
    missing: frozenset[str] = frozenset()
    expires: float = float("inf")


class TableStates:
    """Looks at tables on first use, and again once a minute at those that are not well."""

    def __init__(self, client: Any, place: str, settings: Settings) -> None:
        project, _, dataset = place.rpartition(".")
        self._parent = f"projects/{project}/datasets/{dataset}/tables"
        self._place = place
        self._client = client
        self._settings = settings
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

    def fault(self, table: Table, columns: Iterable[Column]) -> str | None:
        """Why rows of ``columns`` cannot be written as far as is known, or None.

        Raises:
            TransientError: BigQuery does not answer.
        """
        return self._fault(table, columns, self.state(table))

    def fault_now(self, table: Table, columns: Iterable[Column]) -> str | None:
        """The same, after a new look at ``table``, whatever was known of it.

        Raises:
            TransientError: BigQuery does not answer.
        """
        with self._locks[table.name]:
            state = self._states[table.name] = self._probe(table)
        return self._fault(table, columns, state)

    def give_up(self, table: Table, detail: str) -> str:
        """Marks ``table`` as not to be written for a while; the fault in words."""
        fault = f"table {self.name(table)}: {detail}"
        with self._locks[table.name]:
            self._states[table.name] = self._unwell(fault=fault)
        return fault

    def update(self, table: Table, schema: types.TableSchema) -> None:
        """Takes the schema that the service has sent after a change of ``table``."""
        with self._locks[table.name]:
            self._states[table.name] = self._compare(table, schema)

    def _fault(self, table: Table, columns: Iterable[Column], state: TableState) -> str | None:
        lacking = state.missing.intersection(column.name for column in columns)
        if state.fault is None and lacking:
            return f"table {self.name(table)} lacks {', '.join(sorted(lacking))}: {_APPLY}"
        return state.fault

    def _probe(self, table: Table) -> TableState:
        settings = self._settings
        retry = Retry(
            predicate=if_exception_type(*_PASSING),
            initial=settings.first_wait,
            maximum=settings.longest_wait,
            timeout=settings.retry_for,
        )
        request = types.GetWriteStreamRequest(
            name=self.stream(table), view=types.WriteStreamView.FULL
        )
        try:
            stream = self._client.get_write_stream(
                request, retry=retry, timeout=settings.answer_timeout
            )
        except api.NotFound:
            return self._unwell(fault=f"table {self.name(table)} does not exist: {_APPLY}")
        except (api.Forbidden, api.InvalidArgument) as error:
            return self._unwell(fault=f"table {self.name(table)}: {error.message}")
        except (api.GoogleAPICallError, api.RetryError) as error:
            raise TransientError(f"{self.name(table)}: {error}") from error
        return self._compare(table, stream.table_schema)

    def _compare(self, table: Table, schema: types.TableSchema) -> TableState:
        if not schema.fields:  # the service did not show the schema: take the table as declared
            return TableState()
        missing, faults = _differences(table.columns, schema.fields)
        if table.partition is not None and table.partition.column in missing:
            faults.append(f"there is no column {table.partition.column} to partition it by")
        if faults:
            fault = f"table {self.name(table)}: {faults[0]}: see python -m schemas diff"
            return self._unwell(fault=fault)
        return self._unwell(missing=frozenset(missing)) if missing else TableState()

    def _unwell(
        self, fault: str | None = None, missing: frozenset[str] = frozenset()
    ) -> TableState:
        return TableState(fault, missing, time.monotonic() + self._settings.probe_every)


def _differences(
    columns: Iterable[Column], fields: Iterable[types.TableFieldSchema], path: str = ""
) -> tuple[list[str], list[str]]:
    """The columns that are not there, or not with all their fields; the ones of another type."""
    live = {field.name.lower(): field for field in fields}
    missing, misfits = [], []
    for column in columns:
        field = live.get(column.name.lower())
        if field is None:
            missing.append(column.name)
        elif _live_type(field) != _type(column):
            misfits.append(
                f"column {path}{column.name} is {_live_type(field)} and not {_type(column)}"
            )
        elif column.type == "STRUCT":
            inner = _differences(column.columns, field.fields, f"{path}{column.name}.")
            missing += [column.name] if inner[0] else []
            misfits += inner[1]
    return missing, misfits


def _type(column: Column) -> str:
    return f"ARRAY<{column.type}>" if column.repeated else column.type


def _live_type(field: types.TableFieldSchema) -> str:
    # The enum calls FLOAT64 DOUBLE; a type that it does not know is a number.
    name = "FLOAT64" if field.type_ == _Type.DOUBLE else getattr(field.type_, "name", field.type_)
    return f"ARRAY<{name}>" if field.mode == types.TableFieldSchema.Mode.REPEATED else str(name)
