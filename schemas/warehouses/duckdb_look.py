"""What a DuckDB file holds, by its own catalog."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Final

import duckdb

from schemas.live import TABLE, VIEW, Live, LiveRoutine, LiveTable
from schemas.model import Column
from schemas.views.model import mark_in

_TYPES: Final = {
    "VARCHAR": "STRING",
    "BIGINT": "INT64",
    "INTEGER": "INT64",
    "DOUBLE": "FLOAT64",
    "BOOLEAN": "BOOL",
    "TIMESTAMP": "DATETIME",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
    "DATE": "DATE",
    "JSON": "JSON",
    "BLOB": "BYTES",
}
#: Of the open database alone: a session may have others attached.
_HERE: Final = "database_name = current_database() AND schema_name = 'main'"
_COLUMNS: Final = f"""
SELECT table_name, column_name, data_type, is_nullable, column_default
FROM duckdb_columns() WHERE {_HERE} AND NOT internal ORDER BY table_name, column_index"""
_VIEWS: Final = f"SELECT view_name, comment, sql FROM duckdb_views() WHERE {_HERE} AND NOT internal"
_ROUTINES: Final = f"""
SELECT function_name, function_type, comment
FROM duckdb_functions() WHERE {_HERE} AND NOT internal"""
_INDEXES: Final = f"SELECT table_name, index_name FROM duckdb_indexes() WHERE {_HERE}"
_REFERENCES: Final = f"""
SELECT referenced_table, table_name
FROM duckdb_constraints() WHERE {_HERE} AND constraint_type = 'FOREIGN KEY'"""
#: A relation in the text of a view of this project's.
_READS: Final = re.compile(r'\bmain\.(?:"((?:[^"]|"")+)"|(\w+))')
_ROUTINE_KINDS: Final = {"macro": "function", "table_macro": "table function"}


def look(connection: duckdb.DuckDBPyConnection) -> Live:
    """Everything in the schema ``main``; raises duckdb.Error."""
    columns: defaultdict[str, list[Column]] = defaultdict(list)
    required: defaultdict[str, set[str]] = defaultdict(set)
    defaulted: defaultdict[str, set[str]] = defaultdict(set)
    for table, column, type_, nullable, default in connection.execute(_COLUMNS).fetchall():
        columns[table].append(_column(column, type_))
        if not nullable:
            required[table].add(column.lower())
        if default is not None:
            defaulted[table].add(column.lower())
    views = {name: (comment, sql) for name, comment, sql in connection.execute(_VIEWS).fetchall()}
    hindrances = _hindrances(connection)
    tables = []
    for name in [*columns, *(view for view in views if view not in columns)]:
        comment, sql = views.get(name, ("", ""))
        mark = mark_in(comment)
        tables.append(
            LiveTable(
                name,
                tuple(columns[name]),
                kind=VIEW if name in views else TABLE,
                required=frozenset(required[name]),
                defaulted=frozenset(defaulted[name]),
                hindrance=hindrances.get(name, ""),
                mark=mark,
                reads=_reads(sql) if mark else frozenset(),
            )
        )
    routines = [
        LiveRoutine(name, _ROUTINE_KINDS.get(kind, kind), mark_in(comment))
        for name, kind, comment in connection.execute(_ROUTINES).fetchall()
    ]
    return Live.of(tables, routines)


def _hindrances(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """DuckDB renames no table on which another thing depends."""
    found: dict[str, str] = {}
    for table, other in connection.execute(_REFERENCES).fetchall():
        found[table] = (
            f"table {other} refers to it by a foreign key, and DuckDB does not rename it so: take "
            "that key away first"
        )
    for table, index in connection.execute(_INDEXES).fetchall():
        found[table] = (
            f"it has the index {index}, and DuckDB does not rename it so: DROP INDEX "
            f'"{index}", and make it again afterwards'
        )
    return found


def _reads(sql: str) -> frozenset[str]:
    return frozenset(quoted.replace('""', '"') or plain for quoted, plain in _READS.findall(sql))


def _column(name: str, type_: str) -> Column:
    repeated = type_.endswith("[]")
    type_ = type_.removesuffix("[]")
    if not type_.startswith("STRUCT("):
        return Column(name, _TYPES.get(type_, type_), repeated)
    nested = tuple(_column(one, str(kind)) for one, kind in duckdb.type(type_).children)
    return Column(name, "STRUCT", repeated, columns=nested)
