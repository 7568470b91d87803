"""Tables in BigQuery under this project's names: renamed, and given their names back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.schemas.warehouses.bigquery_catalog import BigQueryCatalog, Refused

Call = Callable[..., tuple[int, list[str], str]]

DAY = 24 * 60 * 60 * 1000
#: A table of the system before.
OLD = "publishTime TIMESTAMP, startTime TIMESTAMP, fuelType STRING, generation FLOAT"


def test_an_old_table_is_renamed_and_gets_its_name_back(
    catalog: BigQueryCatalog, call: Call
) -> None:
    catalog.put_dataset("iris")
    catalog.put_table("iris", "bmrs_fuelinst_iris", OLD, etag="old", numRows="7")
    steps = [
        "rename bmrs_fuelinst_iris to bmrs_fuelinst_iris_adopted",
        "create table bmrs_fuelinst_iris (13 columns)",
    ]
    assert call("adopt", "--dry-run")[1][:2] == [f"would {step}" for step in steps]
    assert call("adopt")[1][:2] == steps
    assert catalog.statements == [
        "ALTER TABLE `project-1.iris.bmrs_fuelinst_iris` RENAME TO `bmrs_fuelinst_iris_adopted`"
    ]
    assert call("adopt") == (0, ["nothing to do"], "")
    assert catalog.tables["iris.bmrs_fuelinst_iris_adopted"]["numRows"] == "7"
    code, lines, _ = call("adopt", "--undo")
    assert (code, lines[:2]) == (
        0,
        [
            "rename bmrs_fuelinst_iris to bmrs_fuelinst_iris_after_adoption",
            "rename bmrs_fuelinst_iris_adopted to bmrs_fuelinst_iris",
        ],
    )
    old = catalog.tables["iris.bmrs_fuelinst_iris"]
    assert (old["etag"], old["numRows"]) == ("old", "7")


@pytest.mark.parametrize("undo", [(), ("--undo",)], ids=["adopt", "undo"])
@pytest.mark.parametrize("broken", range(1, 12))
def test_an_interrupted_run_is_finished_by_the_next(
    undo: tuple[str, ...], broken: int, catalog: BigQueryCatalog, call: Call
) -> None:
    """The connection breaks at any of its calls."""
    catalog.put_dataset("iris")
    catalog.put_table("iris", "bmrs_fuelinst_iris", OLD, numRows="7")
    if undo:
        assert call("adopt")[0] == 0
        catalog.tables["iris.bmrs_fuelinst_iris"]["numRows"] = "3"
    number = 0

    def fault(method: str, path: str) -> None:
        nonlocal number
        number += 1
        if number == broken:
            raise Refused(400, "invalid", "broken")

    catalog.fault = fault
    code, _, _ = call("adopt", *undo)
    assert code == (number >= broken)
    assert number < 11, "every call was broken once"
    catalog.fault = lambda method, path: None
    assert call("adopt", *undo)[0] == 0
    found = {
        name: catalog.tables[f"iris.{name}"].get("numRows")
        for name in catalog.names("iris", "fuelinst_iris")
    }
    assert found == (
        {"bmrs_fuelinst_iris": "7", "bmrs_fuelinst_iris_after_adoption": "3"}
        if undo
        else {"bmrs_fuelinst_iris": None, "bmrs_fuelinst_iris_adopted": "7"}
    )


def test_what_cannot_be_renamed_keeps_nothing_else_from_it(
    catalog: BigQueryCatalog, call: Call
) -> None:
    catalog.put_dataset("iris")
    catalog.put_table("iris", "bmrs_fuelinst_iris", OLD, streamingBuffer={"estimatedRows": "1"})
    catalog.put_table("iris", "bmrs_indo_iris", "demand FLOAT")
    why = (
        "bmrs_fuelinst_iris stays as it is: rows are being streamed into it, and BigQuery does not "
        "rename it so: stop whoever writes to it, and try again some 5 hours after the last row, "
        "or later"
    )
    renamed = "rename bmrs_indo_iris to bmrs_indo_iris_adopted"
    code, lines, _ = call("adopt", "--dry-run")
    assert (code, lines[:2]) == (1, [why, f"would {renamed}"])
    code, lines, said = call("adopt")
    assert (code, lines[:2]) == (1, [why, renamed])
    assert said == ("schemas: of project-1.iris, 1 could not be renamed, as told above\n")
    assert catalog.names("iris", "fuelinst_iris") == ["bmrs_fuelinst_iris"]


@pytest.mark.parametrize("name", ["defaultTableExpirationMs", "defaultPartitionExpirationMs"])
def test_no_table_is_renamed_that_bigquery_might_delete_for_its_age(
    name: str, catalog: BigQueryCatalog, call: Call
) -> None:
    catalog.put_dataset("iris", **{name: str(60 * DAY)})
    catalog.put_table("iris", "bmrs_fuelinst_iris", OLD)
    before = dict(catalog.tables)
    code, lines, _ = call("adopt")
    assert code == 1
    assert "ALTER SCHEMA `project-1.iris` SET OPTIONS" in lines[0]
    assert catalog.tables == before


def test_a_dataset_that_is_not_there_has_nothing_to_adopt(call: Call) -> None:
    assert call("adopt") == (
        2,
        [],
        "schemas: --warehouse: there is no project-1.iris; correct the name\n",
    )
