"""The metrics that the scheduled health check writes to Cloud Monitoring, and what they mean.

User-defined metrics of kind GAUGE and type DOUBLE on the resource ``global``. The alarms and the
dashboard below ``deploy/monitoring`` read them by these names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PREFIX: Final = "custom.googleapis.com/iris/health"
RESOURCE: Final = "global"

INSTALLATION: Final = "installation"
DATASET: Final = "dataset"
#: The labels of each of them, and what their values are.
LABELS: Final = {
    INSTALLATION: "the setting name, which tells installations in one project apart",
    DATASET: "subject of the dataset",
}

#: Seconds from one check to the next. A query is billed at least 10 MB for each table that it
#: reads (https://cloud.google.com/bigquery/pricing), so every minute would be too dear.
PERIOD_SECONDS: Final = 900


@dataclass(frozen=True)
class HealthMetric:
    """One of them; a series for each dataset of the view ``freshness``.

    Attributes:
        name: behind the prefix.
        meaning: one line for people.
        unit: in UCUM's words.
    """

    name: str
    meaning: str
    unit: str

    @property
    def type(self) -> str:
        """The full name."""
        return f"{PREFIX}/{self.name}"


#: Both are written where nothing was found in the days that are looked at: then they are the
#: length of these days. A series that ended would end its alarm, too.
SILENCE: Final = HealthMetric(
    "silence_seconds", "since the newest message of the dataset was enqueued", "s"
)
AGE: Final = HealthMetric(
    "age_seconds",
    "since the newest reference time of the dataset's rows; negative for what is declared ahead",
    "s",
)
HEALTH: Final = (SILENCE, AGE)
