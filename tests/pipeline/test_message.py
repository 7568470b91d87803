"""Envelopes: what Pub/Sub and the file door tell of a message."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

import envelope
from pipeline.message import Message, file_minute, from_file, from_pubsub
from tests.pipeline.made import micros

WHOLE = {
    "dataset": "mibm_mid",
    "message_id": "mibm_mid_202510271648_10262.json",
    "enqueued_time": "2025-10-27T16:48:05.123Z",
    "sequence_number": "12",
    "content_encoding": "gzip",
    "source": "REPLAY",
    "record_index": "7",
}


def test_the_names_of_the_envelope() -> None:
    names = {
        name: value
        for name, value in vars(envelope).items()
        if name.isupper() and isinstance(value, str)
    }
    assert names == {
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
    }
    assert envelope.SOURCES == ("IRIS", "FILE", "ARCHIVE", "REPLAY")


def test_a_whole_envelope() -> None:
    assert from_pubsub(b"[]", WHOLE, "99") == Message(
        data=b"[]",
        dataset="mibm_mid",
        message_id="mibm_mid_202510271648_10262.json",
        enqueued=micros("2025-10-27T16:48:05.123Z"),
        source="REPLAY",
        content_encoding="gzip",
        record_index=7,
        uri=None,
    )


def test_an_envelope_is_the_message_without_its_payload() -> None:
    whole = from_pubsub(b"[]", WHOLE, "99")
    assert whole.envelope() == from_pubsub(b"", WHOLE, "99")
    assert whole.data == b"[]"


@pytest.mark.parametrize("attributes", [None, {}, dict.fromkeys(WHOLE, "")])
def test_nothing_is_required(attributes: dict[str, str] | None) -> None:
    expected: dict[str, Any] = {"data": b"[]", "dataset": "unknown", "source": "IRIS"}
    assert from_pubsub(b"[]", attributes, "99") == Message(message_id="99", **expected)
    body = "sha256:" + hashlib.sha256(b"[]").hexdigest()
    assert from_pubsub(b"[]", attributes) == Message(message_id=body, **expected)
    assert envelope.hash_id(b"[]") == body != envelope.hash_id(b"[ ]")


@pytest.mark.parametrize(
    ("text", "enqueued"),
    [
        ("2026-05-06T03:00:00Z", micros("2026-05-06T03:00:00Z")),
        ("2026-05-06T03:00:00.1234567Z", micros("2026-05-06T03:00:00.123456Z")),
        ("2026-05-06T04:00:00+01:00", micros("2026-05-06T03:00:00Z")),
        ("2026-05-06", None),
        ("yesterday", None),
        ("1778036400", None),
    ],
)
def test_a_time_that_cannot_be_read_counts_as_absent(text: str, enqueued: int | None) -> None:
    assert from_pubsub(b"", {"enqueued_time": text}, "99").enqueued == enqueued


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("0", 0),
        ("007", 7),
        ("999999999999999999", 10**18 - 1),
        ("1000000000000000000", None),
        ("-1", None),
        ("1.0", None),
        (" 1", None),
        ("1\n", None),
        ("\u0661", None),
        ("one", None),
    ],
)
def test_an_index_that_cannot_be_read_counts_as_absent(text: str, index: int | None) -> None:
    assert from_pubsub(b"", {"record_index": text}, "99").record_index == index


@pytest.mark.parametrize(
    ("path", "dataset", "message_id", "enqueued"),
    [
        (
            "/in/BOALF/BOALF_202510271648_10262.json",
            "BOALF",
            "BOALF_202510271648_10262.json",
            "2025-10-27T16:48:00Z",
        ),
        (
            "gs://bucket/data/ABUC/ABUC_202311140741_NGET-EMFIP-ABUC-00689167-1.json",
            "ABUC",
            "ABUC_202311140741_NGET-EMFIP-ABUC-00689167-1.json",
            "2023-11-14T07:41:00Z",
        ),
        ("mibm_mid/by hand.json", "mibm_mid", "by hand.json", None),
        ("alone.json", "unknown", "alone.json", None),
        ("/alone.json", "unknown", "alone.json", None),
    ],
)
def test_a_file(path: str, dataset: str, message_id: str, enqueued: str | None) -> None:
    assert from_file(path, b"[]") == Message(
        data=b"[]",
        dataset=dataset,
        message_id=message_id,
        enqueued=micros(enqueued) if enqueued else None,
        source="FILE",
        uri=path,
    )


@pytest.mark.parametrize(
    ("name", "minute"),
    [
        ("SYS_WARN_202510271649_1.json", "2025-10-27T16:49:00Z"),
        ("MELS_202305240800_25465.bmr", "2023-05-24T08:00:00Z"),
        ("X_202510271649_202511010000_1.json", "2025-10-27T16:49:00Z"),
        ("X_202402292359_1", "2024-02-29T23:59:00Z"),
        # Twelve digits that are no minute do not hide the minute behind them.
        ("X_999999999999_202510271649_1.json", "2025-10-27T16:49:00Z"),
        ("X_202502290000_1.json", None),
        ("X_202510272400_1.json", None),
        ("X_000010271649_1.json", None),
        ("X_202510271649.json", None),
        ("X_2025102716490_1.json", None),
        ("X202510271649_1.json", None),
        ("X.json", None),
        ("", None),
    ],
)
def test_the_minute_in_a_file_name(name: str, minute: str | None) -> None:
    assert file_minute(name) == (micros(minute) if minute else None)


def test_a_file_name_that_is_no_utf8_stays_distinct_and_can_be_written() -> None:
    message = from_file("archive/FREQ/a\udcff.json", b"[]")

    assert (message.message_id, message.uri) == ("a\\xff.json", "archive/FREQ/a\\xff.json")
