-- name: acceptances_per_hour
-- parameters: first_day DATE, last_day DATE
-- description: Bid-offer acceptances in each hour of the settlement days from first_day to
--   last_day, by the time at which they were issued. An acceptance is a number of one unit: it has
--   several rows in BOALF, and other units have the same number. An hour without acceptances has no
--   row.
-- column settlementDate: Settlement day (UK local date) of the hour.
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
  FROM iris.bmrs_boalf_latest
  WHERE settlementDate BETWEEN DATE_SUB(first_day, INTERVAL 1 DAY)
    AND DATE_ADD(last_day, INTERVAL 1 DAY)
  GROUP BY hourStart, nationalGridBmUnit, acceptanceNumber
), dated AS (
  SELECT
    iris.settlement_date(hourStart) AS settlementDate,
    hourStart,
    nationalGridBmUnit,
    is_flagged
  FROM acceptances
)
SELECT
  settlementDate,
  hourStart,
  COUNT(*) AS acceptances,
  COUNTIF(is_flagged) AS so_flagged,
  COUNT(DISTINCT nationalGridBmUnit) AS active_units
FROM dated
WHERE settlementDate BETWEEN first_day AND last_day
GROUP BY settlementDate, hourStart
