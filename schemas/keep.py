"""The commands that keep a warehouse: ``apply``, ``diff``, ``adopt`` and ``views``."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

from schemas.adopt import Turn, adoption, way_back
from schemas.apply import Plan, carry_out, conflict_table, plan, steps
from schemas.changes import Change, Rename, foreseen
from schemas.document import document as document_of
from schemas.document import with_document
from schemas.find import UsageError, find
from schemas.historic import load_historic
from schemas.live import Live
from schemas.model import Table
from schemas.registry import Registry
from schemas.tables import SYSTEM_TABLES, all_tables, table_for
from schemas.views.catalog import catalog
from schemas.views.model import bigquery_statement, marked
from schemas.warehouses import Refused, Warehouse, WarehouseError, open_warehouse

Command = Callable[[Namespace, Registry], Iterable[str]]
Add = Callable[[str, Command, str], ArgumentParser]


class Unreconciled(Exception):
    """The warehouse is not what is declared; the text says what is left."""


def add_commands(add: Add) -> None:
    """Adds the commands to a parser."""
    applying = add("apply", apply, "Create what is missing in a warehouse, and add columns.")
    applying.add_argument("--dry-run", action="store_true", help="only tell what would be done")
    applying.add_argument(
        "--location", help="of a BigQuery dataset that is made, for good (default: US)"
    )
    differing = add("diff", diff, "What apply would do, and what it cannot; changes nothing.")
    printing = add("views", views, "The statements that create views and functions.")
    printing.add_argument("names", metavar="NAME", nargs="*", help="of views; none prints all")
    printing.add_argument(
        "--dataset", metavar="PROJECT.DATASET", default="iris", help="where the tables are"
    )
    adopting = add("adopt", adopt, "Put tables aside that are not as declared, make new ones.")
    adopting.add_argument(
        "subjects", metavar="SUBJECT", nargs="*", help="or a table of the pipeline; none takes all"
    )
    adopting.add_argument("--dry-run", action="store_true", help="only tell what would be done")
    adopting.add_argument(
        "--undo", action="store_true", help="give the old tables their names back"
    )
    documenting = add("document", document, "Everything as a document, in Markdown.")
    documenting.add_argument("--write", metavar="FILE", help="between the marks of this file")
    for command in (applying, differing, adopting):
        command.add_argument(
            "--warehouse",
            required=True,
            metavar="URL",
            help="duckdb:PATH or bigquery:PROJECT.DATASET",
        )
    for command in (applying, differing, adopting, printing):
        command.add_argument(
            "--historic", metavar="FILE", help="which tables hold the history (JSON)"
        )
    for command in (applying, differing):
        command.add_argument(
            "--without-history",
            action="store_true",
            help="views may stop reading historic tables that they read",
        )
        command.add_argument(
            "--expire-partitions-after",
            metavar="DAYS",
            type=_days,
            help="of tables that are made, BigQuery deletes rows of older days (default: never)",
        )


def apply(options: Namespace, registry: Registry) -> Iterator[str]:
    """Creates and adds. Raises Unreconciled where something stays as it is."""
    place = open_warehouse(options.warehouse, options.location, read_only=options.dry_run)
    with closing(place) as warehouse:
        found = _plan(options, registry, warehouse)
        refused: Refused | None = None
        if options.dry_run:
            yield from (f"would {step}" for step in steps(found))
        else:
            try:
                yield from carry_out(found, warehouse)
            except Refused as error:
                refused = error
        if found.is_empty:
            yield "nothing to do"
        yield from _told(options, found, warehouse)
        if refused is not None:
            raise refused


def diff(options: Namespace, registry: Registry) -> Iterator[str]:
    """Tells. Raises Unreconciled where the warehouse is not what is declared."""
    with closing(open_warehouse(options.warehouse, read_only=True)) as warehouse:
        found = _plan(options, registry, warehouse)
        yield from steps(found)
        yield from _told(options, found, warehouse)
        if not found.is_empty:
            raise Unreconciled(
                f"{warehouse.name} lacks what is listed above; python -m schemas apply makes it"
            )


def adopt(options: Namespace, registry: Registry) -> Iterator[str]:
    """Renames old tables, or the way back. Raises Unreconciled where one stays as it is."""
    tables = [_table(registry, one) for one in options.subjects] or all_tables(registry)
    historic = load_historic(registry, options.historic)
    place = open_warehouse(options.warehouse, read_only=options.dry_run)
    with closing(place) as warehouse:
        live = warehouse.look()
        if not live.exists:
            raise UsageError(f"--warehouse: there is no {warehouse.name}; correct the name")
        stuck, done = 0, list[Change]()
        for turn in way_back(tables, live) if options.undo else adoption(tables, live):
            begun = False
            try:
                for line in _taken(turn, warehouse, options.dry_run):
                    begun = True
                    yield line
                done += turn.steps
            except WarehouseError as error:
                stuck += 1
                what = "is half done, run it again" if begun else "stays as it is"
                yield f"{turn.table} {what}: {error}"
        if not done and not stuck:
            yield "nothing to do"
        unused = catalog(registry, historic, foreseen(live, done)).unused
        renamed = {one.to for one in done if isinstance(one, Rename)}
        for name in sorted(renamed & unused.keys()):
            yield f"note: {name}: not in the unified view: {unused[name]}"
        if done and not options.dry_run:
            yield "run python -m schemas apply at once: until then the views miss what was renamed"
        if stuck:
            raise Unreconciled(f"of {warehouse.name}, {stuck} could not be renamed, as told above")


def views(options: Namespace, registry: Registry) -> Iterator[str]:
    """BigQuery's statements, as ``apply`` would run them without a historic table."""
    historic = load_historic(registry, options.historic)
    wanted = {name.lower() for name in options.names}
    for one in catalog(registry, historic, Live()).definitions:
        if not wanted or one.name.lower() in wanted:
            statement = bigquery_statement(one, options.dataset)
            yield bigquery_statement(marked(one, statement), options.dataset)
            yield ""


