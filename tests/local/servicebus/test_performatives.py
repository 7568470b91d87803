"""Performatives against the SDK's: what it writes is understood, and it understands ours."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from azure.servicebus._pyamqp import _decode, _encode, outcomes
from azure.servicebus._pyamqp import performatives as sdk
from azure.servicebus._pyamqp.endpoints import Source, Target
from azure.servicebus._pyamqp.error import AMQPError
from hypothesis import given
from hypothesis import strategies as st

from local.servicebus import encoding, outgoing
from local.servicebus import performatives as p
from local.servicebus.values import CodecError, Described


def from_sdk(frame: Any, **of_frame: Any) -> p.Performative:
    _, body = _encode.encode_frame(frame, **of_frame)
    assert body is not None
    performative, at = p.decode_performative(bytes(body))
    assert at == len(body)
    return performative


def to_sdk(body: bytes) -> tuple[int, list[Any]]:
    code, fields = _decode.decode_frame(memoryview(body))
    return code, fields


SOURCE = Described(
    0x28, ["amqps://n/q", 0, "session-end", 0, False, None, None, {"f": "x", "g": None}, None, None]
)


def test_what_the_sdk_sends() -> None:
    assert from_sdk(
        sdk.OpenFrame("c", "h", 1_000, 7, 30_000, None, None, None, None, {"product": "x"})
    ) == p.Open("c", "h", 1_000, 7, 30_000)
    assert from_sdk(sdk.OpenFrame("c", None, None, None, None, *[None] * 5)) == p.Open("c")
    assert from_sdk(sdk.BeginFrame(None, 1, 2, 3, 4, None, None, None)) == p.Begin(None, 1, 2, 3)
    source = Source(address="amqps://n/q", filters={"f": "x", "g": None})
    target = Target(address="receiver")
    attach = from_sdk(
        sdk.AttachFrame("name", 3, True, 0, 1, source, target, None, None, None, *[None] * 4)
    )
    assert isinstance(attach, p.Attach)
    assert attach[:5] == ("name", 3, True, p.UNSETTLED, 1)
    assert p.address_of(attach.source) == "amqps://n/q"
    assert p.address_of(attach.target) == "receiver"
    assert p.filters_of(attach.source) == {"f": "x"}
    assert from_sdk(sdk.FlowFrame(1, 2, 3, 4, 5, 6, 7, None, True, None, None)) == p.Flow(
        1, 2, 3, 4, 5, 6, 7, None, True, False
    )
    assert from_sdk(
        sdk.DispositionFrame(True, 4, None, False, outcomes.Accepted(), None)
    ) == p.Disposition(True, 4, None, False, Described(p.ACCEPTED, []))
    assert from_sdk(sdk.DetachFrame(3, True, AMQPError(b"c", "d", None))) == p.Detach(
        3, True, Described(0x1D, ["c", "d", None])
    )
    assert from_sdk(sdk.EndFrame(None)) == p.End(None)
    assert from_sdk(sdk.CloseFrame(None)) == p.Close(None)
    assert from_sdk(sdk.SASLInit(b"ANONYMOUS", b"", "h"), frame_type=b"\x01") == p.SaslInit(
        "ANONYMOUS"
    )


def test_a_transfer_comes_with_its_payload() -> None:
    fields = [2, 3, b"\x00\x00\x00\x01", 0x80013700, False, True, *[None] * 5]
    _, body = _encode.encode_frame(sdk.TransferFrame(*fields, payload=b"payload"))
    assert body is not None
    performative, at = p.decode_performative(bytes(body))
    assert performative == p.Transfer(2, 3, b"\x00\x00\x00\x01", 0x80013700, False, True)
    assert bytes(body[at:]) == b"payload"


ERROR = p.Condition("amqp:not-found", "gone")
SDK_ERROR = [b"amqp:not-found", b"gone", None]


@pytest.mark.parametrize(
    ("body", "code", "fields"),
    [
        (
            outgoing.open_("me", 65_536, 255, 240_000),
            16,
            [b"me", None, 65_536, 255, 240_000, *[None] * 5],
        ),
        (outgoing.begin(1, 0, 5_000, 255), 17, [1, 0, 5_000, 5_000, 255, None, None, None]),
        (
            outgoing.flow(1, 2, 3, 4),
            19,
            [1, 2, 3, 4, None, None, None, None, False, False, None],
        ),
        (
            outgoing.flow(1, 2, 3, 4, (5, 6, 0), drain=True),
            19,
            [1, 2, 3, 4, 5, 6, 0, None, True, False, None],
        ),
        (
            outgoing.disposition(p.SENDER, 0, None, outgoing.outcome(p.ACCEPTED)),
            21,
            [False, 0, None, True, {"accepted": []}, False],
        ),
        (
            outgoing.disposition(p.RECEIVER, 1, 300, outgoing.rejected(ERROR)),
            21,
            [True, 1, 300, True, {"rejected": [SDK_ERROR]}, False],
        ),
        (outgoing.detach(0, closed=True, error=ERROR), 22, [0, True, SDK_ERROR]),
        (outgoing.detach(300, closed=False), 22, [300, False, None]),
        (outgoing.end(), 23, [None]),
        (outgoing.end(ERROR), 23, [SDK_ERROR]),
        (outgoing.close(ERROR), 24, [SDK_ERROR]),
        (outgoing.sasl_mechanisms("ANONYMOUS", "X"), 64, [[b"ANONYMOUS", b"X"]]),
        (outgoing.sasl_outcome(0), 68, [0, None]),
    ],
)
def test_what_the_sdk_understands(body: bytes, code: int, fields: list[Any]) -> None:
    assert to_sdk(body) == (code, fields)


def test_the_answers_to_an_attach() -> None:
    receiver = p.Attach("r", 4, p.RECEIVER, p.UNSETTLED, 1)
    body = outgoing.attach(receiver, ("q", None), max_message_size=10)
    code, fields = to_sdk(body)
    assert code == 18
    assert fields == [b"r", 4, False, 0, 1, [b"q"], [None], None, False, 0, 10, None, None, None]
    sender = p.Attach("s", 0, p.SENDER)
    body = outgoing.attach(sender, ("s", "q"), properties={"x": 1})
    _, fields = to_sdk(body)
    assert fields == [
        *[b"s", 0, True, 2, 0, [b"s"], [b"q"], None, False, None, None, None, None, {b"x": 1}]
    ]
    _, fields = to_sdk(outgoing.attach(sender))
    assert fields[5:7] == [None, None]


FIELDS = st.recursive(
    st.none() | st.booleans() | st.integers(0, 300) | st.text(max_size=3) | st.binary(max_size=3),
    lambda values: st.lists(values, max_size=3),
    max_leaves=4,
)


@given(st.integers(0x0F, 0x45), st.lists(FIELDS, max_size=14))
def test_wrong_fields_raise_nothing_else(code: int, fields: list[Any]) -> None:
    with suppress(CodecError):
        performative, _ = p.decode_performative(encoding.described(code, encoding.encode(fields)))
        if isinstance(performative, p.Attach):
            p.filters_of(performative.source)
            p.address_of(performative.source)
            p.address_of(performative.target)


@given(st.binary(max_size=40))
def test_nonsense_raises_nothing_else(data: bytes) -> None:
    for body in (data, b"\x00\x53" + data):
        with suppress(CodecError):
            p.decode_performative(body)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "a frame's body is not a described value"),
        (b"\x41", "a frame's body is not a described value"),
        (b"\x00\x53\x40\x45", "64 is not a performative that a client sends"),
        (b"\x00\xa3\x01a\x45", "'a' is not a performative that a client sends"),
        (b"\x00\x53\x10\x45", "open lacks its field container_id"),
        (b"\x00\x53\x10\xc0\x02\x01\x43", "open: container_id cannot be int"),
        (b"\x00\x53\x16\xc0\x02\x01\x41", "detach: handle cannot be bool"),
        (b"\x00\x53\x10\x41", "a list was expected, not bool"),
    ],
)
def test_what_is_wrong_is_said(body: bytes, text: str) -> None:
    with pytest.raises(CodecError, match=f"^{text}$"):
        p.decode_performative(body)


@pytest.mark.parametrize("terminus", [1, "q", Described(0x28, {}), Described(0x28, [5])])
def test_a_terminus_that_is_none(terminus: Any) -> None:
    with pytest.raises(CodecError, match=r"is not a described list|is not text"):
        p.address_of(terminus)


def test_wide_descriptors_and_more_fields_than_known() -> None:
    wide = b"\x00\x80" + (0x18).to_bytes(8, "big") + encoding.list_([encoding.NULL] * 5)
    assert p.decode_performative(wide) == (p.Close(None), len(wide))
