"""Links without a socket: credit, windows, drain, who gets one."""

from __future__ import annotations

import pytest
from azure.servicebus._pyamqp import performatives as sdk
from azure.servicebus._pyamqp.endpoints import Source, Target

from local.servicebus import encoding
from local.servicebus.frames import frame
from local.servicebus.model import Counts
from local.servicebus.values import Described
from tests.local.servicebus.peer import (
    Bench,
    Peer,
    bodies,
    transfers,
)


def test_attaching(peer: Peer) -> None:
    properties = {b"com.microsoft:max-message-batch-size": 1024 * 1024}
    largest = 100 * 1024 * 1024
    assert peer.attach_receiver("amqps://ns/iris") == [
        (
            18,
            [
                *[b"r0", 0, False, 0, 1, [b"amqps://ns/iris"], [b"me"], None, False, 0, largest],
                *[None, None, properties],
            ],
        )
    ]
    answer, flow = peer.attach_sender("iris", handle=1)
    assert answer[1][:10] == [b"s1", 1, True, 0, 0, [b"me"], [b"iris"], None, False, None]
    assert flow == (19, [0, 5_000, 0, 5_000, 1, 0, 1_000, None, False, False, None])


def test_detaching(peer: Peer, bench: Bench) -> None:
    peer.attach_receiver()
    assert bench.namespace.meter.current == 1
    peer.send(sdk.DetachFrame(0, True, None))
    peer.send(sdk.DetachFrame(0, True, None))
    assert peer.received() == [(22, [0, True, None])]
    assert bench.namespace.meter.current == 0
    peer.attach_receiver()  # the handle is free again
    bench.namespace.faults.detach("iris", "c", "d")
    assert peer.received() == [(22, [0, True, [b"c", b"d", None]])]
    peer.flow(1)
    bench.send(b"a")
    assert not bench.soon  # nobody is to be told
    peer.send(sdk.DetachFrame(0, True, None))
    assert peer.received() == []
    assert bench.pair.counts() == Counts(1, 0, 0, 0)


def test_a_handle_that_is_in_use(peer: Peer) -> None:
    peer.attach_receiver()
    ((code, (found,)),) = peer.attach_receiver()
    assert (code, found[0]) == (23, b"amqp:session:handle-in-use")


@pytest.mark.parametrize(
    ("address", "condition", "text"),
    [
        ("nowhere", b"amqp:not-found", b"'sb://ns/nowhere' could not be found"),
        ("", b"amqp:not-found", b"could not be found"),
        ("nowhere/$management", b"amqp:not-found", b"'sb://ns/nowhere' could not be found"),
        ("iris/$DeadLetterQueue", b"amqp:not-allowed", b"cannot be sent to a sub-queue"),
    ],
)
def test_links_that_are_refused(peer: Peer, address: str, condition: bytes, text: bytes) -> None:
    attached, (code, fields) = peer.attach_sender(address)
    assert attached[1][5:7] == [None, None]
    assert (code, fields[:2], fields[2][0]) == (22, [0, True], condition)
    assert text in fields[2][1]
    assert peer.bench.namespace.meter.total == 0


def test_without_a_token_there_is_no_link(peer: Peer, bench: Bench) -> None:
    peer.connection.tokens.clear()
    _, (_, fields) = peer.attach_receiver()
    assert fields[2][0] == b"amqp:unauthorized-access"
    assert b"'Listen' claim(s) are required" in fields[2][1]
    _, (_, fields) = peer.attach_sender()
    assert b"'Send' claim(s) are required" in fields[2][1]
    peer.connection.tokens["sb://ns/iris"] = bench.clock.now + 10
    peer.attach_receiver()
    peer.attach_receiver("iris/$DeadLetterQueue", handle=1)
    peer.attach_receiver("iris/$management", handle=2)
    bench.clock.now += 9
    bench.namespace.tend()
    assert peer.received() == []
    bench.clock.now += 1
    bench.namespace.tend()
    ended = peer.received()
    assert [(code, fields[0]) for code, fields in ended] == [(22, 0), (22, 1), (22, 2)]
    assert ended[0][1][2] == [
        b"amqp:unauthorized-access",
        b"ExpiredToken: The token is expired.",
        None,
    ]


def test_sessions_of_the_service_are_refused(peer: Peer) -> None:
    source = Source(address="iris", filters={"com.microsoft:session-filter": "s"})
    target = Target(address="me")
    peer.send(sdk.AttachFrame("r", 0, True, 0, 1, source, target, *[None] * 7))
    _, (_, fields) = peer.received()
    assert fields[2][0] == b"amqp:not-allowed"


