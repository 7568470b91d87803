-- name: balancing_revenue
-- parameters: first_day DATE, last_day DATE
-- description: What each BM unit earned in the balancing mechanism on each of the settlement days
--   from first_day to last_day: the indicative cashflows (EBOCF) of the newest settlement
--   calculation of each unit and period, added up. They are Elexon's own, made of metered
--   acceptances, prices and losses, and change until the final settlement run. It is not known
--   whether IRIS sends bids and offers of one unit and period as one record or as two, and no field
--   tells them apart. So all different records of one calculation (createdDateTime) are added up,
--   which is right for both forms; a record that corrects another one of the same calculation would
--   be added, too (iris_key_conflicts lists it). They are read from the live table, because the
--   unified view shows one of two such records. There is no historic table for EBOCF by default;
--   what another one has, and the live table has not, is taken from the unified view.
-- column settlementDate: Settlement day (UK local date).
-- column bmUnit: BM unit as Elexon names it; NULL for units without an Elexon registration.
-- column nationalGridBmUnit: BM unit as the system operator names it.
-- column leadPartyName: Name of the unit's lead party.
-- column cashflow: GBP; positive to the unit's party, negative from it.
-- column received: The positive half-hours alone, GBP.
-- column paid: The negative half-hours alone, GBP, negative.
-- column periods: Number of settlement periods that have a cashflow other than zero.
-- column most_records: Largest number of records that were added up for one settlement period: 2
--   where bids and offers come as two.
WITH rows_of_all AS (
  SELECT
    settlementDate,
    settlementPeriod,
    bmUnit,
    nationalGridBmUnit,
    leadPartyName,
    createdDateTime,
    totalCashflow,
    TO_JSON_STRING(bidOfferPairCashflows) AS pairs
  FROM iris.bmrs_ebocf_iris
  WHERE settlementDate BETWEEN first_day AND last_day
    AND totalCashflow IS NOT NULL
  UNION ALL
  SELECT
    settlementDate,
    settlementPeriod,
    bmUnit,
    nationalGridBmUnit,
    leadPartyName,
    createdDateTime,
    totalCashflow,
    TO_JSON_STRING(bidOfferPairCashflows)
  FROM iris.bmrs_ebocf_unified
  WHERE settlementDate BETWEEN first_day AND last_day
    AND totalCashflow IS NOT NULL
    AND data_source != 'IRIS'
), newest AS (
  SELECT
    settlementDate,
    settlementPeriod,
    bmUnit,
    nationalGridBmUnit,
    leadPartyName,
    totalCashflow,
    pairs
  FROM rows_of_all
  WHERE TRUE
  QUALIFY RANK() OVER (
    PARTITION BY settlementDate, settlementPeriod, bmUnit, nationalGridBmUnit
    ORDER BY createdDateTime DESC
  ) = 1
), records AS (
  SELECT
    settlementDate,
    settlementPeriod,
    bmUnit,
    nationalGridBmUnit,
    MAX(leadPartyName) AS leadPartyName,
    totalCashflow
  FROM newest
  GROUP BY
    settlementDate, settlementPeriod, bmUnit, nationalGridBmUnit, totalCashflow, pairs
), half_hours AS (
  SELECT
    settlementDate,
    bmUnit,
    nationalGridBmUnit,
    MAX(leadPartyName) AS leadPartyName,
    SUM(totalCashflow) AS cashflow,
    COUNT(*) AS record_count
  FROM records
  GROUP BY settlementDate, settlementPeriod, bmUnit, nationalGridBmUnit
)
SELECT
  settlementDate,
  bmUnit,
  nationalGridBmUnit,
  MAX(leadPartyName) AS leadPartyName,
  SUM(cashflow) AS cashflow,
  SUM(IF(cashflow > 0, cashflow, 0)) AS received,
  SUM(IF(cashflow < 0, cashflow, 0)) AS paid,
  COUNT(IF(cashflow != 0, 1, NULL)) AS periods,
  MAX(record_count) AS most_records
FROM half_hours
GROUP BY settlementDate, bmUnit, nationalGridBmUnit
