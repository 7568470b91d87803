"""How late a dataset may be: as its schema file and the view ``freshness`` say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import promql_parser as promql
import pytest

from deploy.monitoring.alerts import alerts
from deploy.monitoring.dashboard import dashboard
from deploy.monitoring.limits import groups
from schemas import Dataset, load
from schemas.views.freshness import allowed_age_seconds, allowed_silence_seconds, freshness

REGISTRY = load()
KINDS = ("silence", "age")


def thresholds(query: str, operator: str = ">") -> dict[str, int]:
    """What each dataset that a query names is compared with, or divided by."""
    found: dict[str, int] = {}
    for lhs, rhs in _clauses(promql.parse(query), operator):
        (matcher,) = [one for one in _selector(lhs).matchers.matchers if one.name == "dataset"]
        for subject in matcher.value.split("|"):
            assert subject not in found, f"{subject} stands there twice"
            found[subject] = int(rhs.val)
    return found


def _clauses(node: Any, operator: str) -> Iterator[tuple[Any, Any]]:
    assert isinstance(node, promql.BinaryExpr)
    if str(node.op) == operator:
        yield node.lhs, node.rhs
    else:
        assert str(node.op) == "or"
        yield from _clauses(node.lhs, operator)
        yield from _clauses(node.rhs, operator)


def _selector(node: Any) -> Any:
    assert isinstance(node, promql.AggregateExpr)
    assert node.modifier.labels == ["dataset"], "the alarm's label says which"
    return node.expr.args[0].vector_selector


def conditions(datasets: Iterable[Dataset]) -> dict[str, dict[str, int]]:
    """The thresholds of the alarm, of silence and of age."""
    (late,) = [one for one in alerts(datasets) if one.key == "dataset-late"]
    return {kind: thresholds(one.query) for kind, one in zip(KINDS, late.conditions, strict=True)}


def view(datasets: Iterable[Dataset]) -> dict[str, dict[str, int]]:
    """The same from the SQL of the view, in seconds."""
    found: dict[str, dict[str, int]] = {kind: {} for kind in KINDS}
    rows = re.findall(
        r"'(\w+)' AS dataset,\s+\d+ AS cadence_minutes,\s+(\d+) AS allowed_silence_minutes,"
        r"\s+(\d+) AS allowed_age_minutes",
        freshness(datasets).sql,
    )
    for subject, silence, age in rows:
        found["silence"][subject], found["age"][subject] = 60 * int(silence), 60 * int(age)
    return found


def test_each_dataset_with_a_cadence_has_its_limits_once_and_no_other_has() -> None:
    regular = {one.subject for one in REGISTRY.values() if one.cadence_seconds}
    assert len(regular) > 20
    found = conditions(REGISTRY.values())
    assert {kind: set(limits) for kind, limits in found.items()} == dict.fromkeys(KINDS, regular)


def test_they_are_those_of_the_view() -> None:
    assert conditions(REGISTRY.values()) == view(REGISTRY.values())


def test_some_of_them() -> None:
    found = conditions(REGISTRY.values())
    assert (found["silence"]["FREQ"], found["age"]["FREQ"]) == (840, 11_040)
    assert (found["silence"]["PN"], found["age"]["PN"]) == (4_200, 14_400)
    assert (found["silence"]["TSDFW"], found["age"]["TSDFW"]) == (1_210_200, 1_220_400)


def test_a_dataset_that_comes_by_the_clock_changes_them() -> None:
    more = replace(REGISTRY["FREQ"], subject="OFTEN", cadence_seconds=60)
    same = replace(REGISTRY["FREQ"], subject="ALIKE")
    rare = replace(REGISTRY["FREQ"], subject="RARE", cadence_seconds=None)
    before = conditions(REGISTRY.values())
    after = conditions([*REGISTRY.values(), more, same, rare])
    assert after == {
        "silence": {**before["silence"], "OFTEN": 720, "ALIKE": 840},
        "age": {**before["age"], "OFTEN": 10_920, "ALIKE": 11_040},
    }


def test_one_without_a_reference_time_has_no_age() -> None:
    timeless = replace(REGISTRY["FREQ"], reference_time=None)
    assert (allowed_silence_seconds(timeless), allowed_age_seconds(timeless)) == (840, None)
    assert "FREQ" not in freshness([timeless, REGISTRY["PN"]]).sql


def test_one_without_a_cadence_has_no_limits() -> None:
    irregular = replace(REGISTRY["FREQ"], cadence_seconds=None)
    assert (allowed_silence_seconds(irregular), allowed_age_seconds(irregular)) == (None, None)


def test_equal_limits_share_a_clause() -> None:
    datasets = [
        replace(REGISTRY["FREQ"], subject=subject, cadence_seconds=cadence)
        for subject, cadence in (("D", 3600), ("C", 60), ("B", 3600), ("A", None))
    ]
    assert groups(datasets, allowed_silence_seconds) == {720: ("C",), 7_800: ("B", "D")}


@pytest.mark.parametrize(
    ("title", "kind"),
    [("Silence, of what is allowed", "silence"), ("Age, of what is allowed", "age")],
)
def test_the_dashboard_shows_the_share_of_the_same_limits(title: str, kind: str) -> None:
    tiles = dashboard(REGISTRY.values())["mosaicLayout"]["tiles"]
    (chart,) = [one["widget"]["xyChart"] for one in tiles if one["widget"]["title"] == title]
    query = chart["dataSets"][0]["timeSeriesQuery"]["prometheusQuery"]
    assert thresholds(query, "/") == conditions(REGISTRY.values())[kind]
    assert f"iris_health_{kind}_seconds" in query
    assert chart["thresholds"] == [{"value": 1, "targetAxis": "Y1"}]
