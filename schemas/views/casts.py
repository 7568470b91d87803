"""Values of historic tables as the types that the schema files declare, in BigQuery's SQL.

The hand-made tables that came before have the same columns with other types: settlementDate as
DATE, DATETIME, TIMESTAMP or STRING, times with and without a zone, whole numbers as FLOAT64,
numbers as text, a settlement period as TIMESTAMP, a list as the text of its JSON. A value that
cannot be converted becomes NULL, as a misfit of the pipeline does; it stays what it was in its own
table.

Every conversion names its zone, so that it depends on no session, and takes text apart by a pattern
of its own, because BigQuery and DuckDB disagree on what is a number or a time. BigQuery refuses a
whole view for one pair of types that has no conversion (FLOAT64 to BOOL), SAFE_CAST or not:
https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules
"""

from __future__ import annotations

from typing import Final

from schemas.ddl import bigquery_identifier, bigquery_type
from schemas.model import Column

_MOMENTS: Final = frozenset({"DATE", "DATETIME", "TIMESTAMP"})
_WORDS: Final = frozenset({"STRING", "BOOL", "INT64", "DATE", "DATETIME"})
_FRACTIONS: Final = ("FLOAT64", "NUMERIC", "BIGNUMERIC", "DECIMAL")
#: What DuckDB has several of; pandas and Arrow make most of these.
_LIKE: Final = {
    **dict.fromkeys(("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), "DATETIME"),
    "FLOAT": "FLOAT64",
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "HUGEINT"), "INT64"),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"), "INT64"),
}
#: Types with values that other types have nothing for.
_UNSURE: Final = ("STRING", *_FRACTIONS)

_DAY: Final = r"^\d{4}-\d\d-\d\d"
_TIME: Final = rf"{_DAY}[ T]\d\d:\d\d:\d\d(?:\.\d{{1,6}})?"
_ZONE: Final = r"(?:Z| ?UTC|[+-]\d\d(?::?\d\d)?)"
_WHOLE: Final = r"^\s*([+-]?\d+)(?:\.0*)?\s*$"
_DECIMAL: Final = r"^\s*([+-]?[\d.]+(?:[eE][+-]?\d+)?)\s*$"


def cast(live: Column | None, declared: Column) -> str:
    """The expression that gives ``declared`` from a column of a table.

    Args:
        live: the column as the table has it; None where it has none.
        declared: the column of the schema file.
    """
    if live is not None and bigquery_type(live) == bigquery_type(declared):
        return bigquery_identifier(live.name)
    value = None if live is None else _converted(live, declared)
    return value or f"CAST(NULL AS {bigquery_type(declared)})"


def start_of(day: str, type_: str) -> str:
    """The start (UTC) of a day, an expression of type DATE, as DATE, DATETIME or TIMESTAMP."""
    return _moment(day, "DATE", type_) or day


def converts(live: Column, declared: Column) -> bool:
    """Whether there is a conversion: without one the view has NULL in the place of all values."""
    same = bigquery_type(live) == bigquery_type(declared)
    return same or _converted(live, declared) is not None


def unread(live: Column, declared: Column) -> str | None:
    """The expression that gives what a conversion could not read, as text: else NULL.

    None where it reads every value.
    """
    value = _converted(live, declared)
    if value is None or live.type == declared.type or not live.type.startswith(_UNSURE):
        return None
    name = bigquery_identifier(live.name)
    return f"IF({value} IS NULL, CAST({name} AS STRING), NULL)"


def _converted(live: Column, declared: Column) -> str | None:
    """None where there is no conversion."""
    name = bigquery_identifier(live.name)
    if live.repeated or live.type == "STRUCT":
        return None
    if declared.type == "STRUCT":
        return _records(name, declared) if live.type == "STRING" and declared.repeated else None
    if declared.repeated:
        return None
    type_ = _LIKE.get(live.type)
    if type_ is not None:
        return _scalar(f"SAFE_CAST({name} AS {type_})", type_, declared.type)
    return _scalar(name, live.type, declared.type)


def _scalar(value: str, live: str, declared: str) -> str | None:
    if live == declared:
        return value
    if declared in _MOMENTS:
        return _moment(value, live, declared)
    if declared == "INT64":
        return _integer(value, live)
    if declared == "FLOAT64":
        return _float(value, live)
    if declared == "BOOL":
        return _bool(value, live)
    if declared == "STRING":
        return _text(value, live)
    if declared == "JSON" and live == "STRING":
        return f"SAFE.PARSE_JSON({value})"
    return None


