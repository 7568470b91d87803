"""Every query parses, names metrics and labels that exist, and looks at this installation alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple

import promql_parser as promql
import pytest

from bridge.metrics import Metrics
from bridge.monitoring import PREFIX
from deploy.monitoring.alerts import alerts
from deploy.monitoring.dashboard import dashboard
from deploy.monitoring.metrics import METRICS, RESOURCES, USER_COUNTER, Kind, Metric
from deploy.monitoring.promql import Like, counted, newest, select, span
from deploy.monitoring.queries import by_dataset, dead_letters
from ops.metrics import HEALTH, LABELS, PERIOD_SECONDS
from pipeline.metrics import DEAD_LETTERS, MEANING, name_of
from pipeline.reject import Reason
from pipeline.transforms import UNMAPPED_TAG
from schemas import load

REGISTRY = load()


class Use(NamedTuple):
    """One selector of a query."""

    metric: Metric
    labels: dict[str, str]
    window: int
    around: tuple[str, ...]  # functions and aggregations, from the innermost


NAMES = {
    name: metric
    for metric in METRICS.values()
    for name in (
        [f"{metric.promql}_{part}" for part in ("count", "sum", "bucket")]
        if metric.kind is Kind.DISTRIBUTION
        else [metric.promql]
    )
}


def uses(query: str) -> list[Use]:
    return list(_uses(promql.parse(query), ()))


def _uses(node: Any, around: tuple[str, ...]) -> Iterator[Use]:
    if isinstance(node, promql.MatrixSelector):
        yield _use(node.vector_selector, int(node.range.total_seconds()), around)
    elif isinstance(node, promql.VectorSelector):
        yield _use(node, 0, around)
    elif isinstance(node, promql.BinaryExpr):
        yield from _uses(node.lhs, around)
        yield from _uses(node.rhs, around)
    elif isinstance(node, promql.ParenExpr):
        yield from _uses(node.expr, around)
    elif isinstance(node, promql.AggregateExpr):
        yield from _uses(node.expr, (str(node.op), *around))
    elif isinstance(node, promql.Call):
        for argument in node.args:
            yield from _uses(argument, (node.func.name, *around))
    else:
        assert isinstance(node, promql.NumberLiteral | promql.StringLiteral), type(node)


def _use(selector: Any, window: int, around: tuple[str, ...]) -> Use:
    assert selector.name in NAMES, f"{selector.name} is not in deploy/monitoring/metrics.py"
    labels = {one.name: one.value for one in selector.matchers.matchers}
    return Use(NAMES[selector.name], labels, window, around)


def widgets(kind: str) -> list[tuple[str, list[str]]]:
    """Title and queries of the dashboard's widgets of that kind."""
    found = []
    for tile in dashboard(REGISTRY.values())["mosaicLayout"]["tiles"]:
        view = tile["widget"].get(kind)
        if view is not None:
            sets = view.get("dataSets", [view])
            queries = [one["timeSeriesQuery"]["prometheusQuery"] for one in sets]
            found.append((tile["widget"]["title"], queries))
    return found


ALARMS = {
    f"{alert.key}, {condition.title}": condition.query
    for alert in alerts(REGISTRY.values())
    for condition in alert.conditions
}
SHOWN = {
    f"{title}, {index}": query
    for kind in ("scorecard", "xyChart", "timeSeriesTable")
    for title, queries in widgets(kind)
    for index, query in enumerate(queries)
}
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


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "1s"),
        (90, "90s"),
        (600, "10m"),
        (2700, "45m"),
        (3600, "1h"),
        (5400, "90m"),
        (86400, "1d"),
    ],
)
def test_a_duration(seconds: int, text: str) -> None:
    assert span(seconds) == text


def test_a_selector() -> None:
    lag, rows = METRICS["dataflow.googleapis.com/job/system_lag"], Like("[^.]+[.]rows")
    ours = 'monitored_resource="dataflow_job",job_name="${name}"'
    assert select(lag) == f"dataflow_googleapis_com:job_system_lag{{{ours}}}"
    assert newest(lag, 600) == (
        f"last_over_time(dataflow_googleapis_com:job_system_lag{{{ours}}}[10m])"
    )
    assert select(USER_COUNTER, 60, 120, metric_name=rows, job_id="1") == (
        f'dataflow_googleapis_com:job_user_counter{{{ours},metric_name=~"[^.]+[.]rows",'
        'job_id="1"}[1m] offset 2m'
    )


def test_what_a_running_total_has_counted() -> None:
    data = METRICS["dataflow.googleapis.com/job/total_streaming_data_processed"]
    assert counted(data, 3_600) == (
        f"(clamp_min(max_over_time({select(data, 3_600)}) - "
        f"max_over_time({select(data, 21_600, 3_600)}), 0) or "
        f"max_over_time({select(data, 3_600)}))"
    )
    assert f"{select(data)}[1d] offset 1d" in counted(data, 86_400)


def test_what_the_alarms_compare() -> None:
    found = {
        name.partition(",")[0]: (
            re.sub(".*/", "", uses(query)[0].metric.type),
            uses(query)[0].labels.get("topic_id", uses(query)[0].labels.get("subscription_id")),
            uses(query)[0].around,
            query[query.rindex(")") + 1 :].strip(),
        )
        for name, query in ALARMS.items()
        if not name.startswith("dataset-late")
    }
    messages, dead = "${name}-messages", "${name}-dead-letters"
    newest_of = ("last_over_time",)
    assert found == {
        "dead-letters": ("message_sizes", dead, ("increase", "sum"), "> 0"),
        "backlog": ("oldest_unacked_message_age", messages, (*newest_of, "max"), "> 900"),
        "nothing-published": ("message_sizes", messages, ("increase", "sum"), "== 0"),
        "bridge-silent": ("ready", None, ("absent_over_time",), ""),
        "bridge-not-ready": ("ready", None, ("max_over_time", "max"), "== 0"),
        "expiry": ("oldest_expires_in_seconds", None, (*newest_of, "min"), "< 86400"),
        "queue-dead-letters": ("dead_letters_left", None, (*newest_of, "max"), "> 0"),
        "secret-ends-soon": ("secret_expires_in_days", None, (*newest_of, "min"), "< 30"),
        "secret-ends": ("secret_expires_in_days", None, (*newest_of, "min"), "< 7"),
        "job-not-running": ("system_lag", None, ("absent_over_time",), ""),
        "system-lag": ("system_lag", None, (*newest_of, "max"), "> 300"),
        "health-check-silent": ("silence_seconds", None, ("absent_over_time",), ""),
    }
    assert ALARMS["nothing-published, No message for 20 minutes"].endswith(" or vector(0)) == 0")


@pytest.mark.parametrize("kind", ["silence", "age"])
def test_silence_and_age_are_compared_each_by_itself(kind: str) -> None:
    (query,) = [q for name, q in ALARMS.items() if name.startswith("dataset-late") and kind in q]
    for use in uses(query):
        assert use.metric.type == f"custom.googleapis.com/iris/health/{kind}_seconds"
        assert use.around == ("last_over_time", "max")


def test_only_a_running_total_is_counted_as_one() -> None:
    with pytest.raises(AssertionError, match="system_lag is no running total"):
        counted(METRICS["dataflow.googleapis.com/job/system_lag"], 600)
