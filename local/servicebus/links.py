"""Links: deliveries to a client, messages from it, credit both ways. Part 2.6 of the standard."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from local.servicebus import outgoing
from local.servicebus import performatives as p
from local.servicebus.addresses import Address
from local.servicebus.frames import TransferWriter
from local.servicebus.message import contents_of, delivered
from local.servicebus.model import ServiceBusFault
from local.servicebus.queue import Entry, Queue
from local.servicebus.requests import Answer, Request, answered, request_of
from local.servicebus.values import CodecError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from local.servicebus.namespace import Dispatcher, Entity
    from local.servicebus.session import Session

#: Messages that a sender may have under way.
INLET_CREDIT = 1_000
#: Bytes of a message; what the premium tier of the real service takes at most.
MAX_MESSAGE_SIZE = 100 * 1024 * 1024

#: Counters of deliveries and transfers go round at this number.
MODULUS = 2**32


class Link:
    """One end of a link.

    Attributes:
        entity: the queue that it is about; None for a link to the token node.
        detached: whether this end has said that the link is over.
    """

    def __init__(
        self, session: Session, attach: p.Attach, address: Address, entity: Entity | None
    ) -> None:
        self.session = session
        self.handle = attach.handle
        self.address = address
        self.entity = entity
        self.detached = False
        self.delivery_count = 0
        self.credit = 0

    def flow(self, flow: p.Flow) -> None:
        """The peer says how much credit there is."""

    def close(self) -> None:
        """The link is over, whoever ended it."""


class Outlet(Link):
    """The sending end: deliveries leave in order, as far as credit and window go."""

    def __init__(
        self, session: Session, attach: p.Attach, address: Address, entity: Entity | None
    ) -> None:
        super().__init__(session, attach, address, entity)
        self.target = p.address_of(attach.target)
        self.settled = attach.snd_settle_mode == p.SETTLED
        self._writer = TransferWriter(
            session.channel, attach.handle, session.max_frame_size, settled=self.settled
        )

    def flow(self, flow: p.Flow) -> None:
        if flow.link_credit is None:
            return
        seen = flow.delivery_count or 0
        credit = (seen + flow.link_credit - self.delivery_count) % MODULUS
        # Less than nothing is left when deliveries crossed a smaller grant on the way.
        self.credit = credit if credit < MODULUS // 2 else 0
        self.deliver()
        if flow.drain and self.credit and not self.blocked:
            self.delivery_count = (self.delivery_count + self.credit) % MODULUS
            self.credit = 0
        if flow.drain or flow.echo:
            self.session.send_flow(self, drain=flow.drain)

    @property
    def blocked(self) -> bool:
        """Whether something other than credit keeps deliveries from leaving."""
        return self.detached or not self.session.can_send

    def deliver(self) -> None:
        """Sends what can be sent."""

    def transfer(self, tag: bytes, parts: Sequence[bytes]) -> int:
        """Sends one delivery; returns its id."""
        self.credit -= 1
        self.delivery_count = (self.delivery_count + 1) % MODULUS
        return self.session.send_transfer(self._writer, tag, parts)


class QueueOutlet(Outlet):
    """Delivers the messages of a queue, locked, or taken out of it when that is settled."""

    entity: Entity

    def __init__(
        self,
        session: Session,
        attach: p.Attach,
        address: Address,
        entity: Entity,
        dispatcher: Dispatcher,
    ) -> None:
        super().__init__(session, attach, address, entity)
        self.queue: Queue = dispatcher.queue
        self._dispatcher = dispatcher
        dispatcher.add(self)

    def deliver(self) -> None:
        while self.credit > 0 and not self.blocked:
            receive = self.queue.receive_and_delete if self.settled else self.queue.receive
            received = receive(1)
            if not received:
                return
            entry = received[0]
            token = entry.lock_token or uuid4()
            delivery_id = self.transfer(token.bytes_le, parts_of(entry))
            if not self.settled:
                self.session.unsettled[delivery_id] = self, token

    def close(self) -> None:
        self._dispatcher.remove(self)
        self.session.forget(self)


class AnswerOutlet(Outlet):
    """Delivers answers to requests."""

    def __init__(
        self, session: Session, attach: p.Attach, address: Address, entity: Entity | None
    ) -> None:
        super().__init__(session, attach, address, entity)
        self._waiting: deque[tuple[bytes, ...]] = deque()

    def answer(self, parts: tuple[bytes, ...]) -> None:
        """Sends an answer, at the latest when there is credit."""
        self._waiting.append(parts)
        self.deliver()

    def deliver(self) -> None:
        while self._waiting and self.credit > 0 and not self.blocked:
            self.transfer(uuid4().bytes, self._waiting.popleft())


class Inlet(Link, ABC):
    """The receiving end: puts messages together, tops up the sender's credit."""

    def __init__(
        self, session: Session, attach: p.Attach, address: Address, entity: Entity | None
    ) -> None:
        super().__init__(session, attach, address, entity)
        self.delivery_count = attach.initial_delivery_count or 0
        self.credit = INLET_CREDIT
        self._first: p.Transfer | None = None
        self._pieces: list[bytes] = []
        self._size = 0

    def take(self, transfer: p.Transfer, payload: bytes) -> None:
        """A message, or a part of one."""
        first = self._first = self._first or transfer
        self._pieces.append(payload)
        self._size += len(payload)
        if self._size > MAX_MESSAGE_SIZE:
            self._pieces.clear()
            self.session.detach(
                self,
                p.Condition(
                    "amqp:link:message-size-exceeded",
                    f"The received message exceeds the limit of {MAX_MESSAGE_SIZE} bytes.",
                ),
            )
            return
        if transfer.more and not transfer.aborted:
            return
        whole = b"".join(self._pieces)
        self._first, self._pieces, self._size = None, [], 0
        self.delivery_count = (self.delivery_count + 1) % MODULUS
        self.credit -= 1
        if self.credit <= INLET_CREDIT // 2:
            self.credit = INLET_CREDIT
            self.session.send_flow(self)
        if not transfer.aborted:
            state = self._outcome(first, whole)
            if not (first.settled or transfer.settled) and first.delivery_id is not None:
                self.session.write(outgoing.disposition(p.RECEIVER, first.delivery_id, None, state))

    @abstractmethod
    def receive(self, payload: bytes, message_format: int) -> None:
        """A whole message.

        Raises:
            CodecError, ServiceBusFault: it is rejected.
        """

    def _outcome(self, first: p.Transfer, payload: bytes) -> bytes:
        try:
            self.receive(payload, first.message_format or 0)
        except CodecError as error:
            return outgoing.rejected(p.Condition("amqp:decode-error", str(error)))
        except ServiceBusFault as error:
            return outgoing.rejected(p.Condition(error.condition, str(error)))
        return outgoing.outcome(p.ACCEPTED)


