"""Datasets as text for people: one table of all, one page for each."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from schemas.model import Column, Dataset, Version

_HEAD = ("SUBJECT", "TABLE", "COLUMNS", "PARTITION", "KEY", "CADENCE", "CONFIDENCE", "TITLE")
_KEY_WIDTH = 32
_TITLE_WIDTH = 16
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def overview(datasets: Iterable[Dataset], width: int | None) -> Iterator[str]:
    """An aligned table, one line per dataset.

    ``width`` is that of the screen; keys and titles are cut to it, as far as titles keep 16
    characters. None cuts nothing.
    """
    rows = [_HEAD, *(_row(dataset) for dataset in datasets)]
    if width is not None:
        rows = [(*row[:4], _cut(row[4], _KEY_WIDTH), *row[5:]) for row in rows]
    widths = [max(map(len, cells)) for cells in list(zip(*rows, strict=True))[:-1]]
    room = None if width is None else max(_TITLE_WIDTH, width - sum(widths) - 2 * len(widths))
    for *cells, title in rows:
        left = "  ".join(cell.ljust(size) for cell, size in zip(cells, widths, strict=True))
        yield f"{left}  {title if room is None else _cut(title, room)}"


def page(dataset: Dataset, width: int) -> Iterator[str]:
    """Everything that is known of a dataset, wrapped at ``width`` characters."""
    sure = dataset.confidence
    sureness = (
        f"columns {sure.columns}, form in IRIS {sure.iris}, natural key {sure.natural_key}, "
        f"version order {sure.version_order}"
    )
    cadence = f"{cadence_text(dataset.cadence_seconds)}. " if dataset.cadence_seconds else ""
    why = f". {dataset.partition.reason}" if dataset.partition.reason else ""
    facts = (
        ("table", dataset.table_name),
        ("aliases", ", ".join(dataset.aliases)),
        ("partition", f"day of {dataset.partition.column}{why}"),
        ("cluster", ", ".join(dataset.cluster)),
        ("natural key", ", ".join(dataset.natural_key)),
        ("entity key", ", ".join(dataset.entity_key)),
        ("version order", ", ".join(map(version_text, dataset.version_order))),
        ("reference time", dataset.reference_time or ""),
        ("cadence", f"{cadence}{dataset.cadence_source}"),
        ("confidence", sureness),
        ("evidence", sure.evidence),
    )
    yield f"{dataset.subject}: {dataset.title}"
    yield ""
    yield from _aligned([(name, value or "-") for name, value in facts], width)
    yield ""
    yield "columns"
    yield from _aligned(list(_column_rows(dataset.columns, sure.columns)), width, indent="  ")
    if dataset.notes:
        yield ""
        yield "notes"
        for note in dataset.notes:
            yield from _wrapped(note, width, "  - ", "    ")


def cadence_text(seconds: int | None) -> str:
    """Seconds in the largest unit that divides them (``30 min``), or ``-`` for None."""
    if seconds is None:
        return "-"
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    return f"{seconds // size} {unit}"


def version_text(version: Version) -> str:
    """One step of an order of versions, with its ranks: ``run (II < SF)``."""
    return f"{version.column} ({' < '.join(version.ranks)})" if version.ranks else version.column


def _row(dataset: Dataset) -> tuple[str, ...]:
    return (
        dataset.subject,
        dataset.table_name,
        str(len(dataset.columns)),
        dataset.partition.column,
        ",".join(dataset.natural_key),
        cadence_text(dataset.cadence_seconds),
        dataset.confidence.columns,
        dataset.title,
    )


def _column_rows(
    columns: Iterable[Column], usual: str, indent: str = ""
) -> Iterator[tuple[str, str, str]]:
    """Name, type and description; a confidence only where it is not the ``usual`` one."""
    for column in columns:
        kind = f"{column.type}[]" if column.repeated else column.type
        doubt = "" if column.confidence == usual else f" ({column.confidence})"
        yield indent + column.name, kind, column.description + doubt
        yield from _column_rows(column.columns, column.confidence, indent + "  ")


def _aligned(rows: Sequence[tuple[str, ...]], width: int, indent: str = "") -> Iterator[str]:
    """Rows with their cells below each other; the last cell is wrapped."""
    widths = [max(map(len, cells)) for cells in list(zip(*rows, strict=True))[:-1]]
    for *cells, last in rows:
        left = indent + "".join(
            f"{cell.ljust(size)}  " for cell, size in zip(cells, widths, strict=True)
        )
        room = max(width, len(left) + _TITLE_WIDTH)
        yield from _wrapped(last, room, left, " " * len(left)) or [left.rstrip()]


def _wrapped(text: str, width: int, first: str, rest: str) -> list[str]:
    """Only spaces break lines: dates and names hold hyphens."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 3]}..."
