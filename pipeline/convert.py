"""One JSON value into one column, exactly as the type table of ``docs/semantics.md`` says.

Types come from the schema file alone; nothing is converted because it looks like a date. What a
column holds afterwards: STRING ``str``, INT64 ``int``, FLOAT64 ``float``, BOOL ``bool``, DATETIME
and TIMESTAMP microseconds since 1970 UTC, DATE days since 1970, STRUCT ``dict`` (all its fields),
REPEATED ``list``; NULL is None.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from pipeline.exact import Number
from pipeline.times import parse_day, parse_moment
from schemas.model import Column

#: Returned in place of a value that a column does not take.
MISFIT: Final = object()


@dataclass
class Faults:
    """What did not go into the columns, counted."""

    misfits: int = 0
    unknown: int = 0

    @property
    def total(self) -> int:
        return self.misfits + self.unknown


def convert(column: Column, value: Any, faults: Faults) -> Any:
    """``value`` (as ``exact.parse`` gives it) for ``column``, None for NULL and for a misfit.

    Misfits and unknown nested fields are counted in ``faults``. Only the misfit itself becomes
    NULL: the fields beside it in a STRUCT keep their values. An array cannot hold NULL, so a
    null or a misfit among its elements makes the whole column NULL.
    """
    if value is None:
        return None
    if not column.repeated:
        return _one(column, value, faults)
    if not isinstance(value, list):
        faults.misfits += 1
        return None
    items = []
    for element in value:
        item = None if element is None else _one(column, element, faults)
        if item is None:
            faults.misfits += element is None
            return None
        items.append(item)
    return items


def _one(column: Column, value: Any, faults: Faults) -> Any:
    if column.type == "STRUCT":
        return _struct(column, value, faults)
    converted = _SCALARS[column.type](value)
    if converted is MISFIT:
        faults.misfits += 1
        return None
    return converted


def _struct(column: Column, value: Any, faults: Faults) -> Any:
    if not isinstance(value, dict):
        faults.misfits += 1
        return None
    faults.unknown += sum(name not in column.field_names for name in value)
    return {inner.name: convert(inner, value.get(inner.name), faults) for inner in column.columns}


def _string(value: Any) -> Any:
    if not isinstance(value, str) or isinstance(value, Number):
        return MISFIT
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return MISFIT
    return value


def _integer(value: Any) -> Any:
    if not isinstance(value, Number):
        return MISFIT
    if len(value) <= 18 and value.lstrip("-").isdigit():
        return int(value)
    try:
        exact = Decimal(value)
    except InvalidOperation:  # an exponent beyond what Decimal takes
        return MISFIT
    if not exact.is_finite() or (exact and exact.adjusted() > 18):
        return MISFIT
    whole = int(exact)
    return whole if whole == exact and -(2**63) <= whole < 2**63 else MISFIT


def _float(value: Any) -> Any:
    if not isinstance(value, Number):
        return MISFIT
    number = float(value)
    if not math.isfinite(number):
        return MISFIT
    return 0.0 if value == "-0" else number


def _bool(value: Any) -> Any:
    return value if isinstance(value, bool) else MISFIT


def _parsed(parse: Callable[[str], int | None]) -> Callable[[Any], Any]:
    def scalar(value: Any) -> Any:
        if not isinstance(value, str) or isinstance(value, Number):
            return MISFIT
        parsed = parse(value)
        return MISFIT if parsed is None else parsed

    return scalar


_SCALARS: Final[dict[str, Callable[[Any], Any]]] = {
    "STRING": _string,
    "INT64": _integer,
    "FLOAT64": _float,
    "BOOL": _bool,
    "DATETIME": _parsed(parse_moment),
    "TIMESTAMP": _parsed(parse_moment),
    "DATE": _parsed(parse_day),
}
