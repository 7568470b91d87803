"""The commands that keep a warehouse: ``apply``, ``diff``, ``adopt`` and ``views``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

from schemas.adopt import adoption, take, way_back
from schemas.apply import Plan, carry_out, conflict_table, plan, steps
from schemas.document import document as document_of
from schemas.document import with_document
from schemas.find import find
from schemas.historic import load_historic
from schemas.live import Live
from schemas.registry import Registry
from schemas.views.catalog import catalog
from schemas.views.model import bigquery_statement
from schemas.warehouses import Warehouse, open_warehouse

Command = Callable[[Namespace, Registry], Iterable[str]]
Add = Callable[[str, Command, str], ArgumentParser]


class Unreconciled(Exception):
    """The warehouse is not what is declared; the text says what is left."""


def add_commands(add: Add) -> None:
    """Adds the commands to a parser."""
    applying = add("apply", apply, "Create what is missing in a warehouse, and add columns.")
    applying.add_argument("--dry-run", action="store_true", help="only tell what would be done")
    applying.add_argument(
        "--location", default="US", help="of a BigQuery dataset that is made (default: %(default)s)"
    )
    differing = add("diff", diff, "What apply would do, and what it cannot; changes nothing.")
    printing = add("views", views, "The statements that create views and functions.")
    printing.add_argument("names", metavar="NAME", nargs="*", help="of views; none prints all")
    printing.add_argument(
        "--dataset", metavar="PROJECT.DATASET", default="iris", help="where the tables are"
    )
    adopting = add("adopt", adopt, "Put tables aside that are not as declared, make new ones.")
    adopting.add_argument("subjects", metavar="SUBJECT", nargs="*", help="none takes all")
    adopting.add_argument("--dry-run", action="store_true", help="only tell what would be done")
    adopting.add_argument("--undo", action="store_true", help="put the old tables back")
    documenting = add("document", document, "Everything as a document, in Markdown.")
    documenting.add_argument("--write", metavar="FILE", help="between the marks of this file")
    for command in (applying, differing, adopting):
        command.add_argument(
            "--warehouse",
            required=True,
            metavar="URL",
            help="duckdb:PATH or bigquery:PROJECT.DATASET",
        )
    for command in (applying, differing, printing):
        command.add_argument(
            "--historic", metavar="FILE", help="which tables hold the history (JSON)"
        )


def apply(options: Namespace, registry: Registry) -> Iterator[str]:
    """Creates and adds. Raises Unreconciled where something stays as it is."""
    with closing(open_warehouse(options.warehouse, options.location)) as warehouse:
        found = _plan(options, registry, warehouse)
        if options.dry_run:
            yield from (f"would {step}" for step in steps(found))
        else:
            yield from carry_out(found, warehouse)
        if found.is_empty:
            yield "nothing to do"
        yield from _told(found, warehouse)


def diff(options: Namespace, registry: Registry) -> Iterator[str]:
    """Tells. Raises Unreconciled where the warehouse is not what is declared."""
    with closing(open_warehouse(options.warehouse)) as warehouse:
        found = _plan(options, registry, warehouse)
        yield from steps(found)
        yield from _told(found, warehouse)
        if not found.is_empty:
            raise Unreconciled(
                f"{warehouse.name} lacks what is listed above; python -m schemas apply makes it"
            )


def adopt(options: Namespace, registry: Registry) -> Iterator[str]:
    """Puts old tables aside, or back; all is looked at before anything is touched."""
    datasets = [find(registry, one) for one in options.subjects] or list(registry.values())
    with closing(open_warehouse(options.warehouse)) as warehouse:
        planned = way_back if options.undo else adoption
        found = list(planned(datasets, warehouse.look(), warehouse))
        if options.dry_run:
            yield from (f"would {step}" for step in found)
            return
        yield from take(found, warehouse)
        yield ("the views follow with python -m schemas apply" if found else "nothing to do")


def views(options: Namespace, registry: Registry) -> Iterator[str]:
    """BigQuery's statements, as ``apply`` would run them without a historic table."""
    historic = load_historic(registry, options.historic)
    wanted = {name.lower() for name in options.names}
    for one in catalog(registry, historic, Live()).definitions:
        if not wanted or one.name.lower() in wanted:
            yield bigquery_statement(one, options.dataset)
            yield ""


def document(options: Namespace, registry: Registry) -> Iterator[str]:
    """The generated part of docs/warehouse.md."""
    if not options.write:
        yield from document_of(registry)
        return
    path = Path(options.write)
    path.write_text(with_document(path.read_text("utf-8"), registry), "utf-8")


def _plan(options: Namespace, registry: Registry, warehouse: Warehouse) -> Plan:
    historic = load_historic(registry, options.historic)
    return plan(registry, historic, warehouse.look(), warehouse)


def _told(found: Plan, warehouse: Warehouse) -> Iterator[str]:
    for note in found.notes:
        yield f"note: {note}"
    if found.conflicts:
        yield ""
        yield from conflict_table(found.conflicts)
        raise Unreconciled(
            f"{warehouse.name} has other types or partitions than declared, listed above; they "
            "stay as they are. python -m schemas adopt puts such tables aside and makes new ones"
        )
