-- name: bid_ladder
-- parameters: of_unit STRING, of_day DATE
-- description: The bid-offer ladder of a BM unit (by either of its names) in each settlement period
--   of a day, from the deepest bid (pair -6) to the highest offer (pair 6); sort by
--   settlementPeriod, timeFrom and step. The price is the offer's for going up, the bid's for
--   coming back down.
-- column settlementDate: Settlement day (UK local date).
-- column settlementPeriod: Half-hour of the settlement day, from 1.
-- column nationalGridBmUnit: BM unit as the system operator names it.
-- column bmUnit: BM unit as Elexon names it; NULL for some.
-- column timeFrom: Start of the time for which the pair holds, UTC.
-- column timeTo: End of it, UTC.
-- column step: Place of the pair in the ladder, from 1 at the lowest pair.
-- column pairId: Number of the pair; negative below the unit's notified level, positive above.
-- column levelFrom: Width of the pair at timeFrom, MW; negative below the notified level.
-- column levelTo: Width of the pair at timeTo, MW.
-- column reach: Distance of the pair's far end from the notified level at timeFrom, MW: its own
--   width and those of the pairs that are nearer.
-- column bid: GBP/MWh.
-- column offer: GBP/MWh.
-- column is_placeholder: Whether bid or offer is about 9,999 or more, up or down: a price that is
--   there not to be taken.
SELECT
  settlementDate,
  settlementPeriod,
  nationalGridBmUnit,
  bmUnit,
  timeFrom,
  timeTo,
  ROW_NUMBER() OVER (
    PARTITION BY nationalGridBmUnit, settlementPeriod, timeFrom ORDER BY pairId
  ) AS step,
  pairId,
  levelFrom,
  levelTo,
  SUM(levelFrom) OVER (
    PARTITION BY nationalGridBmUnit, settlementPeriod, timeFrom, pairId > 0 ORDER BY ABS(pairId)
  ) AS reach,
  bid,
  offer,
  COALESCE(ABS(bid) >= 9990 OR ABS(offer) >= 9990, FALSE) AS is_placeholder
FROM iris.bmrs_bod_latest
WHERE settlementDate = of_day
  AND (nationalGridBmUnit = of_unit OR bmUnit = of_unit)
