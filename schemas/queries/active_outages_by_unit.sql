-- name: active_outages_by_unit
-- description: Units that have an outage at this time, one row for each; see outages_by_unit_at, of
--   which this is the case of now.
-- column unit: The asset, mostly an Elexon BM unit name; where there is none the unit's name as the
--   participant writes it, or the thread.
-- column affectedUnit: Unit name as the participant writes it; of several the last by the alphabet.
-- column fuelType: Fuel label of the transparency regulation (not the codes of FUELINST); likewise.
-- column outages: Number of message threads.
-- column mrids: Their identifiers, separated by commas.
-- column eventStartTime: Earliest start of an event, UTC.
-- column eventEndTime: Latest end of an event as now estimated, UTC; NULL where one is open.
-- column normalCapacity: Normal capacity, MW; the largest of several.
-- column available_capacity: The least capacity that a thread leaves, MW.
-- column unavailable_capacity: The most capacity that a thread takes, MW.
SELECT
  unit,
  affectedUnit,
  fuelType,
  outages,
  mrids,
  eventStartTime,
  eventEndTime,
  normalCapacity,
  available_capacity,
  unavailable_capacity
FROM iris.outages_by_unit_at(DATETIME(CURRENT_TIMESTAMP(), 'UTC'))
