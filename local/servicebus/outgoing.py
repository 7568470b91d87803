"""What this server says, as encoded performatives and outcomes; ``performatives`` says what of."""

from __future__ import annotations

from typing import Any

from local.servicebus import encoding
from local.servicebus.encoding import FALSE, NULL, boolean, string, symbol, ubyte, uint, ushort
from local.servicebus.performatives import RECEIVER, REJECTED, Attach, Condition
from local.servicebus.values import Symbol

_OPEN, _BEGIN, _ATTACH, _FLOW = 0x10, 0x11, 0x12, 0x13
_DISPOSITION, _DETACH, _END, _CLOSE = 0x15, 0x16, 0x17, 0x18
_ERROR, _SOURCE, _TARGET = 0x1D, 0x28, 0x29
_SASL_MECHANISMS, _SASL_OUTCOME = 0x40, 0x44


def open_(container_id: str, max_frame_size: int, channel_max: int, idle_timeout_ms: int) -> bytes:
    """The answer to an open."""
    fields = [
        string(container_id),
        NULL,
        uint(max_frame_size),
        ushort(channel_max),
        uint(idle_timeout_ms),
    ]
    return _performative(_OPEN, fields)


def begin(remote_channel: int, next_outgoing_id: int, window: int, handle_max: int) -> bytes:
    """The answer to a begin; the same window both ways."""
    fields = [ushort(remote_channel), uint(next_outgoing_id), uint(window), uint(window)]
    return _performative(_BEGIN, [*fields, uint(handle_max)])


def attach(
    request: Attach,
    addresses: tuple[str | None, str | None] | None = None,
    *,
    max_message_size: int | None = None,
    properties: dict[str, Any] | None = None,
) -> bytes:
    """The answer to an attach.

    Args:
        addresses: of source and target, as they were in the request. None leaves source and
            target out, which says that there is no link; a detach has to follow.
    """
    source, target = addresses or (None, None)
    fields = [
        string(request.name),
        uint(request.handle),
        boolean(not request.role),
        ubyte(request.snd_settle_mode),
        ubyte(request.rcv_settle_mode),
        _terminus(_SOURCE, source) if addresses else NULL,
        _terminus(_TARGET, target) if addresses else NULL,
        NULL,
        NULL,
        uint(0) if request.role is RECEIVER else NULL,
        NULL if max_message_size is None else encoding.ulong(max_message_size),
    ]
    if properties:
        names = {Symbol(name): value for name, value in properties.items()}
        fields += [NULL, NULL, encoding.encode(names)]
    return _performative(_ATTACH, fields)


def flow(
    next_incoming_id: int,
    incoming_window: int,
    next_outgoing_id: int,
    outgoing_window: int,
    link: tuple[int, int, int] | None = None,
    *,
    drain: bool = False,
) -> bytes:
    """Windows of the session.

    Args:
        link: handle, delivery count and credit of a link.
    """
    fields = [
        uint(next_incoming_id),
        uint(incoming_window),
        uint(next_outgoing_id),
        uint(outgoing_window),
    ]
    if link:
        fields += [*map(uint, link), NULL, boolean(drain)]
    return _performative(_FLOW, fields)


def disposition(role: bool, first: int, last: int | None, state: bytes) -> bytes:
    """Settles deliveries; ``state`` is an encoded outcome."""
    fields = [
        boolean(role),
        uint(first),
        NULL if last is None else uint(last),
        encoding.TRUE,
        state,
    ]
    return _performative(_DISPOSITION, fields)


def detach(handle: int, *, closed: bool, error: Condition | None = None) -> bytes:
    """Closes a link, or answers that it is closed."""
    return _performative(_DETACH, [uint(handle), boolean(closed), error_(error)])


def end(error: Condition | None = None) -> bytes:
    """Closes a session, or answers that it is closed."""
    return _performative(_END, [error_(error)])


def close(error: Condition | None = None) -> bytes:
    """Closes the connection, or answers that it is closed."""
    return _performative(_CLOSE, [error_(error)])


def sasl_mechanisms(*names: str) -> bytes:
    """What a client can choose from."""
    array = encoding.array(0xA3, [bytes((len(name),)) + name.encode() for name in names])
    return encoding.described(_SASL_MECHANISMS, encoding.list_([array]))


def sasl_outcome(code: int) -> bytes:
    """0: welcome; 1: not."""
    return encoding.described(_SASL_OUTCOME, encoding.list_([ubyte(code)]))


def error_(error: Condition | None) -> bytes:
    """An error as a field of something else."""
    if error is None:
        return NULL
    # The last field could be left out, but the SDK counts on all three being there.
    fields = [symbol(error.condition), string(error.description), NULL]
    return encoding.described(_ERROR, encoding.list_(fields))


def outcome(code: int) -> bytes:
    """Accepted, released, modified or rejected, without more to say."""
    return encoding.described(code, encoding.list_([]))


def rejected(error: Condition) -> bytes:
    """An outcome that says what is wrong."""
    return encoding.described(REJECTED, encoding.list_([error_(error)]))


def _terminus(code: int, address: str | None) -> bytes:
    return encoding.described(code, encoding.list_([NULL if address is None else string(address)]))


def _performative(code: int, fields: list[bytes]) -> bytes:
    """Leaves out what is at its default at the end of the fields."""
    while fields and fields[-1] in (NULL, FALSE):
        fields.pop()
    return encoding.described(code, encoding.list_(fields))
