"""``bmrs_mels_resolved``, ``bmrs_mils_resolved``: raw declarations as the operator resolves them.

IRIS sends the declarations of maximum export and import limits as they are made, the operator's API
serves the resolved position. The rule is the operator's (GitHub elexon-data/insights-docs,
``docs/mil_mel_resolution.md``): where declarations of a unit overlap the higher sequence wins, of
equal ones the later notification. The loser loses the overlapped time and keeps its levels as
declared; nothing is interpolated. A record is shown once per settlement period, and neighbours are
merged where unit, sequence and levels agree.
"""

from __future__ import annotations

from typing import Final

from schemas.model import Dataset
from schemas.views.days import DAYS
from schemas.views.model import HOME, View

#: How many days before and after the days in question a declaration for them may be dated. It is
#: not known whether IRIS splits one that goes on for days.
_DAYS_BEFORE: Final = 31
_DAYS_AFTER: Final = 7

_DESCRIPTIONS: Final = {
    "settlementDate": "Settlement day (UK local date) of the record.",
    "settlementPeriod": "Settlement period of the record; none crosses its end.",
    "nationalGridBmUnit": "BM unit as the system operator names it.",
    "bmUnit": "BM unit as Elexon names it; NULL for some.",
    "timeFrom": "Start of the record, UTC.",
    "timeTo": "End of the record, UTC.",
    "levelFrom": "Level as the winning declaration has it at its own start, MW.",
    "levelTo": "Level as the winning declaration has it at its own end, MW.",
    "notificationSequence": "Sequence of the winning declaration.",
    "notificationTime": "Time of the winning declaration, UTC; of several that were merged the "
    "latest.",
}

#: The order in which declarations win; the last columns only make ties come out the same each time.
_WINNER: Final = (
    "notificationSequence DESC, notificationTime DESC, declaredFrom DESC, declaredTo, levelFrom, "
    "levelTo"
)

#: A piece is a declaration within one half-hour, so that what competes for a moment is found by
#: unit and half-hour; an edge is a time where the winner may change, a segment lies between two.
_SQL: Final = f"""WITH declared AS (
  SELECT
    COALESCE(nationalGridBmUnit, bmUnit, '') AS unit,
    nationalGridBmUnit, bmUnit, levelFrom, levelTo, notificationSequence, notificationTime,
    timeFrom AS declaredFrom, timeTo AS declaredTo,
    TIMESTAMP(DATETIME_TRUNC(timeFrom, HOUR), 'UTC') AS firstHour,
    TIMESTAMP(timeFrom, 'UTC') AS firstMoment,
    TIMESTAMP(timeTo, 'UTC') AS lastMoment
  FROM {HOME}.{{source}}
  WHERE timeFrom < timeTo{{days}}
), pieces AS (
  SELECT
    declared.*,
    half_hour AS periodStart,
    GREATEST(firstMoment, half_hour) AS pieceFrom,
    LEAST(lastMoment, TIMESTAMP_ADD(half_hour, INTERVAL 30 MINUTE)) AS pieceTo
  FROM declared
  CROSS JOIN UNNEST(GENERATE_TIMESTAMP_ARRAY(
    {{begin}}, {{end}}, INTERVAL 30 MINUTE
  )) AS half_hour
  WHERE GREATEST(firstMoment, half_hour)
    < LEAST(lastMoment, TIMESTAMP_ADD(half_hour, INTERVAL 30 MINUTE))
), edges AS (
  SELECT unit, periodStart, pieceFrom AS edge FROM pieces
  UNION DISTINCT
  SELECT unit, periodStart, pieceTo AS edge FROM pieces
), segments AS (
  SELECT
    unit, periodStart, edge AS segmentFrom,
    LEAD(edge) OVER (PARTITION BY unit, periodStart ORDER BY edge) AS segmentTo
  FROM edges
), won AS (
  SELECT pieces.*, segmentFrom, segmentTo
  FROM segments
  JOIN pieces
    ON pieces.unit = segments.unit
    AND pieces.periodStart = segments.periodStart
    AND pieceFrom <= segmentFrom
    AND pieceTo >= segmentTo
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY pieces.unit, pieces.periodStart, segmentFrom ORDER BY {_WINNER}
  ) = 1
), compared AS (
  SELECT
    *,
    LAG(segmentTo) OVER line = segmentFrom
      AND LAG(notificationSequence) OVER line IS NOT DISTINCT FROM notificationSequence
      AND LAG(levelFrom) OVER line IS NOT DISTINCT FROM levelFrom
      AND LAG(levelTo) OVER line IS NOT DISTINCT FROM levelTo AS goes_on
  FROM won
  WINDOW line AS (PARTITION BY unit, periodStart ORDER BY segmentFrom)
), numbered AS (
  SELECT
    *,
    SUM(IF(goes_on IS TRUE, 0, 1)) OVER (
      PARTITION BY unit, periodStart ORDER BY segmentFrom
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS record
  FROM compared
), resolved AS (
  SELECT
    {HOME}.settlement_date(DATETIME(periodStart, 'UTC')) AS settlementDate,
    {HOME}.settlement_period(DATETIME(periodStart, 'UTC')) AS settlementPeriod,
    MAX(nationalGridBmUnit) AS nationalGridBmUnit,
    MAX(bmUnit) AS bmUnit,
    DATETIME(MIN(segmentFrom), 'UTC') AS timeFrom,
    DATETIME(MAX(segmentTo), 'UTC') AS timeTo,
    levelFrom,
    levelTo,
    notificationSequence,
    MAX(notificationTime) AS notificationTime
  FROM numbered
  GROUP BY unit, periodStart, record, levelFrom, levelTo, notificationSequence
)
SELECT
  settlementDate, settlementPeriod, nationalGridBmUnit, bmUnit, timeFrom, timeTo, levelFrom,
  levelTo, notificationSequence, notificationTime
FROM resolved{{wanted}}"""


