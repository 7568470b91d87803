"""What a feed has become in the warehouse, by query alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb

import envelope
import schemas
from local.feed import FeedMessage, Odd
from local.query import connect

#: What makes a record one, whenever and however often it was delivered.
_RECORD = "_message_id, _record_index"
_UNMAPPED, _DEAD_LETTERS = "iris_unmapped", "iris_dead_letters"


class Accounts:
    """Compares a warehouse with what was predicted, message by message; a context manager.

    Args:
        warehouse: a DuckDB file that nobody writes to any more.
        messages: the feed.

    Attributes:
        messages: how many there are to be, each once.
        sent: how many were sent; a duplicate was sent twice.
    """

    def __init__(self, warehouse: Path, messages: Iterable[FeedMessage]) -> None:
        self._registry = schemas.load()
        self._db = duckdb.connect()
        self._db.execute(
            "CREATE TABLE predicted (message_id TEXT, dataset TEXT, records INT, rows INT, "
            "unmapped INT, dead_letters INT)"
        )
        messages = list(messages)
        rows = [
            (
                one.message_id,
                one.dataset or envelope.UNKNOWN_DATASET,
                one.records,
                one.outcome.rows,
                one.outcome.unmapped,
                one.outcome.dead_letters,
            )
            for one in messages
            if one.odd is not Odd.DUPLICATE  # the same message, sent once more
        ]
        self._db.executemany("INSERT INTO predicted VALUES (?, ?, ?, ?, ?, ?)", rows)
        self._db.execute(f"ATTACH '{warehouse}' AS warehouse (READ_ONLY)")
        self._db.execute("USE warehouse")
        self._there = {name for (name,) in self._ask("SHOW TABLES")}
        self.messages, self.sent = len(rows), len(messages)
        datasets = self._ask("SELECT DISTINCT dataset FROM memory.predicted WHERE rows > 0")
        self._datasets = [self._registry[dataset] for (dataset,) in datasets]
        self._tables = [_UNMAPPED, *(dataset.table_name for dataset in self._datasets)]

    def __enter__(self) -> Accounts:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    @property
    def rows(self) -> int:
        """Rows of all datasets, each record once."""
        return sum(self._count(self._records(table)) for table in self._tables)

    @property
    def rows_written(self) -> int:
        """Rows as they are there."""
        there = self._there.intersection(self._tables)
        return sum(self._count(f"SELECT 1 FROM {table}") for table in there)

    @property
    def messages_written(self) -> int:
        """Messages as the ledger has them: those that came once more are there once more."""
        return self._count("SELECT 1 FROM iris_messages")

    def differences(self) -> Iterator[str]:
        """Every way in which the warehouse is not as predicted."""
        yield from self._compare(
            "iris_messages",
            "SELECT DISTINCT message_id, dataset, records, rows, dead_letters FROM iris_messages",
            "SELECT message_id, dataset, records, rows + unmapped, dead_letters FROM predicted",
        )
        yield from self._count_records(_UNMAPPED, "unmapped")
        yield from self._count_records(_DEAD_LETTERS, "dead_letters")
        for dataset in self._datasets:
            table = dataset.table_name
            yield from self._count_records(table, "rows", f"dataset = '{dataset.subject}'")
            yield from self._count_distinct(table, ", ".join(dataset.natural_key), "natural key")
            rest = "* EXCLUDE (ingested_utc, _enqueued_utc)"
            yield from self._count_distinct(table, rest, "all that is in them")
        records = map(self._records, (*self._tables, _DEAD_LETTERS))
        yield from self._compare(
            "all tables together",
            f"SELECT * FROM ({' UNION ALL '.join(records)}) WHERE _record_index IS NOT NULL",
            "SELECT message_id, unnest(range(records)) FROM predicted",
        )

    def _records(self, table: str) -> str:
        """A query for the records in a table, each once; a table that is missing has none."""
        if table not in self._there:
            return "SELECT NULL::TEXT AS _message_id, NULL::BIGINT AS _record_index WHERE false"
        return f"SELECT DISTINCT {_RECORD} FROM {table}"

    def _count_records(self, table: str, predicted: str, where: str = "true") -> Iterator[str]:
        yield from self._compare(
            table,
            f"SELECT _message_id, count(*) FROM ({self._records(table)}) GROUP BY _message_id",
            f"SELECT message_id, {predicted} FROM predicted WHERE {predicted} > 0 AND {where}",
        )

    def _count_distinct(self, table: str, columns: str, what: str) -> Iterator[str]:
        if table in self._there:
            records = self._count(self._records(table))
            distinct = self._count(f"SELECT DISTINCT {columns} FROM {table}")
            if records != distinct:
                yield f"{table}: {records} records, {distinct} by {what}"

    def _compare(self, what: str, found: str, predicted: str) -> Iterator[str]:
        predicted = predicted.replace("FROM predicted", "FROM memory.predicted")
        for word, first, second in (("too much", found, predicted), ("missing", predicted, found)):
            rows = self._ask(f"({first}) EXCEPT ALL ({second})")
            if rows:
                yield f"{what}: {len(rows)} {word}, {rows[:5]}"

    def _count(self, query: str) -> int:
        return int(self._ask(f"SELECT count(*) FROM ({query})")[0][0])

    def _ask(self, query: str) -> list[tuple[Any, ...]]:
        return self._db.execute(query).fetchall()


def count_written(warehouse: Path) -> int:
    """How many messages the ledger has, each once; 0 where there is none yet."""
    if not warehouse.exists():
        return 0
    try:
        with connect(str(warehouse)) as db:
            found = db.execute("SELECT count(DISTINCT message_id) FROM iris_messages").fetchone()
    except duckdb.CatalogException:
        return 0
    return int(found[0]) if found else 0
