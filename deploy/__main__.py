"""``python -m deploy``: prints each gcloud command, then runs it; with DRY_RUN=1 it only prints."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Final

from deploy import gcloud
from deploy.names import DIRTY, FILES, STREAM, Names, names_of, this_release
from deploy.settings import FILE, HERE, SettingError, read
from deploy.template import spec
from pipeline.options import OPTIONS

#: What stands for the id of the running job in commands that are only shown.
RUNNING: Final = "JOB_ID"
#: What a job is, or has been asked to be, after it was told to end.
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
        """Words that the command answers; where nothing is run, ``shown``."""
        print(gcloud.text(command), flush=True)
        if self.only_print:
            return [shown]
        done = self._start(command, capture=True)
        if done.returncode:
            raise DeployError(f"the command above ended with {done.returncode}")
        return done.stdout.split()

    def say(self, text: str) -> None:
        """Tells what has been done; nothing has where nothing is run."""
        if not self.only_print:
            print(text, flush=True)

    @staticmethod
    def _start(command: gcloud.Command, capture: bool) -> subprocess.CompletedProcess[str]:
        if shutil.which(command[0]) is None:
            raise DeployError(
                f"{command[0]} is not installed: see https://cloud.google.com/sdk/docs/install, "
                "or print the commands with DRY_RUN=1"
            )
        output = subprocess.PIPE if capture else None
        return subprocess.run(command, text=True, check=False, stdout=output, cwd=HERE.parent)


def template(names: Names, shell: Shell, options: argparse.Namespace) -> None:
    """Builds the images of this tree and puts its two templates into the bucket."""
    stored = read(FILE, {}, placeholder=True)["release"]
    if "release" not in dict(options.given):  # a new release, whatever runs now
        names = Names(names.settings, this_release())
        if names.release.endswith(DIRTY) and not shell.only_print:
            raise DeployError(
                "this tree is not what was committed, so its release would stand for something "
                "else tomorrow: commit, or name the release: make template RELEASE=..."
            )
    shell.run(gcloud.build_images(names))
    for kind in (STREAM, FILES):
        file = TEMPLATES / f"{kind}.json"
        if not shell.only_print:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(spec(kind, names), indent=2) + "\n")
        shell.run(gcloud.upload(names, kind, file))
    print(f"release: {names.release}")
    if stored != names.release:
        print(f'now write "release": "{names.release}" into {FILE}; it says "{stored}"')


def launch(names: Names, shell: Shell, options: argparse.Namespace) -> None:
    """Launches the job: streaming, or over files with --files."""
    if options.files:
        (door,) = [option for option in OPTIONS if option.name == "input_files"]
        if not re.fullmatch(door.cloud_pattern, options.files):
            raise DeployError(f"--files {options.files}: write {door.cloud_form}")
        _on_dataflow(names, ("gcloud", "terraform"))
        shell.run(gcloud.run(names, FILES, {"input_files": options.files}))
    else:
        _on_dataflow(names, ("gcloud",))
        shell.run(gcloud.run(names))
    shell.say(_launched(names))


def update(names: Names, shell: Shell, options: argparse.Namespace) -> None:
    """Puts the release of the settings in the place of the running job; nothing is lost."""
    pairs = [word.partition("=") for word in options.renamed]
    if wrong := [old for old, equals, _ in pairs if not equals]:
        raise DeployError(f"--renamed {wrong[0]}: write OLD=NEW, names of transforms")
    _on_dataflow(names, ("gcloud",))
    renamed = {old: new for old, _, new in pairs}
    shell.run(gcloud.run(names, update=True, renamed=renamed))
    shell.say(_launched(names))


def _launched(names: Names) -> str:
    project, region = names.settings["project"], names.settings["region"]
    return (
        "accepted, not yet running: in some minutes it must say Running at\n"
        f"https://console.cloud.google.com/dataflow/jobs?project={project} (region {region})"
    )


def drain(names: Names, shell: Shell, _: argparse.Namespace) -> None:
    """Ends the job after what is in hand."""
    _end(names, shell, "drain")


def cancel(names: Names, shell: Shell, options: argparse.Namespace) -> None:
    """Ends the job at once, or with --files the one over files."""
    _end(names, shell, "cancel", FILES if options.files else STREAM)


def _end(names: Names, shell: Shell, how: str, kind: str = STREAM) -> None:
    jobs = shell.ask(gcloud.find(names, kind), RUNNING)
    if not jobs:
        raise DeployError(f"no job {names.job(kind)} runs in {names.settings['region']}")
    for job in jobs:
        shell.run(gcloud.end(names, how, job))
        states = shell.ask(gcloud.states(names, job), ENDING[how][0])
        if not set(states) & set(ENDING[how]):
            raise DeployError(f"job {job} is {' '.join(states)}: Dataflow has refused")
        shell.say(f"job {job}: {' '.join(states)}")
    if kind == STREAM and names.settings["pipeline"] == "terraform":
        print('Terraform starts it again at the next apply, unless "pipeline" says otherwise')


def _on_dataflow(names: Names, who: Sequence[str]) -> None:
    """Refuses what is not for gcloud to do, by the setting ``pipeline``."""
    runs = names.settings["pipeline"]
    if runs in who:
        return
    if runs == "terraform":
        raise DeployError(
            'the job is Terraform\'s (settings.json: "pipeline": "terraform"): '
            "change release there, then terraform apply"
        )
    raise DeployError(
        f'there is no job on Dataflow (settings.json: "pipeline": "{runs}"), nor rights for one: '
        'see docs/operations.md, "Another way to run the pipeline"'
    )


COMMANDS: Final[dict[str, Callable[[Names, Shell, argparse.Namespace], None]]] = {
    "template": template,
    "launch": launch,
    "update": update,
    "drain": drain,
    "cancel": cancel,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; 0: done; 1: not, gcloud's refusals included; 2: settings to correct."""
    parser = argparse.ArgumentParser(prog="python -m deploy", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    parsers = {name: commands.add_parser(name, help=do.__doc__) for name, do in COMMANDS.items()}
    parsers["launch"].add_argument("--files", metavar="gs://BUCKET/GLOB", default="")
    parsers["cancel"].add_argument("--files", default="")
    parsers["update"].add_argument("--renamed", metavar="OLD=NEW", action="append", default=[])
    for one in parsers.values():
        one.add_argument(
            "--set", metavar="NAME=VALUE", action="append", default=[], dest="given", type=_pair
        )
    options = parser.parse_args(argv)
    only_print = os.environ.get("DRY_RUN", "") not in ("", "0")
    try:
        names = names_of(read(FILE, dict(options.given), os.environ, only_print))
        COMMANDS[options.command](names, Shell(only_print), options)
    except SettingError as error:
        print(error, file=sys.stderr)
        return 2
    except DeployError as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader has seen enough; Python flushes once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _pair(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{word}: write NAME=VALUE")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
