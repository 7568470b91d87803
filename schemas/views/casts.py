"""Values of historic tables as the types that the schema files declare, in BigQuery's SQL.

The hand-made tables that came before have the same columns with other types: settlementDate as
DATE, DATETIME, TIMESTAMP or STRING, times with and without a zone, whole numbers as FLOAT64,
numbers as text, a settlement period as TIMESTAMP. A value that cannot be converted becomes NULL, as
a misfit of the pipeline does; it stays what it was in its own table.

Every conversion names its zone, so that it depends on no session.
"""

from __future__ import annotations

from typing import Final

from schemas.ddl import bigquery_identifier, bigquery_type
from schemas.model import Column

_MOMENTS: Final = frozenset({"DATE", "DATETIME", "TIMESTAMP"})
#: A time of day with a zone behind it.
_ZONED: Final = r":\d\d.*([zZ]|[+-]\d\d:?\d*)$"
_NUMBERS: Final = frozenset({"FLOAT64", "NUMERIC", "BIGNUMERIC"})


def cast(live: Column | None, declared: Column) -> str:
    """The expression that gives ``declared`` from a column of a table.

    Args:
        live: the column as the table has it; None where it has none.
        declared: the column of the schema file.
    """
    if live is None:
        return f"CAST(NULL AS {bigquery_type(declared)})"
    name = bigquery_identifier(live.name)
    if live.repeated or declared.repeated or "STRUCT" in (live.type, declared.type):
        same = bigquery_type(live) == bigquery_type(declared)
        return name if same else f"CAST(NULL AS {bigquery_type(declared)})"
    if live.type == declared.type:
        return name
    return _scalar(name, live.type, declared.type)


def _scalar(name: str, live: str, declared: str) -> str:
    if declared in _MOMENTS:
        return _moment(name, live, declared)
    if declared == "INT64":
        return _integer(name, live)
    if declared == "JSON":
        return f"SAFE.PARSE_JSON({name})" if live == "STRING" else "CAST(NULL AS JSON)"
    return f"SAFE_CAST({name} AS {declared})"


def _moment(name: str, live: str, declared: str) -> str:
    """Text may end in a zone; without one it is UTC."""
    if live not in _MOMENTS and live != "STRING":
        return f"CAST(NULL AS {declared})"
    if live == "STRING":
        zoned = f"IF(REGEXP_CONTAINS({name}, r'{_ZONED}'), {name}, CONCAT({name}, '+00'))"
        name, live = f"SAFE_CAST({zoned} AS TIMESTAMP)", "TIMESTAMP"
    if live == declared:
        return name
    if live == "TIMESTAMP":
        name = f"DATETIME({name}, 'UTC')"
    if declared == "DATE":
        return f"CAST({name} AS DATE)"
    if declared == "DATETIME":
        return f"CAST({name} AS DATETIME)" if live == "DATE" else name
    return f"TIMESTAMP(CAST({name} AS DATETIME), 'UTC')"


def _integer(name: str, live: str) -> str:
    if live in _NUMBERS:  # a fraction does not fit, and is not rounded in silence
        return f"IF({name} = TRUNC({name}), SAFE_CAST({name} AS INT64), NULL)"
    if live in ("TIMESTAMP", "DATETIME"):
        # Loaders took a small whole number for seconds, milliseconds or microseconds since 1970.
        moment = name if live == "TIMESTAMP" else f"TIMESTAMP({name}, 'UTC')"
        micros = f"UNIX_MICROS({moment})"
        return (
            f"CASE WHEN MOD({micros}, 1000000) = 0 THEN DIV({micros}, 1000000) "
            f"WHEN MOD({micros}, 1000) = 0 THEN DIV({micros}, 1000) ELSE {micros} END"
        )
    if live == "DATE":
        return "CAST(NULL AS INT64)"
    return f"SAFE_CAST({name} AS INT64)"
