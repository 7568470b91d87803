"""The pipeline's options; Beam's own (runner, project, region, ...) stand beside them."""

from __future__ import annotations

import difflib
import re
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Final

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.runner import create_runner

STORAGE_WRITE: Final = "STORAGE_WRITE"
STREAMING_INSERTS: Final = "STREAMING_INSERTS"


class IrisOptions(PipelineOptions):
    """Where messages come from and where rows go."""

    @classmethod
    def _add_argparse_args(cls, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--input_files",
            metavar="GLOB",
            help="batch: files <DATASET>/<message_id>, local or gs://, the layout of the IRIS "
            "archive, for example 'archive/*/*'",
        )
        parser.add_argument(
            "--input_subscription",
            metavar="projects/P/subscriptions/S",
            help="streaming: the Pub/Sub subscription that the bridge's topic feeds",
        )
        parser.add_argument(
            "--warehouse",
            metavar="URL",
            help="where rows go: duckdb:PATH or bigquery:PROJECT.DATASET",
        )
        parser.add_argument(
            "--schema_dir",
            metavar="DIR",
            action="append",
            default=[],
            help="more schema files, or others in place of bundled ones, local or gs://; "
            "may be given several times",
        )
        parser.add_argument(
            "--dead_letter_topic",
            metavar="projects/P/topics/T",
            help="dead letters also go to this Pub/Sub topic",
        )
        parser.add_argument(
            "--write_method",
            metavar="METHOD",
            default=STORAGE_WRITE,
            help=f"BigQuery only: {STORAGE_WRITE} (default) or {STREAMING_INSERTS}",
        )
        parser.add_argument(
            "--stop_when_idle",
            metavar="SECONDS",
            type=float,
            help="streaming on this machine only: end after so long without a message",
        )


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
    if options.view_as(StandardOptions).runner == "DataflowRunner":
        _check_for_dataflow(options)
    _match("--input_subscription", options.input_subscription, "subscriptions")
    _match("--dead_letter_topic", options.dead_letter_topic, "topics")
    if options.write_method not in (STORAGE_WRITE, STREAMING_INSERTS):
        known = f"{STORAGE_WRITE} or {STREAMING_INSERTS}"
        raise OptionError(f"--write_method {options.write_method!r} is not known: use {known}")
    if options.write_method == STREAMING_INSERTS and not options.warehouse.startswith("bigquery:"):
        raise OptionError(f"--write_method {STREAMING_INSERTS} needs --warehouse bigquery:P.D")


def _check_for_dataflow(options: IrisOptions) -> None:
    """Refuses places on this machine, which Dataflow's workers would take for their own."""
    if options.warehouse.startswith("duckdb:"):
        raise OptionError("--warehouse duckdb: is on this machine: DataflowRunner needs bigquery:")
    if options.input_files and "://" not in options.input_files:
        raise OptionError("--input_files is on this machine: DataflowRunner needs gs://...")


def check_spelling(argv: Sequence[str]) -> None:
    """Refuses a misspelt option of ours: Beam ignores in silence what it does not know.

    Raises:
        OptionError: with one line for the user.
    """
    parser = ArgumentParser(add_help=False)
    IrisOptions._add_argparse_args(parser)
    ours = [f"--{name}" for name in vars(parser.parse_args([]))]
    for word in argv:
        name = word.partition("=")[0]
        if not name.startswith("--") or any(option.startswith(name) for option in ours):
            continue
        close = difflib.get_close_matches(name, ours, n=1, cutoff=0.8)
        if close:
            raise OptionError(f"{name} is not known: did you mean {close[0]}?")


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


def _match(option: str, value: str | None, kind: str) -> None:
    if value and not re.fullmatch(rf"projects/[^/]+/{kind}/[^/]+", value):
        raise OptionError(f"{option} {value!r}: write projects/PROJECT/{kind}/NAME")
