"""``bmrs_x_unified`` and ``bmrs_x_latest``: every version once, and every fact once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from schemas.ddl import bigquery_identifier, bigquery_string
from schemas.live import LiveTable
from schemas.model import Column, Dataset, Version
from schemas.tables import ENVELOPE_COLUMNS
from schemas.views.casts import cast, converts, unread
from schemas.views.days import DAYS, within_days
from schemas.views.model import HOME, View

#: What `data_source` says of a row.
LIVE, ADOPTED, HISTORIC = "IRIS", "ADOPTED", "HISTORIC"

DATA_SOURCE: Final = Column(
    "data_source",
    "STRING",
    description="Table that the row is from: IRIS (this project's), ADOPTED (an older _iris table "
    "that was put aside) or HISTORIC.",
)
#: The hand-made tables have the time of loading under other names, some as text.
_LOADED: Final = ("ingested_utc", "_ingested_utc")
#: Decides between rows that nothing else tells apart, so that a query gives the same each time.
_TIES: Final = tuple(
    f"`{name}` DESC" for name in ("_enqueued_utc", "ingested_utc", "_message_id", "_record_index")
)


@dataclass(frozen=True)
class Source:
    """A table that holds rows of a dataset.

    Attributes:
        table: as it is.
        label: ``LIVE``, ``ADOPTED`` or ``HISTORIC``.
        instead: for a column of the schema file that the table does not have, the table's column
            to take in its place.
    """

    table: LiveTable
    label: str
    instead: Mapping[str, str] = field(default_factory=dict)

    def column(self, name: str) -> Column | None:
        """The table's column for one of the schema file; None where it has none."""
        return self.table.column(name) or self.table.column(self.instead.get(name, name))

    def gives(self, column: Column) -> bool:
        """Whether it has values for a column of the schema file, of a type that converts."""
        live = self.column(column.name)
        return live is not None and converts(live, column)

    def lacks(self, key: Iterable[str]) -> frozenset[str]:
        """The columns of ``key`` that it does not have itself."""
        return frozenset(name for name in key if self.table.column(name) is None)


def unified(dataset: Dataset, sources: Sequence[Source]) -> View:
    """One row for each natural key, from all sources.

    Where several rows have one key the newest version is taken, of equal ones that of the first
    source. A source that lacks columns of the key gives a
    row only where no other source has one that agrees in the rest of the key.
    """
    key = dataset.natural_key
    by_day = all(_has_its_day(dataset, source) for source in sources)
    lacking = frozenset[str]().union(*(source.lacks(key) for source in sources))
    unsure = any(_unread(dataset, source) for source in sources)
    rows = "\n  UNION ALL\n".join(
        _rows(dataset, source, rank, bool(lacking), unsure) for rank, source in enumerate(sources)
    )
    order = [*_newest_first(dataset.version_order), "`_rank`", *_TIES]
    one_fact = _window(dataset, key, by_day) + (", `_unread`" if unsure else "")
    condition = _first(one_fact, order)
    if lacking:
        shared = [name for name in key if name not in lacking]
        strong = f"SUM(IF(`_weak`, 0, 1)) OVER ({_window(dataset, shared, by_day)})"
        condition += f"\n  AND (NOT `_weak` OR {strong} = 0)"
    return View(
        _name(dataset, "unified"),
        f"SELECT\n{_shown(dataset)}\nFROM (\n{rows}\n)\nWHERE TRUE\nQUALIFY {condition}",
        f"{dataset.title}: one row for each natural key ({', '.join(key)}), live and historic.",
        _descriptions(dataset),
    )


def latest(dataset: Dataset) -> View:
    """One row for each fact: its newest version."""
    return View(
        _name(dataset, "latest"),
        _newest(dataset, "TRUE"),
        f"{dataset.title}: the newest version of each fact ({', '.join(dataset.entity_key)}).",
        _descriptions(dataset),
    )


def latest_between(dataset: Dataset) -> View | None:
    """The same of some days' partitions, where a filter on ``latest`` would read the whole table.

    None where it would not: there every version of a fact is in one partition.
    """
    partition = dataset.partition
    if partition.is_decided_by(dataset.entity_key):
        return None
    return View(
        _name(dataset, "latest_between"),
        _newest(dataset, within_days(dataset)),
        f"{dataset.title}: of the rows whose {partition.column} is in the days from first_day to "
        "last_day, the newest version of each fact. Reads these days alone.",
        _descriptions(dataset),
        DAYS,
    )


def _newest(dataset: Dataset, where: str) -> str:
    order = [*_newest_first(dataset.version_order), *_TIES]
    return (
        f"SELECT\n{_shown(dataset)}\nFROM {HOME}.{_name(dataset, 'unified')}\nWHERE {where}\n"
        f"QUALIFY {_first(_window(dataset, dataset.entity_key, by_day=True), order)}"
    )


