"""The management node, request by request."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from azure.servicebus._pyamqp._encode import encode_payload
from azure.servicebus._pyamqp.message import Message, Properties
from azure.servicebus._pyamqp.types import TYPE, VALUE, AMQPTypes

from local.servicebus.model import Counts
from local.servicebus.queue import Entry
from tests.local.servicebus.peer import Bench, Peer, answers, dispositions, transfers

NODE = "iris/$management"
PREFIX = "com.microsoft:"


@pytest.fixture
def manager(peer: Peer) -> Peer:
    """With links to the management node, handles 0 and 1."""
    peer.attach_receiver(NODE, handle=0)
    peer.flow(100)
    peer.attach_sender(NODE, handle=1)
    return peer


def ask(peer: Peer, operation: Any, body: Any) -> tuple[dict[bytes, Any], Any]:
    """Properties and value of the answer."""
    peer.request(body, {"operation": operation}, handle=1, reply_to=NODE)
    items = peer.received()
    assert dispositions(items) == [(0, None, {"accepted": []})]
    ((properties, value, _),) = answers(items)
    return properties, value


def refused(status: int, condition: str, description: str) -> tuple[dict[bytes, Any], None]:
    return {
        b"statusCode": status,
        b"errorCondition": condition.encode(),
        b"statusDescription": description.encode(),
    }, None


OK: dict[bytes, Any] = {b"statusCode": 200, b"statusDescription": b"OK"}


def array(*values: Any) -> dict[str, Any]:
    return {TYPE: AMQPTypes.array, VALUE: list(values)}


def locked(bench: Bench) -> tuple[Entry, uuid.UUID]:
    (entry,) = bench.pair.main.receive(1)
    assert entry.lock_token
    return entry, entry.lock_token


@pytest.mark.parametrize(
    "operation",
    [
        f"{PREFIX}schedule-message",
        f"{PREFIX}cancel-scheduled-message",
        f"{PREFIX}get-message-sessions",
        f"{PREFIX}renew-session-lock",
        f"{PREFIX}add-rule",
        "else",
        7,
        None,
    ],
)
def test_operations_that_there_are_not(manager: Peer, operation: Any) -> None:
    assert ask(manager, operation, {}) == refused(
        501, "amqp:not-implemented", f"this server has no operation {operation!r}"
    )


TOKEN = uuid.UUID(int=1)


@pytest.mark.parametrize(
    ("operation", "body", "text"),
    [
        ("renew-lock", None, "the request's body is not a map"),
        ("renew-lock", ["x"], "the request's body is not a map"),
        ("renew-lock", {"x": 1}, "lock-tokens is not an array of UUID"),
        ("renew-lock", {"lock-tokens": ["x"]}, "lock-tokens is not an array of UUID"),
        ("peek-message", {"message-count": 1}, "from-sequence-number is not a number"),
        (
            "peek-message",
            {"from-sequence-number": 1, "message-count": True},
            "message-count is not a number",
        ),
        (
            "receive-by-sequence-number",
            {"sequence-numbers": [True], "receiver-settle-mode": 0},
            "sequence-numbers is not an array of int",
        ),
        (
            "receive-by-sequence-number",
            {"sequence-numbers": [1]},
            "receiver-settle-mode is not a number",
        ),
        ("update-disposition", {"x": 1}, "None is not a disposition-status"),
        (
            "update-disposition",
            {"disposition-status": "eaten"},
            "'eaten' is not a disposition-status",
        ),
        ("update-disposition", {"disposition-status": 1}, "disposition-status is not text"),
        (
            "update-disposition",
            {"disposition-status": "suspended", "deadletter-reason": 5},
            "deadletter-reason is not text",
        ),
    ],
)
def test_requests_that_make_no_sense(manager: Peer, operation: str, body: Any, text: str) -> None:
    assert ask(manager, PREFIX + operation, body) == refused(400, f"{PREFIX}argument-error", text)


def test_renewing(manager: Peer, bench: Bench) -> None:
    bench.send(b"a", b"b")
    tokens = [locked(bench)[1] for _ in range(2)]
    bench.clock.now += 30
    properties, value = ask(manager, f"{PREFIX}renew-lock", {"lock-tokens": array(*tokens)})
    ends = int((bench.clock.now + 60) * 1_000)
    assert (properties, value) == (OK, {b"expirations": [ends, ends]})
    bench.clock.now += 60
    properties, _ = ask(manager, f"{PREFIX}renew-lock", {"lock-tokens": array(*tokens)})
    assert (properties[b"statusCode"], properties[b"errorCondition"]) == (
        410,
        b"com.microsoft:message-lock-lost",
    )


def test_peeking_brings_no_more_than_250(manager: Peer, bench: Bench) -> None:
    operation = f"{PREFIX}peek-message"
    body = {"from-sequence-number": 1, "message-count": 1_000}
    assert ask(manager, operation, body) == (
        {b"statusCode": 204, b"statusDescription": b"No messages"},
        None,
    )
    bench.send(*[b"x"] * 251)
    _, value = ask(manager, operation, body)
    assert len(value[b"messages"]) == 250


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("completed", Counts(0, 0, 0, 0)),
        ("abandoned", Counts(1, 0, 0, 0)),
        ("defered", Counts(0, 0, 1, 0)),
        ("suspended", Counts(0, 0, 0, 1)),
    ],
)
def test_settling(manager: Peer, bench: Bench, status: str, counts: Counts) -> None:
    bench.send(b"a")
    _, token = locked(bench)
    body = {"disposition-status": status, "lock-tokens": array(token)}
    assert ask(manager, f"{PREFIX}update-disposition", body) == (OK, None)
    assert bench.pair.counts() == counts
    properties, _ = ask(manager, f"{PREFIX}update-disposition", body)
    assert properties[b"statusCode"] == 410


def test_properties_of_a_settled_message_cannot_be_changed(manager: Peer, bench: Bench) -> None:
    bench.send(b"a")
    _, token = locked(bench)
    body = {
        "disposition-status": "abandoned",
        "lock-tokens": array(token),
        "properties-to-modify": {"a": 1},
    }
    assert ask(manager, f"{PREFIX}update-disposition", body) == refused(
        501, "amqp:not-implemented", "properties-to-modify is not implemented by this server"
    )
    assert bench.pair.counts() == Counts(0, 1, 0, 0)


def test_a_request_that_is_no_message(manager: Peer) -> None:
    manager.transfer(b"\x41", handle=1)
    ((_, _, state),) = dispositions(manager.received())
    assert state["rejected"][0][0] == b"amqp:decode-error"
    manager.transfer(b"\x00\x53\x74\x45", handle=1)
    ((_, _, state),) = dispositions(manager.received())
    assert state["rejected"][0][1] == b"a request's properties are not what properties are"


def test_an_answer_waits_for_credit(peer: Peer) -> None:
    peer.attach_receiver(NODE, handle=0)
    peer.attach_sender(NODE, handle=1)
    for _ in range(2):
        peer.request({}, {"operation": "x"}, handle=1)
    assert answers(peer.received()) == []
    peer.flow(1)
    assert len(answers(peer.received())) == 1
    peer.flow(1, seen=1, next_incoming_id=1)
    assert len(answers(peer.received())) == 1


def test_an_answer_goes_to_the_link_that_was_named(peer: Peer) -> None:
    peer.attach_sender(NODE, handle=0)
    peer.request({}, {"operation": "x"})  # there is nowhere to send an answer to
    assert answers(peer.received()) == []
    for handle, name in ((1, "a"), (2, "b")):
        peer.attach_receiver(NODE, handle=handle, reply_to=name)
        peer.flow(10, handle=handle)
    peer.attach_receiver("$cbs", handle=3)
    for name, expected in (("b", 2), ("a", 1), ("nobody", 1)):
        peer.request({}, {"operation": "x"}, reply_to=name)
        handles = [fields[0] for code, fields in peer.received() if code == 20]
        assert handles == [expected]


@pytest.mark.parametrize("message_id", ["text", b"bytes", 7, uuid.UUID(int=7)])
def test_an_answer_refers_to_its_request(manager: Peer, message_id: Any) -> None:
    message = Message(
        value={"a": 1},
        properties=Properties(message_id=message_id),
        application_properties={"operation": "x"},
    )
    manager.transfer(bytes(encode_payload(bytearray(), message)), handle=1)
    ((_, _, correlation),) = answers(manager.received())
    expected = message_id.encode() if isinstance(message_id, str) else message_id
    assert correlation == expected


def test_the_management_node_of_a_sub_queue(peer: Peer, bench: Bench) -> None:
    bench.send(b"a")
    bench.pair.main.dead_letter(locked(bench)[1], "why", None)
    peer.attach_receiver(f"iris/$DeadLetterQueue/{NODE[5:]}", handle=0)
    peer.flow(100)
    peer.attach_sender(f"iris/$DeadLetterQueue/{NODE[5:]}", handle=1)
    body = {"from-sequence-number": 1, "message-count": 9}
    _, value = ask(peer, f"{PREFIX}peek-message", body)
    assert len(value[b"messages"]) == 1


def test_what_comes_back_is_delivered_at_once(manager: Peer, bench: Bench) -> None:
    bench.send(b"a")
    _, token = locked(bench)
    manager.attach_receiver(handle=2)
    manager.flow(5, handle=2)
    body = {"disposition-status": "abandoned", "lock-tokens": array(token)}
    manager.request(body, {"operation": f"{PREFIX}update-disposition"}, handle=1)
    handles = [fields[0] for fields in transfers(manager.received())]
    assert sorted(handles) == [0, 2]


def test_faults_hit_settlements_here_too(manager: Peer, bench: Bench) -> None:
    bench.send(b"a", b"b", b"c")
    tokens = [locked(bench)[1] for _ in range(3)]
    faults = bench.namespace.faults
    faults.ignore_settlements(1)
    faults.lose_answers(1)
    faults.drop_after_settlements(1)

    def complete(token: uuid.UUID) -> list[Any]:
        body = {"disposition-status": "completed", "lock-tokens": array(token)}
        manager.request(body, {"operation": f"{PREFIX}update-disposition"}, handle=1)
        return answers(manager.received())

    assert (complete(tokens[0]), bench.pair.counts()) == ([], Counts(0, 3, 0, 0))
    assert (complete(tokens[1]), bench.pair.counts()) == ([], Counts(0, 2, 0, 0))
    assert (complete(tokens[2]), manager.ended) == ([], "abort")
    assert bench.pair.counts() == Counts(0, 1, 0, 0)
