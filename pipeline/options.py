"""The pipeline's options; Beam's own (runner, project, region, ...) stand beside them.

``OPTIONS`` is the one table of them: the parser, the help, the checks, the parameters of the Flex
template and the table in the README are made from it.
"""

from __future__ import annotations

import difflib
import re
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Flag, auto
from typing import Any, Final

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.runner import create_runner

STORAGE_WRITE: Final = "STORAGE_WRITE"
STREAMING_INSERTS: Final = "STREAMING_INSERTS"

DIRECT: Final = "DirectRunner"
FN_API: Final = "FnApiRunner"
DATAFLOW: Final = "DataflowRunner"
#: Runners of this process. Beam's DirectRunner first tries to download another runner, then runs
#: a batch on FnApiRunner: we name that one.
LOCAL_RUNNERS: Final = (None, DIRECT, FN_API)


class Job(Flag):
    """The kinds of jobs that an option is for."""

    NONE = 0
    LOCAL = auto()
    STREAM = auto()
    FILES = auto()
    DATAFLOW = STREAM | FILES
    ALL = LOCAL | STREAM | FILES


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes:
        name: without the dashes.
        form: what a value looks like, for people.
        meaning: one line.
        label: its name in the form of Google's console.
        pattern: what the whole value looks like on this machine; empty where something else
            checks it.
        jobs: on this machine, streaming on Dataflow, files on Dataflow.
        needed: the jobs on Dataflow that cannot do without it.
        cloud_form: as ``form``, on Dataflow, whose workers do not reach this machine.
        cloud_pattern: as ``pattern``, on Dataflow.
        at_launch: only what launches the job looks at it, so this machine will do, unless that is
            a template's launcher.
        kind: the template's ``paramType``.
        default: what holds where the option is not given.
        several: it may be given several times.
        number: its value is a number.
    """

    name: str
    form: str
    meaning: str
    label: str
    pattern: str = ""
    jobs: Job = Job.ALL
    needed: Job = Job.NONE
    cloud_form: str = ""
    cloud_pattern: str = ""
    at_launch: bool = False
    kind: str = "TEXT"
    default: Any = None
    several: bool = False
    number: bool = False

    def add_to(self, parser: ArgumentParser) -> None:
        """Adds the option to a parser."""
        settings: dict[str, Any] = {"action": "append"} if self.several else {}
        if self.number:
            settings["type"] = float
        parser.add_argument(
            f"--{self.name}",
            metavar=self.form,
            default=[] if self.several else self.default,
            help=self.help.replace("%", "%%"),
            **settings,
        )

    @property
    def help(self) -> str:
        """``meaning``, and what a reader of the help wants to know besides."""
        default = f" (default: {self.default})" if self.default else ""
        return self.meaning + default + ("; may be given several times" if self.several else "")

    def values(self, options: PipelineOptions) -> list[str]:
        """What the user has given, as texts."""
        found = getattr(options, self.name)
        found = found if self.several else [found]
        return [str(value) for value in found if value not in (None, "")]


_PROJECT: Final = "([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]"
_NAME: Final = "[A-Za-z][A-Za-z0-9._~+%-]{2,254}"
_BUCKET: Final = "gs://[a-z0-9][a-z0-9._-]+[a-z0-9]"

OPTIONS: Final = (
    Option(
        "input_files",
        "GLOB",
        "batch: files <DATASET>/<message_id>, local or gs://, the layout of the IRIS archive, for "
        "example 'archive/*/*'",
        "Input files",
        jobs=Job.LOCAL | Job.FILES,
        needed=Job.FILES,
        cloud_form="gs://BUCKET/GLOB",
        cloud_pattern=f"{_BUCKET}/.+",
        kind="GCS_READ_FILE",
    ),
    Option(
        "input_subscription",
        "projects/PROJECT/subscriptions/NAME",
        "streaming: the Pub/Sub subscription that the bridge's topic feeds",
        "Input subscription",
        "projects/[^/]+/subscriptions/[^/]+",
        jobs=Job.LOCAL | Job.STREAM,
        needed=Job.STREAM,
        cloud_pattern=f"projects/{_PROJECT}/subscriptions/{_NAME}",
        kind="PUBSUB_SUBSCRIPTION",
    ),
    Option(
        "warehouse",
        "duckdb:PATH or bigquery:PROJECT.DATASET",
        "where rows go",
        "Warehouse",
        needed=Job.DATAFLOW,
        cloud_form="bigquery:PROJECT.DATASET",
        cloud_pattern=f"bigquery:{_PROJECT}\\.[A-Za-z0-9_]+",
    ),
    Option(
        "schema_dir",
        "DIR",
        "more schema files, or others in place of bundled ones, local or gs://",
        "Folder of schema files",
        cloud_form="gs://BUCKET/FOLDER",
        cloud_pattern=f"{_BUCKET}/.+",
        at_launch=True,
        kind="GCS_READ_FOLDER",
        several=True,
    ),
    Option(
        "dead_letter_topic",
        "projects/PROJECT/topics/NAME",
        "dead letters also go to this Pub/Sub topic",
        "Dead-letter topic",
        "projects/[^/]+/topics/[^/]+",
        cloud_pattern=f"projects/{_PROJECT}/topics/{_NAME}",
        kind="PUBSUB_TOPIC",
    ),
    Option(
        "write_method",
        f"{STORAGE_WRITE} or {STREAMING_INSERTS}",
        "BigQuery only: the Storage Write API, or the fallback that is slower by far",
        "Write method",
        f"{STORAGE_WRITE}|{STREAMING_INSERTS}",
        default=STORAGE_WRITE,
    ),
    Option(
        "stop_when_idle",
        "SECONDS",
        "streaming on this machine only: end after so long without a message",
        "",
        jobs=Job.LOCAL,
        number=True,
    ),
)


class IrisOptions(PipelineOptions):
    """Where messages come from and where rows go."""

    @classmethod
    def _add_argparse_args(cls, parser: ArgumentParser) -> None:
        for option in OPTIONS:
            option.add_to(parser)


class OptionError(ValueError):
    """An option that is missing or wrong; the text names it and says what to do."""


def check(options: IrisOptions) -> None:
    """Refuses options that cannot work, before anything is touched.

    Raises:
        OptionError: with one line for the user.
    """
    if not options.input_files and not options.input_subscription:
        raise OptionError("no input: give --input_files GLOB or --input_subscription NAME")
    if options.input_files and options.input_subscription:
        raise OptionError("give either --input_files or --input_subscription, not both")
    if not options.warehouse:
        raise OptionError("no --warehouse: give duckdb:PATH or bigquery:PROJECT.DATASET")
    on_dataflow = options.view_as(StandardOptions).runner == DATAFLOW
    for option in OPTIONS:
        for value in option.values(options):
            (_check_for_dataflow if on_dataflow else _check_here)(option, value)
    if options.write_method == STREAMING_INSERTS and not options.warehouse.startswith("bigquery:"):
        raise OptionError(f"--write_method {STREAMING_INSERTS} needs --warehouse bigquery:P.D")


def _check_here(option: Option, value: str) -> None:
    if option.pattern and not re.fullmatch(option.pattern, value):
        raise OptionError(f"--{option.name} {value!r}: write {option.form}")


def _check_for_dataflow(option: Option, value: str) -> None:
    """Refuses places on this machine, too, which Dataflow's workers would take for their own."""
    if not option.jobs & Job.DATAFLOW:
        raise OptionError(f"--{option.name} is for this machine: leave it out for {DATAFLOW}")
    if not option.at_launch and not re.fullmatch(option.cloud_pattern or option.pattern, value):
        form = option.cloud_form or option.form
        raise OptionError(f"--{option.name} {value!r}: for {DATAFLOW} write {form}")


