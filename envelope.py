"""The envelope: how an IRIS message travels through Pub/Sub.

The bridge writes these attributes and the pipeline reads them. This module is their one home;
it uses the standard library alone, so that neither side pulls in the other's dependencies.
All attribute values are strings of at most ``MAX_ATTRIBUTE_BYTES`` bytes (Pub/Sub's limit).
"""

from __future__ import annotations

import hashlib
from typing import Final

#: The dataset: the subject of the Service Bus message, case kept.
DATASET: Final = "dataset"
#: The Service Bus message id, a file name in IRIS; at the file door the file's own name.
MESSAGE_ID: Final = "message_id"
#: When the broker took the message in, RFC 3339 in UTC.
ENQUEUED_TIME: Final = "enqueued_time"
#: The broker's sequence number.
SEQUENCE_NUMBER: Final = "sequence_number"
#: ``gzip`` where the body is compressed, else absent.
CONTENT_ENCODING: Final = "content_encoding"
#: The door by which the message came in, one of ``SOURCES``.
SOURCE: Final = "source"
#: Replay of a single record only: its place in the original message.
RECORD_INDEX: Final = "record_index"

#: ``DATASET`` of a message that came without a subject.
UNKNOWN_DATASET: Final = "unknown"
GZIP: Final = "gzip"

SOURCE_IRIS: Final = "IRIS"
SOURCE_FILE: Final = "FILE"
SOURCE_ARCHIVE: Final = "ARCHIVE"
SOURCE_REPLAY: Final = "REPLAY"
SOURCES: Final = (SOURCE_IRIS, SOURCE_FILE, SOURCE_ARCHIVE, SOURCE_REPLAY)

#: Pub/Sub's limit for one attribute value.
MAX_ATTRIBUTE_BYTES: Final = 1_024
#: Pub/Sub's limit for one publish request.
MAX_PUBLISH_BYTES: Final = 10_000_000
#: Bodies above this size are compressed.
COMPRESS_ABOVE_BYTES: Final = 1_000_000


def hash_id(data: bytes) -> str:
    """A stable id for a message that came without one, from its body."""
    return "sha256:" + hashlib.sha256(data).hexdigest()
