"""Sessions: windows, links by handle, settlements. Part 2.5 of the standard."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from local.servicebus import cbs, management, outgoing
from local.servicebus import performatives as p
from local.servicebus.addresses import Address, Kind, parse
from local.servicebus.admission import NO_TRANSACTIONS, refusal
from local.servicebus.frames import TransferWriter
from local.servicebus.links import (
    MAX_MESSAGE_SIZE,
    MODULUS,
    AnswerOutlet,
    Inlet,
    Link,
    Outlet,
    QueueInlet,
    QueueOutlet,
    RequestInlet,
    Unsettled,
)
from local.servicebus.settling import settle

if TYPE_CHECKING:
    from local.servicebus.connection import Connection

#: Transfers that may be under way from a client.
INCOMING_WINDOW = 5_000
#: The highest number of a link that clients are told to use.
HANDLE_MAX = 255


class Session:
    """One session of a connection; uses the client's channel and handle numbers as its own.

    Attributes:
        unsettled: by delivery id, what was delivered and where to, until the client settles it.
    """

    def __init__(self, connection: Connection, channel: int, begin: p.Begin) -> None:
        self.connection = connection
        self.namespace = connection.namespace
        self.channel = channel
        self.max_frame_size = connection.max_frame_size
        self.links: dict[int, Link] = {}
        self.unsettled: dict[int, Unsettled] = {}
        self._next_incoming_id = begin.next_outgoing_id
        self._incoming_window = INCOMING_WINDOW
        self._next_outgoing_id = 0
        self._next_delivery_id = 0
        self._remote_window = begin.incoming_window
        #: Transfers that wait for the client's window.
        self._waiting: deque[bytes] = deque()
        self.write(outgoing.begin(channel, 0, INCOMING_WINDOW, HANDLE_MAX))

    def write(self, performative: bytes) -> None:
        """Sends a frame."""
        self.connection.write(self.channel, performative)

    def handle(self, performative: p.Performative, payload: bytes) -> None:
        """What the client says within the session."""
        if isinstance(performative, p.Disposition):
            # What senders say of deliveries that were answered settled matters no more.
            if performative.role is p.RECEIVER:
                settle(self, performative)
        elif isinstance(performative, p.Transfer):
            self.transfer(performative, payload)
        elif isinstance(performative, p.Flow):
            self.flow(performative)
        elif isinstance(performative, p.Attach):
            self.attach(performative)
        elif isinstance(performative, p.Detach):
            self.detached(performative)

    # Links

    def attach(self, attach: p.Attach) -> None:
        """A client opens a link."""
        known = self.links.get(attach.handle)
        if known and not known.detached:
            error = p.Condition("amqp:session:handle-in-use", f"handle {attach.handle} is in use")
            self.end(error)
            return
        if p.is_coordinator(attach.target):
            self._refuse(attach, NO_TRANSACTIONS)
            return
        source, target = p.address_of(attach.source), p.address_of(attach.target)
        address = parse(source if attach.role is p.RECEIVER else target)
        refused = refusal(self.connection, address, attach)
        if refused:
            self._refuse(attach, refused)
            return
        self.write(
            outgoing.attach(
                attach,
                (source, target),
                max_message_size=MAX_MESSAGE_SIZE,
                properties={"com.microsoft:max-message-batch-size": 1024 * 1024},
            )
        )
        link = self._link(attach, address)
        self.links[attach.handle] = link
        self.connection.links_changed()
        if isinstance(link, Inlet):
            self.send_flow(link)

    def detach(self, link: Link, error: p.Condition | None = None) -> None:
        """Ends a link from this side."""
        if not link.detached:
            link.detached = True
            self.write(outgoing.detach(link.handle, closed=True, error=error))
            link.close()
            self.connection.links_changed()

    def detached(self, detach: p.Detach) -> None:
        """The client ends a link, or answers that it is over."""
        link = self.links.pop(detach.handle, None)
        if link and not link.detached:
            link.detached = True
            self.write(outgoing.detach(link.handle, closed=detach.closed))
            link.close()
            self.connection.links_changed()

    def close(self) -> None:
        """The session is over, whoever ended it."""
        for link in self.links.values():
            if not link.detached:
                link.detached = True
                link.close()
        self.links.clear()

    def end(self, error: p.Condition) -> None:
        """Ends the session from this side."""
        self.write(outgoing.end(error))
        self.connection.forget(self)

    def answer_outlet(self, address: Address, reply_to: str | None) -> AnswerOutlet | None:
        """Where answers to requests at ``address`` go; None when the client opened no such link."""
        outlets = [
            link
            for link in self.links.values()
            if isinstance(link, AnswerOutlet) and link.address == address and not link.detached
        ]
        named = [outlet for outlet in outlets if reply_to and outlet.target == reply_to]
        return next(iter(named or outlets), None)

    def _refuse(self, attach: p.Attach, error: p.Condition) -> None:
        # A null source and target say that there is no link; the detach says why.
        self.write(outgoing.attach(attach))
        self.write(outgoing.detach(attach.handle, closed=True, error=error))

    def _link(self, attach: p.Attach, address: Address) -> Link:
        if address.kind is Kind.CBS:
            if attach.role is p.RECEIVER:
                return AnswerOutlet(self, attach, address, None)
            return RequestInlet(self, attach, address, None, partial(cbs.answer, self.connection))
        entity = self.namespace.entities[address.queue.lower()]
        if address.kind is Kind.MANAGEMENT:
            if attach.role is p.RECEIVER:
                return AnswerOutlet(self, attach, address, entity)
            queue = entity.dispatcher(address).queue
            handle = partial(management.answer, self.connection, entity, queue)
            return RequestInlet(self, attach, address, entity, handle)
        if attach.role is p.RECEIVER:
            return QueueOutlet(self, attach, address, entity, entity.dispatcher(address))
        return QueueInlet(self, attach, address, entity)

    # Transfers and settlements

    @property
    def can_send(self) -> bool:
        """Whether there is room for a delivery on its way to the client."""
        return not self._waiting and self._remote_window > 0 and self.connection.can_send

    def send_transfer(self, writer: TransferWriter, tag: bytes, parts: Sequence[bytes]) -> int:
        """Sends a delivery, at the latest when the client's window allows; returns its id."""
        delivery_id = self._next_delivery_id
        self._next_delivery_id = (delivery_id + 1) % MODULUS
        self._waiting.extend(writer.frames(delivery_id, tag, parts))
        self._send_waiting()
        return delivery_id

    def transfer(self, transfer: p.Transfer, payload: bytes) -> None:
        """A message from the client, or a part of one."""
        self._next_incoming_id = (self._next_incoming_id + 1) % MODULUS
        self._incoming_window -= 1
        if self._incoming_window <= INCOMING_WINDOW // 2:
            self._incoming_window = INCOMING_WINDOW
            self.send_flow()
        link = self.links.get(transfer.handle)
        if not isinstance(link, Inlet):
            self.end(
                p.Condition(
                    "amqp:session:unattached-handle",
                    f"no link to send on has the handle {transfer.handle}",
                )
            )
        elif not link.detached:
            link.take(transfer, payload)

    def forget(self, outlet: QueueOutlet) -> None:
        """A link is over; what it delivered can no longer be settled on it."""
        mine = [(id_, token) for id_, (link, token) in self.unsettled.items() if link is outlet]
        for delivery_id, _ in mine:
            del self.unsettled[delivery_id]
        self.namespace.given_up(outlet, [token for _, token in mine])

    def flow(self, flow: p.Flow) -> None:
        """The client's windows, perhaps with a link's credit."""
        was_stuck = not self.can_send
        seen = flow.next_incoming_id or 0
        window = (seen + flow.incoming_window - self._next_outgoing_id) % MODULUS
        self._remote_window = window if window < MODULUS // 2 else 0
        self._send_waiting()
        if flow.handle is not None:
            link = self.links.get(flow.handle)
            if link and not link.detached:
                link.flow(flow)
        elif flow.echo:
            self.send_flow()
        if was_stuck:
            self.deliver()

    def deliver(self) -> None:
        """There is room again: links send what they can."""
        self._send_waiting()
        for link in list(self.links.values()):
            if isinstance(link, Outlet):
                link.deliver()

    def send_flow(self, link: Link | None = None, *, drain: bool = False) -> None:
        """Tells the windows, and a link's credit."""
        of_link = (link.handle, link.delivery_count, link.credit) if link else None
        self.write(
            outgoing.flow(
                self._next_incoming_id,
                self._incoming_window,
                self._next_outgoing_id,
                INCOMING_WINDOW,
                of_link,
                drain=drain,
            )
        )

    def _send_waiting(self) -> None:
        while self._waiting and self._remote_window > 0:
            self._remote_window -= 1
            self._next_outgoing_id = (self._next_outgoing_id + 1) % MODULUS
            self.connection.send(self._waiting.popleft())
