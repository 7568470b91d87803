"""Frames on the wire: where one ends and the next begins, part 2.3 of the standard."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from local.servicebus.encoding import uint

AMQP_HEADER = b"AMQP\x00\x01\x00\x00"
SASL_HEADER = b"AMQP\x03\x01\x00\x00"

AMQP_FRAME, SASL_FRAME = 0, 1
#: The largest frame that this server takes, and sends if the client takes it.
MAX_FRAME_SIZE = 65_536
#: No peer may take less.
MIN_MAX_FRAME_SIZE = 512

_HEAD = struct.Struct(">IBBH")
#: Keeps a connection alive.
EMPTY_FRAME = _HEAD.pack(8, 2, AMQP_FRAME, 0)


class FramingError(ValueError):
    """The bytes are no frames; nothing that follows can be made sense of."""


class Frame(NamedTuple):
    """One frame; an empty body keeps the connection alive."""

    kind: int
    channel: int
    body: bytes


class FrameReader:
    """Cuts what comes over a connection, in pieces of any size, into frames."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes | Frame]:
        """Protocol headers and frames, as far as ``data`` completes them.

        Raises:
            FramingError: then the reader is of no further use.
        """
        data = self._rest + data if self._rest else data
        self._rest = b""
        at = 0
        while len(data) - at >= 8:
            if data.startswith(b"AMQP", at):
                yield data[at : at + 8]
                at += 8
                continue
            size, offset, kind, channel = _HEAD.unpack_from(data, at)
            if not 8 <= 4 * offset <= size <= MAX_FRAME_SIZE:
                raise FramingError(_what_it_is(data[at : at + 8]))
            if len(data) - at < size:
                break
            yield Frame(kind, channel, data[at + 4 * offset : at + size])
            at += size
        self._rest = data[at:]


def _what_it_is(head: bytes) -> str:
    """What came instead of a frame."""
    if head.startswith(b"GET "):
        return (
            "a client speaks HTTP; AMQP over WebSockets is not implemented by this server, and the"
            " SDK has to be told: transport_type=TransportType.Amqp"
        )
    if head.startswith(b"\x16\x03"):
        return "a client speaks TLS, but this server was started without a certificate"
    return f"not a frame: {head!r}"


def frame(channel: int, body: bytes, kind: int = AMQP_FRAME) -> bytes:
    """A frame around a performative."""
    return _HEAD.pack(8 + len(body), 2, kind, channel) + body


class TransferWriter:
    """Writes the transfers of one link; all but the payload is packed in one go.

    Args:
        settled: the deliveries are settled when they are sent.
        max_frame_size: what the peer takes.
    """

    def __init__(self, channel: int, handle: int, max_frame_size: int, *, settled: bool) -> None:
        fields = uint(handle)
        # Six fields: handle, delivery-id, delivery-tag (16 bytes), message-format 0, settled, more.
        head = b"\x00\x53\x14\xc0" + bytes((len(fields) + 27, 6)) + fields + b"\x70"
        self._head = head
        self._layout = struct.Struct(f">IBBH{len(head)}sI2s16s3s")
        self._channel = channel
        self._room = min(max_frame_size, MAX_FRAME_SIZE) - self._layout.size
        self._last = b"\x43\x41\x42" if settled else b"\x43\x42\x42"
        self._more = b"\x43\x41\x41" if settled else b"\x43\x42\x41"

    def frames(self, delivery_id: int, tag: bytes, parts: Sequence[bytes]) -> list[bytes]:
        """One delivery.

        Args:
            tag: 16 bytes.
            parts: the payload, in pieces that belong one after another.
        """
        size = sum(map(len, parts))
        if size <= self._room:
            return [b"".join((self._pack(delivery_id, tag, size, self._last), *parts))]
        payload = memoryview(b"".join(parts))
        frames = []
        for at in range(0, size, self._room):
            piece = payload[at : at + self._room]
            flags = self._last if at + self._room >= size else self._more
            frames.append(b"".join((self._pack(delivery_id, tag, len(piece), flags), piece)))
        return frames

    def _pack(self, delivery_id: int, tag: bytes, size: int, flags: bytes) -> bytes:
        layout = self._layout
        return layout.pack(
            layout.size + size, 2, AMQP_FRAME, self._channel, self._head, delivery_id,
            b"\xa0\x10", tag, flags,
        )  # fmt: skip
