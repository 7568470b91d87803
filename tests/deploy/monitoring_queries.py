"""The queries of alarms and dashboard as tests see them: taken apart, and in short."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import promql_parser as promql

from deploy.monitoring.alerts import alerts
from deploy.monitoring.dashboard import dashboard
from deploy.monitoring.metrics import METRICS, Kind, Metric
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


_OURS = re.compile(r'(monitored_resource="\w+"|(installation|job_name)="\$\{name\}"),?')
_COUNTED = re.compile(
    r"\(clamp_min\(max_over_time\((?P<series>.+?)\[(?P<window>\w+)\]\)"
    r" - max_over_time\((?P=series)\[\w+\] offset (?P=window)\), 0\)"
    r" or max_over_time\((?P=series)\[(?P=window)\]\)\)"
)


def short(query: str) -> str:
    """A query without what stands in every one, for a reader; PromQL it is no more.

    Left out are the domain of a metric's name and what tells this installation from others. What
    ``deploy.monitoring.promql.counted`` makes is ``counted(series[window])``.
    """
    query = re.sub(r"\b[a-z]+_googleapis_com:", "", query)
    query = _OURS.sub("", query).replace("{}", "")
    return _COUNTED.sub(r"counted(\g<series>[\g<window>])", query)
