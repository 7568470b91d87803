"""Frames: cut out of a stream, and written so that the SDK reads them."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator

import pytest
from azure.servicebus._pyamqp import _decode
from hypothesis import example, given
from hypothesis import strategies as st

from local.servicebus.frames import (
    AMQP_FRAME,
    AMQP_HEADER,
    EMPTY_FRAME,
    MAX_FRAME_SIZE,
    SASL_FRAME,
    SASL_HEADER,
    Frame,
    FrameReader,
    FramingError,
    TransferWriter,
    frame,
)

FRAMES = st.builds(
    Frame,
    st.sampled_from([AMQP_FRAME, SASL_FRAME]),
    st.integers(0, 2**16 - 1),
    st.binary(max_size=400),
)
TAG = bytes(range(16))


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for begin, end in itertools.pairwise(edges):
        yield data[begin:end]


@given(
    st.lists(FRAMES | st.sampled_from([AMQP_HEADER, SASL_HEADER]), max_size=8),
    st.lists(st.integers(0, 10_000), max_size=12),
)
def test_frames_are_found_however_they_come(items: list[Frame | bytes], cuts: list[int]) -> None:
    data = b"".join(
        frame(item.channel, item.body, item.kind) if isinstance(item, Frame) else item
        for item in items
    )
    reader = FrameReader()
    assert [item for piece in pieces(data, cuts) for item in reader.feed(piece)] == items


def test_more_between_head_and_body_is_left_out() -> None:
    data = struct.pack(">IBBH", 14, 3, 0, 5) + b"moreab"
    assert list(FrameReader().feed(data)) == [Frame(0, 5, b"ab")]
    assert list(FrameReader().feed(EMPTY_FRAME)) == [Frame(0, 0, b"")]


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">IBBH", MAX_FRAME_SIZE + 1, 2, 0, 0),
        struct.pack(">IBBH", 7, 1, 0, 0),
        struct.pack(">IBBH", 100, 1, 0, 0),
        struct.pack(">IBBH", 8, 3, 0, 0),
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
    ],
)
def test_what_is_no_frame_is_an_error(data: bytes) -> None:
    with pytest.raises(FramingError, match=r"^not a frame: |^a client speaks "):
        list(FrameReader().feed(data))


@pytest.mark.parametrize("handle", [0, 1, 255, 256, 2**32 - 1])
@pytest.mark.parametrize("settled", [False, True])
def test_the_sdk_reads_a_transfer(handle: int, settled: bool) -> None:
    writer = TransferWriter(7, handle, 65_536, settled=settled)
    (data,) = writer.frames(2**32 - 1, TAG, (b"ab", b"", b"c"))
    assert struct.unpack_from(">IBBH", data) == (len(data), 2, 0, 7)
    code, fields = _decode.decode_frame(memoryview(data)[8:])
    expected = [handle, 2**32 - 1, TAG, 0, settled, False, None, None, False, False, False, b"abc"]
    assert (code, fields) == (20, expected)


@given(st.integers(0, 3_000), st.integers(512, 1_000))
@example(470, 512)
@example(471, 512)
def test_a_long_message_takes_many_transfers(size: int, max_frame_size: int) -> None:
    payload = (bytes(range(251)) * 12)[:size]
    frames = TransferWriter(0, 1, max_frame_size, settled=False).frames(5, TAG, (payload,))
    whole = b""
    for data in frames:
        assert len(data) <= max_frame_size
        _, fields = _decode.decode_frame(memoryview(data)[8:])
        whole += bytes(fields.pop())
        more = data is not frames[-1]
        assert fields == [1, 5, TAG, 0, False, more, None, None, False, False, False]
    assert whole == payload
    room = max_frame_size - 42
    assert len(frames) == max(1, -(-size // room))
