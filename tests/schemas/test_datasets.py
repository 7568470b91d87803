"""The bundled files: facts that must not drift, and a form that people can read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import schemas
from schemas import Column, Dataset, Partition, Version

FOLDER = Path(schemas.__file__).parent / "datasets"
SUBJECTS = sorted(path.stem for path in FOLDER.glob("*.json"))
METASCHEMA = json.loads((FOLDER.parent / "dataset.schema.json").read_text("utf-8"))

#: BigQuery's limit for the description of a table.
MAX_TABLE_DESCRIPTION = 16_384


def walk(columns: Iterable[Column], path: str = "") -> Iterator[tuple[str, Column]]:
    for column in columns:
        yield path + column.name, column
        yield from walk(column.columns, f"{path}{column.name}.")


def test_there_are_93_datasets(registry: schemas.Registry) -> None:
    assert len(SUBJECTS) == 93
    assert list(registry) == SUBJECTS


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_file_is_written_for_readers(subject: str) -> None:
    text = (FOLDER / f"{subject}.json").read_text("utf-8")
    data: dict[str, Any] = json.loads(text)
    assert text.isascii()
    assert text.endswith("}\n")
    in_order = [key for key in METASCHEMA["properties"] if key in data or key != "declarations"]
    assert list(data) == in_order
    lines = {line.strip().removesuffix(",") for line in text.splitlines()}
    plain = [column for column in data["columns"] if "columns" not in column]
    nested = [field for column in data["columns"] for field in column.get("columns", ())]
    assert [column for column in plain + nested if json.dumps(column) not in lines] == []


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_dataset_is_whole(subject: str, registry: schemas.Registry) -> None:
    dataset = registry[subject]
    described = [column.description.strip() for _, column in walk(dataset.columns)]
    assert all(text.endswith(".") and len(text) > 5 for text in described)
    # What identifies a version identifies the fact too.
    assert set(dataset.entity_key) <= set(dataset.natural_key)
    assert set(dataset.natural_key) <= {column.name for column in dataset.columns}
    assert dataset.partition.column not in dataset.cluster
    assert len(schemas.table_for(dataset).description) <= MAX_TABLE_DESCRIPTION


@pytest.mark.parametrize(
    "name", ["dataset", "settlementDate", "settlementPeriod", "nationalGridBmUnit", "publishTime"]
)
def test_a_shared_column_has_one_type(name: str, registry: schemas.Registry) -> None:
    types = {c.type for d in registry.values() for c in d.columns if c.name == name}
    assert len(types) == 1


def test_every_date_time_is_a_datetime(registry: schemas.Registry) -> None:
    types = Counter(c.type for d in registry.values() for _, c in walk(d.columns))
    assert set(types) == {"STRING", "INT64", "FLOAT64", "BOOL", "DATE", "DATETIME", "STRUCT"}


def test_cadences(registry: schemas.Registry) -> None:
    half_hourly = (
        "BOD FUELHH IMBALNGC INDDEM INDGEN INDO ITSDO MELNGC MELS MID MILS NDF PN QPN TSDF"
    )
    expected = dict.fromkeys(half_hourly.split(), 1800) | {
        "FREQ": 120,
        "FUELINST": 300,
        "INDOD": 86400,
        "NDFW": 604800,
        "TEMP": 86400,
        "TSDFW": 604800,
        "UOU2T14D": 3600,
    }
    known = {s: d.cadence_seconds for s, d in registry.items() if d.cadence_seconds is not None}
    assert known == expected


def test_partitions_beside_the_rule(registry: schemas.Registry) -> None:
    def rule(dataset: Dataset) -> str | None:
        names = {column.name for column in dataset.columns}
        return "settlementDate" if "settlementDate" in names else dataset.reference_time

    others = {s: d.partition.column for s, d in registry.items() if d.partition.column != rule(d)}
    reasons = [s for s, d in registry.items() if d.partition.reason]
    assert others == {"MDB": "timeFrom", "MDO": "timeFrom", "RZDR": "submissionDateTime"}
    assert reasons == ["MDB", "MDO", "RZDR"]


def test_settlement_runs_have_ranks(registry: schemas.Registry) -> None:
    ranked = {
        s: d.version_order for s, d in registry.items() if any(v.ranks for v in d.version_order)
    }
    runs = Version("settlementRunType", ("II", "SF", "R1", "R2", "R3", "RF", "DF"))
    assert ranked == {"B1610": (runs,), "TUDM": (runs, Version("serialNumber"))}


def test_how_sure_we_are(registry: schemas.Registry) -> None:
    sure = [dataset.confidence for dataset in registry.values()]
    assert Counter(c.columns for c in sure) == {"confirmed": 36, "spec": 52, "assumed": 5}
    assert Counter(c.iris for c in sure) == {"documented": 78, "unknown": 15}
    measured = [s for s, d in registry.items() if d.confidence.natural_key == "measured"]
    documented = [s for s, d in registry.items() if d.confidence.version_order == "documented"]
    assert (measured, documented) == (["BOALF", "REMIT"], ["MELS", "MILS"])


def test_columns_that_are_less_sure_than_their_dataset(registry: schemas.Registry) -> None:
    doubtful = {
        (subject, path): column.confidence
        for subject, dataset in registry.items()
        for path, column in walk(dataset.columns)
        if column.confidence != dataset.confidence.columns
    }
    assert doubtful == {("SMSG", "createdDateTime"): "assumed"}


def test_a_large_dataset_as_a_whole(registry: schemas.Registry) -> None:
    boalf = registry["BOALF"]
    assert [(column.name, column.type) for column in boalf.columns] == [
        ("dataset", "STRING"),
        ("settlementDate", "DATE"),
        ("settlementPeriodFrom", "INT64"),
        ("settlementPeriodTo", "INT64"),
        ("timeFrom", "DATETIME"),
        ("timeTo", "DATETIME"),
        ("levelFrom", "INT64"),
        ("levelTo", "INT64"),
        ("acceptanceNumber", "INT64"),
        ("acceptanceTime", "DATETIME"),
        ("deemedBoFlag", "BOOL"),
        ("soFlag", "BOOL"),
        ("amendmentFlag", "STRING"),
        ("storFlag", "BOOL"),
        ("rrFlag", "BOOL"),
        ("nationalGridBmUnit", "STRING"),
        ("bmUnit", "STRING"),
    ]
    assert (
        boalf.natural_key,
        boalf.entity_key,
        boalf.version_order,
        boalf.reference_time,
        boalf.partition,
        boalf.cluster,
    ) == (
        ("nationalGridBmUnit", "acceptanceNumber", "acceptanceTime", "timeFrom"),
        ("nationalGridBmUnit", "acceptanceNumber", "timeFrom"),
        (Version("acceptanceTime"), Version("_enqueued_utc")),
        "acceptanceTime",
        Partition("settlementDate", follows=("timeFrom",)),
        ("nationalGridBmUnit", "bmUnit", "acceptanceNumber"),
    )
