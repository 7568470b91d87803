-- name: indicated_balance
-- parameters: first_day DATE, last_day DATE
-- description: Indicated generation against indicated demand (INDGEN, INDDEM: what the units
--   notified before the event) of all Great Britain, boundary N, in each settlement period of the
--   settlement days from first_day to last_day. Both come every half-hour, as a rule with the same
--   publication time: two are taken for one publication where neither has a nearer partner and they
--   are less than a quarter of an hour apart. The newest such pair is shown. Where there is none
--   the newest of each is shown, without a balance. It is a forecast until the period begins.
-- column settlementDate: Settlement day (UK local date).
-- column settlementPeriod: Half-hour of the settlement day, from 1.
-- column startTime: Start of the settlement period, UTC.
-- column generation: Indicated generation, MW.
-- column demand: Indicated demand, MW, positive here (INDDEM has it negative).
-- column balance: Generation less demand, MW; NULL where they are not of one publication.
-- column generation_published: Time at which the generation was published, UTC.
-- column demand_published: Time at which the demand was published, UTC.
WITH generated AS (
  SELECT settlementDate, settlementPeriod, startTime, publishTime, generation
  FROM iris.bmrs_indgen_unified
  WHERE settlementDate BETWEEN first_day AND last_day
    AND boundary = 'N'
    AND generation IS NOT NULL
), demanded AS (
  SELECT settlementDate, settlementPeriod, startTime, publishTime, -demand AS demand
  FROM iris.bmrs_inddem_unified
  WHERE settlementDate BETWEEN first_day AND last_day
    AND boundary = 'N'
    AND demand IS NOT NULL
), near AS (
  SELECT
    generated.startTime,
    generated.generation,
    demanded.demand,
    generated.publishTime AS generation_published,
    demanded.publishTime AS demand_published,
    ABS(DATETIME_DIFF(generated.publishTime, demanded.publishTime, SECOND)) AS apart
  FROM generated
  JOIN demanded ON demanded.startTime = generated.startTime
  WHERE ABS(DATETIME_DIFF(generated.publishTime, demanded.publishTime, SECOND)) < 900
), pairs AS (
  SELECT startTime, generation, demand, generation_published, demand_published
  FROM near
  WHERE TRUE
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY startTime, generation_published ORDER BY apart, demand_published DESC
    ) = 1
    AND ROW_NUMBER() OVER (
      PARTITION BY startTime, demand_published ORDER BY apart, generation_published DESC
    ) = 1
), common AS (
  SELECT startTime, generation, demand, generation_published, demand_published
  FROM pairs
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY startTime ORDER BY generation_published DESC) = 1
), newest_generated AS (
  SELECT settlementDate, settlementPeriod, startTime, publishTime, generation
  FROM generated
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY startTime ORDER BY publishTime DESC) = 1
), newest_demanded AS (
  SELECT settlementDate, settlementPeriod, startTime, publishTime, demand
  FROM demanded
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY startTime ORDER BY publishTime DESC) = 1
)
SELECT
  COALESCE(supply.settlementDate, need.settlementDate) AS settlementDate,
  COALESCE(supply.settlementPeriod, need.settlementPeriod) AS settlementPeriod,
  COALESCE(supply.startTime, need.startTime) AS startTime,
  COALESCE(common.generation, supply.generation) AS generation,
  COALESCE(common.demand, need.demand) AS demand,
  common.generation - common.demand AS balance,
  COALESCE(common.generation_published, supply.publishTime) AS generation_published,
  COALESCE(common.demand_published, need.publishTime) AS demand_published
FROM newest_generated AS supply
FULL JOIN newest_demanded AS need ON need.startTime = supply.startTime
LEFT JOIN common ON common.startTime = COALESCE(supply.startTime, need.startTime)
