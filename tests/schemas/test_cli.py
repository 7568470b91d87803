"""``python -m schemas`` as its users see it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import schemas
from schemas.cli import main
from schemas.ddl import bigquery_ddl, duckdb_ddl

Data = dict[str, Any]
Write = Callable[..., str]
Capture = pytest.CaptureFixture[str]

HEAD = ["SUBJECT", "TABLE", "COLUMNS", "PARTITION", "KEY", "CADENCE", "CONFIDENCE", "TITLE"]

FREQ_PAGE = """\
FREQ: System frequency

table           bmrs_freq_iris
aliases         -
partition       day of measurementTime
cluster         -
natural key     measurementTime
entity key      measurementTime
version order   _enqueued_utc
reference time  measurementTime
cadence         2 min. Names of two consecutive live messages are 2 minutes apart, and the API
                documents that period.
confidence      columns confirmed, form in IRIS documented, natural key inferred, version order
                inferred
evidence        OpenAPI specification of the Insights API (June 2026), schema
                Misc.DatasetRows.SystemFrequency; live API records agree.

columns
  dataset          STRING    Dataset acronym as the record itself gives it.
  measurementTime  DATETIME  Time of the reading, UTC; one every 15 seconds.
  frequency        FLOAT64   System frequency, Hz.

notes
  - One reading per 15 seconds, 5,760 a day, about 8 per message.
  - No publication time and no settlement period.
"""

TIDE_PAGE = """\
TIDE: Tidal generation

table           bmrs_tide_iris
aliases         TIDAL
partition       day of at
cluster         unit
natural key     at, unit
entity key      unit
version order   at, unit (A < B), _enqueued_utc
reference time  at
cadence         1 min. Made up.
confidence      columns spec, form in IRIS unknown, natural key inferred, version order documented
evidence        Made up.

columns
  at      DATETIME  Time, UTC.
  unit    STRING    Unit. (assumed)
  level   FLOAT64   Level, m.
  gates   STRUCT[]  Gates. (confirmed)
    open  BOOL      Whether open.

notes
  - Not real.
"""


def test_list_is_one_aligned_line_per_dataset(capsys: Capture) -> None:
    assert main(["list"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 93
    assert head.split() == HEAD
    starts = [head.index(word) for word in head.split()]
    (freq,) = [line for line in lines if line.startswith("FREQ ")]
    cells = [freq[a:b].strip() for a, b in zip(starts, [*starts[1:], None], strict=True)]
    assert cells == [
        "FREQ",
        "bmrs_freq_iris",
        "3",
        "measurementTime",
        "measurementTime",
        "2 min",
        "confirmed",
        "System frequency",
    ]


def test_list_as_json(capsys: Capture, registry: schemas.Registry) -> None:
    assert main(["list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["subject"] for row in rows] == list(registry)
    assert rows[list(registry).index("FREQ")] == {
        "subject": "FREQ",
        "table": "bmrs_freq_iris",
        "columns": 3,
        "partition": "measurementTime",
        "natural_key": ["measurementTime"],
        "cadence_seconds": 120,
        "confidence": "confirmed",
        "title": "System frequency",
    }


def test_show(capsys: Capture) -> None:
    assert main(["show", "FREQ"]) == 0
    assert capsys.readouterr().out == FREQ_PAGE


def test_show_of_a_users_own_dataset(small: Data, write: Write, capsys: Capture) -> None:
    assert main(["show", "TIDE", "--schema_dir", write(small)]) == 0
    assert capsys.readouterr().out == TIDE_PAGE


def test_show_tells_why_a_partition_is_unusual(capsys: Capture) -> None:
    assert main(["show", "RZDR"]) == 0
    assert capsys.readouterr().out.splitlines()[4:6] == [
        "partition       day of submissionDateTime. No settlementDate and no documented "
        "reference time;",
        "                submissionDateTime is part of the key.",
    ]


def test_show_as_json(small: Data, write: Write, capsys: Capture) -> None:
    assert main(["show", "TIDE", "--json", "--schema_dir", write(small)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["table"], shown["subject"], shown["version_order"]) == (
        "bmrs_tide_iris",
        "TIDE",
        [
            {"column": "at", "ranks": []},
            {"column": "unit", "ranks": ["A", "B"]},
            {"column": "_enqueued_utc", "ranks": []},
        ],
    )
    assert [column["name"] for column in shown["columns"]] == ["at", "unit", "level", "gates"]


def test_ddl_of_some_datasets(capsys: Capture, registry: schemas.Registry) -> None:
    assert main(["ddl", "TEMP", "FREQ", "--dataset", "p.d"]) == 0
    temp, freq = (schemas.table_for(registry[subject]) for subject in ("TEMP", "FREQ"))
    assert capsys.readouterr().out == (
        f"{bigquery_ddl(temp, 'p.d')}\n\n{bigquery_ddl(freq, 'p.d')}\n"
    )


def test_ddl_of_everything(capsys: Capture, registry: schemas.Registry) -> None:
    assert main(["ddl", "--dialect", "duckdb"]) == 0
    statements = [duckdb_ddl(table) for table in schemas.all_tables(registry)]
    assert len(statements) == 96
    assert capsys.readouterr().out == "\n\n".join(statements) + "\n"


def test_schema_dir_may_be_given_twice(small: Data, write: Write, capsys: Capture) -> None:
    first = write(small, "first")
    second = write(small | {"subject": "EBB", "aliases": []}, "second")
    assert main(["ddl", "TIDE", "EBB", "--schema_dir", first, "--schema_dir", second]) == 0
    out = capsys.readouterr().out
    assert [name for name in ("`bmrs_tide_iris`", "`bmrs_ebb_iris`") if name in out] == [
        "`bmrs_tide_iris`",
        "`bmrs_ebb_iris`",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "boalf"], "there is no dataset 'boalf'; did you mean BOALF?"),
        (["show", "SYSWARN"], "there is no dataset 'SYSWARN'; did you mean SYS_WARN?"),
        (["show", "REMITT"], "there is no dataset 'REMITT'; did you mean REMIT?"),
        (["ddl", "FREQ", "BO"], "there is no dataset 'BO'; did you mean BOD or BOAV?"),
        (["show", "zzzz"], "there is no dataset 'zzzz'; python -m schemas list names all"),
        (
            ["ddl", "--dialect", "duckdb", "--dataset", "p.d"],
            "--dataset goes with --dialect bigquery only; leave it out",
        ),
        (
            ["list", "--schema_dir", "/no/such"],
            "/no/such: no such directory; correct the path",
        ),
    ],
)
def test_what_a_user_can_correct_is_one_line(
    arguments: list[str], message: str, capsys: Capture
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err == f"schemas: {message}\n"


def test_a_wrong_schema_file_is_one_line(small: Data, write: Write, capsys: Capture) -> None:
    folder = write(small | {"cluster": ["x", "y"]})
    assert main(["list", "--schema_dir", folder]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == (
        "",
        f"schemas: {folder}/TIDE.json: cluster[0]: there is no column 'x'; use the name of one "
        "of its columns (and 1 more)\n",
    )


def test_no_command_is_a_usage_error(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: python -m schemas")


def test_a_reader_that_leaves_early_sees_no_traceback() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "schemas", "ddl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(schemas.__file__).parents[1],
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()  # far more than a pipe holds is still to come
    errors = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=60), errors) == (0, b"")
