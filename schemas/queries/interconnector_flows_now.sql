-- name: interconnector_flows_now
-- description: Flow of each interconnector in the newest snapshot of FUELINST.
-- column startTime: Start of the five minutes that the snapshot describes, UTC.
-- column age_minutes: Whole minutes from the snapshot's publication to now.
-- column fuelType: Code of the interconnector.
-- column interconnector: Name of the cable; NULL for a code that `interconnectors` does not list.
-- column country: Where its other end is; NULL likewise.
-- column flow: MW; positive into Great Britain (import), negative out of it (export).
SELECT
  mix.startTime,
  mix.age_minutes,
  mix.fuelType,
  cables.interconnector,
  cables.country,
  mix.generation AS flow
FROM iris.generation_mix_now AS mix
LEFT JOIN iris.interconnectors AS cables ON cables.fuelType = mix.fuelType
WHERE STARTS_WITH(mix.fuelType, 'INT')
