-- name: system_price_spread
-- parameters: first_day DATE, last_day DATE
-- description: How far the system price moved within each of the settlement days from first_day to
--   last_day: the newest calculation of each period counts once. The price is systemBuyPrice.
-- column settlementDate: Settlement day (UK local date).
-- column lowest_price: Lowest price of a period, GBP/MWh.
-- column lowest_period: Settlement period of the lowest price; of several the first.
-- column highest_price: Highest price of a period, GBP/MWh.
-- column highest_period: Settlement period of the highest price; of several the first.
-- column spread: Highest less lowest price, GBP/MWh.
-- column mean_price: Mean over the periods, not weighted, GBP/MWh.
-- column periods: Number of periods that have a price.
-- column periods_expected: Number of periods of the day: 48, 46 or 50.
WITH priced AS (
  SELECT
    settlementDate,
    settlementPeriod,
    systemBuyPrice AS price,
    MIN(systemBuyPrice) OVER (PARTITION BY settlementDate) AS lowest,
    MAX(systemBuyPrice) OVER (PARTITION BY settlementDate) AS highest
  FROM iris.system_price(first_day, last_day)
  WHERE systemBuyPrice IS NOT NULL
)
SELECT
  settlementDate,
  MIN(price) AS lowest_price,
  MIN(IF(price = lowest, settlementPeriod, NULL)) AS lowest_period,
  MAX(price) AS highest_price,
  MIN(IF(price = highest, settlementPeriod, NULL)) AS highest_period,
  MAX(price) - MIN(price) AS spread,
  AVG(price) AS mean_price,
  COUNT(*) AS periods,
  iris.settlement_periods(settlementDate) AS periods_expected
FROM priced
GROUP BY settlementDate
