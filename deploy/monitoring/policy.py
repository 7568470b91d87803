"""Alarms as Cloud Monitoring takes them (``AlertPolicy`` of API v3), and as people read them.

https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from deploy.markdown import table
from deploy.monitoring.metrics import DATASET, NAME
from deploy.monitoring.model import Alert, Condition

#: An incident whose series have ended closes after so many seconds.
_CLOSE_SECONDS: Final = 86_400


def policy(alert: Alert) -> dict[str, Any]:
    """The policy of an alarm, without notification channels."""
    return {
        "displayName": f"{NAME}: {alert.title}",
        "severity": str(alert.severity),
        "userLabels": {"installation": NAME, "alert": alert.key, "part": str(alert.part)},
        "documentation": {
            "subject": f"{NAME}: {alert.title}",
            "content": f"{alert.meaning}\n\n**First:** {alert.do}",
            "mimeType": "text/markdown",
        },
        "combiner": "OR",
        "conditions": [_condition(one) for one in alert.conditions],
        "alertStrategy": {"autoClose": f"{_CLOSE_SECONDS}s"},
    }


def _condition(condition: Condition) -> dict[str, Any]:
    return {
        "displayName": condition.title,
        "conditionPrometheusQueryLanguage": {
            "query": condition.query,
            "duration": f"{condition.lasts}s",
            "evaluationInterval": f"{condition.every}s",
            # In a fresh project most metrics do not exist yet, and the policy would be refused.
            "disableMetricValidation": True,
        },
    }


def markdown(alerts: Iterable[Alert]) -> str:
    """A table of all alarms, then a section for each: heading, meaning, what to do first.

    As in all documents, what the installation is called stands as it is by default.
    """
    alerts = tuple(alerts)
    rows = [(f"[{one.title}](#{_anchor(one)})", one.severity, one.fires) for one in alerts]
    sections = [
        f"### {one.title}\n\n{one.severity}: {one.fires}.\n\n{one.meaning}\n\n**First:** {one.do}"
        for one in alerts
    ]
    head = table(("alarm", "severity", "fires when"), rows).rstrip()
    return "\n\n".join([head, *sections]).replace(NAME, "iris").replace(DATASET, "iris") + "\n"


def _anchor(alert: Alert) -> str:
    """Of its heading, as GitHub makes it."""
    words = "".join(one for one in alert.title.lower() if one.isalnum() or one in " -")
    return words.replace(" ", "-")
