"""Messages that clients send, without a socket: pieces, credit, what is rejected."""

from __future__ import annotations

import pytest
from azure.servicebus._pyamqp._encode import encode_payload
from azure.servicebus._pyamqp.message import Message

from local.servicebus import links
from local.servicebus.model import Counts
from tests.local.servicebus.peer import (
    Bench,
    Peer,
    dispositions,
)

HELLO = bytes(encode_payload(bytearray(), Message(data=[b"hello"])))


def test_messages_that_are_sent(peer: Peer, bench: Bench) -> None:
    peer.attach_sender()
    peer.transfer(HELLO)
    peer.transfer(HELLO, delivery_id=1, settled=True)
    peer.transfer(b"\x41", delivery_id=2)
    peer.transfer(HELLO, delivery_id=3, message_format=7)
    assert dispositions(peer.received()) == [
        (0, None, {"accepted": []}),
        (
            2,
            None,
            {
                "rejected": [
                    [
                        b"amqp:decode-error",
                        b"a message's section is not a described value",
                        None,
                    ]
                ]
            },
        ),
        (
            3,
            None,
            {"rejected": [[b"com.microsoft:argument-error", b"0x7 is not a message format", None]]},
        ),
    ]
    assert bench.pair.counts() == Counts(2, 0, 0, 0)


def test_a_message_in_pieces(peer: Peer, bench: Bench) -> None:
    peer.attach_sender()
    peer.transfer(HELLO[:3], more=True)
    peer.transfer(HELLO[3:5], more=True, delivery_id=None)
    assert bench.pair.counts() == Counts(0, 0, 0, 0)
    peer.transfer(HELLO[5:], delivery_id=None)
    assert dispositions(peer.received()) == [(0, None, {"accepted": []})]
    assert [each.content.decoded_body() for each in bench.pair.main] == [b"hello"]
    peer.transfer(HELLO[:3], more=True, delivery_id=1)
    peer.transfer(b"", aborted=True, more=True, delivery_id=None)
    peer.transfer(HELLO, delivery_id=2)
    assert dispositions(peer.received()) == [(2, None, {"accepted": []})]
    assert bench.pair.counts() == Counts(2, 0, 0, 0)


def test_a_message_that_is_too_long(
    peer: Peer, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "MAX_MESSAGE_SIZE", 10)
    peer.attach_sender()
    peer.transfer(b"x" * 8, more=True)
    peer.transfer(b"x" * 3, more=True)
    peer.transfer(b"x" * 3, more=True)
    ((code, fields),) = peer.received()
    assert (code, fields[2][0]) == (22, b"amqp:link:message-size-exceeded")


def test_credit_and_window_are_topped_up(peer: Peer) -> None:
    peer.attach_sender()
    flows = []
    for number in range(2_600):
        peer.transfer(HELLO, delivery_id=number)
        flows += [fields[:7] for code, fields in peer.received() if code == 19]
    credit = [[fields[0], *fields[5:7]] for fields in flows if fields[4] is not None]
    assert credit == [[n, n, 1_000] for n in (500, 1_000, 1_500, 2_000, 2_500)]
    windows = [fields[:2] for fields in flows if fields[4] is None]
    assert windows == [[2_500, 5_000]]


def test_a_message_for_no_link(peer: Peer) -> None:
    peer.transfer(HELLO, handle=7)
    ((code, (found,)),) = peer.received()
    assert (code, found[0]) == (23, b"amqp:session:unattached-handle")
    peer.begin()
    peer.attach_receiver()
    peer.transfer(HELLO, handle=0)
    assert peer.received()[-1][0] == 23
