"""The dead-letter form: the closed list of reasons, and payloads cut to what a row can hold."""

from __future__ import annotations

import gzip
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import reject
from pipeline.reject import MAX_PAYLOAD_BYTES, MEANING, Reason, Reject, Stage
from tests.pipeline.made import message

Part = tuple[bytes, str | None, str]


def refused(payload: bytes, encoding: str | None = None, uri: str | None = None) -> Reject:
    return Reject(
        message=message(b"", uri=uri),
        stage=Stage.DECODE,
        reason=Reason.NOT_JSON,
        detail="no JSON",
        payload=payload,
        failed=0,
        content_encoding=encoding,
    )


def original(parts: list[Part], encoding: str | None = None) -> bytes:
    """The payload put together again."""
    joined = b"".join(payload for payload, _, _ in parts)
    encodings = {each for _, each, _ in parts}
    assert len(encodings) == 1
    return gzip.decompress(joined) if encodings != {encoding} else joined


def test_the_codes_are_a_closed_list() -> None:
    assert [str(reason) for reason in Reason] == [
        "BadEncoding",
        "NotJson",
        "NotRecords",
        "NotObject",
        "TooDeep",
        "PartitionRange",
        "RowRefused",
        "RowTooLarge",
        "TableUnavailable",
    ]
    assert [str(stage) for stage in Stage] == ["decode", "type", "write"]
    assert list(MEANING) == list(Reason)
    assert all(MEANING.values())


def test_the_limit() -> None:
    assert MAX_PAYLOAD_BYTES == 8_000_000


@pytest.mark.parametrize("uri", [None, "gs://bucket/TIDE/m1"])
@pytest.mark.parametrize("encoding", [None, "gzip"])
@pytest.mark.parametrize("size", [0, 1, 99, 100])
def test_a_payload_up_to_the_limit_is_kept_as_it_is(
    monkeypatch: pytest.MonkeyPatch, size: int, encoding: str | None, uri: str | None
) -> None:
    monkeypatch.setattr(reject, "MAX_PAYLOAD_BYTES", 100)
    payload = b"x" * size
    assert list(refused(payload, encoding, uri).parts()) == [(payload, encoding, "no JSON")]


@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_a_larger_one_at_the_file_door_is_named_by_its_file(
    monkeypatch: pytest.MonkeyPatch, encoding: str | None
) -> None:
    monkeypatch.setattr(reject, "MAX_PAYLOAD_BYTES", 100)
    uri = "gs://bucket/TIDE/m1 é.json"
    assert list(refused(b"x" * 101, encoding, uri).parts()) == [
        (uri.encode(), None, "no JSON (payload of 101 bytes: see the file)")
    ]


def test_a_larger_one_elsewhere_is_compressed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reject, "MAX_PAYLOAD_BYTES", 100)
    payload = b"x" * 1_000
    ((piece, encoding, detail),) = refused(payload).parts()
    assert (gzip.decompress(piece), encoding, detail) == (payload, "gzip", "no JSON")
    assert len(piece) <= 100
    assert piece[4:8] == b"\0" * 4  # no time of day in it: the same every time


def test_what_is_still_too_large_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reject, "MAX_PAYLOAD_BYTES", 100)
    payload = random.Random(1).randbytes(250)
    parts = list(refused(payload).parts())
    assert original(parts) == payload
    assert [(len(piece) <= 100, encoding, detail) for piece, encoding, detail in parts] == [
        (True, "gzip", f"no JSON (payload part {part} of 3)") for part in (1, 2, 3)
    ]


def test_what_came_compressed_is_cut_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reject, "MAX_PAYLOAD_BYTES", 100)
    payload = bytes(range(201))
    assert list(refused(payload, "gzip").parts()) == [
        (payload[:100], "gzip", "no JSON (payload part 1 of 3)"),
        (payload[100:200], "gzip", "no JSON (payload part 2 of 3)"),
        (payload[200:], "gzip", "no JSON (payload part 3 of 3)"),
    ]


@given(
    payload=st.binary(max_size=400),
    limit=st.integers(20, 200),
    encoding=st.sampled_from([None, "gzip"]),
)
def test_the_parts_make_up_the_payload(payload: bytes, limit: int, encoding: str | None) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reject, "MAX_PAYLOAD_BYTES", limit)
        parts = list(refused(payload, encoding).parts())
    assert original(parts, encoding) == payload
    assert all(len(piece) <= limit for piece, _, _ in parts)
    assert len(parts) == 1 or all(piece for piece, _, _ in parts)


def test_a_real_payload_around_the_limit() -> None:
    fits, over = b"\0" * 8_000_000, b"\0" * 8_000_001
    assert list(refused(fits).parts()) == [(fits, None, "no JSON")]
    ((piece, encoding, detail),) = refused(over).parts()
    assert (encoding, detail) == ("gzip", "no JSON")
    assert gzip.decompress(piece) == over