def document(options: Namespace, registry: Registry) -> Iterator[str]:
    """The generated part of docs/warehouse.md."""
    if not options.write:
        yield from document_of(registry)
        return
    path = Path(options.write)
    try:
        path.write_text(with_document(path.read_text("utf-8"), registry), "utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"--write {path}: {getattr(error, 'strerror', None) or error}") from error


def _plan(options: Namespace, registry: Registry, warehouse: Warehouse) -> Plan:
    if options.expire_partitions_after and not warehouse.expires:
        raise UsageError(
            "--expire-partitions-after goes with BigQuery only, a DuckDB file deletes nothing by "
            "itself; leave it out"
        )
    return plan(
        registry,
        load_historic(registry, options.historic),
        warehouse.look(),
        warehouse,
        expire_days=options.expire_partitions_after,
        without_history=options.without_history,
    )


def _told(options: Namespace, found: Plan, warehouse: Warehouse) -> Iterator[str]:
    for note in (*found.notes, *found.unmet):
        yield f"note: {note}"
    if found.conflicts:
        yield ""
        yield from conflict_table(found.conflicts)
        cures = dict.fromkeys(one.cure for one in found.conflicts)
        raise Unreconciled(
            "; ".join((f"{warehouse.name} is in part not as declared, as listed above", *cures))
        )
    if found.unmet:
        raise Unreconciled(
            f"{options.historic} names what is not there, as noted above: correct it"
        )


def _taken(turn: Turn, warehouse: Warehouse, dry_run: bool) -> Iterator[str]:
    if turn.hindrance:
        raise WarehouseError(turn.hindrance)
    if dry_run:
        yield from (f"would {step}" for step in turn.steps)
    else:
        yield from warehouse.make_all(turn.steps)


def _table(registry: Registry, name: str) -> Table:
    for table in SYSTEM_TABLES:
        if table.name == name.lower():
            return table
    return table_for(find(registry, name))


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text):
        raise ArgumentTypeError(f"{text!r} is no number of days from 1")
    return int(text)