def check_spelling(argv: Sequence[str]) -> None:
    """Refuses a misspelt option of ours: Beam ignores in silence what it does not know.

    Raises:
        OptionError: with one line for the user.
    """
    ours = [f"--{option.name}" for option in OPTIONS]
    for word in argv:
        name = word.partition("=")[0]
        if not name.startswith("--") or any(option.startswith(name) for option in ours):
            continue
        close = difflib.get_close_matches(name, ours, n=1, cutoff=0.8)
        if close:
            raise OptionError(f"{name} is not known: did you mean {close[0]}?")


def name_runner(options: PipelineOptions) -> str | None:
    """The runner, from here on by its whole name: Beam takes others, such as ``direct``."""
    standard = options.view_as(StandardOptions)
    given = (standard.runner or "").rpartition(".")[2].lower()
    for name in (DIRECT, FN_API, DATAFLOW):
        if given in (name.lower(), name.lower().removesuffix("runner")):
            standard.runner = name
    runner: str | None = standard.runner
    return runner


def check_runner(name: str) -> None:
    """Refuses a runner that Beam does not have.

    Raises:
        OptionError: with one line for the user.
    """
    try:
        create_runner(name)
    except (ValueError, ImportError) as error:
        raise OptionError(f"--runner {name!r} is not known: {error}") from None


def help_text() -> str:
    """What ``--help`` prints: these options, and where Beam's own are described."""
    parser = ArgumentParser(
        prog="python -m pipeline",
        description="IRIS messages to typed tables.",
        epilog="Beam's own options stand beside these: --runner (DirectRunner, DataflowRunner), "
        "--project, --region, --temp_location and the rest.",
    )
    IrisOptions._add_argparse_args(parser)
    return parser.format_help()
