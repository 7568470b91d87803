-- name: acceptances_per_hour
-- parameters: first_day DATE, last_day DATE
-- description: Bid-offer acceptances in each hour of the settlement days from first_day to
--   last_day, by the time at which they were issued. An acceptance is a number of one unit: it has
--   several rows in BOALF, and other units have the same number. One that was issued again, wholly
--   or in part, counts once, when it was issued first; because small numbers are used again, more
--   than 24 hours without an issue make it another acceptance. An hour without acceptances has no
--   row.
-- column settlementDate: Settlement day (UK local date) of the hour.
-- column hourStart: Start of the hour, UTC.
-- column acceptances: Number of acceptances.
-- column so_flagged: Number of those that the system operator flagged, in any row, as possibly
--   taken for other reasons than energy balancing.
-- column active_units: Number of the units that had one.
WITH issues AS (
  SELECT
    COALESCE(nationalGridBmUnit, bmUnit) AS unit,
    acceptanceNumber,
    acceptanceTime,
    soFlag,
    LAG(acceptanceTime) OVER (
      PARTITION BY COALESCE(nationalGridBmUnit, bmUnit), acceptanceNumber ORDER BY acceptanceTime
    ) AS issued_before
  FROM iris.bmrs_boalf_unified
  WHERE settlementDate BETWEEN DATE_SUB(first_day, INTERVAL 1 DAY)
    AND DATE_ADD(last_day, INTERVAL 1 DAY)
), numbered AS (
  SELECT
    unit,
    acceptanceNumber,
    acceptanceTime,
    soFlag,
    COUNT(IF(acceptanceTime <= DATETIME_ADD(issued_before, INTERVAL 24 HOUR), NULL, 1)) OVER (
      PARTITION BY unit, acceptanceNumber ORDER BY acceptanceTime
    ) AS turn
  FROM issues
), acceptances AS (
  SELECT
    DATETIME_TRUNC(MIN(acceptanceTime), HOUR) AS hourStart,
    unit,
    COALESCE(LOGICAL_OR(soFlag), FALSE) AS is_flagged
  FROM numbered
  GROUP BY unit, acceptanceNumber, turn
), dated AS (
  SELECT iris.settlement_date(hourStart) AS settlementDate, hourStart, unit, is_flagged
  FROM acceptances
)
SELECT
  settlementDate,
  hourStart,
  COUNT(*) AS acceptances,
  COUNT(IF(is_flagged, 1, NULL)) AS so_flagged,
  COUNT(DISTINCT unit) AS active_units
FROM dated
WHERE settlementDate BETWEEN first_day AND last_day
GROUP BY settlementDate, hourStart
