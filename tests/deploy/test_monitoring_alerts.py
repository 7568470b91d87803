"""What each alarm asks, for how long that must hold, and that its words say the same."""

from __future__ import annotations

import re

import pytest

from deploy.monitoring.alerts import alerts
from tests.deploy.monitoring_queries import ALARMS, REGISTRY, uses

MINUTE, HOUR, DAY = 60, 3_600, 86_400
ALERTS = {one.key: one for one in alerts(REGISTRY.values())}


def comparison(query: str) -> str:
    return query[query.rindex(")") + 1 :].strip()


def windows(query: str) -> set[int]:
    return {use.window for use in uses(query)}


#: Alarm: for how long it must hold, how often that is looked at, over which window, what is found.
TIMES = {
    "dead-letters": (0, 60, 10 * MINUTE, "> 0"),
    "backlog": (5 * MINUTE, 60, 10 * MINUTE, "> 900"),
    "nothing-published": (10 * MINUTE, 60, 10 * MINUTE, "== 0"),
    "bridge-silent": (10 * MINUTE, 60, 10 * MINUTE, ""),
    "bridge-not-ready": (0, 60, 15 * MINUTE, "== 0"),
    "expiry": (5 * MINUTE, 60, 10 * MINUTE, "< 86400"),
    "queue-dead-letters": (0, 300, 10 * MINUTE, "> 0"),
    "secret-ends-soon": (0, 600, HOUR, "< 30"),
    "secret-ends": (0, 600, HOUR, "< 7"),
    "job-not-running": (15 * MINUTE, 60, 10 * MINUTE, ""),
    "system-lag": (10 * MINUTE, 60, 10 * MINUTE, "> 300"),
    "health-check-silent": (15 * MINUTE, 300, 45 * MINUTE, ""),
}


def test_when_the_alarms_fire() -> None:
    found = {}
    for key in ALERTS.keys() - {"dataset-late"}:
        (one,) = ALERTS[key].conditions
        (window,) = windows(one.query)
        found[key] = (one.lasts, one.every, window, comparison(one.query))
    assert found == TIMES


def test_when_a_dataset_is_late() -> None:
    """What it is compared with is its own: see the tests of the limits."""
    found = [
        (one.title, one.lasts, one.every, windows(one.query))
        for one in ALERTS["dataset-late"].conditions
    ]
    assert found == [
        ("A dataset is silent", 0, 300, {45 * MINUTE}),
        ("A dataset's newest rows are old", 0, 300, {45 * MINUTE}),
    ]


@pytest.mark.parametrize(
    ("key", "title", "fires", "seconds"),
    [
        ("dead-letters", "", "in the last ten minutes", 10 * MINUTE),
        ("nothing-published", "for 20 minutes", "for 20 minutes", 20 * MINUTE),
        ("bridge-silent", "for 20 minutes", "for 20 minutes", 20 * MINUTE),
        ("bridge-not-ready", "for 15 minutes", "for 15 minutes", 15 * MINUTE),
        ("job-not-running", "for 25 minutes", "for 25 minutes", 25 * MINUTE),
        ("health-check-silent", "for an hour", "(an hour)", HOUR),
    ],
)
def test_what_is_missing_is_so_for_as_long_as_the_words_say(
    key: str, title: str, fires: str, seconds: int
) -> None:
    """Nothing in the window, and that for as long as it must hold: together the time told."""
    lasts, _, window, _ = TIMES[key]
    assert lasts + window == seconds
    assert title in ALERTS[key].conditions[0].title
    assert fires in ALERTS[key].fires


@pytest.mark.parametrize(
    ("key", "title", "limit", "fires", "lasts"),
    [
        ("backlog", "more than 15 minutes", "> 900", "for more than 15 minutes, for 5 minutes", 5),
        ("system-lag", "above 5 minutes", "> 300", "above 5 minutes for 10 minutes", 10),
        ("expiry", "Less than a day is left", f"< {DAY}", "less than one of its three days", 5),
        ("secret-ends-soon", "Less than 30 days", "< 30", "ends in less than 30 days", 0),
        ("secret-ends", "Less than 7 days", "< 7", "ends in less than 7 days", 0),
    ],
)
def test_what_is_beyond_a_limit_is_so_as_the_words_say(
    key: str, title: str, limit: str, fires: str, lasts: int
) -> None:
    assert TIMES[key][0] == lasts * MINUTE
    assert TIMES[key][3] == limit
    assert title in ALERTS[key].conditions[0].title
    assert fires in ALERTS[key].fires


def test_what_the_alarms_compare() -> None:
    found = {
        name.partition(",")[0]: (
            re.sub(".*/", "", uses(query)[0].metric.type),
            uses(query)[0].labels.get("topic_id", uses(query)[0].labels.get("subscription_id")),
            uses(query)[0].around,
            comparison(query),
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
