-- name: wind_forecast_error
-- parameters: first_day DATE, last_day DATE
-- description: Wind forecast (WINDFOR) against outturn (WIND in FUELINST) in each hour of the
--   settlement days from first_day to last_day that has a forecast: the newest one with a value
--   that was published by the start of the hour, at most four days before first_day. Forecasts that
--   came later are left out: they knew what was already blowing. An hour that is not over has no
--   error.
-- column settlementDate: Settlement day (UK local date) of the hour.
-- column hourStart: Start of the hour, UTC.
-- column publishTime: Time at which the forecast was published, UTC.
-- column lead_minutes: Whole minutes from there to the start of the hour.
-- column forecast: MW.
-- column outturn: Mean of the hour's five-minute snapshots, MW; of an hour under way of those that
--   have come.
-- column snapshots: Number of snapshots in the mean; 12 if none is missing.
-- column error: Forecast less outturn, MW: positive where less wind blew than was forecast. NULL
--   until the hour is over, and where it has no snapshot.
-- column error_percent: The error as a share of the outturn, %; NULL where the outturn is zero.
WITH forecasts AS (
  SELECT
    iris.settlement_date(startTime) AS settlementDate,
    startTime AS hourStart,
    publishTime,
    generation
  FROM iris.bmrs_windfor_unified
  WHERE publishTime >= CAST(DATE_SUB(first_day, INTERVAL 4 DAY) AS DATETIME)
    AND publishTime < CAST(DATE_ADD(last_day, INTERVAL 1 DAY) AS DATETIME)
    AND publishTime <= startTime
    AND generation IS NOT NULL
  QUALIFY ROW_NUMBER() OVER (PARTITION BY startTime ORDER BY publishTime DESC) = 1
), outturns AS (
  SELECT
    DATETIME_TRUNC(startTime, HOUR) AS hourStart,
    AVG(generation) AS generation,
    COUNT(*) AS snapshots
  FROM iris.generation_snapshots(first_day, last_day)
  WHERE fuelType = 'WIND'
  GROUP BY hourStart
), compared AS (
  SELECT
    forecasts.settlementDate,
    forecasts.hourStart,
    forecasts.publishTime,
    forecasts.generation AS forecast,
    outturns.generation AS outturn,
    COALESCE(outturns.snapshots, 0) AS snapshots,
    IF(
      DATETIME_ADD(forecasts.hourStart, INTERVAL 1 HOUR) <= DATETIME(CURRENT_TIMESTAMP(), 'UTC'),
      forecasts.generation - outturns.generation,
      NULL
    ) AS error
  FROM forecasts
  LEFT JOIN outturns ON outturns.hourStart = forecasts.hourStart
  WHERE forecasts.settlementDate BETWEEN first_day AND last_day
)
SELECT
  settlementDate,
  hourStart,
  publishTime,
  DIV(DATETIME_DIFF(hourStart, publishTime, MICROSECOND), 60000000) AS lead_minutes,
  forecast,
  outturn,
  snapshots,
  error,
  100 * SAFE_DIVIDE(error, outturn) AS error_percent
FROM compared
