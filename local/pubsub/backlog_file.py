"""The SQLite file of a backlog on disk: opening, reading, writing, and giving space back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from local.pubsub import changes
from local.pubsub.changes import Change
from local.pubsub.model import Message, StorageError, Subscription, Topic

#: Three messages of a usual size fill such a page; SQLite's 4,096 would be half empty with one.
PAGE_BYTES: Final = 8_192
#: Unused pages that the file keeps, for the next messages.
SPARE_PAGES: Final = 16 * 1024 * 1024 // PAGE_BYTES
#: Pages given back to the disk after a write, at most: some ten milliseconds of work.
PAGES_PER_STEP: Final = 4 * 1024 * 1024 // PAGE_BYTES
#: SQLite moves its write-ahead log into the file every 1,000 pages, but starts the log over only
#: when no reader happens to be in it. Above this size the log is made to.
MAX_LOG_BYTES: Final = 64 * 1024 * 1024
#: How long a write waits for other programs that look into the file.
BUSY_SECONDS: Final = 0.25


class BacklogFile:
    """Topics, subscriptions, messages and who waits for them, in one SQLite database.

    ``write`` is called by one thread at a time, all else by one thread at a time, too; the one
    does not wait for the other.

    Args:
        first_id: the first message's id if the file has to be made.

    Raises:
        StorageError: the file cannot be opened, is damaged, or of another version.
    """

    def __init__(self, path: Path, first_id: int) -> None:
        self._path = path
        self._log_path = path.with_name(f"{path.name}-wal")
        with self._errors("opened"):
            self._writer = _connect(path)
            try:
                self._prepare(first_id)
                # With a connection of its own, reading does not wait for a write to the disk.
                self._reader = _connect(path)
            except BaseException:
                self._writer.close()
                raise

    def topics(self) -> list[Topic]:
        """All topics."""
        return [changes.topic_of(row) for row in self._rows(changes.TOPICS)]

    def subscriptions(self) -> list[Subscription]:
        """All subscriptions."""
        return [changes.subscription_of(row) for row in self._rows(changes.SUBSCRIPTIONS)]

    def pending(self, subscription: str) -> list[int]:
        """Ids of the messages that wait for it, in order."""
        return [message_id for (message_id,) in self._rows(changes.PENDING, subscription)]

    def reserved_ids(self) -> int:
        """No message has had this id or a higher one."""
        ((reserved,),) = self._rows(changes.RESERVED)
        return int(reserved)

    def message(self, message_id: int) -> Message:
        """Raises ``KeyError`` if nobody waits for it."""
        for row in self._rows(changes.MESSAGE, message_id):
            return changes.message_of(row)
        raise KeyError(message_id)

    def write(self, all_changes: Sequence[Change]) -> None:
        """Makes the changes, all or none; they are on the disk when it returns.

        Raises:
            StorageError: nothing was changed.
        """
        with self._errors("written"):
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                for change in all_changes:
                    self._writer.executemany(change.sql, change.rows)
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:  # some errors have rolled back already
                    self._writer.execute("ROLLBACK")
                raise
        self._tidy()

    def close(self) -> None:
        """Gives back all spare space and closes the file."""
        self._reader.close()
        with suppress(sqlite3.Error):  # every change is safe; the space can wait
            self._writer.executescript("PRAGMA incremental_vacuum")
        self._writer.close()

    def _prepare(self, first_id: int) -> None:
        """Makes the tables in a fresh file, looks for damage in an old one."""
        version = self._pragma("user_version")
        if not self._pragma("schema_version"):
            self._writer.executescript(f"BEGIN; {changes.SCHEMA}")
            self._writer.execute("INSERT INTO ids VALUES (?)", [first_id])
            self._writer.execute("COMMIT")
            version = changes.VERSION
        if version != changes.VERSION:
            raise StorageError(
                f"{self._path}: has format {version}, this version reads {changes.VERSION}: "
                "use the version that wrote it, or give another folder"
            )
        finding = self._pragma("quick_check(1)")
        if finding != "ok":
            raise self._damaged(finding)

    def _pragma(self, name: str) -> Any:
        (value,) = self._writer.execute(f"PRAGMA {name}").fetchone()
        return value

    def _rows(self, sql: str, *values: object) -> list[Any]:
        with self._errors("read"):
            return self._reader.execute(sql, values).fetchall()

    def _tidy(self) -> None:
        with suppress(sqlite3.Error, OSError):  # the changes are safe; the next write tidies up
            unused = self._pragma("freelist_count") - SPARE_PAGES
            if unused > 0:
                # A script, since ``execute`` would stop after the first page.
                pages = min(unused, PAGES_PER_STEP)
                self._writer.executescript(f"PRAGMA incremental_vacuum({pages})")
            if self._log_path.stat().st_size > MAX_LOG_BYTES:
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "")
            if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
                raise self._damaged(error) from error
            if what == "written" and name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
                raise StorageError(
                    f"{self._path}: cannot be written ({error}): "
                    "make room on its disk; the server goes on by itself then"
                ) from error
            raise StorageError(
                f"{self._path}: cannot be {what} ({error}): see that this user may write it, "
                "that its disk has room and that no other program uses it"
            ) from error

    def _damaged(self, finding: object) -> StorageError:
        return StorageError(
            f"{self._path}: is damaged ({finding}): move its folder away to begin an empty one; "
            "sqlite3's command .recover may save messages from the old one"
        )


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    (fresh,) = connection.execute("SELECT NOT EXISTS (SELECT 1 FROM sqlite_master)").fetchone()
    if fresh:  # in an old file the second of them would be a write
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    # A transaction is on the disk when COMMIT returns: https://sqlite.org/pragma.html
    connection.execute("PRAGMA synchronous = FULL")
    # On macOS fsync leaves data in the drive's cache; elsewhere this changes nothing.
    connection.execute("PRAGMA fullfsync = ON")
    return connection
