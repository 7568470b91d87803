"""How bytes leave: in one go, when there is room, not while the server hangs."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from local.servicebus.frames import AMQP_HEADER, SASL_HEADER
from local.servicebus.host import Host
from local.servicebus.model import Counts
from local.servicebus.socket_wire import SocketWire
from tests.local.servicebus.clock import Clock
from tests.local.servicebus.peer import Bench, Peer


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.reading = True
        self.ended = ""

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return bool(self.ended)

    def close(self) -> None:
        self.ended = "close"

    def abort(self) -> None:
        self.ended = "abort"


class Turns:
    """A host whose event loop is the bench's: what is to happen soon happens in ``settle``."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.namespace = bench.namespace
        self.lock = threading.Lock()
        self.hung = False
        self.wires: set[SocketWire] = set()
        self.loop = self

    def call_soon(self, function: Callable[[], None]) -> None:
        self.bench.soon.append(function)


@pytest.fixture
def host(bench: Bench) -> Turns:
    return Turns(bench)


@pytest.fixture
def transport() -> Transport:
    return Transport()


@pytest.fixture
def wire(host: Any, transport: Transport) -> SocketWire:
    wire = SocketWire(host)
    wire.connection_made(transport)
    return wire


def test_what_is_written_leaves_in_one_go(
    bench: Bench, wire: SocketWire, transport: Transport
) -> None:
    wire.data_received(SASL_HEADER)
    wire.data_received(AMQP_HEADER)
    assert transport.written == []
    bench.settle()
    (written,) = transport.written
    assert written.startswith(SASL_HEADER)
    assert written.endswith(AMQP_HEADER)
    bench.settle()
    assert len(transport.written) == 1


def test_what_is_left_leaves_before_the_end(wire: SocketWire, transport: Transport) -> None:
    wire.write(b"a")
    wire.close()
    assert (transport.written, transport.ended) == ([b"a"], "close")


def test_nothing_leaves_when_it_is_cut(
    bench: Bench, wire: SocketWire, transport: Transport
) -> None:
    wire.write(b"a")
    wire.abort()
    bench.settle()
    assert (transport.written, transport.ended) == ([], "abort")


def test_nothing_leaves_while_it_hangs(
    bench: Bench, wire: SocketWire, transport: Transport
) -> None:
    wire.write(b"a")
    wire.hang(True)
    wire.write(b"b")
    bench.settle()
    assert (transport.written, transport.reading, wire.has_room) == ([], False, False)
    wire.hang(False)
    bench.settle()
    assert (transport.written, transport.reading, wire.has_room) == ([b"ab"], True, True)


def test_a_new_connection_hangs_too(bench: Bench, host: Any, transport: Transport) -> None:
    host.hung = True
    SocketWire(host).connection_made(transport)
    assert not transport.reading


def test_too_much_at_once_waits_for_the_next_turn(
    bench: Bench, wire: SocketWire, transport: Transport
) -> None:
    assert wire.has_room
    wire.write(b"x" * 256 * 1024)
    assert not wire.has_room
    bench.settle()
    assert wire.has_room


class Client(Peer):
    """A client whose frames come over a wire."""

    def __init__(self, bench: Bench, wire: SocketWire) -> None:
        super().__init__(bench)
        self.connection.lost()
        (self.connection,) = bench.namespace.connections


@pytest.mark.parametrize("clogged", [True, False])
def test_deliveries_go_on_when_there_is_room(
    bench: Bench, wire: SocketWire, transport: Transport, clogged: bool
) -> None:
    client = Client(bench, wire).opened()
    client.attach_receiver()
    bench.send(*[b"x" * 100_000] * 4)
    bench.settle()
    if clogged:
        wire.pause_writing()
        client.flow(4)
        assert bench.pair.counts() == Counts(4, 0, 0, 0)
        wire.resume_writing()
    else:
        client.flow(4)
    bench.settle()
    assert bench.pair.counts() == Counts(0, 4, 0, 0)
    assert sum(map(len, transport.written)) > 400_000


def test_a_lost_connection_is_forgotten(bench: Bench, host: Turns, wire: SocketWire) -> None:
    assert (len(host.wires), len(bench.namespace.connections)) == (1, 1)
    wire.connection_lost(None)
    assert (host.wires, bench.namespace.connections) == (set(), set())


class Counted(Clock):
    """Knows how often it was looked at."""

    looks = 0

    def __call__(self) -> float:
        self.looks += 1
        return super().__call__()


def test_a_client_that_could_not_be_heard_is_not_sent_away() -> None:
    clock = Counted()
    bench = Bench(clock)
    host = Host(("127.0.0.1", 0), None)
    host.namespace = bench.namespace
    host.start()
    try:
        with socket.create_connection(("127.0.0.1", host.port), timeout=10) as client:
            client.sendall(AMQP_HEADER)
            assert client.recv(8) == AMQP_HEADER
            wait_for_ticks(clock)
            host.hang(True)
            bench.monotonic.now += 1_000
            wait_for_ticks(clock)
            host.hang(False)
            wait_for_ticks(clock)
            client.sendall(AMQP_HEADER)
            assert client.recv(8) == AMQP_HEADER
    finally:
        host.stop()


def wait_for_ticks(clock: Counted) -> None:
    """Returns when the host has looked after its queues some times."""
    wanted = clock.looks + 10
    while clock.looks < wanted:
        time.sleep(0.01)
