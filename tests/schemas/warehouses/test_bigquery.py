"""The commands that keep a dataset of BigQuery, with Google's client, before a local catalog."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from google.cloud import bigquery

from schemas.cli import main
from schemas.views import facts
from schemas.warehouses import bigquery_errors
from schemas.warehouses.bigquery import BigQuery
from tests.schemas.warehouses.bigquery_catalog import BigQueryCatalog, Refused

Call = Callable[..., tuple[int, list[str], str]]

DAY = 24 * 60 * 60 * 1000


def test_everything_is_made_once_as_the_dry_run_says(catalog: BigQueryCatalog, call: Call) -> None:
    code, foreseen, _ = call("apply", "--location", "EU", "--dry-run")
    assert (code, foreseen[0]) == (0, "would create dataset project-1.iris in EU")
    assert not catalog.datasets
    code, lines, _ = call("apply", "--location", "EU")
    assert (code, [f"would {line}" for line in lines]) == (0, foreseen)
    assert catalog.datasets["iris"]["location"] == "EU"
    assert call("apply") == (0, ["nothing to do"], "")
    assert call("diff") == (0, [], "")


def test_a_view_carries_its_mark_and_its_meaning(catalog: BigQueryCatalog, call: Call) -> None:
    assert call("apply")[0] == 0
    for made in (
        catalog.tables["iris.bmrs_freq_unified"],
        catalog.routines["iris.settlement_start"],
    ):
        text, _, mark = made["description"].partition(" (made by python -m schemas apply: ")
        assert text
        assert len(mark) == len("5f2a81c0)")


def test_another_description_of_a_column_makes_a_view_anew(
    catalog: BigQueryCatalog, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("apply")[0] == 0
    other = replace(facts.DATA_SOURCE, description="Something else.")
    monkeypatch.setattr(facts, "DATA_SOURCE", other)
    code, lines, _ = call("apply")
    assert code == 0
    assert "replace view bmrs_freq_unified" in lines
    made = [one for one in catalog.statements if "Something else." in one]
    assert any("VIEW `project-1.iris.bmrs_freq_unified`" in one for one in made)


def test_what_is_of_somebody_else_is_left_alone_and_the_rest_is_made(
    catalog: BigQueryCatalog, call: Call
) -> None:
    catalog.put_dataset("iris")
    theirs = {"type": "VIEW", "view": {"query": "SELECT 1 AS mine"}, "description": "Mine."}
    catalog.put_table("iris", "bmrs_freq_unified", "mine INTEGER", **theirs)
    catalog.put_table("iris", "bmrs_indo_iris", "mine INTEGER", **theirs)
    catalog.put_table("iris", "bmrs_fuelinst_latest")
    catalog.routines["iris.settlement_start"] = {
        "routineReference": {
            "projectId": "p",
            "datasetId": "iris",
            "routineId": "settlement_start",
        },
        "routineType": "PROCEDURE",
    }
    before = dict(catalog.tables), dict(catalog.routines)
    code, foreseen, _ = call("apply", "--dry-run")
    assert code == 1
    code, lines, said = call("apply")
    assert code == 1
    assert [line.removeprefix("would ") for line in foreseen] == lines
    table = lines[lines.index("") + 1 :]
    assert table == [
        "NAME                  WHAT   LIVE                 DECLARED",
        "bmrs_indo_iris        kind   view                 table",
        "settlement_start      maker  another (procedure)  apply",
        "bmrs_freq_unified     maker  another (view)       apply",
        "bmrs_fuelinst_latest  kind   table                view",
    ]
    assert said == (
        "schemas: project-1.iris is in part not as declared, as listed above; what apply did not "
        "make is left alone, and what needs its name is left out: give it another name and run "
        "apply again\n"
    )
    assert "create view bmrs_fuelinst_unified" in lines
    assert "create view bmrs_freq_latest" not in lines
    notes = [line for line in lines if line.startswith("note: ")]
    assert any(
        line.startswith(
            "note: left as they are, because they need bmrs_indo_iris: "
            "bmrs_indo_unified, bmrs_indo_latest"
        )
        for line in notes
    )
    for held, old in zip((catalog.tables, catalog.routines), before, strict=True):
        assert {key: held[key] for key in old} == old
    assert call("apply")[1][0] == "nothing to do"


def test_names_are_compared_as_the_dataset_has_it(catalog: BigQueryCatalog, call: Call) -> None:
    catalog.put_dataset("iris")
    catalog.put_table("iris", "BMRS_FREQ_IRIS")
    assert call("apply")[0] == 0
    assert catalog.names("iris", "freq_iris") == ["bmrs_freq_iris"]
    catalog.datasets["iris"]["isCaseInsensitive"] = True
    del catalog.tables["iris.bmrs_freq_iris"]
    code, lines, _ = call("diff")
    assert code == 1
    assert lines[-1] == "bmrs_freq_iris  partition  none  day of measurementTime"


def test_other_partitions_are_told_as_what_they_are(catalog: BigQueryCatalog, call: Call) -> None:
    catalog.put_dataset("iris")
    month = {"timePartitioning": {"type": "MONTH", "field": "measurementTime"}}
    catalog.put_table("iris", "bmrs_freq_iris", "measurementTime DATETIME", **month)
    catalog.put_table("iris", "bmrs_indo_iris", "demand INTEGER", timePartitioning={"type": "DAY"})
    code, lines, _ = call("diff")
    assert code == 1
    assert lines[-2:] == [
        "bmrs_freq_iris  partition  month of measurementTime  day of measurementTime",
        "bmrs_indo_iris  partition  day of ingestion          day of settlementDate",
    ]


def test_columns_that_refuse_null_are_listed(catalog: BigQueryCatalog, call: Call) -> None:
    catalog.put_dataset("iris")
    columns = "theirs STRING REQUIRED, measurementTime DATETIME REQUIRED"
    day = {"timePartitioning": {"type": "DAY", "field": "measurementTime"}}
    catalog.put_table("iris", "bmrs_freq_iris", columns, **day)
    code, lines, said = call("apply")
    assert code == 1
    assert lines[-2:] == [
        "bmrs_freq_iris  theirs           NOT NULL  no such column, or may be NULL",
        "bmrs_freq_iris  measurementTime  NOT NULL  may be NULL",
    ]
    assert "DROP NOT NULL" in said


def test_another_location_is_told(catalog: BigQueryCatalog, call: Call) -> None:
    catalog.put_dataset("iris")
    assert call("apply")[0] == 0
    note = "note: project-1.iris is in EU, where it stays: --location US says nothing"
    assert call("apply", "--location", "US") == (0, ["nothing to do", note], "")
    assert call("apply", "--location", "eu") == (0, ["nothing to do"], "")


@pytest.mark.parametrize(
    "defaults",
    [
        {},
        {"defaultTableExpirationMs": str(60 * DAY)},
        {"defaultTableExpirationMs": str(60 * DAY), "defaultPartitionExpirationMs": str(9 * DAY)},
    ],
)
def test_nothing_expires_that_nobody_asked_for(
    defaults: dict[str, str], catalog: BigQueryCatalog, call: Call
) -> None:
    catalog.put_dataset("iris", **defaults)
    assert call("apply")[0] == 0
    for name, one in catalog.tables.items():
        assert "expirationTime" not in one, name
        assert not one.get("timePartitioning", {}).get("expirationMs"), name
    assert call("apply") == (0, ["nothing to do"], "")


def test_partitions_expire_on_request_and_never_of_a_table_that_is_there(
    catalog: BigQueryCatalog, call: Call
) -> None:
    catalog.put_dataset("iris", defaultPartitionExpirationMs=str(9 * DAY))
    assert call("apply")[0] == 0
    del catalog.tables["iris.bmrs_freq_iris"]
    code, lines, _ = call("apply", "--expire-partitions-after", "60")
    assert code == 0
    made = "create table bmrs_freq_iris (9 columns; a day's rows are deleted after 60 days)"
    assert made in lines

    def kept(name: str) -> Any:
        return catalog.tables[f"iris.{name}"]["timePartitioning"].get("expirationMs")

    assert kept("bmrs_freq_iris") == str(60 * DAY)
    assert not kept("bmrs_indo_iris")
    note = (
        "note: bmrs_freq_iris: a day's rows are deleted after 60 days; that stays so until you "
        "change it"
    )
    assert call("apply") == (0, ["nothing to do", note], "")
    assert call("apply", "--expire-partitions-after", "60") == (0, ["nothing to do"], "")


@pytest.mark.parametrize("kind", ["TABLE", "VIEW"])
def test_a_name_that_is_taken_meanwhile(kind: str, catalog: BigQueryCatalog, call: Call) -> None:
    catalog.put_dataset("iris")

    def fault(method: str, path: str) -> None:
        if method == "POST" and path.partition("?")[0].endswith("/tables"):
            catalog.put_table("iris", "bmrs_freq_iris", type=kind)

    catalog.fault = fault
    code, lines, said = call("apply")
    if kind == "TABLE":
        assert code == 0
    else:
        assert (code, lines) == (1, [])
        assert said.endswith(": Already Exists: iris.bmrs_freq_iris\n")


def test_a_historic_table_never_leaves_a_view_in_silence(
    catalog: BigQueryCatalog, call: Call, tmp_path: Any
) -> None:
    catalog.put_dataset("iris")
    catalog.put_table(
        "iris", "my-outages", "publishTime DATETIME, startTime DATETIME, demand INTEGER"
    )
    file = tmp_path / "historic.json"
    file.write_text('{"INDO": [{"table": "my-outages"}]}')
    assert call("apply", "--historic", str(file))[0] == 0
    query = catalog.tables["iris.bmrs_indo_unified"]["view"]["query"]
    assert "FROM `project-1.iris.my-outages`" in query
    code, lines, said = call("apply")
    assert (code, lines[-1]) == (1, "bmrs_indo_unified  history  reads my-outages  does not")
    assert "give --historic FILE again, or --without-history" in said
    assert catalog.tables["iris.bmrs_indo_unified"]["view"]["query"] == query
    assert call("apply", "--historic", str(file)) == (0, ["nothing to do"], "")
    assert call("apply", "--without-history")[0] == 0
    assert "my-outages" not in catalog.tables["iris.bmrs_indo_unified"]["view"]["query"]


@pytest.mark.parametrize("kind", ["VIEW", "MATERIALIZED_VIEW", "EXTERNAL", "SNAPSHOT"])
def test_history_may_be_a_view_or_something_else_that_can_be_read(
    kind: str, catalog: BigQueryCatalog, call: Call
) -> None:
    catalog.put_dataset("iris")
    columns = "measurementTime DATETIME, frequency FLOAT"
    catalog.put_table("iris", "bmrs_freq", columns, type=kind)
    assert call("apply")[0] == 0
    query = catalog.tables["iris.bmrs_freq_unified"]["view"]["query"]
    assert "FROM `project-1.iris.bmrs_freq`" in query


@pytest.mark.parametrize(("reason", "roles"), [("accessDenied", True), ("quotaExceeded", False)])
def test_a_403_asks_for_roles_where_these_would_help(
    reason: str, roles: bool, catalog: BigQueryCatalog, call: Call
) -> None:
    def fault(method: str, path: str) -> None:
        raise Refused(403, reason, "No.")

    catalog.fault = fault
    code, _, said = call("diff")
    assert code == 1
    assert "No." in said
    assert ("roles/bigquery.dataEditor" in said) is roles


def test_a_server_that_cannot_be_reached_is_told(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", "http://127.0.0.1:9")
    soon = bigquery.DEFAULT_RETRY.with_timeout(0.2)
    monkeypatch.setitem(bigquery_errors.PATIENCE, "retry", soon)
    code, lines, said = call("diff")
    assert (code, lines) == (1, [])
    assert said.startswith("schemas: BigQuery does not answer, tried for up to 60 seconds: ")
    assert "Traceback" not in said


def test_columns_are_added_and_nothing_else_of_a_field_changes(catalog: BigQueryCatalog) -> None:
    catalog.put_dataset("iris")
    day = {"timePartitioning": {"type": "DAY", "field": "measurementTime"}}
    catalog.put_table("iris", "bmrs_freq_iris", "theirs NUMERIC, measurementTime DATETIME", **day)
    assert main(["apply", "--warehouse", "bigquery:project-1.iris"]) == 0
    fields = catalog.tables["iris.bmrs_freq_iris"]["schema"]["fields"]
    assert [one["name"] for one in fields[:4]] == [
        *("theirs", "measurementTime", "dataset", "frequency"),
    ]
    assert fields[0]["type"] == "NUMERIC"
    warehouse = BigQuery("project-1.iris")
    assert warehouse.look().tables["bmrs_freq_iris"].columns[0].type == "NUMERIC"
