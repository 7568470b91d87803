-- name: market_index_price
-- parameters: first_day DATE, last_day DATE
-- description: Wholesale price (market index) in each settlement period of the settlement days from
--   first_day to last_day, weighted by volume where several providers traded. Rows without volume
--   are placeholders (those of N2EXMIDP are zero throughout) and in no mean; a period in which
--   nothing was traded has no price.
-- column settlementDate: Settlement day (UK local date).
-- column settlementPeriod: Half-hour of the settlement day, from 1.
-- column startTime: Start of the settlement period, UTC.
-- column market_price: GBP/MWh; NULL where no provider has a volume.
-- column market_volume: Volume behind the price, MWh.
-- column providers: Number of the providers behind the price.
WITH traded AS (
  SELECT
    settlementDate,
    settlementPeriod,
    price,
    IF(volume > 0 AND price IS NOT NULL, volume, 0) AS volume
  FROM iris.bmrs_mid_latest
  WHERE settlementDate BETWEEN first_day AND last_day
)
SELECT
  settlementDate,
  settlementPeriod,
  iris.settlement_start(settlementDate, settlementPeriod) AS startTime,
  SAFE_DIVIDE(SUM(price * volume), SUM(volume)) AS market_price,
  SUM(volume) AS market_volume,
  COUNT(IF(volume > 0, 1, NULL)) AS providers
FROM traded
GROUP BY settlementDate, settlementPeriod
