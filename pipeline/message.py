"""A message: what one door delivers, before anybody looks into its payload."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

import envelope
from pipeline.times import MICROS_PER_SECOND, parse_moment

#: IRIS names files ``SUBJECT_yyyyMMddHHmm_<tail>.json``, the minute in UTC. Inferred from names
#: seen by live clients and in the operator's archive, so it is never required.
_FILE_MINUTE: Final = re.compile(r"_([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})(?=_)")


class Message(NamedTuple):
    """One message with its envelope.

    Attributes:
        data: the payload as received, compressed where ``content_encoding`` says so.
        dataset: the subject, ``unknown`` where there was none.
        message_id: the broker's id, or the file's name.
        enqueued: microseconds since 1970 UTC, None where it is not known.
        source: the door, one of ``envelope.SOURCES``.
        content_encoding: ``gzip`` or None.
        record_index: in a replay of one record, its place in the original message.
        uri: at the file door, where the message was read.
    """

    data: bytes
    dataset: str
    message_id: str
    enqueued: int | None = None
    source: str = envelope.SOURCE_IRIS
    content_encoding: str | None = None
    record_index: int | None = None
    uri: str | None = None

    def envelope(self) -> Message:
        """The message without its payload."""
        return self._replace(data=b"")


def from_pubsub(
    data: bytes, attributes: Mapping[str, str] | None, pubsub_id: str | None = None
) -> Message:
    """The message that a Pub/Sub message carries.

    Nothing in the attributes is required: a message published by hand gets the Pub/Sub id, else
    a hash of its body, as its id, so that a redelivery keeps it; an ``enqueued_time`` or a
    ``record_index`` that cannot be read counts as absent.
    """
    attributes = attributes or {}
    enqueued = attributes.get(envelope.ENQUEUED_TIME)
    index = attributes.get(envelope.RECORD_INDEX, "")
    return Message(
        data=data,
        dataset=attributes.get(envelope.DATASET) or envelope.UNKNOWN_DATASET,
        message_id=attributes.get(envelope.MESSAGE_ID) or pubsub_id or envelope.hash_id(data),
        enqueued=parse_moment(enqueued) if enqueued else None,
        source=attributes.get(envelope.SOURCE) or envelope.SOURCE_IRIS,
        content_encoding=attributes.get(envelope.CONTENT_ENCODING) or None,
        record_index=int(index) if re.fullmatch(r"[0-9]{1,18}", index) else None,
    )


def from_file(path: str, data: bytes) -> Message:
    """The message in a file of the layout ``<DATASET>/<message_id>``, local or ``gs://``."""
    # A name that is no UTF-8 must still be a text that every warehouse takes, and distinct.
    path = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    name = posixpath.basename(path)
    folder = posixpath.basename(posixpath.dirname(path))
    return Message(
        data=data,
        dataset=folder or envelope.UNKNOWN_DATASET,
        message_id=name,
        enqueued=file_minute(name),
        source=envelope.SOURCE_FILE,
        uri=path,
    )


def file_minute(name: str) -> int | None:
    """The minute in an IRIS file name, in microseconds since 1970 UTC, or None."""
    for match in _FILE_MINUTE.finditer(name):
        try:
            minute = datetime.strptime("".join(match.groups()), "%Y%m%d%H%M").replace(tzinfo=UTC)
        except ValueError:
            continue
        return int(minute.timestamp()) * MICROS_PER_SECOND
    return None
