-- name: frequency_stress_daily
-- parameters: first_day DATE, last_day DATE
-- description: How long the system frequency was outside its limits in each of the settlement days
--   from first_day to last_day; see frequency_stress.
-- column settlementDate: Settlement day (UK local date).
-- column readings: Number of readings.
-- column readings_expected: Number of readings of a whole day: 5,760, and 5,520 and 6,000 on the
--   days on which the clocks change.
-- column lowest_frequency: Lowest reading, Hz.
-- column highest_frequency: Highest reading, Hz.
-- column seconds_below_49_8: Seconds below 49.8 Hz.
-- column seconds_below_49_9: Seconds below 49.9 Hz, those below 49.8 Hz included.
-- column seconds_above_50_1: Seconds above 50.1 Hz, those above 50.2 Hz included.
-- column seconds_above_50_2: Seconds above 50.2 Hz.
-- column seconds_outside_operational: Seconds outside 49.8 to 50.2 Hz.
-- column seconds_outside_statutory: Seconds outside 49.5 to 50.5 Hz.
SELECT
  settlementDate,
  SUM(readings) AS readings,
  120 * iris.settlement_periods(settlementDate) AS readings_expected,
  MIN(lowest_frequency) AS lowest_frequency,
  MAX(highest_frequency) AS highest_frequency,
  SUM(seconds_below_49_8) AS seconds_below_49_8,
  SUM(seconds_below_49_9) AS seconds_below_49_9,
  SUM(seconds_above_50_1) AS seconds_above_50_1,
  SUM(seconds_above_50_2) AS seconds_above_50_2,
  SUM(seconds_outside_operational) AS seconds_outside_operational,
  SUM(seconds_outside_statutory) AS seconds_outside_statutory
FROM iris.frequency_stress(first_day, last_day)
GROUP BY settlementDate
