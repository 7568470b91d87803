"""Reading schema files: values, overrides, and what a wrong file is told."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import schemas
from schemas import Column, Confidence, Dataset, Partition, Problem, SchemaError, Version
from schemas.model import SCALAR_TYPES
from schemas.parse import parse

Data = dict[str, Any]
Write = Callable[..., str]

TIDE = Dataset(
    subject="TIDE",
    title="Tidal generation",
    columns=(
        Column("at", "DATETIME", description="Time, UTC.", confidence="spec"),
        Column("unit", "STRING", description="Unit.", confidence="assumed"),
        Column("level", "FLOAT64", description="Level, m.", confidence="spec"),
        Column(
            "gates",
            "STRUCT",
            repeated=True,
            description="Gates.",
            columns=(Column("open", "BOOL", description="Whether open.", confidence="confirmed"),),
            confidence="confirmed",
        ),
    ),
    natural_key=("at", "unit"),
    entity_key=("unit",),
    version_order=(Version("at"), Version("unit", ("A", "B")), Version("_enqueued_utc")),
    reference_time="at",
    partition=Partition("at"),
    cluster=("unit",),
    cadence_seconds=60,
    cadence_source="Made up.",
    confidence=Confidence("spec", "unknown", "inferred", "documented", "Made up."),
    aliases=("TIDAL",),
    notes=("Not real.",),
)


def problems_of(data: Data, subject: str = "TIDE") -> list[str]:
    """What a file with this content is told."""
    file = f"dir/{subject}.json"
    with pytest.raises(SchemaError) as caught:
        schemas.load("dir", bundled=False, read_dir=lambda _: [(file, json.dumps(data))])
    return [str(problem) for problem in caught.value.problems]


def test_a_file_becomes_a_dataset(small: Data, write: Write) -> None:
    assert dict(schemas.load(write(small), bundled=False)) == {"TIDE": TIDE}


def test_what_may_be_left_out(small: Data, write: Write) -> None:
    for key in ("$schema", "aliases", "notes"):
        del small[key]
    small["cadence_seconds"] = None
    dataset = schemas.load(write(small), bundled=False)["TIDE"]
    assert (dataset.aliases, dataset.notes, dataset.cadence_seconds) == ((), (), None)


def test_a_whole_number_may_be_written_as_a_decimal(small: Data, write: Write) -> None:
    small["cadence_seconds"] = 60.0
    cadence = schemas.load(write(small), bundled=False)["TIDE"].cadence_seconds
    assert (cadence, type(cadence)) == (60, int)


def test_later_directories_add_and_replace(
    small: Data, write: Write, registry: schemas.Registry
) -> None:
    first = write(small, "first")
    small["title"] = "Second"
    second = write(small, "second")
    small |= {"subject": "FREQ", "title": "Mine"}
    small["aliases"] = []
    write(small, "second")

    loaded = schemas.load(first, second)

    assert loaded["TIDE"].title == "Second"
    assert loaded["FREQ"].title == "Mine"
    assert set(loaded) == set(registry) | {"TIDE"}
    assert all(loaded[s] == registry[s] for s in registry if s != "FREQ")
    assert schemas.load(second, first)["TIDE"] == TIDE


def test_an_injected_reader_reads_the_directories(small: Data) -> None:
    seen: list[str] = []

    def read_dir(directory: str) -> list[tuple[str, str]]:
        seen.append(directory)
        return [(f"{directory}/TIDE.json", json.dumps(small))]

    loaded = schemas.load("gs://bucket/schemas", bundled=False, read_dir=read_dir)
    assert (seen, dict(loaded)) == (["gs://bucket/schemas"], {"TIDE": TIDE})


def test_only_json_files_of_the_directory_itself_count(small: Data, write: Write) -> None:
    folder = Path(write(small))
    (folder / "README.md").write_text("no schema")
    (folder / "old").mkdir()
    (folder / "old" / "BAD.json").write_text("{")
    assert list(schemas.load(str(folder), bundled=False)) == ["TIDE"]


def test_a_missing_directory(tmp_path: Path) -> None:
    with pytest.raises(SchemaError) as caught:
        schemas.load(str(tmp_path / "none"))
    assert str(caught.value) == f"{tmp_path}/none: no such directory; correct the path"


def test_an_empty_directory(tmp_path: Path) -> None:
    with pytest.raises(SchemaError) as caught:
        schemas.load(str(tmp_path))
    assert str(caught.value) == (
        f"{tmp_path}: no *.json file here; name a directory of schema files"
    )


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "TIDE.json").write_bytes(b'{"title": "\xe9"}')
    with pytest.raises(SchemaError) as caught:
        schemas.load(str(tmp_path))
    assert str(caught.value) == f"{tmp_path}/TIDE.json: not UTF-8 at byte 11; save it as UTF-8"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"subject": "TIDE",\n "title": "x"\n "aliases": []}',
            "line 3, column 2: not valid JSON: Expecting ',' delimiter; correct it there",
        ),
        ("", "line 1, column 1: not valid JSON: Expecting value; correct it there"),
        ("[" * 100_000, "nested too deeply; remove levels"),
    ],
    ids=["comma", "empty", "deep"],
)
def test_broken_json(text: str, message: str) -> None:
    dataset, problems = parse("TIDE.json", text)
    assert (dataset, [str(p) for p in problems]) == (None, [f"TIDE.json: {message}"])


def test_an_integer_of_thousands_of_digits_is_a_problem() -> None:
    dataset, problems = parse("TIDE.json", "9" * 5000)
    assert dataset is None
    assert [p.reason.split(":")[0] for p in problems] == ["not usable JSON"]


def test_a_key_that_is_there_twice(small: Data) -> None:
    text = json.dumps(small, indent=1).replace('"title":', '"cluster": [],\n "title":')
    dataset, problems = parse("TIDE.json", text)
    line = text[: text.rindex('"cluster"')].count("\n") + 1
    assert (dataset, problems) == (
        None,
        [
            Problem(
                "TIDE.json",
                f"line {line}",
                "the key 'cluster' is there twice; remove one of them",
            )
        ],
    )


AT = {"name": "at", "type": "DATETIME", "description": "Time, UTC."}
UNIT = {"name": "unit", "type": "STRING", "description": "Unit."}
RESERVED = (
    "IRIS's own spelling: a letter or underscore, then letters, digits and underscores, at most "
    "300, and none of BigQuery's reserved prefixes (_TABLE_, _FILE_, _PARTITION, _ROW_TIMESTAMP, "
    "__ROOT__, _COLIDENTIFIER)"
)


def with_column(**column: object) -> Data:
    return {"columns": [AT, UNIT, {"description": "Text.", "type": "STRING", **column}]}


BAD: list[tuple[Data, list[str]]] = [
    ({"subject": "EBB"}, ["subject: 'EBB' is not the file's name; rename one of them"]),
    (
        {"subject": "A B"},
        [
            'subject: "A B" does not fit; expected the subject of the dataset\'s Service Bus '
            "messages, case kept: letters, digits and underscores"
        ],
    ),
    (
        {"titel": "x", "tags": []},
        [
            "has unknown keys: titel, tags; known are $schema, subject, title, aliases, "
            "confidence, reference_time, partition, declarations, cluster, natural_key, "
            "entity_key, version_order, cadence_seconds, cadence_source, columns, notes"
        ],
    ),
    (
        {"confidence": {"columns": "spec", "iris": "unknown"}},
        ["confidence: lacks natural_key, version_order, evidence; add what is missing"],
    ),
    (
        {"title": ["x" * 100]},
        [
            f'title: ["{"x" * 55}... does not fit; expected what the dataset is: a line of '
            "text, not empty"
        ],
    ),
    (
        {"title": "two\nlines"},
        [
            r'title: "two\nlines" does not fit; expected what the dataset is: a line of text, '
            "not empty"
        ],
    ),
    (
        {"cadence_seconds": 0},
        [
            "cadence_seconds: 0 does not fit; expected seconds between messages as they usually "
            "are: a whole number from 1, or null when it is not known or not regular"
        ],
    ),
    (
        {"cluster": ["a", "b", "c", "d", "e"]},
        [
            'cluster: ["a", "b", "c", "d", "e"] does not fit; expected the columns that people '
            "filter by, the most used first: an array of at most four different names"
        ],
    ),
    (
        {"cluster": ["level", "depth", "gates"]},
        [
            "cluster[0]: column 'level' is FLOAT64; name one that is BOOL, DATE, DATETIME, "
            "INT64, STRING, TIMESTAMP",
            "cluster[1]: there is no column 'depth'; use the name of one of its columns",
            "cluster[2]: column 'gates' is an array of STRUCT; name one that is BOOL, DATE, "
            "DATETIME, INT64, STRING, TIMESTAMP",
        ],
    ),
    (
        {"natural_key": ["At"], "entity_key": ["level"]},
        [
            "natural_key[0]: there is no column 'At'; use the name of one of its columns",
            "entity_key[0]: column 'level' is FLOAT64; name one that is BOOL, DATE, DATETIME, "
            "INT64, STRING, TIMESTAMP",
        ],
    ),
    (
        {"reference_time": "unit", "partition": {"column": "unit", "reason": ""}},
        [
            "reference_time: column 'unit' is STRING; name one that is DATE, DATETIME, TIMESTAMP",
            "partition.column: column 'unit' is STRING; name one that is DATE, DATETIME, TIMESTAMP",
        ],
    ),
    (
        {"partition": {"column": "at", "reason": "", "follows": ["level", "when"]}},
        [
            "partition.follows[0]: column 'level' is FLOAT64; name one that is BOOL, DATE, "
            "DATETIME, INT64, STRING, TIMESTAMP",
            "partition.follows[1]: there is no column 'when'; use the name of one of its columns",
        ],
    ),
    (
        {"declarations": True},
        [
            "declarations: it has no column bmUnit, levelFrom, levelTo, nationalGridBmUnit, "
            "notificationSequence, notificationTime, settlementDate, timeFrom, timeTo; add it, or "
            "remove this"
        ],
    ),
    (
        {"reference_time": None},
        ["partition.reason: empty, but no column is the usual one; write why it is at"],
    ),
    (
        {
            "columns": [AT, UNIT, {**AT, "name": "settlementDate", "type": "DATE"}],
            "version_order": ["at"],
        },
        ["partition.reason: empty, but the usual one is settlementDate; write why it is at"],
    ),
    (
        {"version_order": [{"column": "at", "ranks": ["A", "B"]}, "when", {"column": "unit"}]},
        ["version_order[2]: lacks ranks; add what is missing"],
    ),
    (
        {"version_order": [{"column": "at", "ranks": ["A", "B"]}, "when", "gates"]},
        [
            "version_order[0].column: column 'at' is DATETIME; name one that is STRING",
            "version_order[1]: there is no column 'when'; use the name of one of its columns",
            "version_order[2]: column 'gates' is an array of STRUCT; name one that is BOOL, "
            "DATE, DATETIME, FLOAT64, INT64, STRING, TIMESTAMP",
        ],
    ),
    (
        with_column(name="v", type="NUMERIC"),
        [
            'columns[2].type: "NUMERIC" does not fit; expected BigQuery\'s word for the type: '
            "STRING, INT64, FLOAT64, BOOL, DATETIME (UTC, for every date-time), TIMESTAMP (only "
            "with a reason), DATE or STRUCT"
        ],
    ),
    (
        with_column(name="v", description=""),
        [
            'columns[2].description: "" does not fit; expected meaning and unit: a string, not '
            "empty, at most 1024 characters"
        ],
    ),
    (
        with_column(name="9lives"),
        [f'columns[2].name: "9lives" does not fit; expected {RESERVED}'],
    ),
    (
        with_column(name="v\n"),
        [rf'columns[2].name: "v\n" does not fit; expected {RESERVED}'],
    ),
    (
        with_column(name="_Partition_day"),
        [f'columns[2].name: "_Partition_day" does not fit; expected {RESERVED}'],
    ),
    (
        with_column(name="_extra"),
        [
            'columns[2].name: "_extra" does not fit; expected another name: the pipeline adds '
            "source, ingested_utc, _message_id, _record_index, _enqueued_utc and _extra to every "
            "table"
        ],
    ),
    (
        with_column(name="AT"),
        [
            "columns[2].name: 'AT' is the name of columns[0] too (case does not count); remove "
            "one of them"
        ],
    ),
    (
        with_column(name="s", type="STRUCT"),
        ["columns[2]: a STRUCT without columns; add its fields as columns"],
    ),
    (
        with_column(name="s", type="DATE", columns=[AT]),
        ["columns[2]: columns in a DATE; remove them, or make the type STRUCT"],
    ),
    (
        with_column(name="s", type="STRUCT", columns=[AT, {**AT, "name": "At"}]),
        [
            "columns[2].columns[1].name: 'At' is the name of columns[2].columns[0] too (case "
            "does not count); remove one of them"
        ],
    ),
]


@pytest.mark.parametrize(("change", "messages"), BAD)
def test_a_wrong_file(small: Data, change: Data, messages: list[str]) -> None:
    assert problems_of(small | change) == [f"dir/TIDE.json: {message}" for message in messages]


def test_a_field_of_a_struct_may_have_an_envelope_name(small: Data, write: Write) -> None:
    small["columns"][3]["columns"][0]["name"] = "source"
    gates = schemas.load(write(small), bundled=False)["TIDE"].columns[3]
    assert [column.name for column in gates.columns] == ["source"]


@pytest.mark.parametrize("envelope", [column.name for column in schemas.ENVELOPE_COLUMNS])
@given(data=st.data())
def test_envelope_names_are_refused_in_any_case(envelope: str, data: st.DataObject) -> None:
    name = "".join(data.draw(st.sampled_from((c.lower(), c.upper()))) for c in envelope)
    file = {"columns": [{"name": name, "type": "STRING", "description": "Text."}]}
    _, problems = parse("TIDE.json", json.dumps(file))
    assert [p.where for p in problems if p.where] == ["columns[0].name"]


def test_the_metaschema_is_a_json_schema_and_knows_the_types_of_the_model() -> None:
    folder = Path(schemas.__file__).parent
    metaschema = json.loads((folder / "dataset.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(metaschema)
    kinds = metaschema["$defs"]["column"]["properties"]["type"]["enum"]
    assert set(kinds) == SCALAR_TYPES | {"STRUCT"}


def test_all_problems_of_all_files_are_listed(small: Data, write: Write) -> None:
    small["cluster"] = ["x", "y"]
    write(small)
    small |= {"subject": "EBB", "columns": []}
    folder = write(small)

    with pytest.raises(SchemaError) as caught:
        schemas.load(folder, bundled=False)

    places = [(problem.file, problem.where) for problem in caught.value.problems]
    assert places == [
        (f"{folder}/EBB.json", "columns"),
        (f"{folder}/TIDE.json", "cluster[0]"),
        (f"{folder}/TIDE.json", "cluster[1]"),
    ]
    assert str(caught.value) == (
        f"{folder}/EBB.json: columns: [] does not fit; expected the fields of a record in "
        "IRIS's own spelling: an array of columns, not empty (and 2 more)"
    )


def test_two_subjects_may_not_share_a_table(small: Data, write: Write) -> None:
    small |= {"subject": "freq", "aliases": []}
    folder = write(small)
    with pytest.raises(SchemaError) as caught:
        schemas.load(folder)
    (problem,) = caught.value.problems
    bundled = Path(schemas.__file__).parent / "datasets" / "FREQ.json"
    assert problem == Problem(
        f"{folder}/freq.json",
        "subject",
        f"its table bmrs_freq_iris is that of {bundled} too; rename one subject",
    )


@pytest.mark.parametrize(
    ("alias", "other"), [("freq", "FREQ"), ("lolpdrm", "LOLPDM"), ("CDN", "E0361")]
)
def test_an_alias_may_not_be_a_name_of_another(
    small: Data, write: Write, alias: str, other: str
) -> None:
    small["aliases"] = ["TIDAL", alias]
    folder = write(small)
    with pytest.raises(SchemaError) as caught:
        schemas.load(folder)
    bundled = Path(schemas.__file__).parent / "datasets" / f"{other}.json"
    assert caught.value.problems == (
        Problem(
            f"{folder}/TIDE.json",
            "aliases[1]",
            f"{alias!r} is a name in {bundled} too; remove one of them",
        ),
    )


def test_a_schema_error_survives_pickling() -> None:
    error = SchemaError(Problem("a.json", "columns", "bad"), Problem("b.json", "", "worse"))
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.problems) == ("a.json: columns: bad (and 1 more)", error.problems)


def test_a_registry_is_a_sorted_mapping_that_pickles(registry: schemas.Registry) -> None:
    some = schemas.Registry([registry["mibm_mid"], registry["FREQ"], registry["BOD"]])
    assert list(some) == ["BOD", "FREQ", "mibm_mid"]
    assert (len(some), "FREQ" in some, "freq" in some, some.get("freq")) == (3, True, False, None)
    again = pickle.loads(pickle.dumps(some))
    assert (again, hash(again), list(again)) == (some, hash(some), list(some))
    assert some != schemas.Registry([registry["FREQ"]])


def test_a_registry_cannot_be_changed(registry: schemas.Registry) -> None:
    with pytest.raises(TypeError):
        registry["X"] = TIDE  # type: ignore[index]
    with pytest.raises(AttributeError):
        registry._datasets = {}
    with pytest.raises(AttributeError):
        del registry._datasets


def test_importing_schemas_does_not_import_jsonschema() -> None:
    code = "import schemas, sys; print('jsonschema' in sys.modules, len(schemas.load()))"
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(schemas.__file__).parents[1],
    )
    assert run.stdout == "False 93\n"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.text() | json_values.map(json.dumps))
def test_no_text_breaks_the_parser(text: str) -> None:
    dataset, problems = parse("TIDE.json", text)
    assert dataset is None
    assert problems


keys = st.sampled_from(["a", "b", "{", "}", '"', "\\", "\u00e9", ":"])
documents = st.recursive(
    st.sampled_from(["1", '"a"', '"{"', r'"\":"', "null"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.lists(st.tuples(keys, inner), max_size=4).map(
            lambda pairs: "{" + ",\n".join(f"{json.dumps(k)} : {v}" for k, v in pairs) + "}"
        )
    ),
    max_leaves=12,
)


@given(documents)
def test_every_duplicate_key_is_found(text: str) -> None:
    expected: list[str] = []

    def collect(pairs: list[tuple[str, object]]) -> None:
        names = [name for name, _ in pairs]
        expected.extend(name for i, name in enumerate(names) if name in names[:i])

    json.loads(text, object_pairs_hook=collect)
    _, problems = parse("TIDE.json", text)
    found = [p.reason for p in problems if p.where.startswith("line ")]
    assert sorted(found) == sorted(
        f"the key {name!r} is there twice; remove one of them" for name in expected
    )
