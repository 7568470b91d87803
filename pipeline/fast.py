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

from pipeline.times import parse_day, parse_moment
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


_MOMENTS: Final = Memo(parse_moment)
_DAYS: Final = Memo(parse_day)
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
        self._finish = [_finisher(column) for column in columns]

    def decode(self, text: str) -> Columns | None:
        """The columns of all records in ``text``, or None where the exact way must decide."""
        try:
            if text[:1] == "[":
                records = self._array.decode(text)
            else:
                records = [self._object.decode(text)]
            if not records:
                return [() for _ in self._finish]
            columns: Columns = list(zip(*map(msgspec.structs.astuple, records), strict=True))
            for at, finish in enumerate(self._finish):
                if finish is not None:
                    columns[at] = finish(columns[at])
        except (msgspec.DecodeError, _Refused, UnicodeEncodeError, RecursionError):
            return None
        return columns


def _struct_type(name: str, columns: Sequence[Column]) -> Any:
    # Field names are positions: IRIS's own names need not be Python identifiers.
    names = [f"f{at}" for at in range(len(columns))]
    return msgspec.defstruct(
        name,
        [
            (field, _type(column) | None, None)
            for field, column in zip(names, columns, strict=True)
        ],
        rename=dict(zip(names, (column.name for column in columns), strict=True)),
        forbid_unknown_fields=True,
        gc=False,
    )


def _type(column: Column) -> Any:
    if column.type == "STRUCT":
        inner = _struct_type(column.name, column.columns)
    else:
        inner = _TYPES[column.type]
    return list[inner] if column.repeated else inner


def _finisher(column: Column) -> Callable[[Sequence[Any]], Sequence[Any]] | None:
    """What turns a decoded column into canonical values, None where it already is one."""
    memo = _MEMOS.get(column.type)
    if memo is not None and not column.repeated:
        return lambda values: list(map(memo.__getitem__, values))
    if memo is None and column.type != "STRUCT":
        return None
    finish = _value_finisher(column)
    return lambda values: [None if value is None else finish(value) for value in values]


def _value_finisher(column: Column) -> Callable[[Any], Any]:
    one = _scalar_finisher(column)
    if column.repeated:
        return lambda values: [one(value) for value in values]
    return one


def _scalar_finisher(column: Column) -> Callable[[Any], Any]:
    if column.type != "STRUCT":
        memo = _MEMOS.get(column.type)
        return memo.__getitem__ if memo is not None else lambda value: value
    fields = [(inner.name, _value_finisher(inner)) for inner in column.columns]

    def to_dict(struct: Any) -> dict[str, Any]:
        return {
            name: None if value is None else finish(value)
            for (name, finish), value in zip(fields, msgspec.structs.astuple(struct), strict=True)
        }

    return to_dict
