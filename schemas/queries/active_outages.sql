-- name: active_outages
-- description: Outages of power stations and cables (REMIT) that are under way at this time, by the
--   newest version of each message thread; see outages_at, of which this is the case of now. The
--   rows of one unit must not be added up: see active_outages_by_unit.
-- column mrid: Identifier of the message thread.
-- column revisionNumber: Revision of the version that is shown.
-- column publishTime: Time at which it was published, UTC.
-- column participantId: Code of the market participant.
-- column assetId: Asset, mostly an Elexon BM unit name.
-- column affectedUnit: Unit name as the participant writes it.
-- column fuelType: Fuel label of the transparency regulation (not the codes of FUELINST).
-- column eventType: Type of event: of production or of transmission.
-- column unavailabilityType: Whether it was planned.
-- column eventStartTime: Start of the event, UTC.
-- column eventEndTime: End of the event as now estimated, UTC; NULL where it is open.
-- column cause: Cause, free text.
-- column normalCapacity: Normal capacity, MW.
-- column available_capacity: Capacity that is left now, MW, by the profile where there is one.
-- column unavailable_capacity: Capacity that is missing now, MW, by the profile where there is one.
SELECT
  mrid,
  revisionNumber,
  publishTime,
  participantId,
  assetId,
  affectedUnit,
  fuelType,
  eventType,
  unavailabilityType,
  eventStartTime,
  eventEndTime,
  cause,
  normalCapacity,
  available_capacity,
  unavailable_capacity
FROM iris.outages_at(DATETIME(CURRENT_TIMESTAMP(), 'UTC'))
