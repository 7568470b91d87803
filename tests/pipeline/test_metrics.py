"""Names of metrics, and what a meter hands over."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import apache_beam as beam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import metrics
from pipeline.metrics import Meter, Progress, name_of, split_name
from pipeline.reject import Reason
from schemas import Registry
from tests.pipeline.graph_runs import local_pipeline, metrics_of, spread


@given(
    st.from_regex(r"[A-Za-z0-9_]{1,20}", fullmatch=True),
    st.sampled_from(sorted(metrics.MEANING)),
    st.none() | st.sampled_from(Reason),
)
def test_names_split_into_what_they_were_made_of(
    dataset: str, metric: str, reason: Reason | None
) -> None:
    assert split_name(name_of(dataset, metric, reason)) == (dataset, metric, reason)


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (name_of("FREQ", metrics.ROWS), "FREQ.rows"),
        (name_of("SYS_WARN", metrics.MESSAGES), "SYS_WARN.messages"),
        (
            name_of("unmapped", metrics.DEAD_LETTERS, Reason.NOT_OBJECT),
            "unmapped.dead_letters.NotObject",
        ),
    ],
)
def test_names(made: str, name: str) -> None:
    assert made == name


def test_names_of_a_dataset_sort_together(registry: Registry) -> None:
    names = sorted(name_of(subject, metric) for subject in registry for metric in metrics.MEANING)
    subjects = [split_name(name)[0] for name in names]
    assert len(dict.fromkeys(subjects)) == len(registry)
    changes = sum(one != other for one, other in pairwise(subjects))
    assert changes == len(registry) - 1


class Metered(beam.DoFn):
    """Counts what it is given: ``(metric, amount)``, a span as ``(metric, [seconds])``."""

    def setup(self) -> None:
        self._meter = Meter("TIDE")

    def start_bundle(self) -> None:
        self._meter.clear()

    def process(self, element: tuple[str, Any]) -> None:
        metric, amount = element
        if isinstance(amount, list):
            for seconds in amount:
                self._meter.span(metric, seconds)
        elif metric == metrics.DEAD_LETTERS:
            self._meter.dead_letters(Counter(amount))
        else:
            self._meter.count(metric, amount)

    def finish_bundle(self) -> None:
        self._meter.flush()


def test_a_meter_hands_over_when_the_bundle_ends() -> None:
    dead = {Reason.NOT_OBJECT: 2, Reason.TOO_DEEP: 1}
    given = [
        (metrics.MESSAGES, 1),
        (metrics.ROWS, 300),
        (metrics.ROWS, 2),
        (metrics.MISFIT_VALUES, 0),
        (metrics.DEAD_LETTERS, dead),
        (metrics.DEAD_LETTERS, {Reason.TOO_DEEP: 4}),
        (metrics.ENQUEUED_TO_WRITTEN, [3, -1]),
        (metrics.ENQUEUED_TO_WRITTEN, [10]),
    ]
    pipeline = local_pipeline()
    pipeline | beam.Create([given]) | beam.FlatMap(lambda each: each) | beam.ParDo(Metered())
    got = metrics_of(pipeline.run())
    assert got.counters == {
        "TIDE.messages": 1,
        "TIDE.rows": 302,
        "TIDE.dead_letters.NotObject": 2,
        "TIDE.dead_letters.TooDeep": 5,
    }
    assert got.distributions == {"TIDE.milliseconds_enqueued_to_written": spread(3, -1, 10)}


class CountsThenForgets(beam.DoFn):
    def process(self, element: Any) -> None:
        meter = Meter("TIDE")
        meter.count(metrics.ROWS, 5)
        meter.span(metrics.REFERENCE_TIME, 5)
        meter.dead_letters(Counter([Reason.NOT_JSON]))
        meter.clear()
        meter.count(metrics.MESSAGES, 1)
        meter.flush()


def test_a_bundle_that_failed_leaves_nothing_in_the_meter() -> None:
    pipeline = local_pipeline()
    pipeline | beam.Create([None]) | beam.ParDo(CountsThenForgets())
    got = metrics_of(pipeline.run())
    assert (got.counters, got.distributions) == ({"TIDE.messages": 1}, {})


def test_progress_adds_up() -> None:
    progress = Progress()
    progress.add(1, 299, 1)
    progress.add(2, 0, 3)
    assert (progress.messages, progress.rows, progress.dead_letters) == (3, 299, 4)
