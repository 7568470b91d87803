-- name: outages_by_unit_at
-- parameters: at_moment DATETIME
-- description: Units that had an outage at a moment (UTC), as was known then: one row for each,
--   however many message threads it had (see outages_at), so that rows can be added up. Threads of
--   one unit mostly tell of the same megawatts; whether those of two add up is not told, so the
--   worst of them counts alone.
-- column unit: The asset, mostly an Elexon BM unit name; where there is none the unit's name as the
--   participant writes it, or the thread.
-- column affectedUnit: Unit name as the participant writes it; of several the last by the alphabet.
-- column fuelType: Fuel label of the transparency regulation (not the codes of FUELINST); likewise.
-- column outages: Number of the threads.
-- column mrids: Their identifiers, separated by commas.
-- column eventStartTime: Earliest start of an event, UTC.
-- column eventEndTime: Latest end of an event as then estimated, UTC; NULL where one was left open.
-- column normalCapacity: Normal capacity, MW; the largest of several.
-- column available_capacity: The least capacity that a thread leaves, MW.
-- column unavailable_capacity: The most capacity that a thread takes, MW.
SELECT
  COALESCE(assetId, affectedUnit, mrid) AS unit,
  MAX(affectedUnit) AS affectedUnit,
  MAX(fuelType) AS fuelType,
  COUNT(*) AS outages,
  STRING_AGG(mrid, ', ' ORDER BY mrid) AS mrids,
  MIN(eventStartTime) AS eventStartTime,
  IF(COUNT(eventEndTime) = COUNT(*), MAX(eventEndTime), NULL) AS eventEndTime,
  MAX(normalCapacity) AS normalCapacity,
  MIN(available_capacity) AS available_capacity,
  MAX(unavailable_capacity) AS unavailable_capacity
FROM iris.outages_at(at_moment)
GROUP BY unit
