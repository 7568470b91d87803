-- name: acceptances_per_hour_now
-- description: Bid-offer acceptances in each of the last 24 clock hours, the one under way
--   included, by the time at which they were issued; see acceptances_per_hour. Reads the live table
--   alone.
-- column hourStart: Start of the hour, UTC.
-- column acceptances: Number of acceptances.
-- column so_flagged: Number of those that the system operator flagged as possibly taken for other
--   reasons than energy balancing.
-- column active_units: Number of the units that had one.
WITH acceptances AS (
  SELECT
    DATETIME_TRUNC(acceptanceTime, HOUR) AS hourStart,
    nationalGridBmUnit,
    acceptanceNumber,
    COALESCE(LOGICAL_OR(soFlag), FALSE) AS is_flagged
  FROM iris.bmrs_boalf_iris
  WHERE settlementDate >= DATE_SUB(CURRENT_DATE('Europe/London'), INTERVAL 2 DAY)
    AND acceptanceTime >= DATETIME_SUB(
      DATETIME_TRUNC(DATETIME(CURRENT_TIMESTAMP(), 'UTC'), HOUR), INTERVAL 23 HOUR
    )
  GROUP BY hourStart, nationalGridBmUnit, acceptanceNumber
)
SELECT
  hourStart,
  COUNT(*) AS acceptances,
  COUNTIF(is_flagged) AS so_flagged,
  COUNT(DISTINCT nationalGridBmUnit) AS active_units
FROM acceptances
GROUP BY hourStart
