-- name: mean_frequency
-- parameters: first_day DATE, last_day DATE
-- description: Mean system frequency in each settlement period of the settlement days from
--   first_day to last_day. The periods are those of UK local time, in summer as well. A period
--   without readings has a row, and no mean.
-- column settlementDate: Settlement day (UK local date).
-- column settlementPeriod: Half-hour of the settlement day, from 1.
-- column startTime: Start of the settlement period, UTC.
-- column mean_frequency: Mean of the readings, Hz.
-- column lowest_frequency: Lowest reading, Hz.
-- column highest_frequency: Highest reading, Hz.
-- column readings: Number of readings; 120 if none is missing.
SELECT
  calendar.settlementDate,
  calendar.settlementPeriod,
  calendar.startTime,
  AVG(readings.frequency) AS mean_frequency,
  MIN(readings.frequency) AS lowest_frequency,
  MAX(readings.frequency) AS highest_frequency,
  COUNT(readings.frequency) AS readings
FROM iris.settlement_calendar(first_day, last_day) AS calendar
LEFT JOIN iris.frequency_readings(first_day, last_day) AS readings
  ON readings.settlementDate = calendar.settlementDate
  AND readings.settlementPeriod = calendar.settlementPeriod
GROUP BY calendar.settlementDate, calendar.settlementPeriod, calendar.startTime
