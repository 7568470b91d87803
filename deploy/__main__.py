"""``python -m deploy``: prints each gcloud command, then runs it; with DRY_RUN=1 it only prints."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from deploy import gcloud
from deploy.names import FILES, STREAM, Names, names_of
from deploy.settings import FILE, HERE, VARIABLES, SettingError, read
from deploy.template import spec

#: What stands for the id of the running job in commands that are only shown.
RUNNING: Final = "JOB_ID"
#: The states of a job that has been told to end.
ENDING: Final = {
    "drain": ("JOB_STATE_DRAINING", "JOB_STATE_DRAINED"),
    "cancel": ("JOB_STATE_CANCELLING", "JOB_STATE_CANCELLED"),
}
TEMPLATES: Final = HERE.parent / "var" / "templates"


class DeployError(Exception):
    """Something that a user can mend; the text says how."""


class Shell:
    """Prints commands and runs them.

    Args:
        only_print: runs nothing.
    """

    def __init__(self, only_print: bool) -> None:
        self.only_print = only_print

    def run(self, command: gcloud.Command) -> None:
        """Runs the command; its output goes to the terminal."""
        print(gcloud.text(command), flush=True)
        if not self.only_print:
            done = self._start(command, capture=False)
            if done.returncode:
                raise DeployError(f"the command above ended with {done.returncode}")

    def ask(self, command: gcloud.Command, shown: str) -> list[str]:
        """Lines that the command answers; where nothing is run, ``shown``."""
        print(gcloud.text(command), flush=True)
        if self.only_print:
            return [shown]
        done = self._start(command, capture=True)
        if done.returncode:
            raise DeployError(f"the command above ended with {done.returncode}")
        return done.stdout.split()

    @staticmethod
    def _start(command: gcloud.Command, capture: bool) -> subprocess.CompletedProcess[str]:
        if shutil.which(command[0]) is None:
            raise DeployError(
                f"{command[0]} is not installed: see https://cloud.google.com/sdk/docs/install, "
                "or print the commands with DRY_RUN=1"
            )
        output = subprocess.PIPE if capture else None
        return subprocess.run(command, text=True, check=False, stdout=output, cwd=HERE.parent)


def template(names: Names, shell: Shell, _: argparse.Namespace) -> None:
    """Builds the images and puts the two templates into the bucket."""
    shell.run(gcloud.build_images(names))
    for kind in (STREAM, FILES):
        file = TEMPLATES / f"{kind}.json"
        if not shell.only_print:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(spec(kind, names), indent=2) + "\n")
        shell.run(gcloud.upload(names, kind, file.relative_to(HERE.parent)))
    print(f'release: {names.release} (settings.json: "release": "{names.release}")')


def launch(names: Names, shell: Shell, options: argparse.Namespace) -> None:
    """Launches the job: streaming, or over files with --files."""
    if options.files:
        shell.run(gcloud.run(names, FILES, {"input_files": options.files}))
        return
    _ours(names)
    shell.run(gcloud.run(names))


def update(names: Names, shell: Shell, options: argparse.Namespace) -> None:
    """Puts this release in the place of the running job; nothing is lost meanwhile."""
    _ours(names)
    pairs = [word.partition("=") for word in options.renamed]
    if wrong := [old for old, equals, _ in pairs if not equals]:
        raise DeployError(f"--renamed {wrong[0]}: write OLD=NEW, names of transforms")
    renamed = {old: new for old, _, new in pairs}
    shell.run(gcloud.run(names, update=True, renamed=renamed))


def drain(names: Names, shell: Shell, _: argparse.Namespace) -> None:
    """Ends the job after what is in hand."""
    _end(names, shell, "drain")


def cancel(names: Names, shell: Shell, _: argparse.Namespace) -> None:
    """Ends the job at once; what is not written stays in the subscription."""
    _end(names, shell, "cancel")


def _end(names: Names, shell: Shell, how: str) -> None:
    _ours(names)
    jobs = shell.ask(gcloud.find(names), RUNNING)
    if not jobs:
        raise DeployError(f"no job {names.job} runs in {names.settings['region']}")
    for job in jobs:
        shell.run(gcloud.end(names, how, job))
        (state,) = shell.ask(gcloud.state(names, job), ENDING[how][0]) or [""]
        if state not in ENDING[how]:
            raise DeployError(f"job {job} is {state or 'in no known state'}: Dataflow has refused")
        if not shell.only_print:
            print(f"job {job}: {state}")


def _ours(names: Names) -> None:
    """Refuses to come between Terraform and its job."""
    if names.settings["pipeline"] == "terraform":
        raise DeployError(
            'the job is Terraform\'s (settings.json: "pipeline": "terraform"): '
            "change release or pipeline there, then terraform apply"
        )


COMMANDS: Final[dict[str, Callable[[Names, Shell, argparse.Namespace], None]]] = {
    "template": template,
    "launch": launch,
    "update": update,
    "drain": drain,
    "cancel": cancel,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; 0: done; 1: gcloud has refused; 2: settings to correct."""
    parser = argparse.ArgumentParser(prog="python -m deploy", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    parsers = {name: commands.add_parser(name, help=do.__doc__) for name, do in COMMANDS.items()}
    parsers["launch"].add_argument("--files", metavar="gs://BUCKET/GLOB", default="")
    parsers["update"].add_argument("--renamed", metavar="OLD=NEW", action="append", default=[])
    for one in parsers.values():
        one.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], dest="given")
    options = parser.parse_args(argv)
    only_print = os.environ.get("DRY_RUN", "") not in ("", "0")
    try:
        names = names_of(read(FILE, _given(os.environ, options.given), only_print))
        COMMANDS[options.command](names, Shell(only_print), options)
    except SettingError as error:
        print(error, file=sys.stderr)
        return 2
    except DeployError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _given(environment: Mapping[str, str], words: Sequence[str]) -> dict[str, str]:
    """Settings from the environment, and from ``--set``, which wins."""
    given = {
        name: environment[variable]
        for variable, name in VARIABLES.items()
        if environment.get(variable)
    }
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise SettingError(f"SET {word}: write NAME=VALUE")
        given[name] = value
    return given


if __name__ == "__main__":
    sys.exit(main())
