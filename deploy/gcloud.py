"""The gcloud commands of a job's life, as lists of words: pure, so that what is shown is run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.names import STREAM, Names
from deploy.template import environment

Command = list[str]
#: Between parameters whose values may hold a comma (gcloud topic escaping).
_BETWEEN: Final = "~"


def build_images(names: Names) -> Command:
    """Both images, by Cloud Build: no Docker is needed here.

    Under an account of its own: the default one has no rights in a new organisation. In no region:
    some projects may build in few of them (https://cloud.google.com/build/docs/locations).
    """
    project = names.settings["project"]
    return [
        *("gcloud", "builds", "submit", "."),
        f"--project={project}",
        f"--service-account=projects/{project}/serviceAccounts/{names.build_account}",
        f"--gcs-source-staging-dir={names.bucket}/source",
        "--config=deploy/cloudbuild.yaml",
        f"--substitutions=_REPOSITORY={names.repository},_RELEASE={names.release}",
    ]


def upload(names: Names, kind: str, file: Path) -> Command:
    """A template's spec file into the bucket."""
    return ["gcloud", "storage", "cp", str(file), names.template(kind)]


def run(
    names: Names,
    kind: str = STREAM,
    parameters: Mapping[str, str] | None = None,
    update: bool = False,
    renamed: Mapping[str, str] | None = None,
) -> Command:
    """Launches a job from a template, or puts a new one in the place of the running one.

    Args:
        parameters: the pipeline's options beside those that follow from the names.
        renamed: transforms of the running job whose names have changed, old to new.
    """
    given = environment(kind, names)
    options = {
        **({"input_subscription": names.subscription} if kind == STREAM else {}),
        **names.options,
        **(parameters or {}),
    }
    streaming = (
        {
            "enable-streaming-engine": "",
            "additional-experiments": ",".join(given["additionalExperiments"]),
        }
        if kind == STREAM
        else {}
    )
    labels = ",".join(f"{name}={value}" for name, value in given["additionalUserLabels"].items())
    flags: dict[str, str] = {
        "project": names.settings["project"],
        "region": names.settings["region"],
        "template-file-gcs-location": names.template(kind),
        "parameters": _map(options),
        "service-account-email": given["serviceAccountEmail"],
        "subnetwork": given["subnetwork"],
        "disable-public-ips": "",
        **streaming,
        "num-workers": str(given["numWorkers"]),
        "max-workers": str(given["maxWorkers"]),
        "worker-machine-type": given["machineType"],
        "staging-location": given["stagingLocation"],
        "temp-location": given["tempLocation"],
        "additional-user-labels": labels,
    }
    if update:
        flags["update"] = ""
    if renamed:
        flags["transform-name-mappings"] = _map(renamed)
    words = [f"--{flag}={value}" if value else f"--{flag}" for flag, value in flags.items()]
    return ["gcloud", "dataflow", "flex-template", "run", names.job(kind), *words]


def find(names: Names, kind: str = STREAM) -> Command:
    """Tells the id of the running job of a template."""
    return [
        *("gcloud", "dataflow", "jobs", "list", "--status=active"),
        f"--project={names.settings['project']}",
        f"--region={names.settings['region']}",
        f"--filter=name~^{names.job(kind)}$",
        "--format=value(id)",
    ]


def end(names: Names, how: str, job: str) -> Command:
    """Drains or cancels a job.

    Args:
        how: ``drain`` (ends what is in hand first) or ``cancel``; neither loses a message, which
            stays in the subscription until it is written.
        job: its id.
    """
    project, region = names.settings["project"], names.settings["region"]
    return ["gcloud", "dataflow", "jobs", how, job, f"--project={project}", f"--region={region}"]


def states(names: Names, job: str) -> Command:
    """Tells what a job is and what it was asked to be.

    Drain and cancel end well also where Dataflow has refused; where it has not, the state that
    was asked for is told at once, and the job takes it in its own time.
    """
    return [
        *("gcloud", "dataflow", "jobs", "describe", job),
        f"--project={names.settings['project']}",
        f"--region={names.settings['region']}",
        "--format=value(currentState,requestedState)",
    ]


def text(command: Command) -> str:
    """The command as a shell takes it, a flag a line."""
    words = [shlex.quote(word) for word in command]
    first = next((at for at, word in enumerate(command) if word.startswith("-")), len(command))
    return " \\\n    ".join([" ".join(words[:first]), *words[first:]])


def _map(values: Mapping[str, str]) -> str:
    """``values`` as gcloud takes a map, whatever is in them."""
    between = _BETWEEN
    while any(between in value for value in values.values()):
        between += _BETWEEN
    pairs = between.join(f"{name}={value}" for name, value in values.items())
    return f"^{between}^{pairs}"