def resolved(dataset: Dataset) -> View:
    """The resolved position of all units at all times."""
    return View(
        f"bmrs_{dataset.subject.lower()}_resolved",
        _SQL.format(
            source=f"bmrs_{dataset.subject.lower()}_unified",
            days="",
            begin="firstHour",
            end="lastMoment",
            wanted="",
        ),
        f"{dataset.title}: resolved as the operator's API does it, one row for each unit, "
        "settlement period and winning declaration. Reads all days; see the function of the same "
        "name and _between.",
        _DESCRIPTIONS,
    )


def resolved_between(dataset: Dataset) -> View:
    """The same of some settlement days, reading these and some weeks around them."""
    begin = f"{HOME}.settlement_start(first_day, 1)"
    end = f"{HOME}.settlement_start(DATE_ADD(last_day, INTERVAL 1 DAY), 1)"
    return View(
        f"bmrs_{dataset.subject.lower()}_resolved_between",
        _SQL.format(
            source=f"bmrs_{dataset.subject.lower()}_unified",
            days=f"\n    AND timeTo > {begin}\n    AND timeFrom < {end}"
            f"\n    AND settlementDate >= DATE_SUB(first_day, INTERVAL {_DAYS_BEFORE} DAY)"
            f"\n    AND settlementDate <= DATE_ADD(last_day, INTERVAL {_DAYS_AFTER} DAY)",
            begin=f"GREATEST(firstHour, TIMESTAMP({begin}, 'UTC'))",
            end=f"LEAST(lastMoment, TIMESTAMP({end}, 'UTC'))",
            wanted="\nWHERE settlementDate BETWEEN first_day AND last_day",
        ),
        f"{dataset.title}: resolved as the operator's API does it, of the settlement days from "
        f"first_day to last_day. Reads the {_DAYS_BEFORE} days before and the {_DAYS_AFTER} after "
        "them, too: a declaration that is dated further away is not seen.",
        _DESCRIPTIONS,
        DAYS,
    )
