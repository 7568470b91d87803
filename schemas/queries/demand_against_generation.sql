-- name: demand_against_generation
-- parameters: first_day DATE, last_day DATE
-- description: Demand outturn against generation in each settlement period of the settlement days
--   from first_day to last_day, as mean MW. Two demands are comparable to two sums: transmission
--   system demand (ITSDO) holds pumping, exports and the stations' own load, so it stands against
--   all that feeds in; national demand (INDO) holds none of these, so it stands against the net of
--   all rows. What is left is the stations' own load, losses of measurement and power stations that
--   FUELINST does not see. Every period has a row; what did not come is NULL.
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
WITH mix AS (
  SELECT
    settlementDate,
    settlementPeriod,
    SUM(IF(generation > 0 AND NOT STARTS_WITH(fuelType, 'INT'), generation, 0)) AS generation,
    SUM(IF(generation > 0 AND STARTS_WITH(fuelType, 'INT'), generation, 0)) AS imports,
    SUM(IF(generation < 0 AND STARTS_WITH(fuelType, 'INT'), generation, 0)) AS exports,
    SUM(IF(generation < 0 AND NOT STARTS_WITH(fuelType, 'INT'), generation, 0)) AS pumping
  FROM iris.generation_mix(first_day, last_day)
  GROUP BY settlementDate, settlementPeriod
), national AS (
  SELECT settlementDate, settlementPeriod, demand
  FROM iris.bmrs_indo_latest
  WHERE settlementDate BETWEEN first_day AND last_day
), transmission AS (
  SELECT settlementDate, settlementPeriod, demand
  FROM iris.bmrs_itsdo_latest
  WHERE settlementDate BETWEEN first_day AND last_day
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
  mix.generation + mix.imports - transmission.demand AS gross_difference,
  mix.generation + mix.imports + mix.exports + mix.pumping - national.demand AS net_difference
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
