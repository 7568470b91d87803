"""What the queries give on series: evaluated by Prometheus's own engine, where it is installed.

``promtool`` is in Debian's package ``prometheus``. It shows PromQL's meaning, not Cloud Monitoring:
there a point of a DELTA metric carries what was counted since the one before, which a counter
stands for here.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.monitoring.alerts import alerts
from deploy.monitoring.metrics import USER_COUNTER
from deploy.monitoring.promql import Like, counted
from deploy.monitoring.queries import by_dataset, dead_letters, per_minute, since_contact
from schemas import load

PROMTOOL = shutil.which("promtool")
pytestmark = pytest.mark.skipif(PROMTOOL is None, reason="promtool: apt install prometheus")

ALERTS = {one.key: one for one in alerts(load().values())}
BRIDGE = 'custom_googleapis_com:iris_bridge_{}{{monitored_resource="global",installation="iris"}}'
HEALTH = (
    'custom_googleapis_com:iris_health_{}_seconds{{monitored_resource="global",'
    'installation="{}",dataset="{}"}}'
)
LAG = (
    'dataflow_googleapis_com:job_system_lag{monitored_resource="dataflow_job",job_name="iris",'
    'job_id="a"}'
)
MESSAGES = (
    'pubsub_googleapis_com:topic_message_sizes_count{{monitored_resource="pubsub_topic",'
    'topic_id="iris-{}"}}'
)
OLDEST = (
    "pubsub_googleapis_com:subscription_oldest_unacked_message_age{"
    'monitored_resource="pubsub_subscription",subscription_id="iris-messages"}'
)


def counter(name: str, job: str, step: str = "s1", job_name: str = "iris") -> str:
    """A series of the pipeline's counters."""
    return (
        'dataflow_googleapis_com:job_user_counter{monitored_resource="dataflow_job",'
        f'job_name="{job_name}",job_id="{job}",ptransform="{step}",metric_name="{name}"}}'
    )


