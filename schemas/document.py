"""The warehouse as a document: every table, view, function and question, from the schema files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from schemas.ddl import bigquery_type
from schemas.historic import Historic
from schemas.live import Live
from schemas.model import Column, Dataset, Table
from schemas.registry import Registry
from schemas.tables import ENVELOPE_COLUMNS, SYSTEM_TABLES
from schemas.text import cadence_text, version_text
from schemas.views.catalog import catalog
from schemas.views.model import Function, View
from schemas.views.queries import queries

_MARKED: Final = re.compile(r"(<!-- warehouse: .*? -->\n).*?(<!-- end -->)", re.S)


def with_document(text: str, registry: Registry) -> str:
    """``text`` with everything between its marks made anew.

    Raises:
        ValueError: there are no marks.
    """
    made = "\n".join(document(registry))
    found, number = _MARKED.subn(lambda match: f"{match[1]}\n{made}\n{match[2]}", text)
    if not number:
        raise ValueError("no marks <!-- warehouse: ... --> and <!-- end -->")
    return found


def document(registry: Registry) -> Iterator[str]:
    """The lines of the generated part, in Markdown."""
    definitions = catalog(registry, Historic({}), Live()).definitions
    views = {one.name: one for one in definitions if isinstance(one, View)}
    yield "## Questions"
    yield ""
    yield "Views, and table functions where a name has parameters behind it."
    for query in queries():
        yield ""
        yield from _view(query)
    yield ""
    yield "## Functions"
    yield ""
    yield from _rows(("function", "gives", "meaning"), (
        (f"`{_call(one)}`", one.returns, one.description)
        for one in definitions if isinstance(one, Function)
    ))  # fmt: skip
    yield ""
    yield "## Datasets"
    yield ""
    yield "Every table ends with these columns, every view has `data_source` before them:"
    yield ""
    yield from _columns(ENVELOPE_COLUMNS)
    for dataset in registry.values():
        yield ""
        yield from _dataset(dataset, views)
    yield ""
    yield "## Tables of the pipeline"
    for table in SYSTEM_TABLES:
        yield ""
        yield from _system_table(table)
    yield ""
    yield "## Checks"
    yield ""
    yield "Made for all datasets together; see `completeness` above, too."
    for name in ("freshness", "iris_key_conflicts", "iris_key_conflicts_between"):
        if name in views:
            yield ""
            yield from _view(views[name])
    yield ""


def _dataset(dataset: Dataset, views: dict[str, View]) -> Iterator[str]:
    prefix = f"bmrs_{dataset.subject.lower()}_"
    own = [f"`{_call(one)}`" for name, one in views.items() if name.startswith(prefix)]
    cadence = cadence_text(dataset.cadence_seconds) if dataset.cadence_seconds else "not known"
    yield f"### {dataset.subject}: {dataset.title}"
    yield ""
    yield f"- table `{dataset.table_name}`, partitioned by the day of `{dataset.partition.column}`"
    yield f"- views {', '.join(own)}"
    yield f"- natural key {_names(dataset.natural_key)} ({dataset.confidence.natural_key})"
    yield (
        f"- a fact is {_names(dataset.entity_key)}; its newest version by "
        f"{', '.join(map(version_text, dataset.version_order))}"
    )
    yield f"- a message every {cadence}. {dataset.cadence_source}"
    for note in dataset.notes:
        yield f"- {_plain(note)}"
    yield ""
    yield from _columns(dataset.columns)


def _system_table(table: Table) -> Iterator[str]:
    yield f"### `{table.name}`"
    yield ""
    yield table.description
    yield ""
    yield from _columns(table.columns)


def _view(view: View) -> Iterator[str]:
    yield f"### `{_call(view)}`"
    yield ""
    yield view.description
    yield ""
    yield from _rows(("column", "meaning"), _meanings(view))


def _meanings(view: View) -> Iterator[Sequence[str]]:
    for name, meaning in view.columns.items():
        yield f"`{name}`", meaning


def _columns(columns: Iterable[Column]) -> Iterator[str]:
    yield from _rows(("column", "type", "meaning"), _column_rows(columns, ""))


def _column_rows(columns: Iterable[Column], prefix: str) -> Iterator[Sequence[str]]:
    for column in columns:
        type_ = "STRUCT" if column.type == "STRUCT" else bigquery_type(column)
        if column.repeated and column.type == "STRUCT":
            type_ = "ARRAY of STRUCT"
        yield f"`{prefix}{column.name}`", type_.replace("<", " of ").rstrip(">"), column.description
        yield from _column_rows(column.columns, f"{prefix}{column.name}.")


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(map(_plain, row))} |"


def _plain(text: str) -> str:
    """Text that Markdown takes as it is."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _call(definition: View | Function) -> str:
    if not definition.parameters:
        return definition.name
    return f"{definition.name}({', '.join(one.name for one in definition.parameters)})"