def test_transactions_are_refused(peer: Peer) -> None:
    attach = ["t", 0, False, None, None, Described(0x28, []), Described(0x30, [["x"]])]
    peer.raw(frame(1, encoding.described(0x12, encoding.encode(attach))))
    answer, (_, fields) = peer.received()
    assert answer[1][5:7] == [None, None]
    assert fields[2][0] == b"amqp:not-implemented"


def test_no_more_than_the_credit(peer: Peer, bench: Bench) -> None:
    bench.send(*[bytes([n]) for n in range(9)])
    peer.attach_receiver()
    peer.flow(2)
    assert bodies(peer.received()) == [b"\x00", b"\x01"]
    # Two more than it had seen then: nothing, for both are there.
    peer.flow(2)
    assert peer.received() == []
    peer.flow(2, seen=1)
    assert bodies(peer.received()) == [b"\x02"]
    # Taken back while the last one was under way.
    peer.flow(0, seen=2)
    assert peer.received() == []
    peer.flow(1, seen=3)
    assert bodies(peer.received()) == [b"\x03"]
    assert bench.pair.counts() == Counts(5, 4, 0, 0)


def test_a_grant_without_a_count_is_from_the_beginning(peer: Peer, bench: Bench) -> None:
    bench.send(b"a", b"b")
    peer.attach_receiver()
    peer.flow(1, seen=None)
    assert bodies(peer.received()) == [b"a"]


def test_what_comes_later_is_delivered_in_turn(peer: Peer, bench: Bench) -> None:
    peer.attach_receiver(handle=0)
    peer.attach_receiver(handle=1)
    peer.flow(5, handle=0)
    peer.flow(5, handle=1)
    bench.send(b"a")
    assert [fields[0] for fields in transfers(peer.received())] == [0]
    bench.send(b"b")
    assert [fields[0] for fields in transfers(peer.received())] == [1]


def test_draining(peer: Peer, bench: Bench) -> None:
    bench.send(b"a")
    peer.attach_receiver()
    peer.flow(5, drain=True)
    (_, delivered), flow = peer.received()
    assert delivered[1] == 0
    assert flow == (19, [0, 5_000, 1, 5_000, 0, 5, 0, None, True, False, None])
    bench.send(b"b")
    assert peer.received() == []
    peer.flow(1, seen=5, next_incoming_id=1)
    assert bodies(peer.received()) == [b"b"]


def test_an_echo(peer: Peer, bench: Bench) -> None:
    peer.attach_receiver()
    peer.flow(3, echo=True)
    assert peer.received() == [(19, [0, 5_000, 0, 5_000, 0, 0, 3, None, False, False, None])]
    peer.flow(handle=None, echo=True)
    assert peer.received() == [(19, [0, 5_000, 0, 5_000, *[None] * 4, False, False, None])]


def test_the_window_of_a_session(bench: Bench) -> None:
    peer = Peer(bench).opened(max_frame_size=512)
    bench.send(b"x" * 2_000, b"y")
    peer.attach_receiver()
    peer.flow(9, window=2)
    first = transfers(peer.received())
    assert [fields[5] for fields in first] == [True, True]
    peer.flow(None, handle=None, next_incoming_id=2, window=1)
    second = transfers(peer.received())
    assert len(second) == 1
    # The second message stays in the queue until the first is on its way.
    assert bench.pair.counts() == Counts(1, 1, 0, 0)
    peer.flow(None, handle=None, next_incoming_id=3, window=100)
    rest = transfers(peer.received())
    whole = b"".join(fields[-1] for fields in [*first, *second, *rest[:-1]])
    assert whole.endswith(b"x" * 2_000)
    assert [fields[1] for fields in rest] == [0] * (len(rest) - 1) + [1]
    assert bench.pair.counts() == Counts(0, 2, 0, 0)


def test_a_window_that_opens_for_one_link_opens_for_all(peer: Peer, bench: Bench) -> None:
    peer.attach_receiver(handle=0)
    peer.attach_receiver(handle=1)
    peer.flow(5, handle=0, window=0)
    bench.send(b"a")
    assert (peer.received(), bench.pair.counts()) == ([], Counts(1, 0, 0, 0))
    peer.flow(0, handle=1, window=1)
    assert bodies(peer.received()) == [b"a"]


def test_a_wire_that_is_full(peer: Peer, bench: Bench) -> None:
    peer.attach_receiver()
    peer.has_room = False
    peer.flow(9)
    bench.send(b"a", b"b")
    assert (peer.received(), bench.pair.counts()) == ([], Counts(2, 0, 0, 0))
    peer.has_room = True
    peer.connection.room()
    assert bodies(peer.received()) == [b"a", b"b"]
