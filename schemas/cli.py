"""``python -m schemas``: look at datasets, and keep a warehouse's tables and views."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict

from schemas import keep
from schemas.ddl import bigquery_ddl, duckdb_ddl
from schemas.errors import SchemaError
from schemas.find import UsageError, find
from schemas.load import load
from schemas.model import Dataset
from schemas.registry import Registry
from schemas.tables import all_tables, table_for
from schemas.text import overview, page
from schemas.warehouses import NoWarehouse, WarehouseError

#: Width of text that goes into a file or a pipe.
_PAGE_WIDTH = 100

#: A command gives the lines that it prints.
Command = Callable[[argparse.Namespace, Registry], Iterable[str]]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status.

    0: done; 1: something cannot be reconciled, or the warehouse refuses; 2: what the user can
    correct in the arguments or the schema files; 130: Ctrl-C.
    """
    options = _parser().parse_args(argv)
    run: Command = options.run
    try:
        for line in run(options, load(*options.schema_dir)):
            _tell(line)  # a step when it is done
    except (keep.Unreconciled, WarehouseError) as error:
        print(f"schemas: {error}", file=sys.stderr)
        return 1
    except (SchemaError, UsageError, NoWarehouse) as error:
        print(f"schemas: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "schemas: stopped; what was told is done, the next run does the rest", file=sys.stderr
        )
        return 130
    return 0


def _tell(line: str) -> None:
    """Prints, as long as somebody reads: a command goes on to its end without ``head``, too."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        # Python flushes stdout once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _list(options: argparse.Namespace, registry: Registry) -> Iterator[str]:
    if options.json:
        yield json.dumps([_summary(dataset) for dataset in registry.values()], indent=2)
    else:
        yield from overview(registry.values(), _screen_width())


def _show(options: argparse.Namespace, registry: Registry) -> Iterator[str]:
    dataset = find(registry, options.subject)
    if options.json:
        yield json.dumps({"table": dataset.table_name, **asdict(dataset)}, indent=2)
    else:
        yield from page(dataset, _screen_width() or _PAGE_WIDTH)


def _ddl(options: argparse.Namespace, registry: Registry) -> Iterator[str]:
    if options.dataset and options.dialect != "bigquery":
        raise UsageError("--dataset goes with --dialect bigquery only; leave it out")
    tables = (
        [table_for(find(registry, subject)) for subject in options.subjects]
        if options.subjects
        else all_tables(registry)
    )
    for number, table in enumerate(tables):
        if number:
            yield ""
        if options.dialect == "duckdb":
            yield duckdb_ddl(table)
        else:
            yield bigquery_ddl(table, options.dataset)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m schemas", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, run: Command, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "--schema_dir",
            metavar="DIR",
            action="append",
            default=[],
            help="directory of more schema files, or of others for known subjects; repeatable",
        )
        command.set_defaults(run=run)
        return command

    listing = add("list", _list, "One line per dataset.")
    showing = add("show", _show, "Everything that is known of one dataset.")
    printing = add("ddl", _ddl, "The statements that create tables.")
    showing.add_argument("subject", metavar="SUBJECT", help="subject of the dataset, such as FREQ")
    for command in (listing, showing):
        command.add_argument("--json", action="store_true", help="print JSON")
    printing.add_argument(
        "subjects",
        metavar="SUBJECT",
        nargs="*",
        help="subjects of datasets; none prints all tables, the pipeline's own included",
    )
    printing.add_argument(
        "--dialect", choices=("bigquery", "duckdb"), default="bigquery", help="default: bigquery"
    )
    printing.add_argument(
        "--dataset", metavar="PROJECT.DATASET", help="where the tables are (bigquery only)"
    )
    keep.add_commands(add)
    return parser


def _summary(dataset: Dataset) -> dict[str, object]:
    return {
        "subject": dataset.subject,
        "table": dataset.table_name,
        "columns": len(dataset.columns),
        "partition": dataset.partition.column,
        "natural_key": dataset.natural_key,
        "cadence_seconds": dataset.cadence_seconds,
        "confidence": dataset.confidence.columns,
        "title": dataset.title,
    }


def _screen_width() -> int | None:
    """None where the text does not go to a screen."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
