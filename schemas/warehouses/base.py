"""What ``python -m schemas`` needs of a warehouse."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from schemas.changes import Change
from schemas.live import Live
from schemas.views.model import Definition, mark_in

#: A project's id may begin with a domain: ``example.com:project``.
_BIGQUERY: Final = re.compile(r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]*\.\w+", re.ASCII)


class WarehouseError(Exception):
    """The warehouse cannot be used; the text says why and what to do."""


class Refused(WarehouseError):
    """Views or functions that the warehouse does not take; others are not concerned."""


class NoWarehouse(Exception):
    """A URL that is none of a warehouse."""


class Warehouse(ABC):
    """A dataset of BigQuery, or a DuckDB file. Every method raises WarehouseError."""

    #: Whether it keeps descriptions of tables and columns.
    described: bool
    #: Whether it can delete rows by their age.
    expires: bool
    #: What it is called in messages.
    name: str
    #: What ``prepare`` does, in words.
    place: str

    @abstractmethod
    def look(self) -> Live:
        """What it holds; nothing where it is not there at all."""

    @contextmanager
    def working(self) -> Iterator[None]:
        """Many steps follow: what is costly to open stays open."""
        yield

    @abstractmethod
    def prepare(self) -> None:
        """Makes the place for tables where it is missing."""

    @abstractmethod
    def make(self, change: Change) -> None:
        """Makes a change; nothing happens where it is made already."""

    def make_all(self, changes: Sequence[Change]) -> Iterator[str]:
        """Makes changes that belong together, a line for each that is done.

        They are done one by one; a warehouse that can does all of them or none.
        """
        for change in changes:
            self.make(change)
            yield str(change)

    @abstractmethod
    def define(self, definition: Definition) -> None:
        """Creates or replaces a view or a function, with its mark. Raises Refused."""

    @abstractmethod
    def marked(self, definition: Definition) -> Definition:
        """The definition with the mark in its description that it has when it is in place."""

    def mark_of(self, definition: Definition) -> str:
        """The mark that ``look`` gives for a definition that is in place."""
        mark = mark_in(self.marked(definition).description)
        assert mark is not None
        return mark

    @abstractmethod
    def close(self) -> None:
        """Lets go of it."""


def open_warehouse(url: str, location: str | None = None, *, read_only: bool = False) -> Warehouse:
    """The warehouse at ``duckdb:PATH`` or ``bigquery:PROJECT.DATASET``.

    Args:
        location: where a BigQuery dataset is made that is not there; None for US.
        read_only: nothing will be changed.

    Raises:
        NoWarehouse: the URL is neither.
        WarehouseError: it cannot be opened.
    """
    kind, _, place = url.partition(":")
    if kind == "duckdb" and place.startswith(":memory:"):
        raise NoWarehouse(f"--warehouse {url!r} would be gone at the end: name a file")
    if kind == "duckdb" and place:
        from schemas.warehouses.duckdb import DuckDB  # its library is for those who use it

        return DuckDB(place, read_only=read_only)
    if kind == "bigquery" and _BIGQUERY.fullmatch(place):
        from schemas.warehouses.bigquery import BigQuery

        return BigQuery(place, location)
    raise NoWarehouse(f"--warehouse {url!r} is neither duckdb:PATH nor bigquery:PROJECT.DATASET")
