"""Options: what is refused before anything is touched, and in what words."""

from __future__ import annotations

import re

import pytest
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from pipeline.options import (
    OPTIONS,
    IrisOptions,
    Job,
    OptionError,
    check,
    check_runner,
    check_spelling,
    help_text,
    name_runner,
)

FILES = "--input_files=archive/*/*"
SUBSCRIPTION = "--input_subscription=projects/p-123456/subscriptions/iris"
DUCKDB = "--warehouse=duckdb:iris.duckdb"
BIGQUERY = "--warehouse=bigquery:p-123456.iris"
DATAFLOW = "--runner=DataflowRunner"
DEFAULTS = {
    "input_files": None,
    "input_subscription": None,
    "warehouse": None,
    "schema_dir": [],
    "dead_letter_topic": None,
    "write_method": "STORAGE_WRITE",
    "stop_when_idle": None,
}


def options(*argv: str) -> IrisOptions:
    return PipelineOptions(list(argv)).view_as(IrisOptions)


def test_what_is_not_given() -> None:
    assert {name: getattr(options(), name) for name in DEFAULTS} == DEFAULTS


def test_lists_and_numbers() -> None:
    given = options("--schema_dir=a", "--schema_dir", "gs://b/c", "--stop_when_idle", "2.5")
    assert (given.schema_dir, given.stop_when_idle) == (["a", "gs://b/c"], 2.5)


@pytest.mark.parametrize(
    "argv",
    [
        [FILES, DUCKDB],
        [FILES, BIGQUERY],
        [SUBSCRIPTION, DUCKDB, "--stop_when_idle=1"],
        [SUBSCRIPTION, BIGQUERY, "--dead_letter_topic=projects/p-123456/topics/dead"],
        [SUBSCRIPTION, BIGQUERY, "--write_method=STORAGE_WRITE"],
        [SUBSCRIPTION, BIGQUERY, "--write_method=STREAMING_INSERTS"],
        [SUBSCRIPTION, BIGQUERY, DATAFLOW],
        ["--input_files=gs://bucket/*/*", BIGQUERY, DATAFLOW],
        # Schema files are read where the job is launched.
        [SUBSCRIPTION, BIGQUERY, DATAFLOW, "--schema_dir=more", "--schema_dir=gs://bucket/more"],
        [FILES, DUCKDB, "--runner=DirectRunner"],
        [SUBSCRIPTION, DUCKDB, "--runner=BundleBasedDirectRunner"],
    ],
)
def test_options_that_work(argv: list[str]) -> None:
    check(options(*argv))


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        ([], "no input: give --input_files GLOB or --input_subscription NAME"),
        ([DUCKDB], "no input: give --input_files GLOB or --input_subscription NAME"),
        (
            [FILES, SUBSCRIPTION, DUCKDB],
            "give either --input_files or --input_subscription, not both",
        ),
        ([FILES], "no --warehouse: give duckdb:PATH or bigquery:PROJECT.DATASET"),
        (
            ["--input_subscription=iris", DUCKDB],
            "--input_subscription 'iris': write projects/PROJECT/subscriptions/NAME",
        ),
        (
            ["--input_subscription=projects/p/topics/t", DUCKDB],
            "--input_subscription 'projects/p/topics/t': write projects/PROJECT/subscriptions/NAME",
        ),
        (
            ["--input_subscription=projects/p/subscriptions/s/", DUCKDB],
            "--input_subscription 'projects/p/subscriptions/s/': "
            "write projects/PROJECT/subscriptions/NAME",
        ),
        (
            [FILES, DUCKDB, "--dead_letter_topic=projects//topics/t"],
            "--dead_letter_topic 'projects//topics/t': write projects/PROJECT/topics/NAME",
        ),
        (
            [FILES, BIGQUERY, "--write_method=FILE_LOADS"],
            "--write_method 'FILE_LOADS': write STORAGE_WRITE or STREAMING_INSERTS",
        ),
        (
            [FILES, BIGQUERY, "--write_method=storage_write"],
            "--write_method 'storage_write': write STORAGE_WRITE or STREAMING_INSERTS",
        ),
        (
            [FILES, DUCKDB, "--write_method=STREAMING_INSERTS"],
            "--write_method STREAMING_INSERTS needs --warehouse bigquery:P.D",
        ),
        (
            [SUBSCRIPTION, DUCKDB, DATAFLOW],
            "--warehouse 'duckdb:iris.duckdb': for DataflowRunner write bigquery:PROJECT.DATASET",
        ),
        (
            [FILES, BIGQUERY, DATAFLOW],
            "--input_files 'archive/*/*': for DataflowRunner write gs://BUCKET/GLOB",
        ),
        (
            ["--input_subscription=projects/p/subscriptions/s", BIGQUERY, DATAFLOW],
            "--input_subscription 'projects/p/subscriptions/s': "
            "for DataflowRunner write projects/PROJECT/subscriptions/NAME",
        ),
        (
            [SUBSCRIPTION, BIGQUERY, DATAFLOW, "--stop_when_idle=1"],
            "--stop_when_idle is for this machine: leave it out for DataflowRunner",
        ),
    ],
)
def test_options_that_cannot_work(argv: list[str], text: str) -> None:
    with pytest.raises(OptionError) as caught:
        check(options(*argv))
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("direct", "DirectRunner"),
        ("directrunner", "DirectRunner"),
        ("fnapi", "FnApiRunner"),
        ("dataflow", "DataflowRunner"),
        ("DATAFLOWRUNNER", "DataflowRunner"),
        ("apache_beam.runners.dataflow.dataflow_runner.DataflowRunner", "DataflowRunner"),
        ("BundleBasedDirectRunner", "BundleBasedDirectRunner"),
        ("Spork", "Spork"),
    ],
)
def test_a_runner_is_known_by_any_name_that_beam_takes(given: str, name: str) -> None:
    found = PipelineOptions([f"--runner={given}"])
    assert name_runner(found) == name
    assert found.view_as(StandardOptions).runner == name


