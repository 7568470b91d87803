"""The commands that keep a warehouse, as a user calls them, on DuckDB files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from schemas.cli import main


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


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as ``apply`` makes it."""
    path = tmp_path_factory.mktemp("whole") / "deep" / "iris.duckdb"
    assert main(["apply", "--warehouse", f"duckdb:{path}"]) == 0
    return path


@pytest.fixture
def kept(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Kept:
    path = tmp_path / "iris.duckdb"
    path.write_bytes(whole.read_bytes())
    return Kept(path, capsys)


@pytest.fixture
def empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Kept:
    return Kept(tmp_path / "iris.duckdb", capsys)


FUELINST = (
    "CREATE TABLE bmrs_fuelinst_iris (dataset VARCHAR, publishTime TIMESTAMPTZ, startTime "
    "TIMESTAMPTZ, settlementDate DATE, settlementPeriod BIGINT, fuelType VARCHAR, generation "
    "DOUBLE, source VARCHAR, ingested_utc TIMESTAMPTZ)"
)
ROW = (
    "INSERT INTO bmrs_fuelinst_iris VALUES ('FUELINST', '2025-11-01 00:05:00+00', "
    "'2025-11-01 00:00:00+00', '2025-11-01', 1, 'WIND', 1234.0, 'IRIS', '2025-11-01 00:06:00+00')"
)


def test_a_dry_run_makes_nothing(empty: Kept) -> None:
    code, lines, _ = empty.call("apply", "--dry-run")
    assert code == 0
    assert lines[0].startswith("would create table bmrs_abuc_iris (")
    assert "would create view bmrs_abuc_unified" in lines
    assert "would create function settlement_period" in lines
    assert "would create table function bmrs_remit_latest_between" in lines
    assert not empty.path.exists()


def test_a_second_time_nothing_is_done(kept: Kept) -> None:
    before = kept.path.read_bytes()
    assert kept.call("apply") == (0, ["nothing to do"], "")
    assert kept.call("diff") == (0, [], "")
    assert kept.path.read_bytes() == before


def test_columns_are_added_and_rows_are_kept(kept: Kept) -> None:
    kept.run("INSERT INTO bmrs_freq_iris (measurementTime) VALUES ('2026-01-01')")
    kept.run("ALTER TABLE bmrs_freq_iris DROP COLUMN frequency")
    kept.run("ALTER TABLE bmrs_freq_iris ADD COLUMN theirs VARCHAR")
    kept.run("ALTER TABLE bmrs_remit_iris DROP COLUMN outageProfile.element.capacity")
    lines = [
        "add to bmrs_freq_iris: frequency FLOAT64",
        "add to bmrs_remit_iris: outageProfile.capacity FLOAT64",
    ]
    code, found, said = kept.call("diff")
    assert (code, found) == (1, lines)
    assert said == (
        f"schemas: {kept.path} lacks what is listed above; python -m schemas apply makes it\n"
    )
    assert kept.call("apply") == (0, lines, "")
    assert kept.call("diff") == (0, [], "")
    assert kept.run("SELECT measurementTime::VARCHAR, frequency, theirs FROM bmrs_freq_iris") == [
        ("2026-01-01 00:00:00", None, None)
    ]


def test_what_an_interrupted_run_left_out_is_made(kept: Kept) -> None:
    kept.run("DROP VIEW bmrs_indo_latest")
    kept.run("DROP MACRO settlement_start")
    code, lines, _ = kept.call("apply")
    assert code == 0
    assert "create view bmrs_indo_latest" in lines
    assert "create function settlement_start" in lines
    assert kept.call("diff") == (0, [], "")


def test_a_view_that_is_another_one_is_replaced_and_so_are_those_over_it(kept: Kept) -> None:
    kept.run("CREATE OR REPLACE VIEW bmrs_mels_unified AS SELECT 1 AS one")
    assert kept.call("apply") == (
        0,
        [
            "replace view bmrs_mels_unified",
            "replace view bmrs_mels_latest",
            "replace view bmrs_mels_resolved",
            "replace table function bmrs_mels_resolved_between",
        ],
        "",
    )
    assert kept.run("SELECT * FROM bmrs_mels_latest") == []


def test_what_cannot_be_reconciled_is_listed_and_stays(empty: Kept) -> None:
    empty.run(FUELINST)
    empty.run(ROW)
    code, lines, said = empty.call("apply")
    assert code == 1
    assert lines[-4:] == [
        "TABLE               WHAT         LIVE       DECLARED",
        "bmrs_fuelinst_iris  publishTime  TIMESTAMP  DATETIME",
        "bmrs_fuelinst_iris  startTime    TIMESTAMP  DATETIME",
        "bmrs_fuelinst_iris  generation   FLOAT64    INT64",
    ]
    assert said == (
        f"schemas: {empty.path} has other types or partitions than declared, listed above; they "
        "stay as they are. python -m schemas adopt puts such tables aside and makes new ones\n"
    )
    [row] = empty.run(
        "SELECT startTime::VARCHAR, generation, data_source FROM bmrs_fuelinst_latest"
    )
    assert row == ("2025-11-01 00:00:00", 1234, "IRIS")


def test_an_old_table_is_adopted_and_put_back(empty: Kept) -> None:
    empty.run(FUELINST)
    empty.run(ROW)
    steps = [
        "copy bmrs_fuelinst_iris to bmrs_fuelinst_iris_adopted",
        "drop bmrs_fuelinst_iris",
        "create bmrs_fuelinst_iris",
    ]
    assert empty.call("adopt", "--dry-run") == (0, [f"would {step}" for step in steps], "")
    last = "the views follow with python -m schemas apply"
    assert empty.call("adopt") == (0, [f"{steps[0]} (1 rows)", *steps[1:], last], "")
    assert empty.call("adopt") == (0, ["nothing to do"], "")
    code, _, said = empty.call("apply")
    assert (code, said) == (0, "")
    query = "SELECT startTime::VARCHAR, generation, data_source FROM bmrs_fuelinst_unified"
    assert empty.run(query) == [("2025-11-01 00:00:00", 1234, "ADOPTED")]
    empty.run(
        "INSERT INTO bmrs_fuelinst_iris (fuelType, settlementDate) VALUES ('GAS', '2026-01-01')"
    )
    code, lines, _ = empty.call("adopt", "--undo")
    assert (code, lines) == (
        0,
        [
            "copy bmrs_fuelinst_iris to bmrs_fuelinst_iris_after_adoption (1 rows)",
            "drop bmrs_fuelinst_iris",
            "copy bmrs_fuelinst_iris_adopted to bmrs_fuelinst_iris (1 rows)",
            "drop bmrs_fuelinst_iris_adopted",
            last,
        ],
    )
    assert empty.run("SELECT generation FROM bmrs_fuelinst_iris") == [(1234.0,)]
    assert empty.run("SELECT fuelType FROM bmrs_fuelinst_iris_after_adoption") == [("GAS",)]


@pytest.mark.parametrize(
    "done", ["", "; DROP TABLE bmrs_fuelinst_iris"], ids=["copied", "copied and dropped"]
)
def test_an_adoption_that_was_interrupted_goes_on(empty: Kept, done: str) -> None:
    empty.run(FUELINST)
    empty.run(ROW)
    empty.run(f"CREATE TABLE bmrs_fuelinst_iris_adopted AS FROM bmrs_fuelinst_iris{done}")
    code, _, _ = empty.call("adopt")
    assert code == 0
    assert empty.run("SELECT generation FROM bmrs_fuelinst_iris_adopted") == [(1234.0,)]
    assert empty.run("SELECT * FROM bmrs_fuelinst_iris") == []
    assert empty.call("apply")[0] == 0


def test_two_tables_that_differ_are_not_mixed_up(empty: Kept) -> None:
    empty.run(FUELINST)
    empty.run("CREATE TABLE bmrs_fuelinst_iris_adopted AS FROM bmrs_fuelinst_iris")
    empty.run(ROW)
    assert empty.call("adopt") == (
        1,
        [],
        "schemas: bmrs_fuelinst_iris and bmrs_fuelinst_iris_adopted are both there and hold "
        "different numbers of rows: rename or drop one of them\n",
    )


def test_a_historic_table_that_cannot_be_used_is_told(kept: Kept) -> None:
    kept.run("CREATE TABLE bmrs_indo (startTime TIMESTAMP, demand BIGINT)")
    code, lines, _ = kept.call("apply")
    assert (code, lines) == (
        0,
        [
            "nothing to do",
            "note: bmrs_indo: not in the unified view: it has no publishTime, which INDO is "
            "recognised by: name other columns for them in the file of historic tables, or leave "
            "it out there",
        ],
    )


def test_a_historic_table_that_comes_later_joins_the_view(kept: Kept) -> None:
    kept.run("CREATE TABLE bmrs_indo (publishTime TIMESTAMP, startTime TIMESTAMP, demand BIGINT)")
    kept.run("INSERT INTO bmrs_indo VALUES ('2024-01-01 00:30', '2024-01-01', 30000)")
    code, lines, _ = kept.call("apply")
    assert code == 0
    assert lines[:2] == ["replace view bmrs_indo_unified", "replace view bmrs_indo_latest"]
    assert kept.run("SELECT demand, data_source FROM bmrs_indo_latest") == [(30_000, "HISTORIC")]


@pytest.mark.parametrize("url", ["iris.duckdb", "duckdb:", "bigquery:iris", "bigquery:a.b.c"])
def test_a_warehouse_that_is_none(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "--warehouse", url]) == 2
    assert capsys.readouterr().err == (
        f"schemas: --warehouse {url!r} is neither duckdb:PATH nor bigquery:PROJECT.DATASET\n"
    )


