-- name: generation_snapshots
-- parameters: first_day DATE, last_day DATE
-- description: The five-minute snapshots of FUELINST in the settlement days from first_day to
--   last_day, live and historic: each fuel type of a snapshot once, by its newest version that has
--   a value.
-- column settlementDate: Settlement day (UK local date).
-- column settlementPeriod: Half-hour of the settlement day, from 1.
-- column startTime: Start of the five minutes that the snapshot describes, UTC.
-- column fuelType: Code of the fuel; codes that begin with INT are interconnectors.
-- column generation: MW; negative for an interconnector that exports and for pumping.
SELECT settlementDate, settlementPeriod, startTime, fuelType, generation
FROM iris.bmrs_fuelinst_unified
WHERE settlementDate BETWEEN first_day AND last_day
  AND generation IS NOT NULL
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY settlementDate, startTime, fuelType ORDER BY publishTime DESC
) = 1
