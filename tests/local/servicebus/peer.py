"""A client of the protocol's state alone: no sockets, frames written and read by the SDK."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from azure.servicebus._pyamqp import _decode, _encode, outcomes
from azure.servicebus._pyamqp import performatives as sdk
from azure.servicebus._pyamqp.endpoints import Source, Target
from azure.servicebus._pyamqp.message import Message, Properties

from local.servicebus.connection import Connection
from local.servicebus.faults import Control, Faults
from local.servicebus.frames import Frame, FrameReader, frame
from local.servicebus.message import content_of
from local.servicebus.model import QueueMessage
from local.servicebus.namespace import Namespace, Settings
from local.servicebus.queue_pair import QueuePair
from tests.local.servicebus.clock import Clock

TRANSFER, DISPOSITION = 20, 21
ACCEPTED = outcomes.Accepted()


class Direct(Control):
    """Faults without a server: what they do is done here and now."""

    namespace: Namespace

    def act(self, function: Callable[[Namespace], None]) -> None:
        function(self.namespace)

    def listen(self, wanted: bool) -> None:
        raise NotImplementedError

    def hang(self, wanted: bool) -> None:
        raise NotImplementedError


class Bench:
    """A namespace with the queue ``iris``, and what would happen soon."""

    def __init__(self, clock: Clock | None = None, **settings: Any) -> None:
        self.clock = clock or Clock()
        self.monotonic = Clock(0.0)
        self.soon: deque[Callable[[], None]] = deque()
        self.pair = QueuePair(clock=self.clock)
        control = Direct()
        self.namespace = control.namespace = Namespace(
            {"iris": self.pair},
            settings=Settings(**settings),
            faults=Faults(control),
            soon=self.soon.append,
            clock=self.clock,
            monotonic=self.monotonic,
        )

    def send(self, *bodies: bytes) -> None:
        self.pair.send(content_of(QueueMessage(body)) for body in bodies)
        self.namespace.entity("iris").wake()

    def settle(self) -> None:
        """Lets happen what was to happen soon."""
        while self.soon:
            self.soon.popleft()()


class Peer:
    """A client's end of a connection, with the wire in between.

    Attributes:
        has_room: whether the wire takes more.
        ended: how the server ended the connection, ``close`` or ``abort``; empty before.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.has_room = True
        self.ended = ""
        self._reader = FrameReader()
        self._out: list[bytes] = []
        self.connection = Connection(bench.namespace, self)

    # The wire

    def write(self, data: bytes) -> None:
        assert not self.ended
        self._out.append(data)

    def close(self) -> None:
        self.ended = "close"

    def abort(self) -> None:
        self.ended = "abort"

    # The client

    def raw(self, data: bytes) -> None:
        """Sends bytes."""
        self.connection.receive(data)
        self.bench.settle()

    def send(self, performative: Any, channel: int = 1, kind: int = 0) -> None:
        """Sends a frame."""
        _, body = _encode.encode_frame(performative, bytes([kind]))
        assert body is not None
        self.raw(frame(channel, bytes(body), kind))

    def received(self) -> list[Any]:
        """Protocol headers as bytes, frames as code and fields."""
        self.bench.settle()
        items, self._out = list(self._reader.feed(b"".join(self._out))), []
        return [
            (code_and_fields(item) if item.body else None) if isinstance(item, Frame) else item
            for item in items
        ]

    def opened(self, max_frame_size: int = 65_536, idle_timeout: int | None = None) -> Peer:
        """With a connection, a session and a token for everything."""
        self.raw(b"AMQP\x00\x01\x00\x00")
        self.send(sdk.OpenFrame("c", "ns", max_frame_size, 9, idle_timeout, *[None] * 5), 0)
        self.connection.tokens["sb://ns/"] = float("inf")
        self.begin()
        self.received()
        return self

    def begin(self, window: int = 1_000, channel: int = 1) -> None:
        self.send(sdk.BeginFrame(None, 0, window, window, 9, None, None, None), channel)

    def attach_receiver(
        self, address: str = "iris", handle: int = 0, *, settled: bool = False, reply_to: str = "me"
    ) -> list[Any]:
        """Opens a link to receive; what was answered."""
        source, target = Source(address=address), Target(address=reply_to)
        mode = 1 if settled else 0
        self.send(sdk.AttachFrame(f"r{handle}", handle, True, mode, 1, source, target, *[None] * 7))
        return self.received()

    def attach_sender(self, address: str = "iris", handle: int = 0) -> list[Any]:
        """Opens a link to send; what was answered."""
        source, target = Source(address="me"), Target(address=address)
        self.send(
            sdk.AttachFrame(
                f"s{handle}", handle, False, 0, 0, source, target, None, None, 0, *[None] * 4
            )
        )
        return self.received()

    def flow(
        self,
        credit: int | None = None,
        *,
        handle: int | None = 0,
        seen: int | None = 0,
        next_incoming_id: int = 0,
        window: int = 1_000,
        drain: bool | None = None,
        echo: bool | None = None,
    ) -> None:
        """Grants credit, or only tells of the window."""
        self.send(
            sdk.FlowFrame(
                next_incoming_id, window, 0, 1_000, handle, seen, credit, None, drain, echo, None
            )
        )

    def transfer(
        self, payload: bytes, handle: int = 0, delivery_id: int = 0, **fields: Any
    ) -> None:
        """Sends a message."""
        defaults: dict[str, Any] = {
            "delivery_tag": b"t",
            "message_format": 0,
            "settled": False,
            "more": False,
            "rcv_settle_mode": None,
            "state": None,
            "resume": None,
            "aborted": None,
            "batchable": None,
        }
        fields = {**defaults, **fields}
        self.send(
            sdk.TransferFrame(handle=handle, delivery_id=delivery_id, payload=payload, **fields)
        )

    def dispose(
        self, first: int, last: int | None = None, state: Any = ACCEPTED, settled: bool = False
    ) -> None:
        """Settles deliveries."""
        self.send(sdk.DispositionFrame(True, first, last, settled, state, None))

    def request(
        self, body: Any, properties: dict[str, Any], handle: int = 0, reply_to: str | None = None
    ) -> None:
        """Sends a request as a message."""
        message = Message(
            value=body,
            properties=Properties(message_id="id", reply_to=reply_to),
            application_properties=properties,
        )
        self.transfer(bytes(_encode.encode_payload(bytearray(), message)), handle)


def code_and_fields(item: Frame) -> tuple[int, list[Any]]:
    code, fields = _decode.decode_frame(memoryview(item.body))
    if code == TRANSFER:
        fields[-1] = bytes(fields[-1])
    return code, fields


def transfers(items: list[Any]) -> list[list[Any]]:
    """The fields of all transfers."""
    return [fields for code, fields in items if code == TRANSFER]


def bodies(items: list[Any]) -> list[bytes]:
    """The bodies of all transfers that are a whole message each."""
    return [
        b"".join(_decode.decode_payload(memoryview(fields[-1])).data) for fields in transfers(items)
    ]


def answers(items: list[Any]) -> list[tuple[dict[bytes, Any], Any, Any]]:
    """Of all transfers that are answers: properties, value, correlation id."""
    messages = [_decode.decode_payload(memoryview(fields[-1])) for fields in transfers(items)]
    return [(each.application_properties, each.value, each.properties[5]) for each in messages]


def dispositions(items: list[Any]) -> list[tuple[int, int | None, Any]]:
    """First, last and state of all dispositions, which have to be settled."""
    found = [fields for code, fields in items if code == DISPOSITION]
    assert all(fields[3] for fields in found)
    return [(fields[1], fields[2], fields[4]) for fields in found]
