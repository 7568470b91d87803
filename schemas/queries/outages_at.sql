-- name: outages_at
-- parameters: at_moment DATETIME
-- description: Outages of power stations and cables (REMIT) that were under way at a moment (UTC),
--   as was known then: the newest version of each message thread that was published by the moment,
--   if it is active. An event that was dismissed or withdrawn by a later version is no outage. A
--   unit can have several threads at a time, so the rows of one unit must not be added up: see
--   outages_by_unit_at. Reads all of REMIT, which is small: an event can have been announced years
--   before.
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
-- column eventEndTime: End of the event as then estimated, UTC; NULL where it was left open.
-- column cause: Cause, free text.
-- column normalCapacity: Normal capacity, MW.
-- column available_capacity: Capacity that was left at the moment, MW: that of the profile's
--   segment where the version has a profile, the lowest of several; else availableCapacity, or what
--   unavailableCapacity leaves of normalCapacity.
-- column unavailable_capacity: Capacity that was missing at the moment, MW: unavailableCapacity,
--   which need not be normalCapacity less availableCapacity, where it is above zero and no segment
--   differs from availableCapacity; else what available_capacity leaves of normalCapacity, never
--   below zero. An unavailableCapacity of zero is not trusted beside capacity that is missing.
WITH known AS (
  SELECT
    mrid,
    revisionNumber,
    publishTime,
    messageType,
    participantId,
    assetId,
    affectedUnit,
    fuelType,
    eventType,
    unavailabilityType,
    eventStatus,
    eventStartTime,
    eventEndTime,
    cause,
    normalCapacity,
    availableCapacity,
    unavailableCapacity,
    (
      SELECT MIN(segment.capacity)
      FROM UNNEST(outageProfile) AS segment
      WHERE segment.startTime <= at_moment AND segment.endTime > at_moment
    ) AS segment_capacity
  FROM iris.bmrs_remit_unified
  WHERE publishTime <= at_moment
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY mrid
    ORDER BY publishTime DESC, createdTime DESC, revisionNumber DESC
  ) = 1
), under_way AS (
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
    unavailableCapacity,
    COALESCE(
      segment_capacity, availableCapacity, GREATEST(0, normalCapacity - unavailableCapacity)
    ) AS available_capacity,
    unavailableCapacity > 0
      AND (segment_capacity IS NULL OR segment_capacity = availableCapacity) AS is_as_declared
  FROM known
  WHERE eventStatus = 'Active'
    AND messageType IS DISTINCT FROM 'OtherMarketInformation'
    AND eventStartTime <= at_moment
    AND (eventEndTime IS NULL OR eventEndTime > at_moment)
)
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
  IF(
    is_as_declared,
    unavailableCapacity,
    COALESCE(GREATEST(0, normalCapacity - available_capacity), unavailableCapacity)
  ) AS unavailable_capacity
FROM under_way
