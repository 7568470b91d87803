-- name: indicated_balance
-- parameters: first_day DATE, last_day DATE
-- description: Indicated generation against indicated demand (INDGEN, INDDEM: what the units
--   notified before the event) of all Great Britain, boundary N, in each settlement period of the
--   settlement days from first_day to last_day, by the newest publication of each. It is a forecast
--   until the period begins.
-- column settlementDate: Settlement day (UK local date).
-- column settlementPeriod: Half-hour of the settlement day, from 1.
-- column startTime: Start of the settlement period, UTC.
-- column generation: Indicated generation, MW.
-- column demand: Indicated demand, MW, positive here (INDDEM has it negative).
-- column balance: Generation less demand, MW.
WITH generated AS (
  SELECT settlementDate, settlementPeriod, startTime, generation
  FROM iris.bmrs_indgen_latest
  WHERE settlementDate BETWEEN first_day AND last_day
    AND boundary = 'N'
), demanded AS (
  SELECT settlementDate, settlementPeriod, startTime, -demand AS demand
  FROM iris.bmrs_inddem_latest
  WHERE settlementDate BETWEEN first_day AND last_day
    AND boundary = 'N'
)
SELECT
  COALESCE(generated.settlementDate, demanded.settlementDate) AS settlementDate,
  COALESCE(generated.settlementPeriod, demanded.settlementPeriod) AS settlementPeriod,
  COALESCE(generated.startTime, demanded.startTime) AS startTime,
  generated.generation,
  demanded.demand,
  generated.generation - demanded.demand AS balance
FROM generated
FULL JOIN demanded ON demanded.startTime = generated.startTime
