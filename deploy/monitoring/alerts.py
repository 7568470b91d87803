"""The alarms.

Windows are chosen with the delays of the metrics in mind: a point of Pub/Sub or Dataflow is seen
up to four minutes after its time, so a query that looked back for five minutes would now and then
see nothing. What is absent must be so for some time beside its window, for an alarm that is made
together with what it watches would fire before that has started. From September 2027 on alarms
cost by the metric that a query names and by the series that it reads
(https://cloud.google.com/monitoring/alerts/cost-control), so queries aggregate, and no dataset has
a policy of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from deploy.monitoring import metrics
from deploy.monitoring.limits import LAG, LAST, LEFT, SOON, WAITING, beyond, groups
from deploy.monitoring.metrics import DATASET, NAME
from deploy.monitoring.model import Alert, Condition, Part, Severity
from deploy.monitoring.promql import added, newest, select
from ops.metrics import PERIOD_SECONDS
from schemas import Dataset
from schemas.views.freshness import allowed_age_seconds, allowed_silence_seconds

MESSAGES: Final = f"{NAME}-messages"
DEAD_LETTERS: Final = f"{NAME}-dead-letters"

_MINUTE: Final = 60
_HOUR: Final = 3_600


def alerts(datasets: Iterable[Dataset]) -> tuple[Alert, ...]:
    """All alarms of an installation that takes in these datasets."""
    return (_late(tuple(datasets)), *_PUBSUB, *_BRIDGE, *_SECRET, *_DATAFLOW, _HEALTH)


def _late(datasets: tuple[Dataset, ...]) -> Alert:
    silence = beyond(metrics.SILENCE, groups(datasets, allowed_silence_seconds))
    age = beyond(metrics.AGE, groups(datasets, allowed_age_seconds))
    return Alert(
        "dataset-late",
        Severity.ERROR,
        Part.HEALTH,
        "A dataset is late",
        "a dataset with a cadence is silent for longer than two turns and ten minutes, or its "
        "newest rows speak of a time more than two turns and three hours ago",
        "The label `dataset` says which. If many are late at once, the fault is ours or the "
        "queue's; if it is one alone, its publisher's most likely.",
        "Look whether another alarm is open and begin there. Else ask "
        f"`{DATASET}.freshness` whether it is silence or age, and look at the dataset on Elexon's "
        "Insights site: where it is late there, too, wait.",
        (
            Condition("A dataset is silent", silence, every=300),
            Condition("A dataset's newest rows are old", age, every=300),
        ),
    )


_PUBSUB: Final = (
    Alert(
        "dead-letters",
        Severity.ERROR,
        Part.PUBSUB,
        "Messages or records became dead letters",
        "anything was published to the dead-letter topic in the last ten minutes",
        "The pipeline could not store something. It is kept, with its payload and a reason, in the "
        "table `iris_dead_letters`; the rest of the data goes on.",
        "`SELECT dataset, reason, detail, COUNT(*) AS n FROM "
        f"{DATASET}.iris_dead_letters WHERE failed_utc > "
        "TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 DAY) GROUP BY dataset, reason, detail`. "
        "`TableUnavailable` and `RowRefused` are a table's fault, the others the message's; "
        "docs/semantics.md lists them.",
        (
            Condition(
                "Dead letters were published",
                f"{added(metrics.MESSAGE_SIZES, 10 * _MINUTE, topic_id=DEAD_LETTERS)} > 0",
            ),
        ),
    ),
    Alert(
        "backlog",
        Severity.ERROR,
        Part.PUBSUB,
        "Messages wait in Pub/Sub",
        "the oldest message of the subscription has waited for more than 15 minutes, for 5 minutes",
        "The pipeline does not run, is too slow, or cannot write. Nothing is lost for as long as "
        "the subscription keeps messages (31 days); the tables are behind.",
        f"Look at the job `{NAME}` in the Dataflow console (its state, errors, workers), or at the "
        f"log of the machine `{NAME}-bridge` where that runs the pipeline. After an outage a "
        "backlog is normal: watch that it falls.",
        (
            Condition(
                "The oldest message waits for more than 15 minutes",
                f"max({newest(metrics.OLDEST_UNACKED, 10 * _MINUTE, subscription_id=MESSAGES)})"
                f" > {WAITING}",
                lasts=5 * _MINUTE,
            ),
        ),
    ),
    Alert(
        "nothing-published",
        Severity.ERROR,
        Part.PUBSUB,
        "Nothing is published",
        "the topic got no message for 20 minutes, although IRIS sends every minute",
        "IRIS itself is silent, or the bridge cannot read or publish. IRIS keeps messages for "
        "three days.",
        "If an alarm of the bridge is open, begin there. Else look at Elexon's notices of IRIS "
        f"outages, and at the log of the machine `{NAME}-bridge`.",
        (
            # Of a topic without traffic there may be zeros or no points at all: both are nothing.
            Condition(
                "No message for 20 minutes",
                f"({added(metrics.MESSAGE_SIZES, 10 * _MINUTE, topic_id=MESSAGES)} or vector(0))"
                " == 0",
                lasts=10 * _MINUTE,
            ),
        ),
    ),
)


_BRIDGE: Final = (
    Alert(
        "bridge-silent",
        Severity.CRITICAL,
        Part.BRIDGE,
        "The bridge gives no sign of life",
        "the bridge has written no metrics for 20 minutes",
        "Its process or its machine is down, or it may not write metrics. If it is down, nothing "
        "arrives, and what is in the queue for three days is lost.",
        f"Look at the machine `{NAME}-bridge` and its log: does it run, does the container start? "
        "Starting the machine anew is safe: nothing is completed on the queue before it is "
        "published.",
        (
            Condition(
                "No metrics for 20 minutes",
                f"absent_over_time({select(metrics.READY, 10 * _MINUTE)})",
                lasts=10 * _MINUTE,
            ),
        ),
    ),
    Alert(
        "bridge-not-ready",
        Severity.CRITICAL,
        Part.BRIDGE,
        "The bridge cannot relay",
        "the bridge runs, and for 15 minutes messages could not flow at any look",
        "It cannot reach the queue or the topic, or one of them refuses it. It tries again by "
        "itself, and what is in the queue for three days is lost.",
        "Its log has a line for each change of state, with the reason: a secret that has ended, "
        "a second client of the same queue, a missing right on the topic, a network that is down.",
        (
            Condition(
                "Not ready for 15 minutes",
                f"max(max_over_time({select(metrics.READY, 15 * _MINUTE)})) == 0",
            ),
        ),
    ),
    Alert(
        "expiry",
        Severity.CRITICAL,
        Part.BRIDGE,
        "Messages in the queue are about to expire",
        "the oldest message that can be in the queue has less than one of its three days left",
        "The queue has not been read to its end for two days. In less than a day IRIS drops what "
        "nobody has fetched, for good.",
        "Get the bridge to run, above all else: see the other alarms of the bridge. If it runs and "
        "only lags, a larger machine helps.",
        (
            Condition(
                "Less than a day is left",
                f"min({newest(metrics.EXPIRES_IN, 10 * _MINUTE)}) < {LEFT}",
                lasts=5 * _MINUTE,
            ),
        ),
    ),
    Alert(
        "queue-dead-letters",
        Severity.WARNING,
        Part.BRIDGE,
        "The queue keeps dead letters",
        "the bridge's last pass has left messages in the queue's own dead-letter queue",
        "The bridge could not relay them: too large, of an unreadable form, or refused by Pub/Sub. "
        "They stay there and are in no table.",
        "The bridge's log has a line for each with its id and reason. docs/bridge.md says which "
        "are tried again.",
        (
            Condition(
                "Messages are left",
                f"max({newest(metrics.DEAD_LETTERS_LEFT, 10 * _MINUTE)}) > 0",
                every=300,
            ),
        ),
    ),
)


def _secret(key: str, severity: Severity, days: int, title: str) -> Alert:
    return Alert(
        key,
        severity,
        Part.BRIDGE,
        title,
        f"the client secret of IRIS ends in less than {days} days, by the setting "
        "`iris_secret_expires`: without it there is no such alarm",
        "When it has ended the bridge cannot log in any more, and nothing arrives.",
        "Make another secret on the IRIS registration page and add it with the command that "
        "`terraform -chdir=deploy/terraform output -raw secret` prints. Write the day on which it "
        "ends into the setting `iris_secret_expires` and apply: the bridge starts anew with both.",
        (
            Condition(
                f"Less than {days} days are left",
                f"min({newest(metrics.SECRET_DAYS, _HOUR)}) < {days}",
                every=600,
            ),
        ),
    )


_SECRET: Final = (
    _secret("secret-ends-soon", Severity.WARNING, SOON, "The client secret ends within a month"),
    _secret("secret-ends", Severity.CRITICAL, LAST, "The client secret ends within a week"),
)

_DATAFLOW: Final = (
    Alert(
        "job-not-running",
        Severity.CRITICAL,
        Part.DATAFLOW,
        "The Dataflow job does not run",
        "there has been no system lag of the job for 25 minutes: it has none while it is not "
        "running",
        "Nothing reaches the tables. Messages wait in the subscription, which keeps them for 31 "
        "days.",
        f"Look at the job `{NAME}` in the Dataflow console, in the region of the settings. If it "
        "has failed its log says why; then `make launch`, or `terraform apply` where the job is "
        "Terraform's.",
        (
            Condition(
                "No system lag for 25 minutes",
                f"absent_over_time({select(metrics.SYSTEM_LAG, 10 * _MINUTE)})",
                lasts=15 * _MINUTE,
            ),
        ),
    ),
    Alert(
        "system-lag",
        Severity.WARNING,
        Part.DATAFLOW,
        "The Dataflow job lags",
        "the system lag is above 5 minutes for 10 minutes",
        "The job runs, but something takes long or is tried again and again: BigQuery, a bundle "
        "that fails, too few workers. The tables are behind.",
        "Look at the job's errors in the Dataflow console, then at its workers: at the setting "
        "`max_workers` and busy it needs more of them.",
        (
            Condition(
                "The lag is above 5 minutes",
                f"max({newest(metrics.SYSTEM_LAG, 10 * _MINUTE)}) > {LAG}",
                lasts=10 * _MINUTE,
            ),
        ),
    ),
)

_HEALTH: Final = Alert(
    "health-check-silent",
    Severity.ERROR,
    Part.HEALTH,
    "The health check gives no sign of life",
    "the health check has written no silence of any dataset for four of its turns (an hour)",
    "Nobody looks whether the datasets are late, so that alarm cannot fire. The data themselves "
    "may be well.",
    "Look at the last runs of the scheduled check and their log: most likely it may not read the "
    "view `freshness` or not write metrics.",
    (
        Condition(
            "No result for an hour",
            f"absent_over_time({select(metrics.SILENCE, 3 * PERIOD_SECONDS)})",
            lasts=PERIOD_SECONDS,
            every=300,
        ),
    ),
)
