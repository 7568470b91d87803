-- name: generation_mix_now
-- description: Generation by fuel type at this time: one snapshot of FUELINST alone (one comes
--   every five minutes), one row for each fuel type and interconnector. It is the newest one that
--   has as many fuel types as the fullest of the hour before it: of a snapshot that is still coming
--   in the shares would be wrong. Looks at yesterday and today; empty if nothing came. age_minutes
--   says how far behind the clock it is.
-- column settlementDate: Settlement day (UK local date) of the snapshot.
-- column settlementPeriod: Half-hour of the settlement day, from 1.
-- column startTime: Start of the five minutes that the snapshot describes, UTC.
-- column publishTime: Time of publication, UTC.
-- column age_minutes: Whole minutes from publishTime to now.
-- column fuelType: Code of the fuel; codes that begin with INT are interconnectors.
-- column generation: MW; negative for an interconnector that exports and for pumping.
-- column supply_percent: Share of the supply, that is of all positive rows together, %; 0 for rows
--   that are negative.
-- column fuel_types: Number of fuel types of the snapshot that have a value.
WITH snapshots AS (
  SELECT settlementDate, settlementPeriod, startTime, publishTime, fuelType, generation
  FROM iris.bmrs_fuelinst_iris
  WHERE settlementDate >= DATE_SUB(CURRENT_DATE('Europe/London'), INTERVAL 1 DAY)
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY startTime, fuelType
    ORDER BY
      IF(generation IS NULL, 1, 0), publishTime DESC, _enqueued_utc DESC, ingested_utc DESC
  ) = 1
), counted AS (
  SELECT
    settlementDate,
    settlementPeriod,
    startTime,
    publishTime,
    fuelType,
    generation,
    COUNT(generation) OVER (PARTITION BY startTime) AS fuel_types,
    MAX(startTime) OVER () AS newest
  FROM snapshots
), compared AS (
  SELECT
    settlementDate,
    settlementPeriod,
    startTime,
    publishTime,
    fuelType,
    generation,
    fuel_types,
    MAX(fuel_types) OVER () AS most_fuel_types
  FROM counted
  WHERE startTime > DATETIME_SUB(newest, INTERVAL 1 HOUR)
), full_one AS (
  SELECT
    settlementDate, settlementPeriod, startTime, publishTime, fuelType, generation, fuel_types
  FROM compared
  WHERE fuel_types = most_fuel_types
  QUALIFY startTime = MAX(startTime) OVER ()
)
SELECT
  settlementDate,
  settlementPeriod,
  startTime,
  publishTime,
  DIV(DATETIME_DIFF(DATETIME(CURRENT_TIMESTAMP(), 'UTC'), publishTime, MICROSECOND), 60000000)
    AS age_minutes,
  fuelType,
  generation,
  100 * SAFE_DIVIDE(
    IF(generation > 0, generation, 0), SUM(IF(generation > 0, generation, 0)) OVER ()
  ) AS supply_percent,
  fuel_types
FROM full_one
