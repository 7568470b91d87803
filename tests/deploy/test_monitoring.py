"""Dashboard and alarms: the files are current, are templates of one name, and Google takes them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from google.cloud.monitoring_dashboard_v1 import Dashboard
from google.cloud.monitoring_v3 import AlertPolicy
from google.protobuf import json_format

from deploy.monitoring import metrics
from deploy.monitoring.alerts import alerts
from deploy.monitoring.model import Alert, Condition, Part, Severity
from deploy.monitoring.policy import markdown, policy
from schemas import load

REGISTRY = load()
ALERTS = alerts(REGISTRY.values())
POLICIES: list[dict[str, Any]] = [policy(alert) for alert in ALERTS]
HERE = Path(metrics.__file__).parent
FILES = {"dashboard.json": {"${name}"}, "alerts.json": {"${name}", "${dataset}"}}


def filled(file: str) -> Any:
    """The file as Terraform reads it, for the installation ``iris-2``."""
    text = (HERE / file).read_text().replace("${name}", "iris-2").replace("${dataset}", "prices")
    return json.loads(text)


@pytest.mark.parametrize("file", FILES)
def test_names_are_all_that_terraform_has_to_fill_in(file: str) -> None:
    text = (HERE / file).read_text()
    assert set(re.findall(r"\$+\{[^}]*\}?", text)) == FILES[file]
    assert "%{" not in text, "a directive of Terraform's templates"


def test_google_takes_the_dashboard() -> None:
    found = json_format.ParseDict(filled("dashboard.json"), Dashboard.pb(Dashboard()))
    assert found.display_name == "iris-2: IRIS to BigQuery"
    assert len(found.mosaic_layout.tiles) == len(filled("dashboard.json")["mosaicLayout"]["tiles"])


@pytest.mark.parametrize("given", filled("alerts.json"), ids=lambda one: one["displayName"])
def test_google_takes_the_policies(given: dict[str, Any]) -> None:
    found = json_format.ParseDict(given, AlertPolicy.pb(AlertPolicy()))
    assert AlertPolicy.Severity(found.severity).name in set(Severity)
    assert found.combiner == AlertPolicy.ConditionCombinerType.OR
    assert 1 <= len(found.conditions) <= 6
    for condition in found.conditions:
        promql = condition.condition_prometheus_query_language
        assert promql.disable_metric_validation
        assert promql.evaluation_interval.seconds % 30 == 0
        assert promql.evaluation_interval.seconds > 0
        assert promql.duration.seconds % 30 == 0
    assert found.documentation.mime_type == "text/markdown"
    assert len(found.documentation.content.encode()) <= 8192
    assert len(found.documentation.subject.encode()) <= 255
    for key, value in found.user_labels.items():
        assert re.fullmatch("[a-z][a-z0-9_-]{0,62}", key)
        assert re.fullmatch("[a-z0-9_-]{1,63}", value)


def test_a_policy() -> None:
    conditions = (Condition("It is", "a > 1", lasts=300, every=90), Condition("Or so", "b"))
    alert = Alert(
        "some-key", Severity.ERROR, Part.PUBSUB, "Title", "it is", "Bad.", "Look.", conditions
    )
    assert policy(alert) == {
        "displayName": "${name}: Title",
        "severity": "ERROR",
        "userLabels": {"installation": "${name}", "alert": "some-key", "part": "pubsub"},
        "documentation": {
            "subject": "${name}: Title",
            "content": "Bad.\n\n**First:** Look.",
            "mimeType": "text/markdown",
        },
        "combiner": "OR",
        "conditions": [
            {
                "displayName": "It is",
                "conditionPrometheusQueryLanguage": {
                    "query": "a > 1",
                    "duration": "300s",
                    "evaluationInterval": "90s",
                    "disableMetricValidation": True,
                },
            },
            {
                "displayName": "Or so",
                "conditionPrometheusQueryLanguage": {
                    "query": "b",
                    "duration": "0s",
                    "evaluationInterval": "60s",
                    "disableMetricValidation": True,
                },
            },
        ],
        "alertStrategy": {"autoClose": "86400s"},
    }


def test_every_alarm_says_what_it_means_and_what_to_do_first() -> None:
    for alert, given in zip(ALERTS, POLICIES, strict=True):
        text = f"{alert.meaning}\n\n**First:** {alert.do}"
        assert given["documentation"]["content"] == text
        assert given["displayName"] == given["documentation"]["subject"]
        for sentence in (alert.meaning, alert.do):
            assert re.fullmatch(r"[A-Z`].*[.]", sentence), sentence
        assert re.fullmatch(r"[a-z].*[^.]", alert.fires), alert.fires
        assert 80 <= len(text) <= 600, alert.key


def test_keys_and_titles_are_unique() -> None:
    assert len({one.key for one in ALERTS}) == len(ALERTS)
    assert len({one.title for one in ALERTS}) == len(ALERTS)
    assert all(re.fullmatch("[a-z]+(-[a-z]+)*", one.key) for one in ALERTS)


def test_what_is_watched_and_how_urgent_it_is() -> None:
    found = {one.key: (str(one.severity), one.part) for one in ALERTS}
    assert found == {
        "dataset-late": ("ERROR", Part.HEALTH),
        "dead-letters": ("ERROR", Part.PUBSUB),
        "backlog": ("ERROR", Part.PUBSUB),
        "nothing-published": ("ERROR", Part.PUBSUB),
        "bridge-silent": ("CRITICAL", Part.BRIDGE),
        "bridge-not-ready": ("CRITICAL", Part.BRIDGE),
        "expiry": ("CRITICAL", Part.BRIDGE),
        "queue-dead-letters": ("WARNING", Part.BRIDGE),
        "secret-ends-soon": ("WARNING", Part.BRIDGE),
        "secret-ends": ("CRITICAL", Part.BRIDGE),
        "job-not-running": ("CRITICAL", Part.DATAFLOW),
        "system-lag": ("WARNING", Part.DATAFLOW),
        "health-check-silent": ("ERROR", Part.HEALTH),
    }


def test_the_documents_get_the_same_text() -> None:
    text = markdown(ALERTS)
    table, *sections = text.rstrip("\n").split("\n\n### ")
    assert len(table.splitlines()) == 2 + len(ALERTS)
    assert len(sections) == len(ALERTS)
    for alert, row, section in zip(ALERTS, table.splitlines()[2:], sections, strict=True):
        fires, meaning, do = (
            re.sub(r"\$\{(name|dataset)\}", "iris", one)
            for one in (alert.fires, alert.meaning, alert.do)
        )
        assert section == (
            f"{alert.title}\n\n{alert.severity}: {fires}.\n\n{meaning}\n\n**First:** {do}"
        )
        title, anchor = re.findall(r"\[(.*?)\]\(#(.*?)\)", row)[0]
        assert title == alert.title
        # GitHub makes an anchor of a heading in this way.
        assert anchor == re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        assert row.endswith(f" | {alert.severity} | {fires} |")
    assert "${" not in text
    assert "`iris-bridge`" in text
