"""Connections and sessions without a socket, frame by frame."""

from __future__ import annotations

from typing import Any

import pytest
from azure.servicebus._pyamqp import performatives as sdk
from hypothesis import given
from hypothesis import strategies as st

from local.servicebus import encoding
from local.servicebus.frames import AMQP_HEADER, SASL_HEADER, frame
from tests.local.servicebus.peer import Bench, Peer

OPENED = (16, [b"local.servicebus", None, 65_536, 255, 240_000, *[None] * 5])
BEGUN = (17, [1, 0, 5_000, 5_000, 255, None, None, None])


@pytest.fixture
def peer(bench: Bench) -> Peer:
    """One that has said nothing so far."""
    return Peer(bench)


def test_how_a_connection_begins(peer: Peer) -> None:
    peer.raw(SASL_HEADER)
    assert peer.received() == [SASL_HEADER, (64, [[b"ANONYMOUS"]])]
    peer.send(sdk.SASLInit(b"ANONYMOUS", b"", "h"), channel=0, kind=1)
    assert peer.received() == [(68, [0, None])]
    peer.raw(AMQP_HEADER)
    assert peer.received() == [AMQP_HEADER]
    peer.send(sdk.OpenFrame("c", "h", *[None] * 8), channel=0)
    assert peer.received() == [OPENED]
    peer.begin()
    assert peer.received() == [BEGUN]
    peer.send(sdk.EndFrame(None))
    peer.send(sdk.CloseFrame(None), channel=0)
    assert peer.received() == [(23, [None]), (24, [None])]
    assert peer.ended == "close"
    assert peer.bench.namespace.connections == set()


def test_a_mechanism_that_was_not_offered(peer: Peer) -> None:
    peer.send(sdk.SASLInit(b"PLAIN", b"", "h"), channel=0, kind=1)
    assert peer.received() == [(68, [1, None])]


@pytest.mark.parametrize("header", [b"AMQP\x02\x01\x00\x00", b"AMQP\x00\x00\x09\x01"])
def test_a_protocol_that_is_not_spoken(peer: Peer, header: bytes) -> None:
    peer.raw(header)
    assert (peer.received(), peer.ended) == ([SASL_HEADER], "close")


def error(items: list[Any]) -> list[Any]:
    """The error of the last frame."""
    found: list[Any] = items[-1][1][-1]
    return found


@pytest.mark.parametrize(
    ("data", "condition", "text"),
    [
        (b"GET / HTTP/1.1\r\n", b"amqp:connection:framing-error", b"=TransportType.Amqp"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", b"amqp:connection:framing-error", b"TLS"),
        (frame(0, b"\x41"), b"amqp:decode-error", b"not a described value"),
        (frame(0, b"\x00\x53\x40\x45"), b"amqp:decode-error", b"64 is not a performative"),
        (frame(0, b"\x00\x53\x10\x45"), b"amqp:decode-error", b"open lacks its field"),
    ],
)
def test_nonsense_closes_the_connection(
    peer: Peer, data: bytes, condition: bytes, text: bytes
) -> None:
    peer.opened().raw(data)
    found = error(peer.received())
    assert (found[0], peer.ended) == (condition, "close")
    assert text in found[1]
    peer.raw(frame(0, b"\x41"))  # too late to be looked at


def test_a_frame_size_that_is_too_small(peer: Peer) -> None:
    peer.raw(AMQP_HEADER)
    peer.send(sdk.OpenFrame("c", "h", 511, *[None] * 7), channel=0)
    assert (peer.received(), peer.ended) == ([AMQP_HEADER], "close")


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_random_bytes_harm_nobody_else(pieces: list[bytes]) -> None:
    peer = Peer(Bench())
    for piece in pieces:
        peer.raw(piece)
    assert_no_failure(peer)


FIELDS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 5)
    | st.sampled_from([2**31, 2**32 - 1, 2**40])
    | st.sampled_from(["iris", "$cbs", "iris/$management", b"", b"tag"]),
    lambda values: (
        st.lists(values, max_size=4)
        | st.tuples(st.sampled_from([0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x1D]), values).map(
            lambda pair: encoding.Described(*pair)
        )
    ),
    max_leaves=5,
)
BODIES = st.tuples(st.integers(0x10, 0x18), st.lists(FIELDS, max_size=11)).map(
    lambda pair: encoding.described(pair[0], encoding.encode(pair[1]))
)


@given(st.lists(st.tuples(st.integers(0, 2), BODIES, st.binary(max_size=5)), max_size=8))
def test_random_frames_harm_nobody_else(frames: list[tuple[int, bytes, bytes]]) -> None:
    bench = Bench()
    bench.send(b"a", b"b")
    peer = Peer(bench).opened()
    peer.attach_receiver(handle=0)
    peer.flow(1)
    peer.attach_sender(handle=1)
    for channel, body, payload in frames:
        peer.raw(frame(channel, body + payload))
    assert_no_failure(peer)
    bench.namespace.tend()
    counts = bench.pair.counts()
    assert sum(counts) >= 0


def assert_no_failure(peer: Peer) -> None:
    for item in peer.received():
        if isinstance(item, tuple) and item[0] == 24:
            condition = item[1][0]
            assert condition is None or condition[0] != b"amqp:internal-error"


def test_before_an_open_nothing_counts(peer: Peer) -> None:
    peer.raw(AMQP_HEADER)
    peer.begin()
    assert peer.received() == [AMQP_HEADER]


def test_a_channel_that_is_in_use(peer: Peer) -> None:
    peer.opened().begin()
    assert error(peer.received())[:2] == [b"amqp:not-allowed", b"channel 1 is in use"]
    assert peer.ended == "close"


def test_sessions_are_apart(peer: Peer) -> None:
    peer.opened().begin(channel=5)
    assert peer.received() == [(17, [5, *BEGUN[1][1:]])]
    peer.send(sdk.EndFrame(None), channel=5)
    assert peer.received() == [(23, [None])]
    # What comes after the end was under way.
    peer.send(sdk.EndFrame(None), channel=5)
    peer.send(sdk.DetachFrame(0, True, None), channel=5)
    peer.send(sdk.FlowFrame(0, 1, 0, 1, *[None] * 7), channel=5)
    assert (peer.received(), peer.ended) == ([], "")


def test_a_silent_client_is_sent_away(peer: Peer) -> None:
    bench = peer.bench
    peer.opened()
    bench.namespace.tend()
    bench.monotonic.now += 240
    bench.namespace.tend()
    assert peer.ended == ""
    bench.monotonic.now += 0.1
    bench.namespace.tend()
    found = error(peer.received())
    assert (found[0], peer.ended) == (b"amqp:connection:forced", "close")
    assert b"inactive for more than the allowed 240000 milliseconds" in found[1]


def test_a_client_that_is_heard_may_stay(peer: Peer) -> None:
    bench = peer.bench
    peer.opened()
    for _ in range(5):
        bench.monotonic.now += 200
        peer.raw(frame(0, b""))
        bench.namespace.tend()
    assert (peer.received(), peer.ended) == ([], "")


def test_the_server_is_heard_as_often_as_the_client_asks(peer: Peer) -> None:
    bench = peer.bench
    peer.opened(idle_timeout=10_000)
    bench.namespace.tend()
    heard = []
    for _ in range(12):
        bench.monotonic.now += 1
        bench.namespace.tend()
        heard += peer.received()
    assert heard == [None, None]
    assert peer.ended == ""


def test_an_abort_is_no_goodbye(peer: Peer) -> None:
    peer.opened()
    peer.connection.abort()
    peer.connection.close()
    assert (peer.received(), peer.ended) == ([], "abort")
