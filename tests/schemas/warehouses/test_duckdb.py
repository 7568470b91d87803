"""A DuckDB file and who else has it open."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from schemas.cli import main
from schemas.warehouses import duckdb as warehouse
from tests.schemas.keeping import FEW, Kept


@pytest.fixture
def kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Kept:
    """A file as ``apply`` makes it of a few datasets."""
    monkeypatch.setattr("schemas.cli.load", lambda *folders: FEW)
    kept = Kept(tmp_path / "iris.duckdb", capsys)
    assert kept.call("apply")[0] == 0
    return kept


def test_a_memory_keeps_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["apply", "--warehouse", "duckdb::memory:"]) == 2
    assert capsys.readouterr().err == (
        "schemas: --warehouse 'duckdb::memory:' would be gone at the end: name a file\n"
    )


@pytest.mark.parametrize("command", [("diff",), ("apply", "--dry-run"), ("adopt", "--dry-run")])
def test_to_look_is_enough_to_read(command: tuple[str, ...], kept: Kept) -> None:
    """A notebook has the file open to read, which keeps writers out."""
    reading = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); print(flush=True); "
        "input()"
    )
    line = [sys.executable, "-c", reading, str(kept.path)]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as notebook:
        assert notebook.stdout is not None
        notebook.stdout.readline()
        assert kept.call(*command)[2] == ""
        notebook.communicate(b"\n")


def test_who_has_the_file_open_is_told(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warehouse, "_LOCK_SECONDS", 0.0)
    writing = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(flush=True); input()"
    line = [sys.executable, "-c", writing, str(kept.path)]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as notebook:
        assert notebook.stdout is not None
        notebook.stdout.readline()
        code, _, said = kept.call("diff")
        notebook.communicate(b"\n")
    assert code == 1
    assert f"(PID {notebook.pid}) has had it open for 0 seconds: end that" in said
