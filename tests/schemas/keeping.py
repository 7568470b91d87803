"""A DuckDB file, and the commands that keep it, as a user calls them."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from schemas.cli import main
from schemas.load import load
from schemas.registry import Registry

#: A few datasets, for tests that make everything.
FEW = Registry([load()[one] for one in ("FREQ", "FUELINST", "INDO", "MELS")])

#: A table of the system before, and a row of it.
FUELINST = (
    "CREATE TABLE bmrs_fuelinst_iris (dataset VARCHAR, publishTime TIMESTAMPTZ, startTime "
    "TIMESTAMPTZ, settlementDate DATE, settlementPeriod BIGINT, fuelType VARCHAR, generation "
    "DOUBLE, source VARCHAR, ingested_utc TIMESTAMPTZ)"
)
ROW = (
    "INSERT INTO bmrs_fuelinst_iris VALUES ('FUELINST', '2025-11-01 00:05:00+00', "
    "'2025-11-01 00:00:00+00', '2025-11-01', 1, 'WIND', 1234.0, 'IRIS', '2025-11-01 00:06:00+00')"
)
#: A row of the table that this project makes.
NEW = "INSERT INTO bmrs_fuelinst_iris (fuelType, settlementDate) VALUES ('GAS', '2026-01-01')"


class Kept:
    """A file, and what the commands print about it."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self._capsys = capsys

    def call(self, command: str, *arguments: str) -> tuple[int, list[str], str]:
        code = main([command, "--warehouse", f"duckdb:{self.path}", *arguments])
        out, err = self._capsys.readouterr()
        return code, out.splitlines(), err

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            return connection.execute(sql).fetchall()

    def rows(self, part: str) -> dict[str, int]:
        """The number of rows of every table with ``part`` in its name."""
        names = self.run(f"SELECT table_name FROM duckdb_tables() WHERE table_name LIKE '%{part}%'")
        return {name: self.run(f'SELECT count(*) FROM "{name}"')[0][0] for (name,) in names}


KILLED = f"""
import os, signal, sys
from schemas.cli import main
from schemas.warehouses import duckdb

right = duckdb._statements
left = int(sys.argv[3])

def statements(change):
    global left
    for statement in right(change):
        if left == 0:
            os.kill(os.getpid(), signal.{signal.SIGKILL.name})
        left -= 1
        yield statement

duckdb._statements = statements
main([sys.argv[2], "--warehouse", "duckdb:" + sys.argv[1], *sys.argv[4:]])
"""


def killed(kept: Kept, command: str, step: int, *arguments: str) -> None:
    """Runs a command that is killed before one of its statements."""
    line = [sys.executable, "-c", KILLED, str(kept.path), command, str(step), *arguments]
    process = subprocess.run(line, capture_output=True, timeout=60)
    assert process.returncode == -signal.SIGKILL, process.stderr
