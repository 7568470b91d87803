-- name: bid_ladder
-- parameters: of_unit STRING, of_day DATE
-- description: The bid-offer ladder of a BM unit (by either of its names) in each settlement period
--   of a day, from the deepest bid (pair -6) to the highest offer (pair 6); sort by
--   settlementPeriod, timeFrom and step. The price is the offer's for going up, the bid's for
--   coming back down. Where pairs of a period begin or end at different times all of them are cut
--   there, so that the rows of one timeFrom are a whole ladder.
-- column settlementDate: Settlement day (UK local date).
-- column settlementPeriod: Half-hour of the settlement day, from 1.
-- column nationalGridBmUnit: BM unit as the system operator names it.
-- column bmUnit: BM unit as Elexon names it; NULL for some.
-- column timeFrom: Start of the time for which the ladder holds, UTC.
-- column timeTo: End of it, UTC.
-- column step: Place of the pair in the ladder, from 1 at the lowest pair.
-- column pairId: Number of the pair; negative below the unit's notified level, positive above.
-- column levelFrom: Width of the pair at timeFrom, MW; negative below the notified level. At a cut
--   it is on the straight line between the levels of the record.
-- column levelTo: Width of the pair at timeTo, MW; likewise.
-- column reach: Distance of the pair's far end from the notified level at timeFrom, MW: its own
--   width and those of the pairs that are nearer.
-- column bid: GBP/MWh.
-- column offer: GBP/MWh.
-- column is_placeholder: Whether bid or offer is about 9,999 or more, up or down: a price that is
--   there not to be taken.
WITH pairs AS (
  SELECT
    settlementDate,
    settlementPeriod,
    COALESCE(nationalGridBmUnit, bmUnit) AS unit,
    nationalGridBmUnit,
    bmUnit,
    timeFrom AS pairFrom,
    COALESCE(timeTo, iris.settlement_start(settlementDate, settlementPeriod + 1)) AS pairTo,
    pairId,
    levelFrom,
    levelTo,
    bid,
    offer,
    _enqueued_utc
  FROM iris.bmrs_bod_latest
  WHERE settlementDate = of_day
    AND (nationalGridBmUnit = of_unit OR bmUnit = of_unit)
), edges AS (
  SELECT unit, settlementPeriod, pairFrom AS edge FROM pairs
  UNION DISTINCT
  SELECT unit, settlementPeriod, pairTo AS edge FROM pairs
), pieces AS (
  SELECT
    unit,
    settlementPeriod,
    edge AS timeFrom,
    LEAD(edge) OVER (PARTITION BY unit, settlementPeriod ORDER BY edge) AS timeTo
  FROM edges
), cut AS (
  SELECT
    pairs.settlementDate,
    pairs.settlementPeriod,
    pairs.unit,
    pairs.nationalGridBmUnit,
    pairs.bmUnit,
    pieces.timeFrom,
    pieces.timeTo,
    pairs.pairId,
    pairs.levelFrom,
    pairs.levelTo,
    SAFE_DIVIDE(
      DATETIME_DIFF(pieces.timeFrom, pairs.pairFrom, MICROSECOND),
      DATETIME_DIFF(pairs.pairTo, pairs.pairFrom, MICROSECOND)
    ) AS share_from,
    SAFE_DIVIDE(
      DATETIME_DIFF(pieces.timeTo, pairs.pairFrom, MICROSECOND),
      DATETIME_DIFF(pairs.pairTo, pairs.pairFrom, MICROSECOND)
    ) AS share_to,
    pairs.bid,
    pairs.offer
  FROM pieces
  JOIN pairs
    ON pairs.unit = pieces.unit
    AND pairs.settlementPeriod = pieces.settlementPeriod
    AND pairs.pairFrom <= pieces.timeFrom
    AND pairs.pairTo >= pieces.timeTo
  WHERE TRUE
  -- A pair that was sent again with other times: what came last holds.
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY pairs.unit, pairs.settlementPeriod, pieces.timeFrom, pairs.pairId
    ORDER BY pairs._enqueued_utc DESC, pairs.pairFrom DESC
  ) = 1
), levels AS (
  SELECT
    settlementDate,
    settlementPeriod,
    unit,
    nationalGridBmUnit,
    bmUnit,
    timeFrom,
    timeTo,
    pairId,
    levelFrom + (levelTo - levelFrom) * share_from AS levelFrom,
    levelFrom + (levelTo - levelFrom) * share_to AS levelTo,
    bid,
    offer
  FROM cut
)
SELECT
  settlementDate,
  settlementPeriod,
  nationalGridBmUnit,
  bmUnit,
  timeFrom,
  timeTo,
  ROW_NUMBER() OVER (PARTITION BY unit, settlementPeriod, timeFrom ORDER BY pairId) AS step,
  pairId,
  levelFrom,
  levelTo,
  SUM(levelFrom) OVER (
    PARTITION BY unit, settlementPeriod, timeFrom, pairId > 0 ORDER BY ABS(pairId)
  ) AS reach,
  bid,
  offer,
  COALESCE(ABS(bid) >= 9990 OR ABS(offer) >= 9990, FALSE) AS is_placeholder
FROM levels
