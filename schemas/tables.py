"""The tables of the warehouse: one per dataset, and the pipeline's own three."""

from __future__ import annotations

from schemas.model import Column, Dataset, Partition, Table
from schemas.registry import Registry

#: What every row says of its own origin, behind the columns of the dataset.
ENVELOPE_COLUMNS = (
    Column(
        "source",
        "STRING",
        description="Door by which the row came in: IRIS, FILE, ARCHIVE or REPLAY.",
    ),
    Column(
        "ingested_utc", "TIMESTAMP", description="Time at which the pipeline wrote the row, UTC."
    ),
    Column(
        "_message_id",
        "STRING",
        description="Id of the message that held the record (in IRIS a file name).",
    ),
    Column(
        "_record_index",
        "INT64",
        description="Place of the record in its message, from 0; rejected records count too.",
    ),
    Column(
        "_enqueued_utc",
        "TIMESTAMP",
        description="Time at which the message was enqueued, UTC; NULL where its door knows none.",
    ),
    Column(
        "_extra",
        "JSON",
        description="Fields that have no column, and values that do not fit theirs, by field "
        "name; NULL when there are none.",
    ),
)

#: Records of subjects that no schema file describes.
UNMAPPED = Table(
    name="iris_unmapped",
    columns=(
        Column("dataset", "STRING", description="Subject of the message."),
        Column("record", "JSON", description="The record as it came."),
        *ENVELOPE_COLUMNS,
    ),
    partition=Partition("ingested_utc"),
    cluster=("dataset",),
    description="Records of datasets that have no schema file yet.",
)

#: Messages and records that could not be stored anywhere else.
DEAD_LETTERS = Table(
    name="iris_dead_letters",
    columns=(
        Column("stage", "STRING", description="Step of the pipeline that rejected it."),
        Column("reason", "STRING", description="Code of the reason, from a closed list."),
        Column("detail", "STRING", description="What was wrong, in words."),
        Column("dataset", "STRING", description="Subject of the message."),
        Column("field", "STRING", description="Field at fault, where there is one."),
        Column(
            "payload",
            "BYTES",
            description="JSON of a rejected record, or the bytes received of a rejected message.",
        ),
        Column(
            "content_encoding",
            "STRING",
            description="Encoding of payload: gzip, or NULL when it is not compressed.",
        ),
        Column("source", "STRING", description="Door by which it came in."),
        Column("_message_id", "STRING", description="Id of the message."),
        Column(
            "_record_index",
            "INT64",
            description="Place of the record in its message, from 0; NULL for a whole message.",
        ),
        Column(
            "_enqueued_utc",
            "TIMESTAMP",
            description="Time at which the message was enqueued, UTC.",
        ),
        Column("failed_utc", "TIMESTAMP", description="Time of the rejection, UTC."),
        Column("pipeline_version", "STRING", description="Version of the pipeline."),
    ),
    partition=Partition("failed_utc"),
    cluster=("dataset", "reason"),
    description="Messages and records that were rejected, with their payload and the reason.",
)

#: The ledger, by which an audit closes: records in = rows + dead letters.
MESSAGES = Table(
    name="iris_messages",
    columns=(
        Column("message_id", "STRING", description="Id of the message (in IRIS a file name)."),
        Column("dataset", "STRING", description="Subject of the message."),
        Column("source", "STRING", description="Door by which it came in."),
        Column("enqueued_utc", "TIMESTAMP", description="Time at which it was enqueued, UTC."),
        Column("written_utc", "TIMESTAMP", description="Time at which its rows were written, UTC."),
        Column("bytes", "INT64", description="Size of the message's body, bytes."),
        Column("records", "INT64", description="Number of records in the message."),
        Column("rows", "INT64", description="Number of its records that were written."),
        Column("dead_letters", "INT64", description="Number of its records that were rejected."),
    ),
    partition=Partition("written_utc"),
    cluster=("dataset", "message_id"),
    description="One row per processed message, an empty one and one of rejects alone included: "
    "records = rows + dead_letters.",
)

#: The pipeline's own tables.
SYSTEM_TABLES = (UNMAPPED, DEAD_LETTERS, MESSAGES)


def table_for(dataset: Dataset) -> Table:
    """The table of a dataset: its columns, then the envelope's."""
    return Table(
        name=dataset.table_name,
        columns=(*dataset.columns, *ENVELOPE_COLUMNS),
        partition=dataset.partition,
        cluster=dataset.cluster,
        description="\n".join(
            (f"IRIS dataset {dataset.subject}: {dataset.title}.", *dataset.notes)
        ),
    )


def all_tables(registry: Registry) -> tuple[Table, ...]:
    """The tables of all datasets in the registry's order, then the system tables."""
    return (*(table_for(dataset) for dataset in registry.values()), *SYSTEM_TABLES)
