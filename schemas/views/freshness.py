"""``freshness``: how old the newest data are of each dataset that comes by the clock."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from schemas.ddl import bigquery_identifier, bigquery_string
from schemas.model import Column, Dataset
from schemas.views.casts import cast, start_of
from schemas.views.model import HOME, View

#: So many turns may be missed, and messages come so much after their turn.
_TURNS: Final = 2
_SLACK_SECONDS: Final = 600
#: What the data speak of may lie so much further back: a market index price is of the half-hour
#: before, and comes when that is over.
_BEHIND_SECONDS: Final = 3 * 3_600
_DAY_SECONDS: Final = 86_400

_DESCRIPTIONS: Final = {
    "dataset": "Subject of the dataset.",
    "cadence_minutes": "Minutes from one publication to the next, by the schema file.",
    "newest_arrival_utc": "Time at which the newest message was enqueued, UTC, or was written "
    "where its door knows none; NULL if none came in the last days.",
    "silence_minutes": "Whole minutes from there to now.",
    "allowed_silence_minutes": "Silence up to which the dataset counts as fresh: two turns and ten "
    "minutes.",
    "newest_time": "Newest reference time of the rows (publication, reading or period; see the "
    "dataset's table), UTC. Of what is declared ahead it is in the future.",
    "age_minutes": "Whole minutes from there to now.",
    "allowed_age_minutes": "Age up to which the dataset counts as fresh: two turns and three "
    "hours.",
    "is_fresh": "Whether both are within what is allowed: something comes, and it is new.",
}


def allowed_silence_seconds(dataset: Dataset) -> int | None:
    """Seconds without a message up to which a dataset counts as fresh; None without a cadence."""
    if not dataset.cadence_seconds:
        return None
    return _silence(dataset.cadence_seconds)


def allowed_age_seconds(dataset: Dataset) -> int | None:
    """Seconds since the newest reference time up to which a dataset counts as fresh.

    None without a cadence or a reference time.
    """
    if not dataset.cadence_seconds or not dataset.reference_time:
        return None
    return _age(dataset.cadence_seconds)


def _silence(cadence: int) -> int:
    return _TURNS * cadence + _SLACK_SECONDS


def _age(cadence: int) -> int:
    return _TURNS * cadence + _BEHIND_SECONDS


def freshness(datasets: Iterable[Dataset]) -> View:
    """One row for each dataset that has a cadence."""
    newest = "\n  UNION ALL\n".join(one for one in map(_newest, datasets) if one is not None)
    return View(
        "freshness",
        f"""WITH newest AS (
{newest}
), aged AS (
  SELECT
    *,
    DIV(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), newest_arrival_utc, MICROSECOND), 60000000)
      AS silence_minutes,
    DIV(DATETIME_DIFF(DATETIME(CURRENT_TIMESTAMP(), 'UTC'), newest_time, MICROSECOND), 60000000)
      AS age_minutes
  FROM newest
)
SELECT
  dataset,
  cadence_minutes,
  newest_arrival_utc,
  silence_minutes,
  allowed_silence_minutes,
  newest_time,
  age_minutes,
  allowed_age_minutes,
  COALESCE(
    silence_minutes <= allowed_silence_minutes AND age_minutes <= allowed_age_minutes, FALSE
  ) AS is_fresh
FROM aged""",
        "How old the newest data of each dataset are that comes by the clock: by the time of its "
        "newest message and by the time that its rows speak of, not by the clock of what wrote "
        "them. Looks at the live tables of the last days alone.",
        _DESCRIPTIONS,
    )


def _newest(dataset: Dataset) -> str | None:
    cadence, reference = dataset.cadence_seconds, dataset.reference_time
    if not cadence or not reference:
        return None
    columns = {one.name: one for one in dataset.columns}
    partition = columns[dataset.partition.column]
    days = -(-_TURNS * cadence // _DAY_SECONDS) + 2
    first = f"DATE_SUB(CURRENT_DATE('Europe/London'), INTERVAL {days} DAY)"
    time = cast(columns[reference], Column(reference, "DATETIME"))
    return f"""  SELECT
    {bigquery_string(dataset.subject)} AS dataset,
    {cadence // 60} AS cadence_minutes,
    {_silence(cadence) // 60} AS allowed_silence_minutes,
    {_age(cadence) // 60} AS allowed_age_minutes,
    MAX(COALESCE(_enqueued_utc, ingested_utc)) AS newest_arrival_utc,
    MAX({time}) AS newest_time
  FROM {HOME}.{dataset.table_name}
  WHERE {bigquery_identifier(partition.name)} >= {start_of(first, partition.type)}"""
