"""``python -m schemas adopt`` on DuckDB files: interrupted, hindered, twice, and the way back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from schemas.warehouses import duckdb as warehouse
from tests.schemas.keeping import FEW, FUELINST, NEW, ROW, Kept, killed

RENAME = "rename bmrs_fuelinst_iris to bmrs_fuelinst_iris_adopted"
CREATE = "create table bmrs_fuelinst_iris (13 columns)"
BACK = [
    "rename bmrs_fuelinst_iris to bmrs_fuelinst_iris_after_adoption",
    "rename bmrs_fuelinst_iris_adopted to bmrs_fuelinst_iris",
]
LAST = "run python -m schemas apply at once: until then the views miss what was renamed"


@pytest.fixture
def kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Kept:
    """A file with an old table and its row."""
    monkeypatch.setattr("schemas.cli.load", lambda *folders: FEW)
    kept = Kept(tmp_path / "iris.duckdb", capsys)
    kept.run(FUELINST)
    kept.run(ROW)
    return kept


def test_an_old_table_is_adopted_and_put_back(kept: Kept) -> None:
    steps = [RENAME, CREATE]
    assert kept.call("adopt", "--dry-run") == (0, [f"would {step}" for step in steps], "")
    assert kept.call("adopt") == (0, [*steps, LAST], "")
    assert kept.call("adopt") == (0, ["nothing to do"], "")
    code, _, said = kept.call("apply")
    assert (code, said) == (0, "")
    query = "SELECT startTime::VARCHAR, generation, data_source FROM bmrs_fuelinst_unified"
    assert kept.run(query) == [("2025-11-01 00:00:00", 1234, "ADOPTED")]
    kept.run(NEW)
    assert kept.call("adopt", "--undo", "--dry-run") == (0, [f"would {one}" for one in BACK], "")
    assert kept.call("adopt", "--undo") == (0, [*BACK, LAST], "")
    assert kept.call("adopt", "--undo") == (0, ["nothing to do"], "")
    assert kept.run("SELECT generation FROM bmrs_fuelinst_iris") == [(1234.0,)]
    assert kept.run("SELECT fuelType FROM bmrs_fuelinst_iris_after_adoption") == [("GAS",)]


def test_no_row_ever_leaves_the_views(kept: Kept) -> None:
    """Two adoptions with their ways back: all that was ever written is in the view."""
    labels = "SELECT fuelType, data_source FROM bmrs_fuelinst_unified ORDER BY ALL"
    kept.call("adopt")
    kept.run(NEW)
    kept.call("adopt", "--undo")
    kept.call("adopt")
    kept.run(NEW.replace("GAS", "COAL"))
    assert kept.call("apply")[0] == 0
    assert kept.run(labels) == [("COAL", "IRIS"), ("GAS", "ADOPTED"), ("WIND", "ADOPTED")]
    assert kept.call("adopt", "--undo")[0] == 0
    assert kept.rows("fuelinst") == {
        "bmrs_fuelinst_iris": 1,
        "bmrs_fuelinst_iris_after_adoption": 1,
        "bmrs_fuelinst_iris_after_adoption_2": 1,
    }
    assert kept.call("apply")[0] == 1, "the old table has other types"
    assert kept.run(labels) == [("COAL", "ADOPTED"), ("GAS", "ADOPTED"), ("WIND", "IRIS")]


def test_of_equal_versions_this_projects_own_counts(kept: Kept) -> None:
    same = "'2025-11-01 00:05', '2025-11-01', '2025-11-01', 1, 'WIND'"
    columns = "publishTime, startTime, settlementDate, settlementPeriod, fuelType, generation"
    kept.run("CREATE TABLE bmrs_fuelinst_iris_adopted AS FROM bmrs_fuelinst_iris")
    kept.run("DROP TABLE bmrs_fuelinst_iris")
    kept.call("apply")
    kept.run("CREATE TABLE bmrs_fuelinst_iris_after_adoption AS FROM bmrs_fuelinst_iris")
    kept.run(f"INSERT INTO bmrs_fuelinst_iris_after_adoption ({columns}) VALUES ({same}, 5)")
    assert kept.call("apply")[0] == 0
    query = "SELECT generation, data_source FROM bmrs_fuelinst_unified"
    assert kept.run(query) == [(5, "ADOPTED")]


def test_the_very_same_table_comes_back(kept: Kept) -> None:
    kept.run("DROP TABLE bmrs_fuelinst_iris")
    kept.run(
        "CREATE TABLE bmrs_fuelinst_iris (id INTEGER PRIMARY KEY, dataset VARCHAR NOT NULL "
        "DEFAULT 'FUELINST', settlementPeriod BIGINT CHECK (settlementPeriod < 51))"
    )
    kept.run("COMMENT ON TABLE bmrs_fuelinst_iris IS 'Mine.'")
    kept.run("INSERT INTO bmrs_fuelinst_iris (id) VALUES (1)")
    about = (
        "SELECT sql, comment FROM duckdb_tables() WHERE table_name = 'bmrs_fuelinst_iris'",
        "SELECT constraint_text FROM duckdb_constraints() ORDER BY ALL",
        "FROM bmrs_fuelinst_iris",
    )
    before = [kept.run(query) for query in about]
    assert kept.call("adopt")[0] == 0
    assert kept.call("adopt", "--undo")[0] == 0
    kept.run("DROP TABLE bmrs_fuelinst_iris_after_adoption")
    assert [kept.run(query) for query in about] == before


@pytest.mark.parametrize("undo", [(), ("--undo",)], ids=["adopt", "undo"])
@pytest.mark.parametrize("step", [0, 1])
def test_a_step_that_fails_takes_the_others_back(
    undo: tuple[str, ...], step: int, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    if undo:
        kept.call("adopt")
    before = kept.rows("")
    with monkeypatch.context() as patch:
        patch.setattr(warehouse, "_statements", failing(step))
        code, lines, said = kept.call("adopt", *undo)
    assert code == 1
    assert lines == [f"bmrs_fuelinst_iris stays as it is: {kept.path}: The disk is full."]
    assert said == f"schemas: of {kept.path}, 1 could not be renamed, as told above\n"
    assert kept.rows("") == before
    assert kept.call("adopt", *undo) == (0, [*(BACK if undo else [RENAME, CREATE]), LAST], "")


def failing(step: int) -> Callable[[Any], Iterator[str]]:
    """A number of changes go well, the next one does not."""
    right = warehouse._statements
    left = step

    def statements(change: Any) -> Iterator[str]:
        nonlocal left
        if left == 0:
            raise duckdb.IOException("The disk is full.")
        left -= 1
        yield from right(change)

    return statements


@pytest.mark.parametrize("undo", [(), ("--undo",)], ids=["adopt", "undo"])
def test_a_run_that_is_killed_between_two_steps_has_changed_nothing(
    undo: tuple[str, ...], kept: Kept
) -> None:
    if undo:
        kept.call("adopt")
        kept.run(NEW)
    before = kept.rows("")
    killed(kept, "adopt", 1, *undo)
    assert kept.rows("") == before
    assert kept.call("adopt", *undo)[0] == 0
    assert sorted(kept.rows("fuelinst").values()) == ([1, 1] if undo else [0, 1])


def test_what_hinders_one_table_keeps_no_other_from_it(kept: Kept) -> None:
    kept.run("CREATE INDEX by_fuel ON bmrs_fuelinst_iris (fuelType)")
    kept.run("CREATE TABLE bmrs_freq_iris (id INTEGER PRIMARY KEY)")
    kept.run("CREATE TABLE child (id INTEGER REFERENCES bmrs_freq_iris (id))")
    kept.run("CREATE VIEW bmrs_mels_iris AS SELECT 1 AS one")
    kept.run("CREATE TABLE iris_messages (bytes VARCHAR)")
    why = [
        "bmrs_freq_iris stays as it is: table child refers to it by a foreign key, and DuckDB does "
        "not rename it so: take that key away first",
        "bmrs_fuelinst_iris stays as it is: it has the index by_fuel, and DuckDB does not rename "
        'it so: DROP INDEX "by_fuel", and make it again afterwards',
        "bmrs_mels_iris stays as it is: it is no table (view): give it another name, and run apply",
    ]
    done = [
        "rename iris_messages to iris_messages_adopted",
        "create table iris_messages (9 columns)",
    ]
    said = f"schemas: of {kept.path}, 3 could not be renamed, as told above\n"
    assert kept.call("adopt", "--dry-run") == (1, [*why, *(f"would {x}" for x in done)], said)
    assert kept.call("adopt") == (1, [*why, *done, LAST], said)
    kept.run('DROP INDEX "by_fuel"')
    assert kept.call("adopt", "FUELINST") == (0, [RENAME, CREATE, LAST], "")


def test_a_table_of_the_pipeline_is_adopted_by_its_name(kept: Kept) -> None:
    kept.run("CREATE TABLE iris_messages (bytes VARCHAR)")
    assert kept.call("apply")[0] == 1
    assert kept.call("adopt", "IRIS_messages")[1][0] == (
        "rename iris_messages to iris_messages_adopted"
    )
    assert kept.call("adopt", "nothing")[0] == 2


def test_a_table_without_its_key_is_told_and_served_by_a_mapping(kept: Kept) -> None:
    kept.run(
        "CREATE TABLE bmrs_indo_iris (publishedAt TIMESTAMP, startTime TIMESTAMP, demand REAL)"
    )
    kept.run("INSERT INTO bmrs_indo_iris VALUES ('2024-01-01 00:30', '2024-01-01', 30000)")
    note = (
        "note: bmrs_indo_iris_adopted: not in the unified view: it has no publishTime, which INDO "
        "is recognised by: name other columns for them in the file of historic tables, or leave "
        "it out there"
    )
    assert kept.call("adopt", "INDO", "--dry-run")[1][-1] == note
    assert kept.call("adopt", "INDO")[1][-2:] == [note, LAST]
    assert note in kept.call("apply")[1]
    file = kept.path.with_name("historic.json")
    file.write_text(
        '{"INDO": [{"table": "bmrs_indo_iris_adopted", "instead": {"publishTime": "publishedAt"}}]}'
    )
    assert not [one for one in kept.call("apply", "--historic", str(file))[1] if "note" in one]
    [(sql,)] = kept.run("SELECT sql FROM duckdb_views() WHERE view_name = 'bmrs_indo_unified'")
    assert sql.count("bmrs_indo_iris_adopted") == 1
    query = "SELECT publishTime::VARCHAR, demand, data_source FROM bmrs_indo_unified"
    assert kept.run(query) == [("2024-01-01 00:30:00", 30_000, "ADOPTED")]


def test_a_file_that_is_not_there_has_nothing_to_adopt(kept: Kept) -> None:
    other = Kept(kept.path.with_name("mistyped.duckdb"), kept._capsys)
    said = f"schemas: --warehouse: there is no {other.path}; correct the name\n"
    assert other.call("adopt") == (2, [], said)
    assert other.call("adopt", "--undo") == (2, [], said)
    assert not other.path.exists()


def test_a_reader_that_leaves_does_not_end_the_work(kept: Kept) -> None:
    kept.run("CREATE TABLE bmrs_indo_iris (demand REAL)")
    line = [sys.executable, "-m", "schemas", "adopt", "--warehouse", f"duckdb:{kept.path}"]
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run(line, stdout=writing, stderr=subprocess.PIPE, timeout=60, text=True)
    os.close(writing)
    assert (process.returncode, process.stderr) == (0, "")
    assert kept.rows("adopted") == {"bmrs_fuelinst_iris_adopted": 1, "bmrs_indo_iris_adopted": 0}


def test_a_second_run_at_the_same_time_takes_nothing_away(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have looked before one of them does it."""
    seen = warehouse.DuckDB(str(kept.path)).look()
    assert kept.call("adopt")[0] == 0
    kept.run(NEW)
    monkeypatch.setattr(warehouse.DuckDB, "look", lambda self: seen)
    assert kept.call("adopt")[0] == 1
    assert kept.rows("fuelinst") == {"bmrs_fuelinst_iris": 1, "bmrs_fuelinst_iris_adopted": 1}


def test_what_a_writer_adds_meanwhile_is_in_one_of_the_tables(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = warehouse.DuckDB.make_all

    def make_all(self: warehouse.DuckDB, changes: Any) -> Any:
        with duckdb.connect(str(kept.path)) as connection:
            connection.execute(NEW)
        return right(self, changes)

    monkeypatch.setattr(warehouse.DuckDB, "make_all", make_all)
    kept.call("adopt")
    assert sum(kept.rows("fuelinst").values()) == 2
    kept.call("adopt", "--undo")
    assert sum(kept.rows("fuelinst").values()) == 3