def test_a_file_that_is_no_database(empty: Kept) -> None:
    empty.path.write_text("text")
    code, lines, said = empty.call("apply")
    assert (code, lines) == (1, [])
    assert said.startswith(f"schemas: {empty.path}: ")
    assert "Traceback" not in said


def test_statements_of_views(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["bmrs_indo_latest", "SETTLEMENT_DATE", "bmrs_ndfd_latest_between"]
    assert main(["views", *names, "--dataset", "p.d"]) == 0
    heads = [
        line
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("CREATE OR REPLACE")
    ]
    assert heads == [
        "CREATE OR REPLACE FUNCTION `p.d.settlement_date`(moment DATETIME) RETURNS DATE AS (",
        "CREATE OR REPLACE VIEW `p.d.bmrs_indo_latest` (",
        "CREATE OR REPLACE TABLE FUNCTION `p.d.bmrs_ndfd_latest_between`"
        "(first_day DATE, last_day DATE)",
    ]


def test_a_mapping_of_the_users(kept: Kept, tmp_path: Path) -> None:
    kept.run("CREATE TABLE mine (published TIMESTAMP, startTime TIMESTAMP, demand DOUBLE)")
    kept.run("INSERT INTO mine VALUES ('2024-01-01 00:30', '2024-01-01', 30000)")
    file = tmp_path / "historic.json"
    file.write_text('{"INDO": [{"table": "mine", "instead": {"publishTime": "published"}}]}')
    code, lines, _ = kept.call("apply", "--historic", str(file))
    assert code == 0
    assert "replace view bmrs_indo_unified" in lines
    assert kept.run("SELECT demand, data_source FROM bmrs_indo_latest") == [(30_000, "HISTORIC")]