class QueueInlet(Inlet):
    """Puts what a client sends into the queue."""

    entity: Entity

    def receive(self, payload: bytes, message_format: int) -> None:
        contents = contents_of(payload, message_format)
        self.session.namespace.faults.check_throttling()
        self.entity.pair.send(contents)
        self.entity.wake()


class RequestInlet(Inlet):
    """Has a client's requests answered.

    Args:
        handle: gives the answer; None for no answer ever.
    """

    def __init__(
        self,
        session: Session,
        attach: p.Attach,
        address: Address,
        entity: Entity | None,
        handle: Callable[[Request], Answer | None],
    ) -> None:
        super().__init__(session, attach, address, entity)
        self._handle = handle

    def receive(self, payload: bytes, message_format: int) -> None:
        request = request_of(payload)
        outlet = self.session.answer_outlet(self.address, request.reply_to)
        answer = self._handle(request)
        if outlet and answer:
            outlet.answer(answered(request, answer))


def parts_of(entry: Entry) -> tuple[bytes, ...]:
    """A message of a queue as it goes to a receiver."""
    return delivered(
        entry.content,
        sequence_number=entry.sequence_number,
        enqueued_ms=int(entry.enqueued_at * 1000),
        locked_until_ms=int(entry.locked_until * 1000) if entry.lock_token else None,
        deferred=entry.deferred,
        delivery_count=entry.delivery_count,
        time_to_live_ms=entry.time_to_live_ms,
    )


#: The link that a delivery went out on, and its lock.
Unsettled = tuple[QueueOutlet, UUID]
