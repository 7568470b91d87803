"""Random histories of a dataset in its own table and in a historic one, and what the views then
show, by a plain implementation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from schemas.model import Column, Dataset, Table, Version
from tests.schemas.views.house import Row

#: Types that the hand-made tables gave to a column of the schema file, by that column's type.
VARIANTS: Sequence[dict[str, str]] = (
    {"DATE": "DATETIME", "DATETIME": "STRING", "INT64": "FLOAT64", "BOOL": "STRING"},
    {"DATE": "STRING", "DATETIME": "TIMESTAMP", "INT64": "STRING", "FLOAT64": "STRING"},
    {"DATE": "TIMESTAMP", "BOOL": "INT64", "STRUCT": "STRING"},
)
#: Few values, so that keys meet; both clock changes are among them.
POOLS: dict[str, Sequence[Any]] = {
    "STRING": ["A", "B"],
    "INT64": [1, 2],
    "FLOAT64": [1.0, 2.5],
    "BOOL": [True, False],
    "DATE": [date(2026, 3, 28), date(2026, 3, 29), date(2026, 10, 25)],
    "DATETIME": [
        datetime(2026, 3, 28, 23, 30),
        datetime(2026, 3, 29, 1, 0),
        datetime(2026, 10, 25, 0, 30),
        datetime(2026, 10, 25, 1, 30),
    ],
    "STRUCT": [None],
}
START = datetime(2026, 11, 1, tzinfo=UTC)


class Stored(NamedTuple):
    """A row of one of the tables."""

    source: str
    row: Row

    def shown(self, columns: Iterable[str]) -> tuple[object, ...]:
        return (*(self.row[name] for name in columns), self.source)


def historic_table(dataset: Dataset, variant: dict[str, str]) -> Table:
    """A table as the hand-made ones are, with columns in another order."""
    columns = [
        Column(one.name, variant.get(one.type, one.type))
        if one.type in variant or not one.columns
        else one
        for one in reversed(dataset.columns)
    ]
    return Table(
        f"bmrs_{dataset.subject.lower()}", (*columns, Column("_ingested_utc", "STRING")), None
    )


def history(random: Random, dataset: Dataset) -> list[Stored]:
    """Rows of both tables: versions in any order, repeats, overlaps and holes of any length."""
    rows = [_record(random, dataset) for _ in range(random.randint(1, 14))]
    live, old = random.choice([(1.0, 0.0), (0.0, 1.0), (0.7, 0.7), (0.9, 0.3), (0.3, 0.9)])
    stored: list[Stored] = []
    for place, record in enumerate(rows):
        loaded = START + timedelta(seconds=len(stored))
        if random.random() < live:
            envelope = {
                "source": "IRIS",
                "ingested_utc": loaded,
                "_message_id": f"m{random.randint(0, 3)}",
                "_record_index": place,
                "_enqueued_utc": START + timedelta(minutes=random.randint(0, 2)),
            }
            stored.append(Stored("IRIS", {**record, **envelope}))
        if random.random() < old:
            envelope = {"ingested_utc": START + timedelta(hours=1, seconds=len(stored))}
            stored.append(Stored("HISTORIC", {**record, **envelope}))
    random.shuffle(stored)
    return stored


def _record(random: Random, dataset: Dataset) -> dict[str, Any]:
    ranks = {one.column: one.ranks for one in dataset.version_order if one.ranks}
    record = {
        one.name: random.choice(ranks.get(one.name) or POOLS[one.type])
        if random.random() < 0.9
        else None
        for one in dataset.columns
    }
    partition = dataset.partition
    values = POOLS[{one.name: one.type for one in dataset.columns}[partition.column]]
    if partition.follows:  # decided by these, as it is in the real data
        record[partition.column] = values[
            sum(map(len, map(str, map(record.get, partition.follows)))) % len(values)
        ]
    elif record[partition.column] is None:
        record[partition.column] = random.choice(values)
    return record


def as_stored(dataset: Dataset, table: Table, row: Row) -> Row:
    """A row in the types of the historic table."""
    texts: dict[str, Callable[[Any], object]] = {
        "STRING": lambda value: value.isoformat() if hasattr(value, "isoformat") else str(value),
        "TIMESTAMP": lambda value: _moment(value).replace(tzinfo=UTC),
        "DATETIME": _moment,
        "FLOAT64": float,
        "INT64": int,
    }
    stored: dict[str, Any] = {"_ingested_utc": row["ingested_utc"].isoformat()}
    for column in dataset.columns:
        value, type_ = row[column.name], table.column(column.name).type
        change = texts.get(type_, lambda value: value)
        stored[column.name] = None if value is None else change(value)
    return stored


def _moment(value: date) -> datetime:
    return value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)


def unified(dataset: Dataset, stored: Iterable[Stored]) -> list[Stored]:
    """The newest row of each natural key, of equal ones the live one, then the last to come."""
    return _best(
        dataset.natural_key,
        stored,
        lambda one: (*_newness(dataset.version_order, one), one.source == "IRIS", *_ties(one)),
    )


def latest(dataset: Dataset, rows: Iterable[Stored]) -> list[Stored]:
    """The newest row of each fact."""
    return _best(
        dataset.entity_key,
        rows,
        lambda one: (*_newness(dataset.version_order, one), *_ties(one)),
    )


def within(dataset: Dataset, rows: Iterable[Stored], first: date, last: date) -> list[Stored]:
    """Those whose partition is of these days."""
    column = dataset.partition.column
    return [one for one in rows if first <= _moment(one.row[column]).date() <= last]


def _best(
    key: Sequence[str], rows: Iterable[Stored], rank: Callable[[Stored], tuple[Any, ...]]
) -> list[Stored]:
    best: dict[tuple[object, ...], Stored] = {}
    for one in rows:
        place = tuple(one.row[name] for name in key)
        if place not in best or rank(one) > rank(best[place]):
            best[place] = one
    return list(best.values())


def _newness(versions: Iterable[Version], one: Stored) -> list[tuple[bool, Any]]:
    """Something is newer than nothing."""
    values = []
    for version in versions:
        value = one.row.get(version.column)
        if version.ranks and value is not None:
            value = version.ranks.index(value)
        values.append((value is not None, 0 if value is None else value))
    return values


def _ties(one: Stored) -> list[tuple[bool, Any]]:
    names = ("_enqueued_utc", "ingested_utc", "_message_id", "_record_index")
    return _newness([Version(name) for name in names], one)
