"""The fallback: Beam's own ``WriteToBigQuery`` with streaming inserts, for all tables at once.

Slower by far (it measures the size of each row in Python), and there because it is the connector
that others have run for years. Two things differ from the default sink: rows are handed over one
by one, and its answers come behind a shuffle, so the ledger counts the rows handed over, and a row
that BigQuery refuses later stands in ``iris_dead_letters`` alone.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import apache_beam as beam
from apache_beam.io.gcp.bigquery import BigQueryDisposition, WriteToBigQuery
from apache_beam.io.gcp.bigquery_tools import RetryStrategy

from pipeline import metrics
from pipeline.append import Sink
from pipeline.ledger import dead_letter_rows
from pipeline.message import Message
from pipeline.reject import Reason, Reject, Stage
from pipeline.settle import measure, settle
from pipeline.sinks.base import WarehouseError
from pipeline.times import format_moment, parse_moment, to_date, to_datetime
from pipeline.transforms import DEAD_LETTER_TAG, LEDGER_TAG, UNMAPPED_TAG, now_micros
from pipeline.typed import Typed
from schemas.model import Column, Dataset, Table
from schemas.tables import DEAD_LETTERS, MESSAGES, UNMAPPED, table_for

_ROWS_TAG: Final = "rows"


class InsertRow(dict[str, Any]):
    """A row as ``insertAll`` takes it, which knows its table and the record it was made from."""

    table: str
    record: str
    dataset: str

    def __reduce__(self) -> tuple[Any, ...]:
        return _insert_row, (dict(self), self.table, self.dataset, self.record)


def _insert_row(values: dict[str, Any], table: str, dataset: str, record: str) -> InsertRow:
    row = InsertRow(values)
    row.table, row.dataset, row.record = table, dataset, record
    return row


class ToInsertRows(beam.DoFn):
    """Typed → InsertRow each; ledger entries and dead letters on their tags."""

    def __init__(self, dataset: Dataset | None) -> None:
        self._table: Table = UNMAPPED if dataset is None else table_for(dataset)
        self._name = UNMAPPED_TAG if dataset is None else dataset.subject

    def setup(self) -> None:
        self._meter = metrics.Meter(self._name)

    def start_bundle(self) -> None:
        self._meter.clear()

    def process(self, typed: Typed) -> Iterator[Any]:
        entry, rejects = settle(typed, (), now_micros())
        columns = typed.batch.full_columns(entry.written)
        names = [column.name for column in self._table.columns]
        texts = typed.batch.record_texts() if len(typed.batch) else []
        for at, values in enumerate(zip(*columns, strict=True)):
            row = {
                name: json_value(column, value)
                for name, column, value in zip(names, self._table.columns, values, strict=True)
                if value is not None
            }
            dataset = typed.batch.message.dataset
            yield _insert_row(row, self._table.name, dataset, texts[at])
        if rejects:
            yield beam.pvalue.TaggedOutput(DEAD_LETTER_TAG, rejects)
        yield beam.pvalue.TaggedOutput(LEDGER_TAG, [tuple(entry)])
        measure(self._meter, typed, entry, rejects)
        metrics.PROGRESS.add(1, entry.rows, len(rejects))

    def finish_bundle(self) -> None:
        self._meter.flush()


class InsertRows(beam.PTransform):
    """InsertRow of any table → BigQuery; gives ``(table, row, errors)`` of the refused rows.

    Args:
        place: ``PROJECT.DATASET``.
        client: in place of the BigQuery client that Beam makes, for tests.
    """

    def __init__(self, place: str, client: Any = None) -> None:
        super().__init__()
        self._place = place
        self._client = client

    def expand(self, rows: Any) -> Any:
        project, _, dataset = self._place.rpartition(".")
        prefix = f"{project}:{dataset}."
        written = rows | "WriteToBigQuery" >> WriteToBigQuery(
            table=lambda row: prefix + row.table,
            method=WriteToBigQuery.Method.STREAMING_INSERTS,
            create_disposition=BigQueryDisposition.CREATE_NEVER,
            insert_retry_strategy=RetryStrategy.RETRY_ON_TRANSIENT_ERROR,
            test_client=self._client,
        )
        return written.failed_rows_with_errors


class InsertSink(Sink):
    """``Sink`` by streaming inserts.

    Args:
        place: ``PROJECT.DATASET``.
        client: in place of the BigQuery client that Beam makes, for tests.
    """

    def __init__(self, place: str, client: Any = None) -> None:
        super().__init__(f"bigquery:{place}")
        self._insert = InsertRows(place, client)

    def append(self, dataset: Dataset | None) -> beam.PTransform:
        convert = ToInsertRows(dataset)
        return beam.ParDo(convert).with_outputs(DEAD_LETTER_TAG, LEDGER_TAG, main=_ROWS_TAG)

    def late_rejects(self, written: Sequence[Any]) -> list[Any]:
        rows = [outputs[_ROWS_TAG] for outputs in written] | "InsertRows" >> beam.Flatten()
        return [rows | "WriteRows" >> self._insert | "ToRejects" >> beam.Map(to_reject)]

    def write_own(self, dead_letters: Any, ledger: Any) -> None:
        rejected = dead_letters | "ToDeadLetterRows" >> beam.FlatMap(
            lambda rejects: own_rows(DEAD_LETTERS, dead_letter_rows(rejects))
        )
        entries = ledger | "ToLedgerRows" >> beam.FlatMap(lambda rows: own_rows(MESSAGES, rows))
        own = (rejected, entries) | "OwnRows" >> beam.Flatten()
        failed = own | "WriteOwn" >> self._insert
        failed | "RefuseOwn" >> beam.Map(refuse_own)


def to_reject(failed: tuple[str, InsertRow, Any]) -> list[Reject]:
    """The dead letter of a row that BigQuery refused, given with the service's words."""
    table, row, errors = failed
    reasons = {error.get("reason", "") for error in errors if isinstance(error, dict)}
    unavailable = bool(reasons & {"notFound", "accessDenied", "Not Found"})
    enqueued = row.get("_enqueued_utc")
    message = Message(
        data=b"",
        dataset=row.dataset,
        message_id=row["_message_id"],
        enqueued=parse_moment(enqueued) if enqueued else None,
        source=row["source"],
    )
    return [
        Reject(
            message=message,
            stage=Stage.WRITE,
            reason=Reason.TABLE_UNAVAILABLE if unavailable else Reason.ROW_REFUSED,
            detail=f"{table}: {json.dumps(errors, default=str)}"[:1_000],
            payload=row.record.encode("utf-8", "surrogatepass"),
            failed=now_micros(),
            record_index=int(row["_record_index"]),
        )
    ]