def test_no_runner_has_no_name() -> None:
    assert name_runner(PipelineOptions([])) is None


def test_runners() -> None:
    for name in ("DataflowRunner", "BundleBasedDirectRunner", "FnApiRunner"):
        check_runner(name)
    with pytest.raises(OptionError, match=r"^--runner 'Spork' is not known: .*DataflowRunner"):
        check_runner("Spork")


def test_help_names_every_option() -> None:
    text = help_text()
    assert text.startswith("usage: python -m pipeline [-h]")
    assert set(re.findall(r"^  --(\w+) ", text, re.MULTILINE)) == set(DEFAULTS)
    plain = " ".join(text.split())
    for option in OPTIONS:
        assert f"--{option.name} {option.form} {option.help}" in plain


def test_every_option_says_what_a_user_wants_to_know() -> None:
    for option in OPTIONS:
        assert re.fullmatch(r"[a-zB].*[^.]", option.meaning), option.name
        assert bool(option.label) == bool(option.jobs & Job.DATAFLOW), option.name
        assert option.needed in option.jobs, option.name


def test_no_option_of_beam_is_taken_for_one_of_ours_misspelt() -> None:
    """A template's launcher gives Beam's options beside ours."""
    beams = PipelineOptions([]).get_all_options()
    assert len(beams) > 100
    check_spelling([f"--{name}=x" for name in beams])


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("--dead_leter_topic=projects/p/topics/t", "--dead_letter_topic"),
        ("--schema_dirr", "--schema_dir"),
        ("--warehose=duckdb:x", "--warehouse"),
        ("--input_file", None),  # an abbreviation, which Beam understands
        ("--worker_machine_type=e2-small", None),
        ("--input_files=a/*", None),
        ("plain", None),
    ],
)
def test_a_misspelt_option_is_named(word: str, meant: str | None) -> None:
    if meant is None:
        check_spelling([word])
        return
    name = word.partition("=")[0]
    with pytest.raises(OptionError, match=f"^{name} is not known: did you mean {meant}\\?$"):
        check_spelling([word])


def test_a_runner_whose_module_is_missing() -> None:
    with pytest.raises(OptionError, match=r"^--runner 'no.such.Runner' is not known: No module"):
        check_runner("no.such.Runner")
