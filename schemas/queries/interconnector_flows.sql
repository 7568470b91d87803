-- name: interconnector_flows
-- parameters: first_day DATE, last_day DATE
-- description: Flow of each interconnector in each settlement period of the settlement days from
--   first_day to last_day: the mean of the five-minute snapshots of FUELINST.
-- column settlementDate: Settlement day (UK local date).
-- column settlementPeriod: Half-hour of the settlement day, from 1.
-- column startTime: Start of the settlement period, UTC.
-- column fuelType: Code of the interconnector.
-- column interconnector: Name of the cable; NULL for a code that `interconnectors` does not list.
-- column country: Where its other end is; NULL likewise.
-- column flow: Mean, MW; positive into Great Britain (import), negative out of it (export).
-- column energy: The flow over the half-hour, MWh; the sign as of flow.
-- column snapshots: Number of snapshots in the mean; 6 if none is missing.
SELECT
  mix.settlementDate,
  mix.settlementPeriod,
  mix.startTime,
  mix.fuelType,
  cables.interconnector,
  cables.country,
  mix.generation AS flow,
  mix.generation * 0.5 AS energy,
  mix.snapshots
FROM iris.generation_mix(first_day, last_day) AS mix
LEFT JOIN iris.interconnectors AS cables ON cables.fuelType = mix.fuelType
WHERE STARTS_WITH(mix.fuelType, 'INT')
