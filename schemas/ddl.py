"""Tables as statements of BigQuery and of DuckDB.

Every column is NULLABLE in both: BigQuery can never make a column REQUIRED later, and the keys
are inferred.
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.model import Column, Partition, Table

_DUCKDB_TYPES: Mapping[str, str] = {
    "STRING": "VARCHAR",
    "INT64": "BIGINT",
    "FLOAT64": "DOUBLE",
    "BOOL": "BOOLEAN",
    "DATETIME": "TIMESTAMP",
    "TIMESTAMP": "TIMESTAMPTZ",
    "DATE": "DATE",
    "JSON": "JSON",
    "BYTES": "BLOB",
}

#: What a partition is cut by; BigQuery takes a DATE column as it is.
_BIGQUERY_DAY: Mapping[str, str] = {
    "DATE": "{}",
    "DATETIME": "DATETIME_TRUNC({}, DAY)",
    "TIMESTAMP": "TIMESTAMP_TRUNC({}, DAY)",
}


def bigquery_ddl(table: Table, dataset: str | None = None) -> str:
    """The statement that creates a table in BigQuery where it does not exist yet.

    A ``require_partition_filter`` is not set, because it breaks views over the table.

    Args:
        table: what to create.
        dataset: ``PROJECT.DATASET``; None leaves it to the session's default.
    """
    name = table.name if dataset is None else f"{dataset}.{table.name}"
    columns = ",\n".join(f"  {_bigquery_column(column)}" for column in table.columns)
    lines = [f"CREATE TABLE IF NOT EXISTS {bigquery_identifier(name)} (", columns, ")"]
    if table.partition is not None:
        lines.append(f"PARTITION BY {_bigquery_partition(table, table.partition)}")
    if table.cluster:
        lines.append(f"CLUSTER BY {', '.join(map(bigquery_identifier, table.cluster))}")
    if table.description:
        lines.append(_bigquery_options(table.description))
    return "\n".join(lines) + ";"


def bigquery_type(column: Column) -> str:
    """The column's type in BigQuery, such as ``ARRAY<STRUCT<`capacity` FLOAT64>>``."""
    return _bigquery_type(column, described=False)


def bigquery_identifier(name: str) -> str:
    """A name, or a path of names with dots, in backticks."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def bigquery_string(text: str) -> str:
    """A string literal in single quotes, on one line whatever the text holds."""
    return "'" + "".join(map(_bigquery_character, text)) + "'"


def duckdb_ddl(table: Table) -> str:
    """The statement that creates a table in DuckDB where it does not exist yet."""
    columns = ",\n".join(
        f"  {duckdb_identifier(column.name)} {duckdb_type(column)}" for column in table.columns
    )
    return f"CREATE TABLE IF NOT EXISTS {duckdb_identifier(table.name)} (\n{columns}\n);"


def duckdb_type(column: Column) -> str:
    """The column's type in DuckDB, such as ``STRUCT("capacity" DOUBLE)[]``."""
    if column.type == "STRUCT":
        fields = ", ".join(
            f"{duckdb_identifier(field.name)} {duckdb_type(field)}" for field in column.columns
        )
        scalar = f"STRUCT({fields})"
    else:
        scalar = _DUCKDB_TYPES[column.type]
    return f"{scalar}[]" if column.repeated else scalar


def duckdb_identifier(name: str) -> str:
    """A name in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def _bigquery_column(column: Column) -> str:
    parts = [bigquery_identifier(column.name), _bigquery_type(column, described=True)]
    if column.description:
        parts.append(_bigquery_options(column.description))
    return " ".join(parts)


def _bigquery_type(column: Column, described: bool) -> str:
    """``described`` puts the descriptions of a STRUCT's fields into the type."""
    if column.type == "STRUCT":
        fields = ", ".join(
            _bigquery_column(field)
            if described
            else f"{bigquery_identifier(field.name)} {bigquery_type(field)}"
            for field in column.columns
        )
        scalar = f"STRUCT<{fields}>"
    else:
        scalar = column.type
    return f"ARRAY<{scalar}>" if column.repeated else scalar


def _bigquery_partition(table: Table, partition: Partition) -> str:
    column = table.column(partition.column)
    return _BIGQUERY_DAY[column.type].format(bigquery_identifier(column.name))


def _bigquery_options(description: str) -> str:
    return f"OPTIONS(description={bigquery_string(description)})"


def _bigquery_character(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if character == "\n":
        return "\\n"
    return character if character.isprintable() else f"\\U{ord(character):08x}"
