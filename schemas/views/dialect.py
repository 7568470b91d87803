"""BigQuery's SQL for DuckDB: translated by sqlglot, and refused where that is silently wrong.

The statements are written once, in BigQuery's dialect. What the translation changes in meaning
without a word, by the golden rows of the tests, must not stand in one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import sqlglot
from sqlglot import exp

from schemas.ddl import duckdb_identifier
from schemas.views.model import HOME, Definition, Function

#: The schema of a DuckDB file that everything is in.
_SCHEMA: Final = "main"


class DialectError(Exception):
    """A statement that means something else in DuckDB; the text says why, and what to write."""


def duckdb_statement(definition: Definition) -> str:
    """The statement that creates or replaces a definition in a DuckDB file.

    Raises:
        DialectError: it has a construct that DuckDB would take otherwise.
    """
    name = f"{_SCHEMA}.{duckdb_identifier(definition.name)}"
    sql = translated(definition.sql)
    parameters = ", ".join(one.name for one in definition.parameters)
    if isinstance(definition, Function):
        return f"CREATE OR REPLACE MACRO {name}({parameters}) AS (\n{sql}\n)"
    if definition.parameters:
        return f"CREATE OR REPLACE MACRO {name}({parameters}) AS TABLE\n{sql}"
    return f"CREATE OR REPLACE VIEW {name} AS\n{sql}"


def translated(sql: str) -> str:
    """A SELECT, or an expression, of BigQuery's dialect in DuckDB's.

    Raises:
        DialectError: it has a construct that DuckDB would take otherwise.
    """
    tree = sqlglot.parse_one(sql, read="bigquery")
    for fault in _faults(tree):
        raise DialectError(f"{fault}\nin: {sql}")
    tree = tree.transform(_typed)
    for table in tree.find_all(exp.Table):
        if table.db == HOME:
            table.set("db", exp.to_identifier(_SCHEMA))
    for call in tree.find_all(exp.Dot):
        if call.this.name == HOME and isinstance(call.expression, exp.Anonymous):
            call.set("this", exp.to_identifier(_SCHEMA))
    return tree.sql("duckdb", pretty=True, unsupported_level=sqlglot.ErrorLevel.RAISE)


def _faults(tree: exp.Expr) -> Iterator[str]:
    for node in tree.walk():
        for kind, is_wrong, why in _BANNED:
            if isinstance(node, kind) and is_wrong(node):
                yield f"{node.sql('bigquery')}: {why}"


def _typed(node: exp.Expr) -> exp.Expr:
    """Arithmetic with a DATE gives a DATE in BigQuery, and a TIMESTAMP in DuckDB."""
    return exp.cast(node, exp.DType.DATE) if isinstance(node, _DATE_ARITHMETIC) else node


def _always(node: exp.Expr) -> bool:
    return True


def _has_no_zone(node: exp.Expr) -> bool:
    return not node.args.get("zone") and not node.args.get("expression")


def _has_zone(node: exp.Expr) -> bool:
    return bool(node.args.get("zone"))


def _counts_from_sunday(node: exp.Expr) -> bool:
    return node.name.upper() in ("DAYOFWEEK", "WEEK")


def _is_coarse(node: exp.Expr) -> bool:
    return str(node.args["unit"].name).upper() != "MICROSECOND"


_DATE_ARITHMETIC: Final = (exp.DateAdd, exp.DateSub, exp.DateTrunc)
_BY_THE_SESSION: Final = "depends on the session's time zone in DuckDB"

_BANNED: Final[list[tuple[type[exp.Expr], Callable[[exp.Expr], bool], str]]] = [
    (exp.Extract, _counts_from_sunday, "DuckDB counts from another day; use ISOWEEK or DATE_DIFF"),
    (exp.Bracket, _always, "DuckDB counts elements from 1; use UNNEST, or JSON_VALUE with a path"),
    (exp.TimestampTrunc, _has_zone, "DuckDB ignores the zone; truncate DATETIME(..., zone)"),
    (exp.TimestampDiff, _is_coarse, "DuckDB counts boundaries; divide MICROSECONDs with DIV"),
    (exp.TsOrDsToDatetime, _always, f"{_BY_THE_SESSION}; name a zone, or CAST a DATE"),
    (exp.Timestamp, _has_no_zone, f"{_BY_THE_SESSION}; name a zone"),
    (exp.Date, _has_no_zone, f"{_BY_THE_SESSION}; CAST a DATETIME"),
    (exp.Date, _has_zone, f"{_BY_THE_SESSION}; CAST DATETIME(..., zone)"),
    (exp.CurrentDatetime, _always, "unknown to DuckDB; use DATETIME(CURRENT_TIMESTAMP(), zone)"),
    (exp.UnixToTime, _always, "has no zone in DuckDB; use TIMESTAMP_ADD"),
    (exp.Format, _always, "has other formats in DuckDB; use CONCAT"),
]
