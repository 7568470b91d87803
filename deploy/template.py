"""The spec files of the Flex templates, which Dataflow reads from the bucket.

Written by ourselves: ``gcloud dataflow flex-template build`` drops the streaming fields. Their form
is that of ``ContainerSpec`` in Google's API (google-cloud-dataflow-client).
"""

from __future__ import annotations

from typing import Any, Final

from deploy.names import FILES, STREAM, Names
from pipeline.options import OPTIONS, Job, Option
from pipeline.submit import AT_LEAST_ONCE

JOBS: Final = {STREAM: Job.STREAM, FILES: Job.FILES}
_TEXTS: Final = {
    STREAM: (
        "IRIS to BigQuery",
        "Elexon IRIS messages from a Pub/Sub subscription into typed tables, around the clock.",
    ),
    FILES: (
        "IRIS files to BigQuery",
        "Elexon IRIS messages from files <DATASET>/<message_id> into typed tables, once.",
    ),
}


def spec(kind: str, names: Names) -> dict[str, Any]:
    """The spec file of a template."""
    return {
        "image": names.image,
        "sdkInfo": {"language": "PYTHON"},
        "metadata": metadata(kind),
        "defaultEnvironment": environment(kind, names),
    }


def metadata(kind: str) -> dict[str, Any]:
    """What the console asks for, and what Dataflow checks before it starts anything."""
    name, description = _TEXTS[kind]
    job = JOBS[kind]
    parameters = [_parameter(option, job) for option in OPTIONS if option.jobs & job]
    streaming = {
        "streaming": True,
        "supportsAtLeastOnce": True,
        "supportsExactlyOnce": True,
        "defaultStreamingMode": "AT_LEAST_ONCE",
    }
    return {
        "name": name,
        "description": description,
        "parameters": parameters,
        **(streaming if kind == STREAM else {}),
    }


def _parameter(option: Option, job: Job) -> dict[str, Any]:
    pattern = option.cloud_pattern or option.pattern
    default = {"defaultValue": str(option.default)} if option.default else {}
    return {
        "name": option.name,
        "label": option.label,
        "helpText": f"{option.meaning[0].upper()}{option.meaning[1:]}. Write "
        f"{option.cloud_form or option.form}.",
        "isOptional": not option.needed & job,
        "regexes": [f"^({pattern})$"],
        "paramType": option.kind,
        **default,
    }


def environment(kind: str, names: Names) -> dict[str, Any]:
    """What a job gets if nobody says otherwise."""
    settings = names.settings
    # As Google's own templates choose the mode.
    streaming = {
        "enableStreamingEngine": True,
        "additionalExperiments": [AT_LEAST_ONCE],
    }
    return {
        "numWorkers": 1,
        "maxWorkers": settings.values["max_workers"],
        "machineType": settings["worker_machine_type"],
        "serviceAccountEmail": names.worker_account,
        "ipConfiguration": "WORKER_IP_PRIVATE",
        "subnetwork": names.subnetwork,
        "tempLocation": f"{names.bucket}/temp",
        "stagingLocation": f"{names.bucket}/staging",
        "additionalUserLabels": names.labels,
        **(streaming if kind == STREAM else {}),
    }
