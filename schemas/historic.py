"""Which tables hold the history of a dataset: a small file that a user can replace.

A JSON object by subject; each value lists tables or views, the preferred first. ``instead`` names,
for a column of the schema file that the table does not have, the column to take in its place. A
dataset that is not in the file has the table ``bmrs_<subject in lower case>``, if there is one; an
empty list says that it has none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from schemas.errors import Problem, SchemaError
from schemas.live import Live
from schemas.registry import Registry


@dataclass(frozen=True)
class HistoricTable:
    """A table that may be there.

    Attributes:
        name: without project and dataset.
        instead: for a column of the schema file that the table does not have, the table's column
            to take in its place.
    """

    name: str
    instead: Mapping[str, str] = field(default_factory=dict)


class Historic:
    """The historic tables by subject.

    Args:
        named: those that the file names; other datasets have the usual name.
        file: the user's, whose tables are meant to be there; empty for the bundled one.
    """

    def __init__(self, named: Mapping[str, tuple[HistoricTable, ...]], file: str = "") -> None:
        self._named = named
        self._file = file

    def of(self, subject: str) -> tuple[HistoricTable, ...]:
        """The tables that may hold the dataset's history, the preferred first."""
        usual = (HistoricTable(f"bmrs_{subject.lower()}"),)
        return self._named.get(subject, usual)

    def unmet(self, live: Live) -> Iterator[str]:
        """What the user's file names and is not there, a line each."""
        for subject, tables in self._named.items() if self._file else ():
            for one in tables:
                table = live.table(one.name)
                if table is None:
                    hint = "; give its name without project and dataset" * ("." in one.name)
                    yield f"{self._file}: {subject}: there is no table {one.name}{hint}"
                    continue
                for name, other in one.instead.items():
                    if table.column(name) is None and table.column(other) is None:
                        yield (
                            f"{self._file}: {subject}: {one.name} has no column {other} to take "
                            f"for {name}"
                        )


def load_historic(registry: Registry, path: str | None = None) -> Historic:
    """The mapping of the file at ``path``, or the bundled one.

    Raises:
        SchemaError: the file cannot be read or is wrong.
    """
    file = path or "historic.json"
    try:
        text = (
            Path(path).read_text("utf-8")
            if path
            else resources.files("schemas").joinpath(file).read_text("utf-8")
        )
        data = json.loads(text)
    except (OSError, ValueError) as error:
        raise SchemaError(Problem(file, "", f"cannot be read: {error}")) from error
    problems: list[Problem] = []
    if not isinstance(data, dict):
        raise SchemaError(Problem(file, "", "no JSON object; give tables by subject"))
    named: dict[str, tuple[HistoricTable, ...]] = {}
    for subject, tables in data.items():
        if path and subject not in registry:
            problems.append(Problem(file, subject, "there is no such dataset; correct the subject"))
            continue
        try:
            named[subject] = tuple(_table(item) for item in tables)
        except (TypeError, KeyError):
            reason = 'expected a list of {"table": NAME, "instead": {COLUMN: COLUMN}}'
            problems.append(Problem(file, subject, reason))
            continue
        names = [one.name.lower() for one in named[subject]]
        problems += (
            Problem(file, subject, f"{name} is there twice; leave one out")
            for name in sorted({one for one in names if names.count(one) > 1})
        )
        if subject in registry:
            columns = {column.name for column in registry[subject].columns}
            replaced = {name for table in named[subject] for name in table.instead}
            problems += (
                Problem(file, subject, f"{subject} has no column {name}; correct the name")
                for name in sorted(replaced - columns)
            )
    if problems:
        raise SchemaError(*problems)
    return Historic(named, path or "")


def _table(item: Mapping[str, Any]) -> HistoricTable:
    name, instead = item["table"], item.get("instead", {})
    texts = [name, *instead, *dict.values(instead)]
    if item.keys() - {"table", "instead"} or not all(isinstance(one, str) for one in texts):
        raise TypeError
    return HistoricTable(name, instead)
