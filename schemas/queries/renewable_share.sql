-- name: renewable_share
-- parameters: first_day DATE, last_day DATE
-- description: Share of wind and hydro power in the generation of Great Britain on each of the
--   settlement days from first_day to last_day, with biomass beside it. Of FUELINST, which sees the
--   transmission network alone: solar power and wind farms that are connected to the distribution
--   networks are not in it, so the true share is higher. Imports and pumped storage, which gives
--   back what was generated before, are not in the generation. A period that has fewer fuel types
--   than the day's fullest is left out, because its shares would be wrong.
-- column settlementDate: Settlement day (UK local date).
-- column wind: Energy from wind, MWh.
-- column hydro: Energy from hydro power other than pumped storage (NPSHYD), MWh.
-- column biomass: Energy from biomass, MWh.
-- column generation: Energy from all fuels, pumped storage and interconnectors left out, MWh.
-- column renewable_percent: Wind and hydro in the generation, %.
-- column biomass_percent: Biomass in the generation, %.
-- column periods: Number of settlement periods that are in it; what is missing adds no energy.
-- column periods_expected: Number of periods of the day: 48, 46 or 50.
WITH energies AS (
  SELECT
    settlementDate,
    settlementPeriod,
    fuelType,
    IF(generation > 0, generation, 0) * 0.5 AS energy,
    COUNT(*) OVER (PARTITION BY settlementDate, settlementPeriod) AS fuel_types
  FROM iris.generation_mix(first_day, last_day)
  WHERE fuelType != 'PS' AND NOT STARTS_WITH(fuelType, 'INT')
), compared AS (
  SELECT
    settlementDate,
    settlementPeriod,
    fuelType,
    energy,
    fuel_types,
    MAX(fuel_types) OVER (PARTITION BY settlementDate) AS most_fuel_types
  FROM energies
), sums AS (
  SELECT
    settlementDate,
    SUM(IF(fuelType = 'WIND', energy, 0)) AS wind,
    SUM(IF(fuelType = 'NPSHYD', energy, 0)) AS hydro,
    SUM(IF(fuelType = 'BIOMASS', energy, 0)) AS biomass,
    SUM(energy) AS generation,
    COUNT(DISTINCT settlementPeriod) AS periods
  FROM compared
  WHERE fuel_types = most_fuel_types
  GROUP BY settlementDate
)
SELECT
  settlementDate,
  wind,
  hydro,
  biomass,
  generation,
  100 * SAFE_DIVIDE(wind + hydro, generation) AS renewable_percent,
  100 * SAFE_DIVIDE(biomass, generation) AS biomass_percent,
  periods,
  iris.settlement_periods(settlementDate) AS periods_expected
FROM sums
