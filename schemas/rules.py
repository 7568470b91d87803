"""What no JSON Schema can hold: references inside a dataset, and between datasets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath

from schemas.errors import Problem
from schemas.model import SCALAR_TYPES, Column, Dataset

#: What a message itself can bring to an order of versions.
MESSAGE_TIME = "_enqueued_utc"

#: Names that the pipeline's other outputs have, beside those of the datasets.
RESERVED_SUBJECTS = frozenset({"unmapped", "dead_letter", "ledger", "DeadLetters", "LedgerEntries"})

#: What the resolved view of a dataset of declarations is made from.
DECLARATION_COLUMNS = frozenset(
    {
        *("nationalGridBmUnit", "bmUnit", "timeFrom", "timeTo", "levelFrom", "levelTo"),
        *("notificationSequence", "notificationTime", "settlementDate"),
    }
)

_DAY_TYPES = frozenset({"DATE", "DATETIME", "TIMESTAMP"})
#: BigQuery neither clusters by FLOAT64 nor partitions a window by it.
_KEY_TYPES = SCALAR_TYPES - {"FLOAT64"}


def check(file: str, dataset: Dataset) -> Iterator[Problem]:
    """Every fault inside one dataset, in the file's order."""
    if PurePath(file).stem != dataset.subject:
        yield Problem(
            file, "subject", f"{dataset.subject!r} is not the file's name; rename one of them"
        )
    if dataset.subject in RESERVED_SUBJECTS:
        reason = f"{dataset.subject!r} is a name of the pipeline's own; choose another one"
        yield Problem(file, "subject", reason)
    yield from _check_references(file, dataset)
    yield from _check_partition_reason(file, dataset)
    yield from _check_declarations(file, dataset)
    yield from _check_columns(file, dataset.columns, "columns")


def check_together(files: Mapping[str, Dataset]) -> Iterator[Problem]:
    """Faults between datasets, given by file: shared tables and aliases that are taken."""
    tables: dict[str, str] = {}
    names: dict[str, str] = {dataset.subject.lower(): file for file, dataset in files.items()}
    for file, dataset in files.items():
        other = tables.setdefault(dataset.table_name, file)
        if other != file:
            yield Problem(
                file,
                "subject",
                f"its table {dataset.table_name} is that of {other} too; rename one subject",
            )
    for file, dataset in files.items():
        for index, alias in enumerate(dataset.aliases):
            other = names.setdefault(alias.lower(), file)
            if other != file:
                yield Problem(
                    file,
                    f"aliases[{index}]",
                    f"{alias!r} is a name in {other} too; remove one of them",
                )


def _check_references(file: str, dataset: Dataset) -> Iterator[Problem]:
    columns = {column.name: column for column in dataset.columns}

    def refer(where: str, name: str, types: frozenset[str]) -> Iterator[Problem]:
        column = columns.get(name)
        if column is None:
            yield Problem(
                file, where, f"there is no column {name!r}; use the name of one of its columns"
            )
        elif column.repeated or column.type not in types:
            kind = f"an array of {column.type}" if column.repeated else column.type
            fit = ", ".join(sorted(types))
            yield Problem(file, where, f"column {name!r} is {kind}; name one that is {fit}")

    if dataset.reference_time is not None:
        yield from refer("reference_time", dataset.reference_time, _DAY_TYPES)
    yield from refer("partition.column", dataset.partition.column, _DAY_TYPES)
    for index, name in enumerate(dataset.partition.follows):
        yield from refer(f"partition.follows[{index}]", name, _KEY_TYPES)
    for key in ("cluster", "natural_key", "entity_key"):
        for index, name in enumerate(getattr(dataset, key)):
            yield from refer(f"{key}[{index}]", name, _KEY_TYPES)
    for index, version in enumerate(dataset.version_order):
        where = f"version_order[{index}]"
        if version.ranks:
            yield from refer(f"{where}.column", version.column, frozenset({"STRING"}))
        elif version.column != MESSAGE_TIME:
            yield from refer(where, version.column, SCALAR_TYPES)


def _check_declarations(file: str, dataset: Dataset) -> Iterator[Problem]:
    lacking = DECLARATION_COLUMNS - {column.name for column in dataset.columns}
    if dataset.declarations and lacking:
        reason = f"it has no column {', '.join(sorted(lacking))}; add it, or remove this"
        yield Problem(file, "declarations", reason)


def _check_partition_reason(file: str, dataset: Dataset) -> Iterator[Problem]:
    """Analysts expect one rule for the partition; whoever breaks it says why."""
    names = {column.name for column in dataset.columns}
    usual = "settlementDate" if "settlementDate" in names else dataset.reference_time
    if dataset.partition.column != usual and not dataset.partition.reason.strip():
        rule = f"the usual one is {usual}" if usual else "no column is the usual one"
        reason = f"empty, but {rule}; write why it is {dataset.partition.column}"
        yield Problem(file, "partition.reason", reason)


def _check_columns(file: str, columns: Iterable[Column], where: str) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for index, column in enumerate(columns):
        place = f"{where}[{index}]"
        other = seen.setdefault(column.name.lower(), place)
        if other != place:
            yield Problem(
                file,
                f"{place}.name",
                f"{column.name!r} is the name of {other} too (case does not count); "
                "remove one of them",
            )
        if column.type == "STRUCT" and not column.columns:
            yield Problem(file, place, "a STRUCT without columns; add its fields as columns")
        if column.type != "STRUCT" and column.columns:
            reason = f"columns in a {column.type}; remove them, or make the type STRUCT"
            yield Problem(file, place, reason)
        yield from _check_columns(file, column.columns, f"{place}.columns")
