-- name: frequency_readings
-- parameters: first_day DATE, last_day DATE
-- description: The readings of the system frequency (one every 15 seconds) in the settlement days
--   from first_day to last_day, each once, with its settlement period, which FREQ does not have.
-- column settlementDate: Settlement day (UK local date).
-- column settlementPeriod: Half-hour of the settlement day, from 1.
-- column measurementTime: Time of the reading, UTC.
-- column frequency: Hz.
WITH readings AS (
  SELECT
    iris.settlement_date(measurementTime) AS settlementDate,
    iris.settlement_period(measurementTime) AS settlementPeriod,
    measurementTime,
    frequency
  FROM iris.bmrs_freq_latest
  WHERE measurementTime >= DATETIME_SUB(CAST(first_day AS DATETIME), INTERVAL 1 HOUR)
    AND measurementTime < CAST(DATE_ADD(last_day, INTERVAL 1 DAY) AS DATETIME)
)
SELECT settlementDate, settlementPeriod, measurementTime, frequency
FROM readings
WHERE settlementDate BETWEEN first_day AND last_day
  AND frequency IS NOT NULL
