"""The names that the bridge writes and the pipeline reads: fixed, because both run apart."""

from __future__ import annotations

from typing import Any

import envelope
from local.pubsub import limits
from pipeline.message import Message, from_pubsub
from tests.pipeline.made import micros


def constants() -> dict[str, Any]:
    return {name: value for name, value in vars(envelope).items() if name.isupper()}


def test_the_names_and_limits() -> None:
    assert constants() == {
        "DATASET": "dataset",
        "MESSAGE_ID": "message_id",
        "ENQUEUED_TIME": "enqueued_time",
        "SEQUENCE_NUMBER": "sequence_number",
        "CONTENT_ENCODING": "content_encoding",
        "SOURCE": "source",
        "RECORD_INDEX": "record_index",
        "UNKNOWN_DATASET": "unknown",
        "GZIP": "gzip",
        "SOURCE_IRIS": "IRIS",
        "SOURCE_FILE": "FILE",
        "SOURCE_ARCHIVE": "ARCHIVE",
        "SOURCE_REPLAY": "REPLAY",
        "SOURCES": ("IRIS", "FILE", "ARCHIVE", "REPLAY"),
        "MAX_ATTRIBUTE_BYTES": 1_024,
        "MAX_PUBLISH_BYTES": 10_000_000,
        "COMPRESS_ABOVE_BYTES": 1_000_000,
    }


def test_the_limits_are_those_of_pubsub() -> None:
    assert envelope.MAX_ATTRIBUTE_BYTES == limits.MAX_ATTRIBUTE_VALUE_BYTES
    assert envelope.MAX_PUBLISH_BYTES == limits.MAX_REQUEST_BYTES


def test_every_attribute_is_read() -> None:
    attributes = {
        envelope.DATASET: "MID",
        envelope.MESSAGE_ID: "MID_202611011200_1.json",
        envelope.ENQUEUED_TIME: "2026-11-01T12:00:00.5Z",
        envelope.SEQUENCE_NUMBER: "77",
        envelope.CONTENT_ENCODING: envelope.GZIP,
        envelope.SOURCE: envelope.SOURCE_REPLAY,
        envelope.RECORD_INDEX: "3",
    }
    assert from_pubsub(b"x", attributes, "1") == Message(
        data=b"x",
        dataset="MID",
        message_id="MID_202611011200_1.json",
        enqueued=micros("2026-11-01T12:00:00.500+00:00"),
        source="REPLAY",
        content_encoding="gzip",
        record_index=3,
    )
