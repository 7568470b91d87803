"""Settlements without a socket: outcomes, ranges, answers, what a lost link leaves behind."""

from __future__ import annotations

from typing import Any

import pytest
from azure.servicebus._pyamqp import outcomes
from azure.servicebus._pyamqp import performatives as sdk
from azure.servicebus._pyamqp.error import AMQPError

from local.servicebus.model import Counts
from tests.local.servicebus.peer import (
    Bench,
    Peer,
    bodies,
    dispositions,
    transfers,
)


def test_settled_deliveries_are_gone(peer: Peer, bench: Bench) -> None:
    bench.send(b"a", b"b")
    peer.attach_receiver(settled=True)
    peer.flow(1)
    (fields,) = transfers(peer.received())
    assert fields[4] is True
    assert bench.pair.counts() == Counts(1, 0, 0, 0)
    peer.dispose(0)
    assert peer.received() == []


REASON = AMQPError(
    b"com.microsoft:dead-letter",
    "d",
    {"DeadLetterReason": "r", "DeadLetterErrorDescription": "d2"},
)


@pytest.mark.parametrize(
    ("state", "echo", "counts", "reason"),
    [
        (outcomes.Accepted(), {"accepted": []}, Counts(0, 0, 0, 0), None),
        (outcomes.Released(), {"released": []}, Counts(1, 0, 0, 0), None),
        (
            outcomes.Modified(True, False, None),
            {"modified": [True, False]},
            Counts(1, 0, 0, 0),
            None,
        ),
        (
            outcomes.Modified(None, None, None),
            {"modified": [True, False]},
            Counts(1, 0, 0, 0),
            None,
        ),
        (outcomes.Modified(True, True), {"modified": [True, True]}, Counts(0, 0, 1, 0), None),
        (outcomes.Rejected(), {"rejected": []}, Counts(0, 0, 0, 1), (None, None)),
        (outcomes.Rejected(REASON), {"rejected": []}, Counts(0, 0, 0, 1), ("r", "d2")),
        (
            outcomes.Rejected(AMQPError(b"x", "d", None)),
            {"rejected": []},
            Counts(0, 0, 0, 1),
            (None, "d"),
        ),
        (
            outcomes.Modified(True, False, {"a": 1}),
            {
                "rejected": [
                    [
                        b"amqp:not-implemented",
                        b"properties of a message that is settled cannot be modified by this"
                        b" server",
                        None,
                    ]
                ]
            },
            Counts(0, 1, 0, 0),
            None,
        ),
    ],
)
def test_outcomes(
    peer: Peer, bench: Bench, state: Any, echo: Any, counts: Counts, reason: Any
) -> None:
    bench.send(b"a")
    peer.attach_receiver()
    peer.flow(1)
    peer.received()
    peer.dispose(0, state=state)
    assert dispositions(peer.received()) == [(0, None, echo)]
    assert bench.pair.counts() == counts
    assert [(each.reason, each.description) for each in bench.pair.dead_letters()] == (
        [reason] if reason else []
    )


def test_a_range_is_answered_by_what_became_of_it(peer: Peer, bench: Bench) -> None:
    bench.send(*[b"x"] * 6)
    peer.attach_receiver()
    peer.flow(6)
    received = transfers(peer.received())
    assert [fields[1] for fields in received] == list(range(6))
    peer.dispose(1)
    locked = {entry.sequence_number: entry.lock_token for entry in bench.pair.main}
    assert locked[4]
    bench.pair.main.complete(locked[4])  # over the management link, say
    peer.received()
    peer.dispose(0, 4)
    lost = {
        "rejected": [
            [
                b"com.microsoft:message-lock-lost",
                b"The lock supplied is invalid. Either the lock expired, or the message has"
                b" already been removed from the queue.",
                None,
            ]
        ]
    }
    accepted: Any = {"accepted": []}
    assert dispositions(peer.received()) == [
        (0, None, accepted),
        (2, None, accepted),
        (3, None, lost),
        (4, None, accepted),
    ]
    peer.dispose(0, 2**32 - 1)
    assert dispositions(peer.received()) == [(5, None, accepted)]
    assert bench.pair.counts() == Counts(0, 0, 0, 0)


def test_a_range_that_is_accepted_as_a_whole(peer: Peer, bench: Bench) -> None:
    bench.send(*[b"x"] * 3)
    peer.attach_receiver()
    peer.flow(3)
    peer.received()
    peer.dispose(0, 2)
    assert dispositions(peer.received()) == [(0, 2, {"accepted": []})]


