"""The mapping of datasets to the tables that hold their history."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import schemas
from schemas.errors import Problem, SchemaError
from schemas.historic import Historic, HistoricTable, load_historic
from schemas.live import Live, LiveTable
from schemas.model import Column


def written(directory: Path, data: object) -> str:
    path = directory / "mine.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return str(path)


def problems(path: str, registry: schemas.Registry) -> list[Problem]:
    with pytest.raises(SchemaError) as caught:
        load_historic(registry, path)
    return list(caught.value.problems)


def test_the_bundled_file(registry: schemas.Registry) -> None:
    historic = load_historic(registry)
    assert historic.of("FREQ") == (HistoricTable("bmrs_freq"),)
    assert historic.of("mibm_mid") == (HistoricTable("bmrs_mibm_mid"),)
    assert historic.of("REMIT") == (
        HistoricTable("bmrs_remit_unavailability", {"createdTime": "publishTime"}),
        HistoricTable("bmrs_remit"),
    )
    assert historic.of("BOALF") == (
        HistoricTable("bmrs_boalf"),
        HistoricTable("bmrs_boalf_complete", {"settlementPeriodFrom": "settlementPeriod"}),
    )
    assert historic.of("DISEBSP") == (HistoricTable("bmrs_costs"),)
    assert historic.of("EBOCF") == ()


def test_the_bundled_file_serves_a_registry_of_few_datasets(registry: schemas.Registry) -> None:
    few = schemas.Registry([registry["FREQ"]])
    assert load_historic(few).of("FREQ") == (HistoricTable("bmrs_freq"),)


def test_a_file_of_the_users_takes_its_place(tmp_path: Path, registry: schemas.Registry) -> None:
    tables = [{"table": "old_freq", "instead": {"frequency": "hz"}}, {"table": "older"}]
    historic = load_historic(registry, written(tmp_path, {"FREQ": tables, "MID": []}))
    assert historic.of("FREQ") == (
        HistoricTable("old_freq", {"frequency": "hz"}),
        HistoricTable("older"),
    )
    assert historic.of("MID") == ()
    assert historic.of("BOALF") == (HistoricTable("bmrs_boalf"),)


def test_a_dataset_that_is_not_there(tmp_path: Path, registry: schemas.Registry) -> None:
    path = written(tmp_path, {"FRQ": [], "MID": []})
    reason = "there is no such dataset; correct the subject"
    assert problems(path, registry) == [Problem(path, "FRQ", reason)]


def test_a_column_that_is_not_there(tmp_path: Path, registry: schemas.Registry) -> None:
    path = written(tmp_path, {"FREQ": [{"table": "old", "instead": {"hz": "frequency"}}]})
    reason = "FREQ has no column hz; correct the name"
    assert problems(path, registry) == [Problem(path, "FREQ", reason)]


def test_a_table_that_is_named_twice(tmp_path: Path, registry: schemas.Registry) -> None:
    path = written(tmp_path, {"FREQ": [{"table": "old"}, {"table": "OLD"}]})
    assert problems(path, registry) == [Problem(path, "FREQ", "old is there twice; leave one out")]


def test_what_a_file_names_and_is_not_there(tmp_path: Path, registry: schemas.Registry) -> None:
    instead = {"frequency": "hz", "measurementTime": "at"}
    path = written(tmp_path, {"FREQ": [{"table": "old", "instead": instead}, {"table": "d.older"}]})
    live = Live.of([LiveTable("old", (Column("at", "DATETIME"), Column("Frequency", "STRING")))])
    assert list(load_historic(registry, path).unmet(live)) == [
        f"{path}: FREQ: there is no table d.older; give its name without project and dataset"
    ]
    bare = Live.of([LiveTable("old", ()), LiveTable("d.older", ())])
    assert list(load_historic(registry, path).unmet(bare)) == [
        f"{path}: FREQ: old has no column hz to take for frequency",
        f"{path}: FREQ: old has no column at to take for measurementTime",
    ]
    assert list(load_historic(registry).unmet(live)) == [], "the bundled file names what may be"


@pytest.mark.parametrize(
    "tables",
    [
        None,
        5,
        "bmrs_freq",
        ["bmrs_freq"],
        {"table": "bmrs_freq"},
        [{}],
        [{"table": 5}],
        [{"table": "a", "insted": {}}],
        [{"table": "a", "instead": "ab"}],
        [{"table": "a", "instead": ["ab"]}],
        [{"table": "a", "instead": {"frequency": 5}}],
    ],
)
def test_what_is_no_list_of_tables(
    tables: object, tmp_path: Path, registry: schemas.Registry
) -> None:
    path = written(tmp_path, {"FREQ": tables, "MID": [{}]})
    reason = 'expected a list of {"table": NAME, "instead": {COLUMN: COLUMN}}'
    assert problems(path, registry) == [
        Problem(path, "FREQ", reason),
        Problem(path, "MID", reason),
    ]


def test_what_is_no_file_or_no_json_object(tmp_path: Path, registry: schemas.Registry) -> None:
    [problem] = problems(str(tmp_path / "none.json"), registry)
    assert problem.reason.startswith("cannot be read: ")
    [problem] = problems(written(tmp_path, "{"), registry)
    assert problem.reason.startswith("cannot be read: ")
    path = written(tmp_path, [])
    assert problems(path, registry) == [Problem(path, "", "no JSON object; give tables by subject")]


def test_a_dataset_that_nobody_named_has_the_usual_table() -> None:
    assert Historic({}).of("BOD") == (HistoricTable("bmrs_bod"),)