def own_rows(table: Table, rows: Iterable[tuple[Any, ...]]) -> Iterator[InsertRow]:
    """Rows of one of the pipeline's own tables, values in the order of its columns."""
    for values in rows:
        row = {
            column.name: json_value(column, value)
            for column, value in zip(table.columns, values, strict=True)
            if value is not None
        }
        yield _insert_row(row, table.name, "", "")


def refuse_own(failed: tuple[str, InsertRow, Any]) -> None:
    """A dead letter or ledger entry that BigQuery refuses has nowhere else to go."""
    raise WarehouseError(f"{failed[0]} does not take its rows: {failed[2]}")


def json_value(column: Column, value: Any) -> Any:
    """A canonical value as ``insertAll`` takes it in JSON."""
    if value is None:
        return None
    if column.repeated:
        return [_scalar(column, element) for element in value]
    return _scalar(column, value)


def _scalar(column: Column, value: Any) -> Any:
    match column.type:
        case "DATETIME":
            return to_datetime(value).replace(tzinfo=None).isoformat()
        case "TIMESTAMP":
            return format_moment(value)
        case "DATE":
            return to_date(value).isoformat()
        case "BYTES":
            return base64.b64encode(value).decode()
        case "INT64":
            return str(value)  # beyond 2**53 a JSON number is not safe
        case "STRUCT":
            return {
                inner.name: json_value(inner, value[inner.name])
                for inner in column.columns
                if value[inner.name] is not None
            }
    return value