def test_what_is_settled_already_is_not_answered(peer: Peer, bench: Bench) -> None:
    bench.send(*[b"x"] * 3)
    peer.attach_receiver()
    peer.flow(3)
    peer.received()
    peer.dispose(0, settled=True)
    peer.dispose(1, state=None)  # says nothing
    peer.dispose(1, state=outcomes.Received(0, 0))  # not an outcome
    assert (peer.received(), bench.pair.counts()) == ([], Counts(0, 2, 0, 0))
    peer.dispose(1, state=None, settled=True)
    assert bench.pair.counts() == Counts(1, 1, 0, 0)
    peer.dispose(9)
    assert peer.received() == []


def test_a_link_that_ends_keeps_its_locks(peer: Peer, bench: Bench) -> None:
    bench.send(b"x")
    peer.attach_receiver()
    peer.flow(1)
    peer.send(sdk.DetachFrame(0, True, None))
    peer.received()
    peer.dispose(0)
    assert (peer.received(), bench.pair.counts()) == ([], Counts(0, 1, 0, 0))


@pytest.mark.parametrize("how", ["detach", "end", "close", "lost"])
def test_a_link_that_ends_can_release_them(how: str) -> None:
    bench = Bench(release_on_detach=True)
    bench.send(b"a", b"b", b"c")
    peer = Peer(bench).opened()
    peer.attach_receiver()
    peer.flow(3)
    peer.dispose(0)
    (token,) = [each.lock_token for each in bench.pair.main if each.sequence_number == 2]
    assert token
    bench.pair.main.complete(token)
    if how == "detach":
        peer.send(sdk.DetachFrame(0, True, None))
    elif how == "end":
        peer.send(sdk.EndFrame(None))
    elif how == "close":
        peer.send(sdk.CloseFrame(None), channel=0)
    else:
        peer.connection.lost()
    assert bench.pair.counts() == Counts(1, 0, 0, 0)
    assert bench.pair.main.receive(1)[0].delivery_count == 0


def test_what_comes_back_is_delivered_at_once(peer: Peer, bench: Bench) -> None:
    bench.send(b"x")
    peer.attach_receiver()
    peer.flow(9)
    peer.received()
    for number, state in enumerate((outcomes.Released(), outcomes.Modified(True))):
        peer.dispose(number, state=state)
        assert bodies(peer.received()) == [b"x"]
    bench.clock.now += 60
    bench.namespace.expire()
    assert bodies(peer.received()) == [b"x"]
    peer.attach_receiver("iris/$DeadLetterQueue", handle=1)
    peer.flow(9, handle=1)
    peer.dispose(3, state=outcomes.Rejected())
    assert bodies(peer.received()) == [b"x"]


def test_what_senders_settle_is_not_ours(peer: Peer, bench: Bench) -> None:
    bench.send(b"x")
    peer.attach_receiver()
    peer.flow(1)
    peer.received()
    peer.send(sdk.DispositionFrame(False, 0, None, True, outcomes.Accepted(), None))
    assert (peer.received(), bench.pair.counts()) == ([], Counts(0, 1, 0, 0))


def test_faults_hit_settlements_in_their_order_and_no_release(peer: Peer, bench: Bench) -> None:
    faults = bench.namespace.faults
    bench.send(*[bytes([n]) for n in range(6)])
    peer.attach_receiver()
    peer.flow(6)
    peer.received()
    faults.ignore_settlements(1)
    faults.lose_answers(1)
    faults.drop_after_settlements(2)
    peer.dispose(5, state=outcomes.Released())
    assert dispositions(peer.received()) == [(5, None, {"released": []})]
    peer.dispose(0)
    assert (peer.received(), bench.pair.counts()) == ([], Counts(1, 5, 0, 0))
    peer.dispose(1)
    assert (peer.received(), bench.pair.counts()) == ([], Counts(1, 4, 0, 0))
    peer.dispose(2)
    assert dispositions(peer.received()) == [(2, None, {"accepted": []})]
    peer.dispose(3, 4)
    assert (peer.received(), peer.ended) == ([], "abort")
    assert bench.pair.counts() == Counts(1, 2, 0, 0)


def test_answers_that_are_late(peer: Peer, bench: Bench) -> None:
    faults = bench.namespace.faults
    bench.send(b"a", b"b")
    peer.attach_receiver()
    peer.flow(2)
    peer.received()
    faults.delay_settlements(5)
    peer.dispose(0)
    bench.monotonic.now += 4.9
    bench.namespace.tend()
    assert (peer.received(), bench.pair.counts()) == ([], Counts(0, 1, 0, 0))
    bench.monotonic.now += 0.1
    peer.dispose(1)
    bench.namespace.tend()
    assert dispositions(peer.received()) == [(0, None, {"accepted": []})]
    bench.namespace.answer_late_ones()
    assert dispositions(peer.received()) == [(1, None, {"accepted": []})]
