"""The fast path: JSON text into typed columns in C, where a message is as its schema says.

A ``msgspec`` struct made from the dataset's columns decodes and checks a whole array at once. It
is strict: one unknown field, one misfit, one ``NaN`` and the message is refused here and goes the
exact way, record by record. Dates and times are converted by the exact functions themselves
behind a memo (the same few times stand in hundreds of records), so both ways agree by
construction; tests compare the rest value by value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

import msgspec

from pipeline.times import join_moment, parse_clock, parse_day
from schemas.model import Column

#: The records of one message, column by column.
Columns = list[Sequence[Any]]

_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_TYPES: Final[dict[str, Any]] = {
    "STRING": str,
    "INT64": _Int64,
    "FLOAT64": float,
    "BOOL": bool,
    "DATETIME": str,
    "TIMESTAMP": str,
    "DATE": str,
}


class _Refused(Exception):
    """A text that is no date or time."""


class Memo(dict[str | None, int | None]):
    """Remembers what ``parse`` made of each text; bounded, so that it can live for ever."""

    LIMIT: Final = 100_000

    def __init__(self, parse: Callable[[str], int | None]) -> None:
        super().__init__()
        self._parse = parse

    def __missing__(self, text: str | None) -> int | None:
        if text is None:
            return None
        value = self._parse(text)
        if value is None:
            raise _Refused(text)
        if len(self) >= self.LIMIT:
            self.clear()
        self[text] = value
        return value


_DAYS: Final = Memo(parse_day)
_CLOCKS: Final = Memo(parse_clock)


def _moment(text: str) -> int | None:
    """``parse_moment`` with both halves remembered: few days and few clock times make many."""
    day, clock = _DAYS[text[:10]], _CLOCKS[text[10:]]
    assert day is not None
    assert clock is not None
    return join_moment(day, clock)


_MOMENTS: Final = Memo(_moment)
_MEMOS: Final = {"DATETIME": _MOMENTS, "TIMESTAMP": _MOMENTS, "DATE": _DAYS}


class FastDecoder:
    """Decodes messages of one dataset; not picklable, cheap to make.

    Args:
        columns: the dataset's columns, in the order in which values are returned.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        record = _struct_type("Record", columns)
        self._array = msgspec.json.Decoder(list[record])  # type: ignore[valid-type]
        self._object = msgspec.json.Decoder(record)
        self._columns_of = _transposer(columns)

    def decode(self, text: str) -> Columns | None:
        """The columns of all records in ``text``, or None where the exact way must decide."""
        try:
            if text[:1] == "[":
                return self._columns_of(self._array.decode(text))
            return self._columns_of([self._object.decode(text)])
        except (msgspec.DecodeError, _Refused, UnicodeEncodeError, RecursionError):
            return None


def _transposer(columns: Sequence[Column]) -> Callable[[Sequence[Any]], Columns]:
    """What turns decoded structs into columns of canonical values."""
    finishers = [
        (at, finish)
        for at, column in enumerate(columns)
        if (finish := _finisher(column)) is not None
    ]
    width = len(columns)

    def columns_of(structs: Sequence[Any]) -> Columns:
        if not structs:
            return [()] * width
        values: Columns = list(zip(*map(msgspec.structs.astuple, structs), strict=True))
        for at, finish in finishers:
            values[at] = finish(values[at])
        return values

    return columns_of


def _struct_type(name: str, columns: Sequence[Column]) -> Any:
    # Field names are positions: IRIS's own names need not be Python identifiers.
    names = [f"f{at}" for at in range(len(columns))]
    return msgspec.defstruct(
        name,
        [(field, _type(column) | None, None) for field, column in zip(names, columns, strict=True)],
        rename=dict(zip(names, (column.name for column in columns), strict=True)),
        forbid_unknown_fields=True,
        gc=False,
    )


def _type(column: Column) -> Any:
    if column.type == "STRUCT":
        inner = _struct_type(column.name, column.columns)
    else:
        inner = _TYPES[column.type]
    return list[inner] if column.repeated else inner  # type: ignore[valid-type]


def _finisher(column: Column) -> Callable[[Sequence[Any]], Sequence[Any]] | None:
    """What makes decoded values canonical, None where they already are."""
    one = _scalars_finisher(column)
    if one is None or not column.repeated:
        return one
    return lambda lists: [None if values is None else one(values) for values in lists]


def _scalars_finisher(column: Column) -> Callable[[Sequence[Any]], Sequence[Any]] | None:
    memo = _MEMOS.get(column.type)
    if memo is not None:
        return lambda values: list(map(memo.__getitem__, values))
    if column.type != "STRUCT":
        return None
    names = [inner.name for inner in column.columns]
    columns_of = _transposer(column.columns)

    def to_dicts(structs: Sequence[Any]) -> Sequence[Any]:
        rows = zip(*columns_of([one for one in structs if one is not None]), strict=True)
        if None not in structs:
            return [dict(zip(names, row, strict=True)) for row in rows]
        return [
            None if one is None else dict(zip(names, next(rows), strict=True)) for one in structs
        ]

    return to_dicts
