"""Every query parses, names metrics and labels that exist, and looks at this installation alone."""

from __future__ import annotations

import re
from datetime import date

import pytest

from bridge.metrics import Metrics
from bridge.monitoring import PREFIX
from deploy.monitoring.metrics import METRICS, RESOURCES, USER_COUNTER, Kind
from deploy.monitoring.queries import by_dataset, dead_letters
from ops.metrics import HEALTH, LABELS, PERIOD_SECONDS
from pipeline.metrics import DEAD_LETTERS, MEANING, name_of
from pipeline.reject import Reason
from pipeline.transforms import UNMAPPED_TAG
from tests.deploy.monitoring_queries import ALARMS, REGISTRY, SHOWN, uses, widgets

EVERYTHING = [pytest.param(query, id=name) for name, query in {**ALARMS, **SHOWN}.items()]


@pytest.mark.parametrize("query", EVERYTHING)
def test_it_names_metrics_and_labels_that_exist(query: str) -> None:
    assert uses(query), "no metric at all"
    for use in uses(query):
        assert use.labels["monitored_resource"] == use.metric.resource
        known = {"monitored_resource", *use.metric.labels, *RESOURCES[use.metric.resource]}
        assert set(use.labels) <= known
    by = set(re.findall(r"by \(([^)]*)\)", query))
    assert by <= {"dataset", "dataset, reason"}


@pytest.mark.parametrize("query", EVERYTHING)
def test_it_looks_at_this_installation_alone(query: str) -> None:
    for use in uses(query):
        mine = {value for value in use.labels.values() if "${name}" in value}
        expected = {
            "dataflow_job": {"job_name": "${name}"},
            "global": {"installation": "${name}"},
            "bigquery_project": {},  # has no label that tells installations apart
        }.get(use.metric.resource)
        if expected is None:
            assert mine <= {"${name}-messages", "${name}-dead-letters"}
            assert len(mine) == 1
        else:
            assert expected.items() <= use.labels.items()


@pytest.mark.parametrize("query", EVERYTHING)
def test_each_kind_of_metric_is_asked_in_its_own_way(query: str) -> None:
    for use in uses(query):
        innermost, *outer = (*use.around, "")
        if use.metric.kind in (Kind.COUNTER, Kind.DISTRIBUTION):
            assert innermost in ("rate", "increase")
            assert outer[0] == "sum"
        elif use.metric.kind is Kind.TOTAL:
            # A running total is compared with itself alone, before anything is added up.
            assert innermost == "max_over_time"
            assert outer[0] in ("clamp_min", "sum", "label_replace")
        else:
            # A sum would count a job twice that was started again, once for each job id.
            assert innermost not in ("rate", "increase", "sum", "avg", "count")
            assert "sum" not in use.around


@pytest.mark.parametrize("query", [pytest.param(q, id=name) for name, q in ALARMS.items()])
def test_an_alarm_looks_back_further_than_points_are_late(query: str) -> None:
    for use in uses(query):
        assert use.window >= 2 * use.metric.sampled + use.metric.delay, use.metric.type
        assert use.window <= 86_400


@pytest.mark.parametrize("kind", ["scorecard", "timeSeriesTable"])
def test_what_shows_one_value_has_one_although_points_are_late(kind: str) -> None:
    found = widgets(kind)
    assert len(found) > 3
    for title, queries in found:
        for use in (use for query in queries for use in uses(query)):
            assert use.window >= 2 * use.metric.sampled + use.metric.delay, title


@pytest.mark.parametrize("query", EVERYTHING)
def test_the_health_checks_values_are_looked_for_over_several_checks(query: str) -> None:
    for use in uses(query):
        if use.metric.type in {one.type for one in HEALTH}:
            assert use.window >= 3 * PERIOD_SECONDS


def test_few_metrics_are_named_by_the_alarms() -> None:
    named = {name: len(uses(query)) for name, query in ALARMS.items()}
    several = {name for name, count in named.items() if count > 1}
    assert {name.partition(",")[0] for name in several} == {"dataset-late"}
    assert sum(named.values()) <= 24, "each of them costs"


def test_the_bridge_has_these_metrics() -> None:
    metrics = Metrics(date(2030, 1, 1))
    labels = {
        collector._name: collector._labelnames
        for collector in vars(metrics).values()
        if hasattr(collector, "_labelnames")
    }
    real: dict[str, tuple[str, tuple[str, ...]]] = {}
    for family in metrics.registry.collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        real[name] = (family.type, ("installation", *labels.get(family.name, ())))
    ours = {
        f"iris_bridge_{type_.removeprefix(PREFIX)}": (str(metric.kind), metric.labels)
        for type_, metric in METRICS.items()
        if type_.startswith(PREFIX)
    }
    assert len(ours) == 11
    assert {name: real.get(name) for name in ours} == ours


def test_the_health_check_has_these_metrics() -> None:
    ours = {one for one in METRICS.values() if "/iris/health/" in one.type}
    assert {one.type for one in ours} == {one.type for one in HEALTH}
    assert {one.labels for one in ours} == {tuple(LABELS)}


def test_every_metric_has_a_source_and_is_used() -> None:
    used = {use.metric.type for query in (*ALARMS.values(), *SHOWN.values()) for use in uses(query)}
    assert used == set(METRICS)
    for metric in METRICS.values():
        assert re.match(r"https://docs\.cloud\.google\.com/|bridge/|ops/", metric.source)
        assert metric.resource in RESOURCES


#: Every name that a counter of the pipeline can have.
COUNTERS = {
    name_of(dataset, metric, reason)
    for dataset in (*REGISTRY, UNMAPPED_TAG)
    for metric in MEANING
    for reason in (Reason if metric == DEAD_LETTERS else [None])
}


def asked(query: str) -> list[str]:
    """The pipeline's counters that a query looks at."""
    (pattern,) = {use.labels["metric_name"] for use in uses(query) if use.metric is USER_COUNTER}
    return sorted(name for name in COUNTERS if re.fullmatch(pattern, name))


@pytest.mark.parametrize("query", EVERYTHING)
def test_the_pipeline_has_these_counters(query: str) -> None:
    if any(use.metric is USER_COUNTER for use in uses(query)):
        assert asked(query)


def test_rows_are_asked_for_of_each_dataset_and_dead_letters_for_each_reason() -> None:
    subjects = (*REGISTRY, UNMAPPED_TAG)
    assert asked(by_dataset("rows", 600)) == sorted(f"{one}.rows" for one in subjects)
    assert asked(dead_letters(600)) == sorted(
        f"{one}.dead_letters.{reason}" for one in subjects for reason in Reason
    )


def test_what_is_left_out_is_counted_under_its_own_name() -> None:
    both = dict(widgets("xyChart"))["Not decoded, and of no known dataset, each hour"]
    assert asked(both[1]) == ["unmapped.rows"]
    assert {name.partition(".")[2] for name in asked(both[0])} == {
        "dead_letters.BadEncoding",
        "dead_letters.NotJson",
        "dead_letters.NotRecords",
    }
