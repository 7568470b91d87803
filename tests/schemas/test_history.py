"""Historic tables as a user names them: found or told, and never lost in silence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.schemas.keeping import FEW, Kept

#: Five rows of INDO.
OLD = (
    "CREATE TABLE {} AS SELECT TIMESTAMP '2020-01-01 00:30' + INTERVAL (i) HOUR AS publishTime, "
    "TIMESTAMP '2020-01-01' + INTERVAL (i) HOUR AS startTime, 3 AS demand FROM range(5) t(i)"
)
COUNT = "SELECT count(*) FROM bmrs_indo_unified WHERE data_source = 'HISTORIC'"


@pytest.fixture
def kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Kept:
    monkeypatch.setattr("schemas.cli.load", lambda *folders: FEW)
    return Kept(tmp_path / "iris.duckdb", capsys)


def mapping(kept: Kept, tables: list[dict[str, Any]]) -> tuple[str, str]:
    file = kept.path.with_name("mine.json")
    file.write_text(json.dumps({"INDO": tables}))
    return "--historic", str(file)


def test_a_mapping_of_the_users(kept: Kept) -> None:
    kept.run("CREATE TABLE mine (published TIMESTAMP, startTime TIMESTAMP, demand DOUBLE)")
    kept.run("INSERT INTO mine VALUES ('2024-01-01 00:30', '2024-01-01', 30000)")
    mine = mapping(kept, [{"table": "mine", "instead": {"publishTime": "published"}}])
    assert kept.call("apply", *mine)[0] == 0
    assert kept.run("SELECT demand, data_source FROM bmrs_indo_latest") == [(30_000, "HISTORIC")]


@pytest.mark.parametrize(
    "name", ["my-outages", "my outages", "2024_indo", "order", "select", "it's", "größe", 'q"uote']
)
def test_a_table_of_any_name_is_read(name: str, kept: Kept) -> None:
    quoted = name.replace('"', '""')
    kept.run(OLD.format(f'"{quoted}"'))
    mine = mapping(kept, [{"table": name}])
    assert kept.call("apply", *mine)[0] == 0
    assert kept.run(COUNT) == [(5,)]
    assert kept.call("apply", *mine) == (0, ["nothing to do"], "")
    assert kept.call("diff")[1][-1] == f"bmrs_indo_unified  history  reads {name}  does not"


@pytest.mark.parametrize("name", ["a.b", "back`tick", "back\\slash"])
def test_a_name_that_bigquerys_dialect_cannot_say_is_told(name: str, kept: Kept) -> None:
    kept.run(OLD.format(f'"{name}"'))
    code, lines, _ = kept.call("apply", *mapping(kept, [{"table": name}]))
    assert code == 0
    assert lines[-1] == (
        f"note: {name}: not in the unified view: a view of BigQuery's dialect cannot name it: make "
        "a view of a plain name over it"
    )


def test_history_does_not_leave_a_view_because_the_mapping_was_forgotten(kept: Kept) -> None:
    kept.run(OLD.format("mine"))
    mine = mapping(kept, [{"table": "mine"}])
    assert kept.call("apply", *mine)[0] == 0
    refusal = ["NAME               WHAT     LIVE        DECLARED"]
    refusal += ["bmrs_indo_unified  history  reads mine  does not"]
    said = (
        f"schemas: {kept.path} is in part not as declared, as listed above; a view that would lose "
        "history is left as it is: give --historic FILE again, or --without-history\n"
    )
    assert kept.call("apply") == (1, ["nothing to do", "", *refusal], said)
    assert kept.call("diff") == (1, ["", *refusal], said)
    assert kept.run(COUNT) == [(5,)]
    kept.run("DROP VIEW bmrs_freq_latest")
    code, lines, _ = kept.call("apply")
    assert (code, lines[0]) == (1, "create view bmrs_freq_latest")
    assert kept.call("diff", "--without-history")[1] == [
        "replace view bmrs_indo_unified",
        "replace view bmrs_indo_latest",
    ]
    assert kept.call("apply", "--without-history")[0] == 0
    assert kept.run(COUNT) == [(0,)]
    assert kept.call("apply") == (0, ["nothing to do"], "")


def test_a_view_whose_history_is_gone_is_made_anew(kept: Kept) -> None:
    kept.run(OLD.format("mine"))
    kept.call("apply", *mapping(kept, [{"table": "mine"}]))
    kept.run("DROP TABLE mine")
    assert kept.call("apply")[:2] == (
        0,
        ["replace view bmrs_indo_unified", "replace view bmrs_indo_latest"],
    )


def test_what_needs_a_view_that_is_kept_is_kept_too(kept: Kept) -> None:
    kept.run(OLD.format("mine"))
    kept.call("apply", *mapping(kept, [{"table": "mine"}]))
    kept.run("DROP VIEW bmrs_indo_latest")
    assert kept.call("apply")[1][:2] == [
        "nothing to do",
        "note: left as they are, because they need bmrs_indo_unified: bmrs_indo_latest",
    ]


def test_names_that_are_not_there_are_told(kept: Kept) -> None:
    kept.run(OLD.format("mine"))
    tables: list[dict[str, Any]] = [
        {"table": "mien"},
        {"table": "main.mine"},
        {"table": "mine", "instead": {"settlementDate": "day", "demand": "also not there"}},
    ]
    mine = mapping(kept, tables)
    code, lines, said = kept.call("apply", *mine)
    assert (code, lines[-3:]) == (
        1,
        [
            f"note: {mine[1]}: INDO: there is no table mien",
            f"note: {mine[1]}: INDO: there is no table main.mine; give its name without project "
            "and dataset",
            f"note: {mine[1]}: INDO: mine has no column day to take for settlementDate",
        ],
    )
    assert said == f"schemas: {mine[1]} names what is not there, as noted above: correct it\n"
    assert kept.run(COUNT) == [(5,)], "all else is done"
    assert kept.call("diff", *mine) == (1, lines[-3:], said)


@pytest.mark.parametrize("name", ["bmrs_indo_iris", "bmrs_indo_unified"])
def test_this_projects_own_is_no_history(name: str, kept: Kept) -> None:
    kept.call("apply")
    code, lines, _ = kept.call("apply", *mapping(kept, [{"table": name}]))
    note = f"note: {name}: not in the unified view: it is this project's own: name a table of yours"
    assert (code, lines) == (0, ["nothing to do", note])


def test_a_view_serves_as_history(kept: Kept) -> None:
    kept.run(OLD.format("bmrs_indo_2020"))
    kept.run("CREATE VIEW bmrs_indo AS FROM bmrs_indo_2020")
    assert kept.call("apply")[0] == 0
    assert kept.run(COUNT) == [(5,)]


def test_a_view_that_reads_nothing_any_more_keeps_nothing_else_from_it(kept: Kept) -> None:
    kept.run(OLD.format("bmrs_indo_2020"))
    kept.run("CREATE VIEW bmrs_indo AS FROM bmrs_indo_2020")
    kept.run("DROP TABLE bmrs_indo_2020")
    code, lines, said = kept.call("apply")
    assert code == 1
    [refused] = [line for line in lines if line.startswith("cannot ")]
    assert refused.startswith("cannot create view bmrs_indo_unified: Catalog Error: ")
    assert said == (
        f"schemas: {kept.path} refuses what is told above; left out, because they need it: "
        "bmrs_indo_latest\n"
    )
    assert "create view bmrs_mels_latest" in lines
    kept.run("DROP VIEW bmrs_indo")
    assert kept.call("apply")[:2] == (
        0,
        ["create view bmrs_indo_unified", "create view bmrs_indo_latest"],
    )
