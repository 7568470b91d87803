"""What frames say, part 2 (Transport) and 5.3 (SASL) of the AMQP 1.0 standard.

What comes in becomes a tuple of the fields that this server looks at, checked for presence and
type; ``outgoing`` has what goes out.
"""

from __future__ import annotations

import types
import typing
from typing import Any, NamedTuple

from local.servicebus.decoding import decode, decode_list
from local.servicebus.values import CodecError, Described, Symbol

#: Roles, as seen from who sends the frame.
SENDER, RECEIVER = False, True
#: Sender settle modes: deliveries are unsettled, settled, or each as it says.
UNSETTLED, SETTLED, MIXED = 0, 1, 2

ACCEPTED, REJECTED, RELEASED, MODIFIED = 0x24, 0x25, 0x26, 0x27


class Open(NamedTuple):
    """The first frame of a connection."""

    container_id: str
    hostname: str | None = None
    max_frame_size: int = 0xFFFF_FFFF
    channel_max: int = 0xFFFF
    idle_timeout_ms: int | None = None


class Begin(NamedTuple):
    """Opens a session."""

    remote_channel: int | None
    next_outgoing_id: int
    incoming_window: int
    outgoing_window: int


class Attach(NamedTuple):
    """Opens a link; ``role`` is the peer's."""

    name: str
    handle: int
    role: bool
    snd_settle_mode: int = MIXED
    rcv_settle_mode: int = 0
    source: Any = None
    target: Any = None
    unsettled: Any = None
    incomplete_unsettled: bool = False
    initial_delivery_count: int | None = None


class Flow(NamedTuple):
    """Windows of the session and, with a handle, the credit of a link."""

    next_incoming_id: int | None
    incoming_window: int
    next_outgoing_id: int
    outgoing_window: int
    handle: int | None = None
    delivery_count: int | None = None
    link_credit: int | None = None
    available: int | None = None
    drain: bool = False
    echo: bool = False


class Transfer(NamedTuple):
    """A message, or a part of one; the payload comes behind it."""

    handle: int
    delivery_id: int | None = None
    delivery_tag: bytes | None = None
    message_format: int | None = None
    settled: bool = False
    more: bool = False
    rcv_settle_mode: int | None = None
    state: Any = None
    resume: bool = False
    aborted: bool = False


class Disposition(NamedTuple):
    """What has become of deliveries; ``role`` is the peer's."""

    role: bool
    first: int
    last: int | None = None
    settled: bool = False
    state: Described | None = None


class Detach(NamedTuple):
    """Closes a link."""

    handle: int
    closed: bool = False
    error: Any = None


class End(NamedTuple):
    """Closes a session."""

    error: Any = None


class Close(NamedTuple):
    """Closes the connection."""

    error: Any = None


class SaslInit(NamedTuple):
    """The client's choice of a SASL mechanism."""

    mechanism: str


Performative = (
    Open | Begin | Attach | Flow | Transfer | Disposition | Detach | End | Close | SaslInit
)


class Condition(NamedTuple):
    """Why something was refused or ended: an AMQP error."""

    condition: str
    description: str


def decode_performative(body: bytes) -> tuple[Performative, int]:
    """The performative of a frame's body, and where in the body its payload begins.

    Raises:
        CodecError: the bytes are no performative that a client may send, or it lacks a field.
    """
    if body[:2] == b"\x00\x53" and len(body) > 2:
        code, at = body[2], 3
    elif body[:1] == b"\x00":
        code, at = decode(body, 1)
    else:
        raise CodecError("a frame's body is not a described value")
    kind = _KINDS.get(code) if isinstance(code, int) else None
    if kind is None:
        raise CodecError(f"{code!r} is not a performative that a client sends")
    fields, end = decode_list(body, at)
    return _checked(kind, fields), end


def address_of(terminus: Any) -> str | None:
    """The address of a source or target; None when it has none.

    Raises:
        CodecError: it is no source or target.
    """
    if terminus is None:
        return None
    if not isinstance(terminus, Described) or type(terminus.value) is not list:
        raise CodecError("a source or target is not a described list")
    address = terminus.value[0] if terminus.value else None
    if address is not None and not isinstance(address, str):
        raise CodecError("an address is not text")
    return address


def is_coordinator(terminus: Any) -> bool:
    """Whether a target is the one of transactions, part 4.5.1."""
    return isinstance(terminus, Described) and terminus.descriptor == 0x30


def filters_of(source: Any) -> dict[Any, Any]:
    """The filters of a source by name, those without a value left out."""
    fields = source.value if isinstance(source, Described) else []
    filters = fields[7] if type(fields) is list and len(fields) > 7 else None
    if not isinstance(filters, dict):
        return {}
    return {name: value for name, value in filters.items() if value is not None}


_KINDS: dict[int, type[Any]] = {
    0x10: Open,
    0x11: Begin,
    0x12: Attach,
    0x13: Flow,
    0x14: Transfer,
    0x15: Disposition,
    0x16: Detach,
    0x17: End,
    0x18: Close,
    0x41: SaslInit,
}


class _Field(NamedTuple):
    name: str
    types: tuple[type, ...] | None
    optional: bool
    default: Any


def _fields(kind: type[Any]) -> list[_Field]:
    fields = []
    for name, hint in typing.get_type_hints(kind).items():
        kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        default = kind._field_defaults.get(name)
        fields.append(
            _Field(
                name,
                None if hint is Any else (*kinds, Symbol) if str in kinds else kinds,
                default is not None or hint is Any or types.NoneType in kinds,
                default,
            )
        )
    return fields


_FIELDS = {kind: _fields(kind) for kind in _KINDS.values()}


def _checked(kind: type[Any], values: list[Any]) -> Any:
    """The tuple of a performative, its absent fields at their defaults."""
    fields = _FIELDS[kind]
    checked = values[: len(fields)]
    checked += [None] * (len(fields) - len(checked))
    for index, field in enumerate(fields):
        value = checked[index]
        if value is None:
            if not field.optional:
                raise CodecError(f"{kind.__name__.lower()} lacks its field {field.name}")
            checked[index] = field.default
        elif field.types is not None and type(value) not in field.types:
            raise CodecError(
                f"{kind.__name__.lower()}: {field.name} cannot be {type(value).__name__}"
            )
    return kind._make(checked)
