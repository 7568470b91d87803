-- name: demand_against_generation
-- parameters: first_day DATE, last_day DATE
-- description: Demand outturn against generation in each settlement period of the settlement days
--   from first_day to last_day, as mean MW. Two demands are comparable to two sums: transmission
--   system demand (ITSDO) holds pumping, exports and the stations' own load, so it stands against
--   all that feeds in; national demand (INDO) holds none of these, so it stands against the net of
--   all rows. What is left is the stations' own load, losses of measurement and power stations that
--   FUELINST does not see. What feeds in and what takes out is told apart by five-minute snapshot:
--   a cable that turns round within the half-hour is in both. Each fuel type is a mean of the
--   snapshots that have it. Every period has a row; what did not come is NULL, and so is a
--   difference where the period has fewer fuel types than the day's fullest.
-- column settlementDate: Settlement day (UK local date).
-- column settlementPeriod: Half-hour of the settlement day, from 1.
-- column startTime: Start of the settlement period, UTC.
-- column national_demand: Initial national demand outturn (INDO), MW.
-- column transmission_demand: Initial transmission system demand outturn (ITSDO), MW.
-- column generation: All fuels that feed in, interconnectors not included, MW.
-- column imports: Interconnectors that import, MW.
-- column exports: Interconnectors that export, MW, negative.
-- column pumping: Fuels that take power (pumped storage), MW, negative.
-- column gross_difference: Generation and imports less transmission_demand, MW.
-- column net_difference: Generation, imports, exports and pumping less national_demand, MW.
-- column fuel_types: Number of the period's fuel types, interconnectors included.
-- column snapshots: Number of snapshots of the fuel type that has fewest; 6 if none is missing.
WITH fuels AS (
  SELECT
    settlementDate,
    settlementPeriod,
    fuelType,
    AVG(IF(generation > 0, generation, 0)) AS fed_in,
    AVG(IF(generation < 0, generation, 0)) AS taken_out,
    COUNT(*) AS snapshots
  FROM iris.generation_snapshots(first_day, last_day)
  GROUP BY settlementDate, settlementPeriod, fuelType
), mix AS (
  SELECT
    settlementDate,
    settlementPeriod,
    SUM(IF(STARTS_WITH(fuelType, 'INT'), 0, fed_in)) AS generation,
    SUM(IF(STARTS_WITH(fuelType, 'INT'), fed_in, 0)) AS imports,
    SUM(IF(STARTS_WITH(fuelType, 'INT'), taken_out, 0)) AS exports,
    SUM(IF(STARTS_WITH(fuelType, 'INT'), 0, taken_out)) AS pumping,
    COUNT(*) AS fuel_types,
    MIN(snapshots) AS snapshots,
    COUNT(*) = MAX(COUNT(*)) OVER (PARTITION BY settlementDate) AS is_whole
  FROM fuels
  GROUP BY settlementDate, settlementPeriod
), national AS (
  SELECT settlementDate, settlementPeriod, demand
  FROM iris.bmrs_indo_unified
  WHERE settlementDate BETWEEN first_day AND last_day
    AND demand IS NOT NULL
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY settlementDate, settlementPeriod ORDER BY publishTime DESC
  ) = 1
), transmission AS (
  SELECT settlementDate, settlementPeriod, demand
  FROM iris.bmrs_itsdo_unified
  WHERE settlementDate BETWEEN first_day AND last_day
    AND demand IS NOT NULL
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY settlementDate, settlementPeriod ORDER BY publishTime DESC
  ) = 1
)
SELECT
  calendar.settlementDate,
  calendar.settlementPeriod,
  calendar.startTime,
  national.demand AS national_demand,
  transmission.demand AS transmission_demand,
  mix.generation,
  mix.imports,
  mix.exports,
  mix.pumping,
  IF(mix.is_whole, mix.generation + mix.imports - transmission.demand, NULL) AS gross_difference,
  IF(
    mix.is_whole,
    mix.generation + mix.imports + mix.exports + mix.pumping - national.demand,
    NULL
  ) AS net_difference,
  mix.fuel_types,
  mix.snapshots
FROM iris.settlement_calendar(first_day, last_day) AS calendar
LEFT JOIN mix
  ON mix.settlementDate = calendar.settlementDate
  AND mix.settlementPeriod = calendar.settlementPeriod
LEFT JOIN national
  ON national.settlementDate = calendar.settlementDate
  AND national.settlementPeriod = calendar.settlementPeriod
LEFT JOIN transmission
  ON transmission.settlementDate = calendar.settlementDate
  AND transmission.settlementPeriod = calendar.settlementPeriod
