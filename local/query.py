"""``python -m local.query FILE SQL``: asks a DuckDB warehouse, while others may write to it."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Final

import duckdb

_LOCK_TIMEOUT_SECONDS: Final = 30.0
#: What DuckDB says while another process holds the file.
_LOCKED: Final = "Could not set lock on file"


def connect(path: str) -> duckdb.DuckDBPyConnection:
    """A read-only connection; waits while a writer holds the file.

    Raises:
        duckdb.Error: the file cannot be opened.
    """
    deadline = time.monotonic() + _LOCK_TIMEOUT_SECONDS
    while True:
        try:
            connection = duckdb.connect(path, read_only=True)
        except duckdb.IOException as error:
            if _LOCKED not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            connection.execute("SET TimeZone = 'UTC'")
            return connection


def main(argv: Sequence[str]) -> int:
    """Prints the answer as a table; exit code 2 where the file or the SQL is wrong."""
    if len(argv) != 2:
        print('usage: python -m local.query FILE "SELECT ..."', file=sys.stderr)
        return 2
    try:
        with connect(argv[0]) as connection:
            answer = connection.sql(argv[1])
            if answer is not None:
                answer.show(max_width=160)
    except duckdb.Error as error:
        print(str(error).strip(), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
