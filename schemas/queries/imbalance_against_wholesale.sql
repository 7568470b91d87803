-- name: imbalance_against_wholesale
-- parameters: first_day DATE, last_day DATE
-- description: System price against the market index price in each settlement period of the
--   settlement days from first_day to last_day. A period that has only one of them is there,
--   without a premium.
-- column settlementDate: Settlement day (UK local date).
-- column settlementPeriod: Half-hour of the settlement day, from 1.
-- column startTime: Start of the settlement period, UTC.
-- column system_price: systemBuyPrice of the newest calculation, GBP/MWh.
-- column market_price: Market index price, weighted by volume, GBP/MWh.
-- column premium: System price less market price, GBP/MWh: what being short cost more than buying
--   ahead.
-- column netImbalanceVolume: MWh; positive where the system was short, negative where it was long.
SELECT
  COALESCE(imbalance.settlementDate, market.settlementDate) AS settlementDate,
  COALESCE(imbalance.settlementPeriod, market.settlementPeriod) AS settlementPeriod,
  COALESCE(imbalance.startTime, market.startTime) AS startTime,
  imbalance.systemBuyPrice AS system_price,
  market.market_price,
  imbalance.systemBuyPrice - market.market_price AS premium,
  imbalance.netImbalanceVolume
FROM iris.system_price(first_day, last_day) AS imbalance
FULL JOIN iris.market_index_price(first_day, last_day) AS market
  ON market.settlementDate = imbalance.settlementDate
  AND market.settlementPeriod = imbalance.settlementPeriod
