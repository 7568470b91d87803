"""A view as a value: its statement in BigQuery's dialect, and what it means."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

import sqlglot
from sqlglot import exp

from schemas.ddl import bigquery_identifier, bigquery_string

#: How a statement names the dataset that holds everything: ``iris.bmrs_freq_iris``. It is valid SQL
#: as it stands where the dataset is called so.
HOME: Final = "iris"
_REFERENCE: Final = re.compile(rf"\b{HOME}\.(?:(\w+)|`([^`]+)`)")
#: What the description of everything ends with that ``apply`` makes.
_MARK: Final = re.compile(r"\(made by python -m schemas apply: ([0-9a-f]{8})\)$")


@dataclass(frozen=True)
class Parameter:
    """A parameter of a function; ``type`` in BigQuery's words."""

    name: str
    type: str


@dataclass(frozen=True)
class View:
    """A view, or a table function where it has parameters.

    Attributes:
        name: without project and dataset.
        sql: a SELECT in BigQuery's dialect; relations of the dataset stand as ``iris.NAME``, the
            name in backticks where it is no plain word.
        description: what a row is, for users of the warehouse.
        columns: description of each column that has one, by name. BigQuery shows them where all
            columns have one, in their order.
        parameters: of a table function, else empty.
    """

    name: str
    sql: str
    description: str
    columns: Mapping[str, str] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()

    @property
    def needs(self) -> frozenset[str]:
        """The relations and functions that it refers to."""
        return _references(self.sql)


@dataclass(frozen=True)
class Function:
    """A scalar function.

    Attributes:
        sql: an expression in BigQuery's dialect over the parameters' names.
        returns: its type.
    """

    name: str
    parameters: tuple[Parameter, ...]
    returns: str
    sql: str
    description: str

    @property
    def needs(self) -> frozenset[str]:
        """The functions that it refers to."""
        return _references(self.sql)


Definition = View | Function


def at_home(sql: str, dataset: str) -> str:
    """``sql`` with ``PROJECT.DATASET`` in the place of ``iris``."""
    return _REFERENCE.sub(
        lambda found: bigquery_identifier(f"{dataset}.{found[1] or found[2]}"), sql
    )


def marked(definition: Definition, statement: str) -> Definition:
    """The definition with a mark at the end of its description: who made it, and of what.

    Args:
        statement: all that it is made of, descriptions included; the mark holds its hash.
    """
    made = hashlib.sha256(statement.encode()).hexdigest()[:8]
    text = f"{definition.description} (made by python -m schemas apply: {made})"
    return replace(definition, description=text)


def mark_in(description: str | None) -> str | None:
    """The hash in the mark that a description ends with; None where it has none."""
    found = _MARK.search((description or "").rstrip())
    return found[1] if found else None


def bigquery_statement(definition: Definition, dataset: str) -> str:
    """The statement that creates or replaces a definition in ``PROJECT.DATASET``."""
    name = bigquery_identifier(f"{dataset}.{definition.name}")
    options = f"OPTIONS(description={bigquery_string(definition.description)})"
    sql = at_home(definition.sql, dataset)
    parameters = ", ".join(f"{one.name} {one.type}" for one in definition.parameters)
    if isinstance(definition, Function):
        head = f"CREATE OR REPLACE FUNCTION {name}({parameters}) RETURNS {definition.returns}"
        return f"{head} AS (\n{sql}\n)\n{options};"
    if definition.parameters:
        return f"CREATE OR REPLACE TABLE FUNCTION {name}({parameters})\n{options}\nAS\n{sql};"
    return f"CREATE OR REPLACE VIEW {name}{_described(definition)}\n{options}\nAS\n{sql};"


def _described(view: View) -> str:
    """The list of columns of a CREATE VIEW, which names all of them or is left out."""
    names = _selected(view.sql)
    if not names or names != list(view.columns):
        return ""
    columns = ",\n".join(
        f"  {bigquery_identifier(name)} OPTIONS(description={bigquery_string(text)})"
        for name, text in view.columns.items()
    )
    return f" (\n{columns}\n)"


@lru_cache(maxsize=1_000)  # all of a warehouse's are asked for more than once
def _selected(sql: str) -> list[str]:
    query = sqlglot.parse_one(sql, read="bigquery")
    return query.named_selects if isinstance(query, exp.Query) else []


def _references(sql: str) -> frozenset[str]:
    return frozenset(plain or quoted for plain, quoted in _REFERENCE.findall(sql))


def in_order(definitions: Iterable[Definition]) -> list[Definition]:
    """Each behind everything that it needs, else as given."""
    waiting = {one.name: one for one in definitions}
    ordered: list[Definition] = []

    def put(one: Definition) -> None:
        if waiting.pop(one.name, None) is not None:
            for name in sorted(one.needs):
                if name in waiting:
                    put(waiting[name])
            ordered.append(one)

    for one in list(waiting.values()):
        put(one)
    return ordered
