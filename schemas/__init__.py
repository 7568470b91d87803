"""What each IRIS dataset is: columns, keys, tables. The one place that knows.

``load()`` reads the JSON files in ``schemas/datasets``; everything else derives from them.
"""

from schemas.ddl import bigquery_ddl, bigquery_type, duckdb_ddl, duckdb_type
from schemas.errors import Problem, SchemaError
from schemas.load import ReadDir, load, read_local
from schemas.model import Column, Confidence, Dataset, Partition, Table, Version
from schemas.registry import Registry
from schemas.tables import (
    DEAD_LETTERS,
    ENVELOPE_COLUMNS,
    MESSAGES,
    SYSTEM_TABLES,
    UNMAPPED,
    all_tables,
    table_for,
)

__all__ = [
    "DEAD_LETTERS",
    "ENVELOPE_COLUMNS",
    "MESSAGES",
    "SYSTEM_TABLES",
    "UNMAPPED",
    "Column",
    "Confidence",
    "Dataset",
    "Partition",
    "Problem",
    "ReadDir",
    "Registry",
    "SchemaError",
    "Table",
    "Version",
    "all_tables",
    "bigquery_ddl",
    "bigquery_type",
    "duckdb_ddl",
    "duckdb_type",
    "load",
    "read_local",
    "table_for",
]
