"""From the command line to a running job."""

from __future__ import annotations

import logging
import os
import shlex
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import apache_beam as beam
from apache_beam.io.filesystem import BeamIOError
from apache_beam.options.pipeline_options import (
    PipelineOptions,
    TestOptions,
)

import schemas
from pipeline import metrics
from pipeline.build import WriteMessages, build
from pipeline.dead_letter_topic import check_topic
from pipeline.files import FileError, any_match, read_schema_dir
from pipeline.metrics import PROGRESS
from pipeline.options import (
    DIRECT,
    FN_API,
    LOCAL_RUNNERS,
    STORAGE_WRITE,
    IrisOptions,
    OptionError,
    check,
    check_runner,
    check_spelling,
    help_text,
    name_runner,
)
from pipeline.reject import Reason
from pipeline.sinks import close_warehouses, open_warehouse, parse_url
from pipeline.sinks.base import TransientError, WarehouseError
from pipeline.submit import end_on_signals, interrupt, submit
from pipeline.subscription import (
    MicroBatches,
    SubscriptionError,
    check_subscription,
    plain,
)
from pipeline.summary import Totals

BAD_INPUT: Final = 2
FAILED: Final = 1

_EXPECTED: Final = (
    FileError,
    OptionError,
    SubscriptionError,
    WarehouseError,
    schemas.SchemaError,
)


