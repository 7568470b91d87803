"""BigQuery's SQL for DuckDB: translated by sqlglot, and refused where that is silently wrong.

The statements are written once, in BigQuery's dialect. What the translation changes in meaning
without a word, by the golden rows of the tests, must not stand in one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

import sqlglot
from sqlglot import exp

from schemas.ddl import duckdb_identifier, duckdb_type
from schemas.model import Column
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
    # With their types, as in BigQuery: else a TIMESTAMP would be taken in the session's time zone.
    parameters = ", ".join(
        f"{one.name} {duckdb_type(Column(one.name, one.type))}" for one in definition.parameters
    )
    if isinstance(definition, Function):
        return f"CREATE OR REPLACE MACRO {name}({parameters}) AS (\n{sql}\n)"
    if definition.parameters:
        return f"CREATE OR REPLACE MACRO {name}({parameters}) AS TABLE\n{sql}"
    return f"CREATE OR REPLACE VIEW {name} AS\n{sql}"


@lru_cache(maxsize=1_000)  # all of a warehouse's are asked for more than once
def translated(sql: str) -> str:
    """A SELECT, or an expression, of BigQuery's dialect in DuckDB's.

    Raises:
        DialectError: it has a construct that DuckDB would take otherwise.
    """
    tree = sqlglot.parse_one(sql, read="bigquery")
    for fault in _faults(tree):
        raise DialectError(f"{fault}\nin: {sql}")
    tree = _in_other_words(tree)
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


def _in_other_words(tree: exp.Expr) -> exp.Expr:
    """From the inside out, so that what stands inside of another is reached too."""
    for node in reversed(list(tree.walk())):
        said = _as_meant(node)
        if node is tree:
            tree = said
        elif said is not node:
            node.replace(said)
    return tree


def _as_meant(node: exp.Expr) -> exp.Expr:
    """What means the same only when it is said in other words."""
    if isinstance(node, _DATE_ARITHMETIC):  # gives a DATE in BigQuery, a TIMESTAMP in DuckDB
        return exp.cast(node, exp.DType.DATE)
    if isinstance(node, exp.SafeFunc):  # PARSE_JSON; others are banned
        return exp.TryCast(this=node.this.this, to=exp.DataType.build("JSON"))
    if isinstance(node, exp.CountIf):  # NULL in DuckDB where there is no row
        return exp.Count(this=exp.Case(ifs=[exp.If(this=node.this, true=exp.Literal.number(1))]))
    if isinstance(node, exp.JSONExtractArray):  # what is no list is NULL, and no error
        return exp.TryCast(this=node.this, to=exp.DataType.build("JSON[]", dialect="duckdb"))
    return node


def _always(node: exp.Expr) -> bool:
    return True


def _has_no_zone(node: exp.Expr) -> bool:
    return not node.args.get("zone") and not node.args.get("expression")


def _has_zone(node: exp.Expr) -> bool:
    return bool(node.args.get("zone"))


def _has_no_argument(node: exp.Expr) -> bool:
    return not node.this


def _may_be_ambiguous(node: exp.Expr) -> bool:
    """In a zone with clock changes only a midnight is known to be there once."""
    zone = node.args.get("zone")
    day = node.this
    is_midnight = (
        isinstance(day, exp.Cast)
        and day.to.is_type(_DATETIME)
        and not isinstance(day.this, exp.Literal)
    )
    return zone is not None and zone.name != "UTC" and not is_midnight


def _counts_otherwise(node: exp.Expr) -> bool:
    return node.name.upper() in ("DAYOFWEEK", "WEEK", "ISOWEEK")


def _includes_the_seconds(node: exp.Expr) -> bool:
    return node.name.upper() in ("MILLISECOND", "MICROSECOND")


def _unit(node: exp.Expr) -> str:
    step = node.args.get("step", node)
    return str(step.args["unit"].name).upper()


def _is_coarse(node: exp.Expr) -> bool:
    return _unit(node) != "MICROSECOND"


def _is_by_days(node: exp.Expr) -> bool:
    return _unit(node) == "DAY"


def _may_divide_by_zero(node: exp.Expr) -> bool:
    divisor = node.expression
    return not isinstance(divisor, exp.Literal) or float(divisor.name) == 0


def _rounds_a_half(node: exp.Cast) -> bool:
    fractions = (exp.Div, exp.SafeDivide, exp.Avg)
    return node.to.is_type(exp.DType.BIGINT) and isinstance(node.this.unnest(), fractions)


def _is_text_without_zone(node: exp.Cast) -> bool:
    is_text = isinstance(node.this, exp.Literal) and node.to.is_type(exp.DType.TIMESTAMPTZ)
    return is_text and not _ZONED.search(node.this.name)


def _takes_a_moment(node: exp.Expr) -> bool:
    """As far as that can be seen: by a function, or by the names of the pipeline's own columns."""
    value = node.expression if isinstance(node, exp.Extract) else node.this
    if isinstance(node, exp.Cast) and not node.to.is_type(*_WITHOUT_ZONE):
        return False
    is_column = isinstance(value, exp.Column) and value.name.endswith("_utc")
    is_cast = isinstance(value, exp.Cast) and value.to.is_type(exp.DType.TIMESTAMPTZ)
    return is_column or is_cast or isinstance(value, _MOMENTS)


