"""What a dataset is: columns, keys, partition. Plain immutable values.

Everything that knows a dataset (record typing, tables, views, alarms, documents) derives from
these values; they are read from the JSON files below ``schemas/`` and from nowhere else.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property

#: Column types a schema file may name, in BigQuery's words.
SCALAR_TYPES = frozenset({"STRING", "INT64", "FLOAT64", "BOOL", "DATETIME", "TIMESTAMP", "DATE"})
#: Types that only the pipeline's own columns and tables use.
SYSTEM_TYPES = frozenset({"JSON", "BYTES"})


@dataclass(frozen=True)
class Column:
    """One column of a table, or one field of a STRUCT.

    Attributes:
        name: IRIS's own spelling.
        type: one of ``SCALAR_TYPES``, ``SYSTEM_TYPES`` or ``STRUCT``.
        repeated: an array of ``type``.
        description: meaning and unit, as shown to BigQuery users.
        columns: the fields of a STRUCT, else empty.
        confidence: ``confirmed`` (seen in live records), ``spec`` or ``assumed``.
    """

    name: str
    type: str
    repeated: bool = False
    description: str = ""
    columns: tuple[Column, ...] = ()
    confidence: str = "spec"

    @cached_property
    def field_names(self) -> frozenset[str]:
        """The names of a STRUCT's fields."""
        return frozenset(column.name for column in self.columns)


@dataclass(frozen=True)
class Partition:
    """The column whose day partitions a table: a DATE, DATETIME or TIMESTAMP.

    Attributes:
        column: its name.
        reason: why it is not the usual one.
        follows: columns that decide its day; rows that agree in all of them share a partition.
    """

    column: str
    reason: str = ""
    follows: tuple[str, ...] = ()

    def is_decided_by(self, key: Collection[str]) -> bool:
        """True where rows that agree in the columns of ``key`` share a partition."""
        return self.column in key or (bool(self.follows) and set(self.follows) <= set(key))


@dataclass(frozen=True)
class Table:
    """What a sink or a DDL statement needs to know of a table.

    Attributes:
        name: the table's name without project and dataset.
        columns: all columns in order, the envelope's included.
        partition: None for a table that is not partitioned.
        cluster: at most four column names.
        description: shown to users of the warehouse.
    """

    name: str
    columns: tuple[Column, ...]
    partition: Partition | None = None
    cluster: tuple[str, ...] = ()
    description: str = ""

    def column(self, name: str) -> Column:
        """The column called ``name``; KeyError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"table {self.name} has no column {name}")


@dataclass(frozen=True)
class Version:
    """One step of an order of versions: later wins.

    Attributes:
        column: a column of the record, or ``_enqueued_utc`` for the message's own time.
        ranks: for codes that do not sort by themselves, the codes from oldest to newest.
    """

    column: str
    ranks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Confidence:
    """How sure we are of a dataset's description.

    Attributes:
        columns: ``confirmed`` (live API records agree), ``spec`` (the API's specification
            alone) or ``assumed`` (from a sibling dataset or second-hand notes).
        iris: ``documented`` (the operator says that IRIS sends the API's form) or ``unknown``.
        natural_key: ``measured`` on live records or ``inferred`` from the fields' meaning.
        version_order: ``documented`` by the operator or ``inferred``.
        evidence: where this is from, in words.
    """

    columns: str
    iris: str
    natural_key: str
    version_order: str
    evidence: str = ""


@dataclass(frozen=True)
class Dataset:
    """One IRIS dataset: everything the project knows of it.

    Attributes:
        subject: the subject of its Service Bus messages, case kept.
        title: one line for people.
        columns: the fields of its records, nested ones nested.
        natural_key: the columns that identify one version of one record; compare null-safe.
        entity_key: the columns that identify the fact that versions describe.
        version_order: decides which version of a fact is the newest.
        reference_time: the column that the operator names as the dataset's time, or None.
        partition: the column whose day partitions the table.
        cluster: at most four columns.
        cadence_seconds: expected seconds between messages, None where it is not known.
        cadence_source: where the cadence is from.
        confidence: how sure all of this is.
        declarations: its records are declarations that replace what they overlap.
        aliases: other names of the same data (the API's).
        notes: what a user should know before trusting the data.
    """

    subject: str
    title: str
    columns: tuple[Column, ...]
    natural_key: tuple[str, ...]
    entity_key: tuple[str, ...]
    version_order: tuple[Version, ...]
    reference_time: str | None
    partition: Partition
    cluster: tuple[str, ...]
    cadence_seconds: int | None
    cadence_source: str
    confidence: Confidence
    declarations: bool = False
    aliases: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def table_name(self) -> str:
        """``bmrs_<subject in lower case>_iris``."""
        return f"bmrs_{self.subject.lower()}_iris"
