"""Questions to a warehouse, answered by Google's reference engine.

It holds no views, functions or rows: a query gets them written into its own text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from schemas.ddl import bigquery_identifier
from schemas.model import Table
from schemas.views.model import HOME, Definition, View
from tests.googlesql import engine
from tests.googlesql.types import plain, table

Rows = Sequence[Mapping[str, Any]]


def answer(
    query: str,
    tables: Mapping[str, Table],
    rows: Mapping[str, Rows],
    definitions: Mapping[str, Definition],
) -> list[tuple[Any, ...]]:
    """The rows of a query, in no order; relations and functions stand in it as ``iris.NAME``.

    Raises:
        engine.Refused: BigQuery would not take it, or it fails.
    """
    written = _Written(tables, rows, definitions)
    body = written.out(query)
    parts = [f"{bigquery_identifier(name)} AS (\n{sql}\n)" for name, sql in written.parts.items()]
    text = f"WITH {', '.join(parts)}\n{body}" if parts else body
    columns, found = engine.evaluated(text, _builtin())
    return [
        tuple(plain(value, column.type) for value, column in zip(row, columns, strict=True))
        for row in found
    ]


@cache
def _builtin() -> int:
    return engine.registered(engine.names())


class _Written:
    """What a query refers to: ``parts`` has each relation once, behind those that it needs."""

    def __init__(
        self,
        tables: Mapping[str, Table],
        rows: Mapping[str, Rows],
        definitions: Mapping[str, Definition],
    ) -> None:
        self.parts: dict[str, str] = {}
        self._tables = tables
        self._rows = rows
        self._definitions = definitions

    def out(self, sql: str) -> str:
        """``sql`` with functions' bodies in their place, and relations by their bare names."""
        while (call := re.search(rf"\b{HOME}\.(\w+)\(", sql)) is not None:
            arguments, end = _arguments(sql, call.end())
            sql = f"{sql[: call.start()]}({self._body(call[1], arguments)}){sql[end:]}"
        return re.sub(rf"\b{HOME}\.(\w+)", lambda found: self._relation(found[1]), sql)

    def _body(self, name: str, arguments: Sequence[str]) -> str:
        definition = self._definitions[name]
        values = {
            one.name: f"({value})"
            for one, value in zip(definition.parameters, arguments, strict=True)
        }
        places = re.compile(rf"\b({'|'.join(values)})\b")
        return places.sub(lambda found: values[found[1]], _without_comments(definition.sql))

    def _relation(self, name: str) -> str:
        if name not in self.parts:
            if name in self._tables:
                sql = table(self._tables[name].columns, self._rows.get(name, ()))
            else:
                view = self._definitions[name]
                assert isinstance(view, View)
                sql = self.out(_without_comments(view.sql))
            self.parts[name] = sql
        return bigquery_identifier(name)


def _without_comments(sql: str) -> str:
    """No string of ours has two hyphens."""
    return re.sub(r"--.*", "", sql)


def _arguments(sql: str, start: int) -> tuple[list[str], int]:
    """The arguments of a call whose bracket ends before ``start``, and where the call ends."""
    found, since = [], start
    for place, is_end in _cuts(sql, start):
        found.append(sql[since:place].strip())
        since = place + 1
        if is_end:
            return found, since
    raise ValueError(f"a bracket is open: {sql[start:]}")


def _cuts(sql: str, start: int) -> Iterator[tuple[int, bool]]:
    depth = 0
    for place in re.finditer(r"'[^']*'|[(),]", sql[start:]):
        match place[0]:
            case "(":
                depth += 1
            case ")" if depth:
                depth -= 1
            case ")":
                yield start + place.start(), True
            case "," if not depth:
                yield start + place.start(), False