def _moment(value: str, live: str, declared: str) -> str | None:
    """What has no zone is UTC. The day of a text is the day that it shows, whatever its zone."""
    if live == "STRING" and declared == "DATE":
        return f"SAFE_CAST(REGEXP_EXTRACT({value}, r'{_DAY}') AS DATE)"
    if live == "STRING":
        value, live = f"SAFE_CAST({_zoned(value)} AS TIMESTAMP)", "TIMESTAMP"
    if live not in _MOMENTS or live == declared:
        return value if live == declared else None
    if live == "TIMESTAMP":
        value = f"DATETIME({value}, 'UTC')"
        return f"CAST({value} AS DATE)" if declared == "DATE" else value
    if declared == "TIMESTAMP":
        moment = f"CAST({value} AS DATETIME)" if live == "DATE" else value
        return f"TIMESTAMP({moment}, 'UTC')"
    return f"CAST({value} AS {declared})"


def _zoned(text: str) -> str:
    """Text of a time or a day with a zone; NULL for any other text."""
    return (
        f"CASE WHEN REGEXP_CONTAINS({text}, r'{_TIME}{_ZONE}$') THEN {text} "
        f"WHEN REGEXP_CONTAINS({text}, r'{_TIME}$') THEN CONCAT({text}, '+00') "
        f"WHEN REGEXP_CONTAINS({text}, r'{_DAY}$') THEN CONCAT({text}, ' 00:00:00+00') END"
    )


def _integer(value: str, live: str) -> str | None:
    if live.startswith(_FRACTIONS):  # a fraction does not fit, and is not rounded in silence
        return f"IF({value} = TRUNC({value}), SAFE_CAST({value} AS INT64), NULL)"
    if live in ("TIMESTAMP", "DATETIME"):
        # Loaders took a small whole number for seconds, milliseconds or microseconds since 1970:
        # what is beyond the first day is no such number.
        micros = f"UNIX_MICROS({value if live == 'TIMESTAMP' else _utc(value)})"
        return (
            f"CASE WHEN {micros} NOT BETWEEN 0 AND 86400000000 THEN NULL "
            f"WHEN MOD({micros}, 1000000) = 0 THEN DIV({micros}, 1000000) "
            f"WHEN MOD({micros}, 1000) = 0 THEN DIV({micros}, 1000) ELSE {micros} END"
        )
    if live == "STRING":
        return f"SAFE_CAST(REGEXP_EXTRACT({value}, r'{_WHOLE}') AS INT64)"
    return f"CAST({value} AS INT64)" if live == "BOOL" else None


def _float(value: str, live: str) -> str | None:
    if live == "STRING":  # "nan" is a missing number, no number
        return f"SAFE_CAST(REGEXP_EXTRACT({value}, r'{_DECIMAL}') AS FLOAT64)"
    return f"CAST({value} AS FLOAT64)" if live.startswith(("INT64", *_FRACTIONS)) else None


def _bool(value: str, live: str) -> str | None:
    if live == "STRING":
        return f"CASE LOWER({value}) WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END"
    if live.startswith(("INT64", *_FRACTIONS)):
        return f"CASE {value} WHEN 1 THEN TRUE WHEN 0 THEN FALSE END"
    return None


def _text(value: str, live: str) -> str | None:
    if live == "TIMESTAMP":
        value, live = f"DATETIME({value}, 'UTC')", "DATETIME"
    if live == "FLOAT64":  # codes with gaps were loaded as numbers: 7.0 is "7"
        whole = f"CAST({_integer(value, live)} AS STRING)"
        return f"IFNULL({whole}, CAST({value} AS STRING))"
    return f"CAST({value} AS STRING)" if live in _WORDS else None


def _utc(moment: str) -> str:
    return f"TIMESTAMP({moment}, 'UTC')"


def _records(text: str, declared: Column) -> str:
    """The JSON text of a list of objects, as records in its order."""
    fields = []
    for column in declared.columns:
        value = _scalar(f"JSON_VALUE(item, '$.{column.name}')", "STRING", column.type)
        fields.append(f"{value} AS {bigquery_identifier(column.name)}")
    return (
        f"IF({text} IS NULL, NULL, ARRAY(SELECT AS STRUCT {', '.join(fields)} "
        f"FROM UNNEST(JSON_QUERY_ARRAY(SAFE.PARSE_JSON({text}))) AS item WITH OFFSET AS place "
        "ORDER BY place))"
    )
