-- name: frequency_stress
-- parameters: first_day DATE, last_day DATE
-- description: How long the system frequency was outside its limits in each settlement period of
--   the settlement days from first_day to last_day: within 49.8 to 50.2 Hz it is kept in normal
--   operation, 49.5 to 50.5 Hz are the statutory limits. A reading stands for the 15 seconds to the
--   next one; time without readings is in no count. A reading on a limit is inside.
-- column settlementDate: Settlement day (UK local date).
-- column settlementPeriod: Half-hour of the settlement day, from 1.
-- column readings: Number of readings; 120 if none is missing.
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
  settlementPeriod,
  COUNT(*) AS readings,
  MIN(frequency) AS lowest_frequency,
  MAX(frequency) AS highest_frequency,
  15 * COUNT(IF(frequency < 49.8, 1, NULL)) AS seconds_below_49_8,
  15 * COUNT(IF(frequency < 49.9, 1, NULL)) AS seconds_below_49_9,
  15 * COUNT(IF(frequency > 50.1, 1, NULL)) AS seconds_above_50_1,
  15 * COUNT(IF(frequency > 50.2, 1, NULL)) AS seconds_above_50_2,
  15 * COUNT(IF(frequency < 49.8 OR frequency > 50.2, 1, NULL)) AS seconds_outside_operational,
  15 * COUNT(IF(frequency < 49.5 OR frequency > 50.5, 1, NULL)) AS seconds_outside_statutory
FROM iris.frequency_readings(first_day, last_day)
GROUP BY settlementDate, settlementPeriod
