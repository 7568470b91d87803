"""What ``python -m schemas`` needs of a warehouse."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from schemas.changes import Change
from schemas.live import Live
from schemas.views.model import Definition

#: A project's id may begin with a domain: ``example.com:project``.
_BIGQUERY: Final = re.compile(r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]*\.\w+", re.ASCII)


class WarehouseError(Exception):
    """The warehouse cannot be used; the text says why and what to do."""


class NoWarehouse(Exception):
    """A URL that is none of a warehouse."""


class Warehouse(ABC):
    """A dataset of BigQuery, or a DuckDB file. Every method raises WarehouseError."""

    #: Whether it keeps descriptions of tables and columns.
    described: bool
    #: What it is called in messages.
    name: str

    @abstractmethod
    def look(self) -> Live:
        """What it holds; nothing where it is not there at all."""

    @contextmanager
    def working(self) -> Iterator[None]:
        """Many steps follow: what is costly to open stays open."""
        yield

    @abstractmethod
    def prepare(self) -> str | None:
        """Makes the place for tables where it is missing; what it did, in words."""

    @abstractmethod
    def make(self, change: Change) -> None:
        """Makes a change; nothing happens where it is made already."""

    @abstractmethod
    def define(self, definition: Definition) -> None:
        """Creates or replaces a view or a function."""

    @abstractmethod
    def text_of(self, definition: Definition) -> str:
        """The text that ``look`` gives for a definition that is in place."""

    @abstractmethod
    def statement(self, definition: Definition) -> str:
        """The statement that ``define`` runs."""

    @abstractmethod
    def count(self, table: str) -> int:
        """The number of rows of a table."""

    @abstractmethod
    def copy(self, table: str, to: str) -> None:
        """Copies a table, with all that belongs to it, to a name that is free."""

    @abstractmethod
    def drop(self, table: str) -> None:
        """Drops a table that has been copied."""

    @abstractmethod
    def is_written(self, table: str) -> bool:
        """True where rows may be on their way that a copy would not hold."""

    @abstractmethod
    def close(self) -> None:
        """Lets go of it."""


def open_warehouse(url: str, location: str = "US") -> Warehouse:
    """The warehouse at ``duckdb:PATH`` or ``bigquery:PROJECT.DATASET``.

    Args:
        location: where a BigQuery dataset is made that is not there.

    Raises:
        NoWarehouse: the URL is neither.
        WarehouseError: it cannot be opened.
    """
    kind, _, place = url.partition(":")
    if kind == "duckdb" and place:
        from schemas.warehouses.duckdb import DuckDB  # its library is for those who use it

        return DuckDB(place)
    if kind == "bigquery" and _BIGQUERY.fullmatch(place):
        from schemas.warehouses.bigquery import BigQuery

        return BigQuery(place, location)
    raise NoWarehouse(f"--warehouse {url!r} is neither duckdb:PATH nor bigquery:PROJECT.DATASET")