def _name(dataset: Dataset, kind: str) -> str:
    return f"bmrs_{dataset.subject.lower()}_{kind}"


def _columns(dataset: Dataset) -> tuple[Column, ...]:
    return (*dataset.columns, DATA_SOURCE, *ENVELOPE_COLUMNS)


def _descriptions(dataset: Dataset) -> dict[str, str]:
    return {column.name: column.description for column in _columns(dataset)}


def _shown(dataset: Dataset) -> str:
    """Explicit, so that a column that is added to a table moves none in a view."""
    return ",\n".join(f"  {bigquery_identifier(column.name)}" for column in _columns(dataset))


def _unread(dataset: Dataset, source: Source) -> list[str]:
    """What could not be read of a row's key.

    Such a row has NULL in its key, and would else be taken for another version of all others that
    have.
    """
    found = []
    for column in dataset.columns:
        live = source.column(column.name)
        if column.name in dataset.natural_key and live is not None:
            found.append(unread(live, column))
    return [one for one in found if one is not None]


def _rows(dataset: Dataset, source: Source, rank: int, weak: bool, unsure: bool) -> str:
    """A source's rows with the columns of the view, cast where its own have other types.

    Args:
        rank: of the source; the smallest wins.
        weak: tell whether the row lacks columns of the key.
        unsure: tell what could not be read of its key.
    """
    values = [(_value(dataset, source, column), column) for column in dataset.columns]
    values.append((bigquery_string(source.label), DATA_SOURCE))
    for column in ENVELOPE_COLUMNS:
        live = source.table.column(column.name)
        if column.name == _LOADED[0] and live is None:
            live = source.table.column(_LOADED[1])
        values.append((cast(live, column), column))
    shown = [_named(value, column.name) for value, column in values]
    shown.append(f"{rank} AS `_rank`")
    if weak:
        lacks = bool(source.lacks(dataset.natural_key))
        shown.append(f"{str(lacks).upper()} AS `_weak`")
    if unsure:
        texts = [f"IFNULL({one}, '')" for one in _unread(dataset, source)]
        shown.append(f"CONCAT({', '.join(texts)}) AS `_unread`" if texts else "'' AS `_unread`")
    columns = ",\n    ".join(shown)
    return f"  SELECT\n    {columns}\n  FROM {HOME}.{source.table.name}"


def _value(dataset: Dataset, source: Source, column: Column) -> str:
    live = source.column(column.name)
    if live is None and column.name == dataset.partition.column:
        return _settlement_day(dataset, source) or cast(None, column)
    return cast(live, column)


def _settlement_day(dataset: Dataset, source: Source) -> str | None:
    """The settlement day by the time that decides it, for a table that does not tell it."""
    types = {column.name: column for column in dataset.columns}
    time = types[dataset.partition.follows[0]] if len(dataset.partition.follows) == 1 else None
    if time is None or (types[dataset.partition.column].type, time.type) != ("DATE", "DATETIME"):
        return None
    live = source.column(time.name)
    return None if live is None else f"{HOME}.settlement_date({cast(live, time)})"


def _has_its_day(dataset: Dataset, source: Source) -> bool:
    """Whether its rows have the day of their partition: without, they would meet no others."""
    if source.column(dataset.partition.column) is not None:
        return True
    return _settlement_day(dataset, source) is not None


def _named(value: str, name: str) -> str:
    name = bigquery_identifier(name)
    return name if value == name else f"{value} AS {name}"


def _newest_first(versions: Iterable[Version]) -> list[str]:
    return [f"{_rank(version)} DESC" for version in versions]


def _rank(version: Version) -> str:
    column = bigquery_identifier(version.column)
    if not version.ranks:
        return column
    ranks = " ".join(
        f"WHEN {bigquery_string(code)} THEN {rank}" for rank, code in enumerate(version.ranks)
    )
    return f"CASE {column} {ranks} END"


def _first(window: str, order: Sequence[str]) -> str:
    return f"ROW_NUMBER() OVER ({window} ORDER BY {', '.join(order)}) = 1"


def _window(dataset: Dataset, key: Sequence[str], by_day: bool) -> str:
    """The table's partition column stands in it where the key decides it: so that BigQuery reads
    the partitions alone that a filter asks for.

    Args:
        by_day: whether all rows have that column.
    """
    partition = dataset.partition
    names = list(key)
    if by_day and partition.is_decided_by(key) and partition.column not in key:
        names.insert(0, partition.column)
    return f"PARTITION BY {', '.join(map(bigquery_identifier, names))}"
