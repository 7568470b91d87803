"""Questions to a DuckDB warehouse, from a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from local import query
from local.query import connect, main

HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("INSERT INTO t VALUES (2, TIMESTAMPTZ '2026-07-01 00:00:00+01:00')")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "iris.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t (n BIGINT, noon TIMESTAMPTZ)")
        connection.execute("INSERT INTO t VALUES (1, TIMESTAMPTZ '2026-07-01 12:30:00+01:00')")
    return path


@contextmanager
def writer(place: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the file for writing until its input ends."""
    command = [sys.executable, "-c", HOLD, str(place)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def no_wait(seconds: float) -> None:
    raise AssertionError("waited")


def test_an_answer_is_a_table(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(place), "SELECT n + 1 AS more, noon FROM t"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    lines = [line.strip("│ ").split() for line in said.out.splitlines() if line.startswith("│")]
    assert lines[0] == ["more", "│", "noon"]
    assert lines[-1] == ["2", "│", "2026-07-01", "11:30:00+00"]


def test_times_are_utc_wherever_the_machine_is(place: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local.query", str(place), "SELECT noon FROM t"],
        cwd=Path(query.__file__).parents[1],
        env=os.environ | {"TZ": "Asia/Tokyo"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "2026-07-01 11:30:00+00" in done.stdout


def test_a_statement_without_an_answer(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(place), "-- nothing"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("argv", [[], ["a"], ["a", "b", "c"]])
def test_usage(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    assert capsys.readouterr() == ("", 'usage: python -m local.query FILE "SELECT ..."\n')


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SELECT nothing FROM t", "Binder Error"),
        ("FROM bmrs_freq_iris", "Catalog Error"),
        ("SELEC 1", "Parser Error"),
        ("DELETE FROM t", "read-only"),
    ],
)
def test_wrong_sql(sql: str, text: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(place), sql]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert text in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("name", ["missing.duckdb", "padlock/Lock.duckdb"])
def test_a_missing_file_is_not_waited_for(
    name: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "sleep", no_wait)
    assert main([str(tmp_path / name), "SELECT 1"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "does not exist" in said.err
    assert not (tmp_path / name).exists()


def test_a_file_of_another_kind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", no_wait)
    other = tmp_path / "notes.txt"
    other.write_text("no database")
    assert main([str(other), "SELECT 1"]) == 2
    assert "not a valid DuckDB database file" in capsys.readouterr().err


def test_a_writer_is_waited_for(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with writer(place) as process:
        waits = []

        def wait(seconds: float) -> None:
            waits.append(seconds)
            process.communicate("")

        monkeypatch.setattr(query.time, "sleep", wait)
        with connect(str(place)) as connection:
            assert connection.sql("SELECT n FROM t ORDER BY n").fetchall() == [(1,), (2,)]
        assert waits


def test_a_writer_that_does_not_end_is_named(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "_LOCK_TIMEOUT_SECONDS", 0.1)
    with writer(place):
        assert main([str(place), "FROM t"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert f'Could not set lock on file "{place}"' in said.err
