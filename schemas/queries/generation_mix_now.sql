-- name: generation_mix_now
-- description: Generation by fuel type at this time: the newest snapshot of FUELINST alone (one
--   comes every five minutes), one row for each fuel type and interconnector. Looks at yesterday
--   and today; empty if nothing came. age_minutes says how far behind the clock it is.
-- column settlementDate: Settlement day (UK local date) of the snapshot.
-- column settlementPeriod: Half-hour of the settlement day, from 1.
-- column startTime: Start of the five minutes that the snapshot describes, UTC.
-- column publishTime: Time of publication, UTC.
-- column age_minutes: Whole minutes from publishTime to now.
-- column fuelType: Code of the fuel; codes that begin with INT are interconnectors.
-- column generation: MW; negative for an interconnector that exports and for pumping.
-- column supply_percent: Share of the supply, that is of all positive rows together, %; 0 for rows
--   that are negative.
WITH newest AS (
  SELECT settlementDate, settlementPeriod, startTime, publishTime, fuelType, generation
  FROM iris.bmrs_fuelinst_iris
  WHERE settlementDate >= DATE_SUB(CURRENT_DATE('Europe/London'), INTERVAL 1 DAY)
  QUALIFY
    startTime = MAX(startTime) OVER ()
    AND ROW_NUMBER() OVER (
      PARTITION BY startTime, fuelType
      ORDER BY publishTime DESC, _enqueued_utc DESC, ingested_utc DESC
    ) = 1
)
SELECT
  settlementDate,
  settlementPeriod,
  startTime,
  publishTime,
  DATETIME_DIFF(DATETIME(CURRENT_TIMESTAMP(), 'UTC'), publishTime, MINUTE) AS age_minutes,
  fuelType,
  generation,
  100 * SAFE_DIVIDE(
    IF(generation > 0, generation, 0), SUM(IF(generation > 0, generation, 0)) OVER ()
  ) AS supply_percent
FROM newest