def _is_not_json(node: exp.Expr) -> bool:
    return not isinstance(node.this, exp.ParseJSON)


def _shows_its_offset(node: exp.Expr) -> bool:
    """Where it only orders, it does not matter from what number it counts."""
    offset, select = node.args.get("offset"), node.find_ancestor(exp.Select)
    if not isinstance(offset, exp.Identifier) or select is None:
        return False
    uses = [one for one in select.find_all(exp.Column) if one.name == offset.name]
    return any(not isinstance(one.parent, exp.Ordered) for one in uses)


_DATE_ARITHMETIC: Final = (exp.DateAdd, exp.DateSub, exp.DateTrunc)
_MOMENTS: Final = (exp.CurrentTimestamp, exp.Timestamp, exp.TimestampAdd, exp.TimestampSub)
_DATETIME: Final = exp.DType.TIMESTAMP  # as sqlglot calls what has no zone
_WITHOUT_ZONE: Final = (exp.DType.TEXT, exp.DType.DATE, _DATETIME)
_ZONED: Final = re.compile(r"(Z|UTC|[+-]\d\d(:?\d\d)?)$")
_BY_THE_SESSION: Final = "depends on the session's time zone in DuckDB"

_BANNED: Final[list[tuple[type[exp.Expr], Callable[..., bool], str]]] = [
    (exp.Extract, _counts_otherwise, "DuckDB counts otherwise; use DATE_TRUNC(..., ISOWEEK)"),
    (exp.Extract, _includes_the_seconds, "DuckDB includes the seconds; use UNIX_MICROS and MOD"),
    (exp.Extract, _takes_a_moment, f"{_BY_THE_SESSION}; name it with AT TIME ZONE"),
    (exp.Bracket, _always, "DuckDB counts elements from 1; use UNNEST, or JSON_VALUE with a path"),
    (exp.Unnest, _shows_its_offset, "DuckDB counts an OFFSET from 1; use it in ORDER BY alone"),
    (exp.TimestampTrunc, _always, f"{_BY_THE_SESSION}; truncate DATETIME(..., zone)"),
    (exp.TimestampDiff, _is_coarse, "DuckDB counts boundaries; divide MICROSECONDs with DIV"),
    (exp.TimestampAdd, _is_by_days, f"{_BY_THE_SESSION}; add HOURs"),
    (exp.TimestampSub, _is_by_days, f"{_BY_THE_SESSION}; subtract HOURs"),
    (exp.GenerateTimestampArray, _is_by_days, f"{_BY_THE_SESSION}; use an INTERVAL of HOURs"),
    (exp.TsOrDsToDatetime, _always, f"{_BY_THE_SESSION}; name a zone, or CAST a DATE"),
    (exp.TsOrDsToTimestamp, _always, f"{_BY_THE_SESSION}; CAST DATETIME(..., zone) AS STRING"),
    (exp.String, _always, f"{_BY_THE_SESSION}; CAST DATETIME(..., zone) AS STRING"),
    (exp.Timestamp, _has_no_zone, f"{_BY_THE_SESSION}; name a zone"),
    (exp.Timestamp, _may_be_ambiguous, "DuckDB takes the later hour of two; CAST a DATE inside it"),
    (exp.Cast, _is_text_without_zone, f"{_BY_THE_SESSION}; write the zone into the text"),
    (exp.Cast, _takes_a_moment, f"{_BY_THE_SESSION}; CAST DATETIME(..., zone)"),
    (exp.Cast, _rounds_a_half, "DuckDB rounds a half to the even number; ROUND it first"),
    (exp.Date, _has_no_zone, f"{_BY_THE_SESSION}; CAST a DATETIME"),
    (exp.Date, _has_zone, f"{_BY_THE_SESSION}; CAST DATETIME(..., zone)"),
    (exp.CurrentDate, _has_no_argument, f"{_BY_THE_SESSION}; name a zone"),
    (exp.CurrentDatetime, _always, "unknown to DuckDB; use DATETIME(CURRENT_TIMESTAMP(), zone)"),
    (exp.UnixToTime, _always, "has no zone in DuckDB; use TIMESTAMP_ADD"),
    (exp.UnixSeconds, _always, "DuckDB rounds; divide UNIX_MICROS with DIV"),
    (exp.Div, _may_divide_by_zero, "infinite in DuckDB where BigQuery fails; use SAFE_DIVIDE"),
    (exp.SafeFunc, _is_not_json, "unknown to DuckDB, but for SAFE.PARSE_JSON; use SAFE_CAST"),
    (exp.Format, _always, "has other formats in DuckDB; use CONCAT"),
]