@dataclass
class Prometheus:
    """Series with a point a minute from minute 0 on, and what queries give of them."""

    folder: Path

    def check(
        self, query: str, minute: int, expected: dict[str, float], series: dict[str, str]
    ) -> None:
        """Asserts that ``query`` gives exactly these values by labels at that minute."""
        asked = {
            "expr": query.replace("${name}", "iris"),
            "eval_time": f"{minute}m",
            "exp_samples": [
                {"labels": labels, "value": value} for labels, value in expected.items()
            ],
        }
        self._run(series, [], promql_expr_test=[asked])

    def check_alarm(self, key: str, silent: int, fires: int, series: dict[str, str]) -> None:
        """Asserts that an alarm does not fire at one minute, and does at another.

        It is looked at once a minute, so ``every`` has no part in it.
        """
        (one,) = ALERTS[key].conditions
        rule = {
            "alert": key,
            "expr": f"count({one.query.replace('${name}', 'iris')})",
            "for": f"{one.lasts}s",
        }
        asked = [
            {"alertname": key, "eval_time": f"{minute}m", "exp_alerts": [{}] * count}
            for minute, count in ((silent, 0), (fires, 1))
        ]
        self._run(series, [rule], alert_rule_test=asked)

    def _run(self, series: dict[str, str], rules: list[dict[str, str]], **asked: Any) -> None:
        case = {
            "interval": "1m",
            "input_series": [{"series": name, "values": text} for name, text in series.items()],
            **asked,
        }
        # JSON is YAML, too.
        (self.folder / "rules.json").write_text(
            json.dumps({"groups": [{"name": "alarms", "rules": rules}]})
        )
        file = self.folder / "case.json"
        file.write_text(
            json.dumps({"rule_files": ["rules.json"], "evaluation_interval": "1m", "tests": [case]})
        )
        done = subprocess.run(
            [str(PROMTOOL), "test", "rules", str(file)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def prometheus(tmp_path: Path) -> Prometheus:
    return Prometheus(tmp_path)


ROWS = Like("[^.]+[.]rows")
#: A job of 100 rows a minute is started again after 30 minutes.
RESTARTED = {
    counter("FREQ.rows", "a"): "0+100x30 _x30",
    counter("FREQ.rows", "b"): "_x31 20+100x60",
}


@pytest.mark.parametrize(
    ("minute", "rows"),
    [
        (10, 1_000),
        (30, 1_000),
        (31, 920),  # minutes 22 to 30 of the old job, 20 of the new
        (35, 420 + 500),
        (40, 920),  # the last 10 minutes: nothing of the old job, all of the new
        (41, 1_000),
        (60, 1_000),
    ],
)
def test_a_restart_neither_doubles_nor_turns_back(
    minute: int, rows: int, prometheus: Prometheus
) -> None:
    prometheus.check(by_dataset("rows", 600), minute, {'{dataset="FREQ"}': rows}, RESTARTED)
    prometheus.check(per_minute("rows"), minute, {'{dataset="FREQ"}': rows / 10}, RESTARTED)


def test_windows_add_up_to_the_totals(prometheus: Prometheus) -> None:
    window = f"sum({counted(USER_COUNTER, 600, metric_name=ROWS)})"
    totals = 3_000 + 5_920  # of the first job at its end, of the second at minute 90
    prometheus.check(f"sum_over_time({window}[90m:10m])", 90, {"{}": totals}, RESTARTED)


def test_an_update_runs_two_jobs_for_a_while(prometheus: Prometheus) -> None:
    series = {
        counter("FREQ.rows", "a"): "0+100x40",
        counter("FREQ.rows", "b"): "_x35 0+100x40",
    }
    prometheus.check(by_dataset("rows", 600), 40, {'{dataset="FREQ"}': 1_000 + 500}, series)


def test_an_hour_without_points_is_made_up_for_and_no_more(prometheus: Prometheus) -> None:
    series = {counter("FREQ.rows", "a"): "0+100x30 _x60 9100+100x20"}
    for minute, rows in ((90, None), (91, 6_100), (100, 7_000), (105, 1_000)):
        expected = {} if rows is None else {'{dataset="FREQ"}': float(rows)}
        prometheus.check(by_dataset("rows", 600), minute, expected, series)


def test_a_total_that_is_corrected_gives_nothing(prometheus: Prometheus) -> None:
    series = {counter("FREQ.rows", "a"): "0+100x20 1900x20"}
    prometheus.check(by_dataset("rows", 600), 40, {'{dataset="FREQ"}': 0}, series)


def test_another_installation_and_other_counters_do_not_count(prometheus: Prometheus) -> None:
    series = {
        counter("FREQ.rows", "a"): "0+1x20",
        counter("FREQ.rows", "a", "s2"): "0+2x20",
        counter("unmapped.rows", "a"): "0+3x20",
        counter("FREQ.messages", "a"): "0+5x20",
        counter("FREQ.rows", "z", job_name="other"): "0+7x20",
    }
    expected = {'{dataset="FREQ"}': 30.0, '{dataset="unmapped"}': 30.0}
    prometheus.check(by_dataset("rows", 600), 20, expected, series)


def test_a_first_dead_letter_counts_and_an_old_one_does_not(prometheus: Prometheus) -> None:
    series = {
        counter("FREQ.dead_letters.NotJson", "a"): "_x90 3x30",
        counter("PN.dead_letters.RowRefused", "a"): "5x120",
        counter("PN.rows", "a"): "0+1x120",
    }
    expected = {'{dataset="FREQ", reason="NotJson"}': 3.0}
    prometheus.check(dead_letters(3_600), 120, expected, series)
    # In the first hour of a job all of it is of that hour.
    prometheus.check(dead_letters(3_600), 40, {'{dataset="PN", reason="RowRefused"}': 5}, series)


def alarm(key: str, index: int = 0) -> str:
    return ALERTS[key].conditions[index].query


@pytest.mark.parametrize(("kind", "index"), [("silence", 0), ("age", 1)])
def test_the_alarm_says_which_dataset_is_late(
    kind: str, index: int, prometheus: Prometheus
) -> None:
    just = {"silence": (840, 4_200), "age": (11_040, 14_400)}[kind]
    series = {
        HEALTH.format(kind, "iris", "FREQ"): f"{just[0] + 1}x30",
        HEALTH.format(kind, "iris", "PN"): f"{just[1]}x30",
        HEALTH.format(kind, "iris", "BOD"): f"{just[1] + 5} _x30",  # the last check is old
        HEALTH.format(kind, "iris", "REMIT"): "9999999x30",
        HEALTH.format(kind, "other", "PN"): "9999999x30",
    }
    expected = {'{dataset="FREQ"}': just[0] + 1.0, '{dataset="BOD"}': just[1] + 5.0}
    prometheus.check(alarm("dataset-late", index), 30, expected, series)


@pytest.mark.parametrize(
    ("values", "fires"),
    [
        ({}, True),  # the topic has no points at all
        ({MESSAGES.format("messages"): "7x40"}, True),  # or zeros
        ({MESSAGES.format("messages"): "0+1x29 29x20"}, True),
        ({MESSAGES.format("messages"): "0+1x32 32x20"}, False),
        ({MESSAGES.format("dead-letters"): "0+1x40"}, True),
    ],
)
def test_nothing_published(values: dict[str, str], fires: bool, prometheus: Prometheus) -> None:
    prometheus.check(alarm("nothing-published"), 40, {"{}": 0} if fires else {}, values)


def test_dead_letters_are_told_and_no_others(prometheus: Prometheus) -> None:
    query = alarm("dead-letters")
    prometheus.check(query, 40, {}, {MESSAGES.format("dead-letters"): "7x40"})
    prometheus.check(query, 40, {}, {MESSAGES.format("messages"): "0+1x40"})
    prometheus.check(query, 40, {}, {})
    grown = {MESSAGES.format("dead-letters"): "0x30 0+1x10"}
    prometheus.check(f"{query} > bool 0", 40, {"{}": 1}, grown)


@pytest.mark.parametrize(
    ("key", "series", "window"),
    [
        ("bridge-silent", BRIDGE.format("ready"), 10),
        ("job-not-running", LAG, 10),
        ("health-check-silent", HEALTH.format("silence", "iris", "FREQ"), 45),
    ],
)
def test_silence_is_told_when_it_has_lasted_and_where_there_was_never_a_sign(
    key: str, series: str, window: int, prometheus: Prometheus
) -> None:
    query = f"count({alarm(key)})"
    values = {series: "1x10 _x200"}
    prometheus.check(query, 10 + window, {}, values)
    prometheus.check(query, 11 + window, {"{}": 1}, values)
    prometheus.check(query, 1, {"{}": 1}, {})


@pytest.mark.parametrize(
    ("key", "series", "well", "bad", "minutes"),
    [
        # From minute 30 on nothing comes, or what comes is bad.
        ("nothing-published", MESSAGES.format("messages"), "0+1x30", "_x70", 20),
        ("nothing-published", MESSAGES.format("messages"), "0+1x30", "30x70", 20),
        ("bridge-silent", BRIDGE.format("ready"), "1x30", "_x70", 20),
        ("bridge-not-ready", BRIDGE.format("ready"), "1x30", "0x70", 15),
        ("expiry", BRIDGE.format("oldest_expires_in_seconds"), "86400x30", "86399x70", 5),
        ("backlog", OLDEST, "900x30", "901x70", 5),
        ("job-not-running", LAG, "9x30", "_x70", 25),
        ("system-lag", LAG, "300x30", "301x70", 10),
        ("health-check-silent", HEALTH.format("silence", "iris", "FREQ"), "9x30", "_x70", 60),
    ],
)
def test_an_alarm_fires_after_as_many_minutes_as_it_says(
    key: str, series: str, well: str, bad: str, minutes: int, prometheus: Prometheus
) -> None:
    values = {series: f"{well} {bad}"}
    prometheus.check_alarm(key, 30 + minutes - 1, 30 + minutes + 2, values)


def test_a_bridge_that_is_ready_now_and_then_is_ready(prometheus: Prometheus) -> None:
    query, ready = alarm("bridge-not-ready"), BRIDGE.format("ready")
    prometheus.check(query, 30, {"{}": 0}, {ready: "1x10 0x20"})
    prometheus.check(query, 30, {}, {ready: "1x18 0x12"})
    prometheus.check(query, 30, {}, {ready: "0x18 1 0x12"})
    prometheus.check(query, 40, {}, {ready: "0x20"})  # gone: another alarm tells


@pytest.mark.parametrize(
    ("key", "name", "well", "bad"),
    [
        ("expiry", BRIDGE.format("oldest_expires_in_seconds"), 86_400, 86_399),
        ("queue-dead-letters", BRIDGE.format("dead_letters_left"), 0, 1),
        ("secret-ends-soon", BRIDGE.format("secret_expires_in_days"), 30, 29.9),
        ("secret-ends", BRIDGE.format("secret_expires_in_days"), 7, 6.9),
        ("backlog", OLDEST, 900, 901),
        ("system-lag", LAG, 300, 301),
    ],
)
def test_thresholds(key: str, name: str, well: float, bad: float, prometheus: Prometheus) -> None:
    query = alarm(key)
    prometheus.check(query, 20, {}, {name: f"{well}x20"})
    prometheus.check(query, 20, {"{}": bad}, {name: f"{well}x14 {bad} _x5"})  # seen late
    prometheus.check(query, 20, {}, {})


def test_the_time_since_contact(prometheus: Prometheus) -> None:
    name = BRIDGE.format("last_contact_timestamp_seconds")
    prometheus.check(since_contact(), 20, {"{}": 600}, {name: "0x9 600x20"})
    prometheus.check(since_contact(), 20, {}, {name: "0x20"})