def main(argv: Sequence[str]) -> int:
    """Runs the pipeline; the exit code is 0 (well), 1 (a fault that may pass), 2 (bad input)."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("apache_beam.runners.common").addFilter(_is_a_bug)
    try:
        return run(argv)
    except _EXPECTED as error:
        return _say(plain(error), BAD_INPUT)
    except TransientError as error:
        return _say(f"{plain(error)} (nothing is lost: run the same command again)", FAILED)
    except KeyboardInterrupt:
        return _say("interrupted: run the same command again", 130)
    finally:
        close_warehouses()


def run(argv: Sequence[str]) -> int:
    """``main`` without the handling of errors."""
    if {"-h", "--help"} & set(argv):
        print(help_text())
        return 0
    check_spelling(argv)
    options = PipelineOptions(list(argv))
    runner = name_runner(options)
    iris = options.view_as(IrisOptions)
    check(iris)
    parse_url(iris.warehouse)
    registry = schemas.load(*iris.schema_dir, read_dir=read_schema_dir)
    dry_run = options.view_as(TestOptions).dry_run
    if iris.input_files and not dry_run:
        _check_files(iris.input_files)
    if runner not in LOCAL_RUNNERS:
        check_runner(runner)
        return submit(options, registry)
    if dry_run:
        raise OptionError("--dry_run needs --runner=DataflowRunner: here nothing is submitted")
    if iris.input_subscription:
        check_subscription(iris.input_subscription)
    if iris.dead_letter_topic:
        check_topic(iris.dead_letter_topic)
    if iris.write_method == STORAGE_WRITE:
        open_warehouse(iris.warehouse)
    if runner == DIRECT:
        print("DirectRunner: running on Beam's FnApiRunner, in this process", file=sys.stderr)
    return _run_files(options, registry) if iris.input_files else _run_live(options, registry)


def _check_files(pattern: str) -> None:
    """Refuses a pattern that matches nothing: the run would end well, having read nothing."""
    if os.path.isdir(pattern):
        raise OptionError(f"--input_files {pattern!r} is a folder: write '{pattern}/*/*'")
    try:
        found = any_match(pattern)
    except (BeamIOError, ValueError) as error:
        raise OptionError(f"--input_files {pattern!r}: {error}") from None
    if not found:
        raise OptionError(f"--input_files {pattern!r}: no file matches")


def _run_files(options: PipelineOptions, registry: schemas.Registry) -> int:
    totals = Totals()
    pipeline = beam.Pipeline(runner=FN_API, options=options)
    build(pipeline, options, list(registry.values()))
    with end_on_signals(interrupt), _progress():
        result = pipeline.run()
        result.wait_until_finish()
    totals.add(result)
    return _finish(totals, options.view_as(IrisOptions).warehouse, registry)


def _run_live(options: PipelineOptions, registry: schemas.Registry) -> int:
    iris = options.view_as(IrisOptions)
    totals = Totals(delays=True)
    stop = threading.Event()

    def write(messages: Any, subjects: frozenset[str]) -> None:
        # Branches for just the datasets in the batch: all of them would cost seconds each time.
        datasets = [dataset for subject, dataset in registry.items() if subject in subjects]
        messages | "WriteMessages" >> WriteMessages.from_options(options, datasets)

    print(f"reading {iris.input_subscription}: Ctrl-C ends", file=sys.stderr)
    stop_waiting = _stop_waiting_of(iris.warehouse)

    def end() -> None:
        stop.set()
        stop_waiting()  # what waits for the warehouse is not acknowledged and stays

    with end_on_signals(end, aside=True), _progress():
        idle = iris.stop_when_idle
        MicroBatches(iris.input_subscription, write, totals.add, stop, idle).run()
    return _finish(totals, iris.warehouse, registry)


def _stop_waiting_of(url: str) -> Callable[[], None]:
    """What has a warehouse wait for nobody any more; nothing happens where it never does."""
    if parse_url(url)[0] == "duckdb":
        from pipeline.sinks.duckdb import DuckDBWarehouse  # its library is for those who use it

        warehouse = open_warehouse(url)
        if isinstance(warehouse, DuckDBWarehouse):
            return warehouse.stop_waiting
    return lambda: None


def _finish(totals: Totals, warehouse: str, registry: schemas.Registry) -> int:
    """Prints the summary; the exit code."""
    lines = [*totals.lines(), "", f"warehouse: {warehouse}"]
    kind, place = parse_url(warehouse)
    if kind == "duckdb":
        python, place = shlex.quote(os.path.relpath(sys.executable)), shlex.quote(place)
        lines.append(f'try: {python} -m local.query {place} "{_example(totals, registry)}"')
    try:
        print("\n".join(lines), flush=True)
    except OSError:  # the reader, head for example, has seen enough, or the terminal is closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not totals.adds_up:
        return _say("records do not equal rows + dead letters: this is a bug", FAILED)
    if totals.reasons[Reason.TABLE_UNAVAILABLE]:
        return _say(
            f"{totals.reasons[Reason.TABLE_UNAVAILABLE]} rows are in iris_dead_letters because "
            "their table cannot be written: "
            "create it with python -m schemas apply, then send the messages again",
            BAD_INPUT,
        )
    return 0


def _example(totals: Totals, registry: schemas.Registry) -> str:
    """A question that the data of this run can answer, whatever came twice."""
    rows = {
        subject: totals.datasets[subject].counts[metrics.ROWS]
        for subject, dataset in registry.items()
        if subject in totals.datasets and dataset.reference_time
    }
    subject = max(rows, key=lambda one: rows[one], default=None)
    if subject is None or not rows[subject]:
        return "SELECT DISTINCT dataset, message_id, records, rows FROM iris_messages LIMIT 10"
    dataset = registry[subject]
    columns = dict.fromkeys([dataset.reference_time, *dataset.natural_key])
    return (
        f"SELECT DISTINCT {', '.join(str(column) for column in columns)} "
        f"FROM {dataset.table_name} ORDER BY {dataset.reference_time} DESC LIMIT 10"
    )


@contextmanager
def _progress() -> Iterator[None]:
    """A line on the terminal that tells how far the run is; silent where there is none."""
    done = threading.Event()

    def show() -> None:
        while not done.wait(0.5):
            _show(
                f"\r{PROGRESS.messages:,} messages, {PROGRESS.rows:,} rows, "
                f"{PROGRESS.dead_letters:,} dead letters"
            )

    if not sys.stderr.isatty():
        yield
        return
    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        _show("\r\033[K")


def _show(text: str) -> None:
    with suppress(OSError):  # the terminal is closed
        print(text, end="", file=sys.stderr, flush=True)


def _is_a_bug(record: logging.LogRecord) -> bool:
    """Drops Beam's traceback of an error that ``main`` tells in one line."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, (*_EXPECTED, TransientError, KeyboardInterrupt))


def _say(text: str, code: int) -> int:
    print(text, file=sys.stderr)
    return code
