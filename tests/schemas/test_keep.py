"""The commands that keep a warehouse, as a user calls them, on DuckDB files."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.cli import main
from schemas.warehouses import duckdb as warehouse
from tests.schemas.keeping import FEW, FUELINST, ROW, Kept, killed


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
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few datasets are all that there are."""
    monkeypatch.setattr("schemas.cli.load", lambda *folders: FEW)


@pytest.fixture
def empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Kept:
    return Kept(tmp_path / "iris.duckdb", capsys)


def test_a_dry_run_makes_nothing(empty: Kept) -> None:
    code, lines, _ = empty.call("apply", "--dry-run")
    assert code == 0
    assert lines[0] == f"would create file {empty.path}"
    assert lines[1].startswith("would create table bmrs_abuc_iris (")
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


def test_a_view_that_is_stale_is_replaced_and_so_are_those_over_it(kept: Kept) -> None:
    kept.run("CREATE OR REPLACE VIEW bmrs_mels_unified AS SELECT 1 AS one")
    mark = "(made by python -m schemas apply: 00000000)"
    kept.run(f"COMMENT ON VIEW bmrs_mels_unified IS 'MEL. {mark}'")
    lines = [
        "replace view bmrs_mels_unified",
        "replace view bmrs_mels_latest",
        "replace view bmrs_mels_resolved",
        "replace table function bmrs_mels_resolved_between",
    ]
    assert kept.call("apply") == (0, lines, "")
    assert kept.run("SELECT * FROM bmrs_mels_latest") == []


def test_views_and_functions_say_what_they_are_and_who_made_them(kept: Kept) -> None:
    comments = kept.run(
        "SELECT comment FROM duckdb_views() WHERE NOT internal UNION ALL "
        "SELECT comment FROM duckdb_functions() WHERE schema_name = 'main' AND NOT internal"
    )
    assert len(comments) > 250
    for (comment,) in comments:
        text, _, mark = comment.partition(" (made by python -m schemas apply: ")
        assert text
        assert len(mark) == len("5f2a81c0)")


def test_what_is_of_somebody_else_is_left_alone_and_the_rest_is_made(
    empty: Kept, few: None
) -> None:
    empty.run("CREATE VIEW bmrs_fuelinst_unified AS SELECT 1 AS mine")
    empty.run("CREATE TABLE bmrs_freq_unified AS SELECT 1 AS precious")
    empty.run("CREATE VIEW bmrs_indo_iris AS SELECT 1 AS mine")
    empty.run("CREATE MACRO settlement_start(x) AS x + 1")
    theirs = "SELECT view_name, sql FROM duckdb_views() WHERE NOT internal AND comment IS NULL"
    before = empty.run(theirs)
    _, foreseen, _ = empty.call("apply", "--dry-run")
    code, lines, said = empty.call("apply")
    assert code == 1
    assert [line.removeprefix("would ") for line in foreseen] == lines
    assert lines[-5:] == [
        "NAME                   WHAT   LIVE                DECLARED",
        "bmrs_indo_iris         kind   view                table",
        "settlement_start       maker  another (function)  apply",
        "bmrs_freq_unified      kind   table               view",
        "bmrs_fuelinst_unified  maker  another (view)      apply",
    ]
    assert said.endswith("give it another name and run apply again\n")
    assert "create view bmrs_mels_unified" in lines
    [left] = [line for line in lines if "bmrs_indo_unified" in line]
    assert left.startswith(
        "note: left as they are, because they need bmrs_indo_iris: bmrs_indo_unified, "
        "bmrs_indo_latest, iris_key_conflicts"
    )
    assert empty.run(theirs) == before
    assert empty.run("SELECT settlement_start(1)") == [(2,)]
    assert empty.call("apply")[:2] == (1, ["nothing to do", *lines[-10:]])
    empty.run("ALTER VIEW bmrs_fuelinst_unified RENAME TO mine")
    assert "create view bmrs_fuelinst_latest" in empty.call("apply")[1]


def test_columns_that_refuse_null_are_listed(empty: Kept, few: None) -> None:
    empty.run(
        "CREATE TABLE bmrs_freq_iris (theirs VARCHAR NOT NULL, other INT NOT NULL DEFAULT 3, "
        "measurementTime TIMESTAMP NOT NULL DEFAULT now())"
    )
    code, lines, said = empty.call("apply")
    assert code == 1
    assert lines[-2:] == [
        "bmrs_freq_iris  theirs           NOT NULL  no such column, or may be NULL",
        "bmrs_freq_iris  measurementTime  NOT NULL  may be NULL",
    ]
    assert "ALTER COLUMN ... DROP NOT NULL" in said


def test_what_cannot_be_reconciled_is_listed_and_stays(empty: Kept) -> None:
    empty.run(FUELINST)
    empty.run(ROW)
    code, lines, said = empty.call("apply")
    assert code == 1
    assert lines[-4:] == [
        "NAME                WHAT         LIVE       DECLARED",
        "bmrs_fuelinst_iris  publishTime  TIMESTAMP  DATETIME",
        "bmrs_fuelinst_iris  startTime    TIMESTAMP  DATETIME",
        "bmrs_fuelinst_iris  generation   FLOAT64    INT64",
    ]
    assert said == (
        f"schemas: {empty.path} is in part not as declared, as listed above; python -m schemas "
        "adopt puts tables aside whose columns or partitions are other ones, and makes new ones\n"
    )
    [row] = empty.run(
        "SELECT startTime::VARCHAR, generation, data_source FROM bmrs_fuelinst_latest"
    )
    assert row == ("2025-11-01 00:00:00", 1234, "IRIS")


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


@pytest.mark.parametrize("step", [0, 1, 3])
def test_an_apply_that_is_killed_is_finished_by_the_next(step: int, empty: Kept) -> None:
    empty.run(FUELINST)
    empty.run(ROW)
    killed(empty, "apply", step)
    assert empty.call("apply")[0] == 1, "the old table"
    assert empty.call("adopt")[0] == 0
    assert empty.call("apply")[0] == 0
    assert empty.call("diff") == (0, [], "")


def test_ctrl_c_is_told_in_a_line(empty: Kept, few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    right, made = warehouse.DuckDB.define, list[str]()

    def define(self: warehouse.DuckDB, definition: object) -> None:
        made.append(str(definition))
        if len(made) == 3:
            raise KeyboardInterrupt
        right(self, definition)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(warehouse.DuckDB, "define", define)
        code, lines, said = empty.call("apply")
    assert (code, lines[-1]) == (130, "create function settlement_period")
    assert said == "schemas: stopped; what was told is done, the next run does the rest\n"
    assert empty.call("apply")[0] == 0
    assert empty.call("diff") == (0, [], "")


def test_partitions_expire_in_bigquery_only(empty: Kept) -> None:
    assert empty.call("apply", "--expire-partitions-after", "60") == (
        2,
        [],
        "schemas: --expire-partitions-after goes with BigQuery only, a DuckDB file deletes nothing "
        "by itself; leave it out\n",
    )
    with pytest.raises(SystemExit):
        empty.call("apply", "--expire-partitions-after", "0")
    assert not empty.path.exists()


def test_a_document_without_marks_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "warehouse.md"
    for reason in (
        "No such file or directory",
        "no marks <!-- warehouse: ... --> and <!-- end -->",
    ):
        assert main(["document", "--write", str(file)]) == 2
        assert capsys.readouterr().err == f"schemas: --write {file}: {reason}\n"
        file.write_text("# A text")
