-- name: acceptances_per_hour_now
-- description: Bid-offer acceptances in each of the last 24 clock hours, the one under way
--   included, by the time at which they were first issued; see acceptances_per_hour. Reads the live
--   table alone.
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
  FROM iris.bmrs_boalf_iris
  WHERE settlementDate >= DATE_SUB(CURRENT_DATE('Europe/London'), INTERVAL 2 DAY)
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
)
SELECT
  hourStart,
  COUNT(*) AS acceptances,
  COUNT(IF(is_flagged, 1, NULL)) AS so_flagged,
  COUNT(DISTINCT unit) AS active_units
FROM acceptances
WHERE hourStart >= DATETIME_SUB(
  DATETIME_TRUNC(DATETIME(CURRENT_TIMESTAMP(), 'UTC'), HOUR), INTERVAL 23 HOUR
)
GROUP BY hourStart
