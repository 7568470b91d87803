-- name: system_price
-- parameters: first_day DATE, last_day DATE
-- description: System (imbalance) price in each settlement period of the settlement days from
--   first_day to last_day, as the newest settlement calculation that has a price has it. Both
--   prices are equal since 5 November 2015.
-- column settlementDate: Settlement day (UK local date).
-- column settlementPeriod: Half-hour of the settlement day, from 1.
-- column startTime: Start of the settlement period, UTC.
-- column systemSellPrice: Price for a party that is long, GBP/MWh.
-- column systemBuyPrice: Price for a party that is short, GBP/MWh; NULL if no calculation has one.
-- column netImbalanceVolume: MWh; positive where the system was short, negative where it was long.
-- column createdDateTime: Time of the calculation, UTC; later ones change the price.
SELECT
  settlementDate,
  settlementPeriod,
  iris.settlement_start(settlementDate, settlementPeriod) AS startTime,
  systemSellPrice,
  systemBuyPrice,
  netImbalanceVolume,
  createdDateTime
FROM iris.bmrs_disebsp_unified
WHERE settlementDate BETWEEN first_day AND last_day
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY settlementDate, settlementPeriod
  ORDER BY IF(systemBuyPrice IS NULL, 1, 0), createdDateTime DESC
) = 1
