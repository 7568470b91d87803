-- name: settlement_calendar
-- parameters: first_day DATE, last_day DATE
-- description: Every settlement period of the settlement days from first_day to last_day: 48 a day,
--   46 and 50 on the days on which the clocks change. To join with, so that gaps show.
-- column settlementDate: Settlement day (UK local date).
-- column settlementPeriod: Half-hour of the settlement day, from 1.
-- column startTime: Moment at which the period begins, UTC.
WITH days AS (
  SELECT settlementDate, iris.settlement_periods(settlementDate) AS periods
  FROM UNNEST(GENERATE_DATE_ARRAY(first_day, last_day)) AS settlementDate
)
SELECT
  settlementDate,
  settlementPeriod,
  iris.settlement_start(settlementDate, settlementPeriod) AS startTime
FROM days
CROSS JOIN UNNEST(GENERATE_ARRAY(1, periods)) AS settlementPeriod
