-- name: generation_mix
-- parameters: first_day DATE, last_day DATE
-- description: Generation by fuel type in each settlement period of the settlement days from
--   first_day to last_day: the mean of the five-minute snapshots of FUELINST, live and historic.
--   Solar power and wind farms that are connected to the distribution networks are not in it: they
--   lower the demand instead.
-- column settlementDate: Settlement day (UK local date).
-- column settlementPeriod: Half-hour of the settlement day, from 1.
-- column startTime: Start of the settlement period, UTC.
-- column fuelType: Code of the fuel; codes that begin with INT are interconnectors.
-- column generation: Mean, MW; negative for an interconnector that exports and for pumping.
-- column supply_percent: Share of the period's supply, that is of all positive rows together, %; 0
--   for rows that are negative.
-- column snapshots: Number of snapshots in the mean; 6 if none is missing.
-- column fuel_types: Number of the period's fuel types, interconnectors included. Where it is
--   smaller than in other periods of the day some did not come, and the shares are too high.
WITH means AS (
  SELECT
    settlementDate,
    settlementPeriod,
    fuelType,
    AVG(generation) AS generation,
    COUNT(*) AS snapshots
  FROM iris.generation_snapshots(first_day, last_day)
  GROUP BY settlementDate, settlementPeriod, fuelType
)
SELECT
  settlementDate,
  settlementPeriod,
  iris.settlement_start(settlementDate, settlementPeriod) AS startTime,
  fuelType,
  generation,
  100 * SAFE_DIVIDE(
    IF(generation > 0, generation, 0),
    SUM(IF(generation > 0, generation, 0)) OVER (PARTITION BY settlementDate, settlementPeriod)
  ) AS supply_percent,
  snapshots,
  COUNT(*) OVER (PARTITION BY settlementDate, settlementPeriod) AS fuel_types
FROM means
