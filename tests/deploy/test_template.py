"""The templates' spec files: Google's own form, the pipeline's own options."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from google.cloud import dataflow_v1beta3 as dataflow
from google.protobuf import json_format

from deploy.names import FILES, STREAM, Names
from deploy.settings import read
from deploy.template import JOBS, metadata, spec
from pipeline.options import OPTIONS, IrisOptions, Job, OptionError, check

KINDS = pytest.mark.parametrize("kind", [STREAM, FILES])
#: Values for each parameter: some that Dataflow must take, some that it must not.
VALUES = {
    "input_files": (
        ["gs://bucket/archive/*/*", "gs://my-bucket.example.com/a"],
        ["archive/*/*", "gs://bucket", "gs://B_/a", "gs://bucket/", "s3://bucket/a", "x gs://bucket/a"],
    ),
    "input_subscription": (
        ["projects/p-123456/subscriptions/iris", "projects/e.com:old-123/subscriptions/a.b_c"],
        ["projects/p/subscriptions/iris", "projects/p-123456/topics/iris", "iris",
         "projects/p-123456/subscriptions/", "projects/p-123456/subscriptions/1ris"],
    ),
    "warehouse": (
        ["bigquery:p-123456.iris", "bigquery:example.com:old-123.uk_energy_prod"],
        ["duckdb:iris.duckdb", "bigquery:iris", "bigquery:p-123456.iris.table", "p-123456.iris"],
    ),
    "schema_dir": (["gs://bucket/schemas"], ["schemas", "gs://bucket", "gs://B_/a"]),
    "dead_letter_topic": (
        ["projects/p-123456/topics/iris-dead-letters"],
        ["projects/p-123456/subscriptions/iris", "iris-dead-letters"],
    ),
    "write_method": (
        ["STORAGE_WRITE", "STREAMING_INSERTS"],
        ["STORAGE_WRITE_API", "FILE_LOADS", "storage_write", "STORAGE_WRITE|STREAMING_INSERTS"],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def names() -> Names:
    return Names(read(Path("missing.json"), {"project": "p-123456"}), "1.0")


@KINDS
def test_the_form_is_googles(kind: str, names: Names) -> None:
    message = dataflow.ContainerSpec.pb(dataflow.ContainerSpec())
    json_format.ParseDict(spec(kind, names), message)  # an unknown field is an error


def test_the_whole_spec(names: Names) -> None:
    found = spec(STREAM, names)
    parameters = found["metadata"].pop("parameters")
    assert found == {
        "image": "us-central1-docker.pkg.dev/p-123456/iris/pipeline:1.0",
        "sdkInfo": {"language": "PYTHON"},
        "metadata": {
            "name": "IRIS to BigQuery",
            "description": "Elexon IRIS messages from a Pub/Sub subscription into typed tables, "
            "around the clock.",
            "streaming": True,
            "supportsAtLeastOnce": True,
            "supportsExactlyOnce": True,
            "defaultStreamingMode": "AT_LEAST_ONCE",
        },
        "defaultEnvironment": {
            "numWorkers": 1,
            "maxWorkers": 3,
            "machineType": "n1-standard-1",
            "serviceAccountEmail": "iris-pipeline@p-123456.iam.gserviceaccount.com",
            "ipConfiguration": "WORKER_IP_PRIVATE",
            "subnetwork": "regions/us-central1/subnetworks/iris",
            "tempLocation": "gs://p-123456-iris/temp",
            "stagingLocation": "gs://p-123456-iris/staging",
            "additionalUserLabels": {"service": "iris"},
            "enableStreamingEngine": True,
            "additionalExperiments": ["streaming_mode_at_least_once"],
        },
    }
    assert parameters[0] == {
        "name": "input_subscription",
        "label": "Input subscription",
        "helpText": "Streaming: the Pub/Sub subscription that the bridge's topic feeds. Write "
        "projects/PROJECT/subscriptions/NAME.",
        "isOptional": False,
        "regexes": [
            "^(projects/([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]/subscriptions/"
            "[A-Za-z][A-Za-z0-9._~+%-]{2,254})$"
        ],
        "paramType": "PUBSUB_SUBSCRIPTION",
    }


@KINDS
def test_parameters_are_options_and_options_are_parameters(kind: str) -> None:
    parameters = {one["name"]: one for one in metadata(kind)["parameters"]}
    known = vars(PipelineOptions([]).view_as(IrisOptions)._visible_options)
    assert set(parameters) <= set(known)
    for option in OPTIONS:
        assert (option.name in parameters) == bool(option.jobs & JOBS[kind]), option.name
    needed = {name for name, one in parameters.items() if not one["isOptional"]}
    door = {STREAM: "input_subscription", FILES: "input_files"}[kind]
    assert needed == {door, "warehouse"}
    only_here = {option.name for option in OPTIONS if option.jobs == Job.LOCAL}
    assert only_here == {"stop_when_idle"}


def expressions() -> dict[str, str]:
    return {
        one["name"]: expression
        for kind in (STREAM, FILES)
        for one in metadata(kind)["parameters"]
        for expression in one["regexes"]
    }


def test_every_parameter_is_tried() -> None:
    assert set(VALUES) == set(expressions())


def matches(expression: str, value: str) -> bool:
    """As Dataflow does: POSIX extended expressions, those of egrep."""
    command = ["grep", "-E", "-q", "-e", expression]
    return subprocess.run(command, input=value, text=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("name", "value", "good"),
    [
        (name, value, good)
        for name, (takes, refuses) in VALUES.items()
        for good, values in ((True, takes), (False, refuses))
        for value in values
    ],
)
def test_what_dataflow_takes_the_pipeline_takes(name: str, value: str, good: bool) -> None:
    assert matches(expressions()[name], value) is good
    given: dict[str, Any] = {
        "input_subscription": "projects/p-123456/subscriptions/iris",
        "warehouse": "bigquery:p-123456.iris",
    }
    if name == "input_files":
        del given["input_subscription"]
    given[name] = value
    argv = ["--runner=DataflowRunner", *(f"--{key}={text}" for key, text in given.items())]
    options = PipelineOptions(argv).view_as(IrisOptions)
    if good or name == "schema_dir":  # which on a laptop may be a folder of the laptop
        check(options)
        return
    with pytest.raises(OptionError, match=f"^--{name} "):
        check(options)


@KINDS
def test_defaults_are_those_of_the_options(kind: str) -> None:
    options = PipelineOptions([]).view_as(IrisOptions)
    for one in metadata(kind)["parameters"]:
        if "defaultValue" in one:
            assert one["defaultValue"] == getattr(options, one["name"])
            assert matches(one["regexes"][0], one["defaultValue"])


def test_what_the_console_helps_with() -> None:
    found = {one["name"]: one["paramType"] for kind in JOBS for one in metadata(kind)["parameters"]}
    assert found == {
        "input_subscription": "PUBSUB_SUBSCRIPTION",
        "input_files": "GCS_READ_FILE",
        "warehouse": "TEXT",
        "schema_dir": "GCS_READ_FOLDER",
        "dead_letter_topic": "PUBSUB_TOPIC",
        "write_method": "TEXT",
    }
