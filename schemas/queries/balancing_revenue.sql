-- name: balancing_revenue
-- parameters: first_day DATE, last_day DATE
-- description: What each BM unit earned in the balancing mechanism on each of the settlement days
--   from first_day to last_day: the indicative cashflows (EBOCF) of the newest settlement
--   calculation, added up. They are Elexon's own, made of metered acceptances, prices and losses,
--   and change until the final settlement run. It is not known whether IRIS sends bids and offers
--   of one unit and period as one record or as two; if as two, only the later is in here, and
--   iris_key_conflicts lists EBOCF.
-- column settlementDate: Settlement day (UK local date).
-- column bmUnit: BM unit as Elexon names it; NULL for units without an Elexon registration.
-- column nationalGridBmUnit: BM unit as the system operator names it.
-- column leadPartyName: Name of the unit's lead party.
-- column cashflow: GBP; positive to the unit's party, negative from it.
-- column received: The positive half-hours alone, GBP.
-- column paid: The negative half-hours alone, GBP, negative.
-- column periods: Number of settlement periods that have a cashflow other than zero.
SELECT
  settlementDate,
  bmUnit,
  nationalGridBmUnit,
  MAX(leadPartyName) AS leadPartyName,
  SUM(totalCashflow) AS cashflow,
  SUM(IF(totalCashflow > 0, totalCashflow, 0)) AS received,
  SUM(IF(totalCashflow < 0, totalCashflow, 0)) AS paid,
  COUNT(IF(totalCashflow != 0, settlementPeriod, NULL)) AS periods
FROM iris.bmrs_ebocf_latest
WHERE settlementDate BETWEEN first_day AND last_day
GROUP BY settlementDate, bmUnit, nationalGridBmUnit
