"""Graphs for runners other than this process: Dataflow above all."""

from __future__ import annotations

import _thread
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import apache_beam as beam
from apache_beam.options.pipeline_options import (
    DebugOptions,
    GoogleCloudOptions,
    PipelineOptions,
    SetupOptions,
    StandardOptions,
    TestOptions,
    WorkerOptions,
)

import schemas
from pipeline.build import build
from pipeline.options import DATAFLOW, IrisOptions, OptionError

#: Delivery is at least once anyway, and Dataflow's own exactly-once mode costs time and money.
AT_LEAST_ONCE: Final = "streaming_mode_at_least_once"

#: The image knows its own name, so the template's launcher gives it to the workers.
IMAGE_VARIABLE: Final = "IRIS_PIPELINE_IMAGE"


def submit(options: PipelineOptions, registry: schemas.Registry) -> int:
    """Hands the graph to its runner; a job on Dataflow is not waited for. The exit code.

    Raises:
        OptionError: with one line for the user.
    """
    standard = options.view_as(StandardOptions)
    standard.streaming = bool(options.view_as(IrisOptions).input_subscription)
    if standard.runner == DATAFLOW:
        _prepare_for_dataflow(options)
    try:
        pipeline = beam.Pipeline(options=options)
        build(pipeline, options, list(registry.values()))
    except ValueError as error:  # Beam's own checks: a region or a bucket is missing
        raise OptionError(" ".join(str(error).split())) from error
    result = pipeline.run()
    if standard.runner == DATAFLOW:
        # A dry run has made nothing, and a template's launcher has written what is launched next.
        template = options.view_as(GoogleCloudOptions).template_location
        if not template and not options.view_as(TestOptions).dry_run:
            print(f"job {result.job_id()} is launched: see the Dataflow monitoring UI")
        return 0
    with end_on_signals(interrupt):
        try:
            result.wait_until_finish()
        except KeyboardInterrupt:  # cancel() alone would not end the waiting
            result.cancel()
    return 0


def _prepare_for_dataflow(options: PipelineOptions) -> None:
    worker = options.view_as(WorkerOptions)
    worker.sdk_container_image = worker.sdk_container_image or os.environ.get(IMAGE_VARIABLE)
    # All code is in installed modules; what is in __main__ would be pickled and staged.
    options.view_as(SetupOptions).save_main_session = False
    if not worker.sdk_container_image:
        raise OptionError(
            "DataflowRunner: its workers need this package: give --sdk_container_image with the "
            "pipeline's image (make template builds it), or launch the template: make launch"
        )
    google, debug = options.view_as(GoogleCloudOptions), options.view_as(DebugOptions)
    services = google.dataflow_service_options or []
    chosen = [*services, *(debug.experiments or [])]
    if options.view_as(StandardOptions).streaming and not any(
        one.startswith("streaming_mode_") for one in chosen
    ):
        google.dataflow_service_options = [*services, AT_LEAST_ONCE]


def interrupt() -> None:
    """Ends a run that waits in the main thread."""
    # With a text: Beam makes a RuntimeError of one without.
    raise KeyboardInterrupt("interrupted")


@contextmanager
def end_on_signals(end: Callable[[], Any], aside: bool = False) -> Iterator[None]:
    """SIGINT and SIGTERM call ``end``, which ends the run in good order.

    Args:
        aside: in a thread of its own. A handler runs between two steps of the main thread, which
            may hold the very lock that ``end`` takes, such as that of a ``threading.Event``.
    """

    def handle(*_: Any) -> None:
        if aside:
            _thread.start_new_thread(end, ())  # which takes no lock itself
        else:
            end()

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
