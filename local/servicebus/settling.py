"""What becomes of a message when a receiver settles its delivery.

Outcomes: part 3.4 of the standard; what the real service makes of them: "AMQP 1.0 in Azure
Service Bus and Event Hubs protocol guide".
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from local.servicebus import encoding, outgoing
from local.servicebus import performatives as p
from local.servicebus.faults import Fate
from local.servicebus.model import InvalidRequest, NotImplementedHere, ServiceBusFault
from local.servicebus.queue import Queue
from local.servicebus.values import Described

if TYPE_CHECKING:
    from local.servicebus.session import Session


class Settlement(NamedTuple):
    """What is to become of a message.

    Attributes:
        code: of the outcome, as in ``performatives``.
        defer: of a message that is modified: it is set aside, not given back.
        reason, description: of a message that is rejected, which dead-letters it.
    """

    code: int
    defer: bool = False
    reason: str | None = None
    description: str | None = None

    def apply(self, queue: Queue, token: UUID) -> None:
        """Raises ``MessageLockLost``."""
        if self.code == p.ACCEPTED:
            queue.complete(token)
        elif self.code == p.RELEASED:
            queue.release(token)
        elif self.code == p.REJECTED:
            queue.dead_letter(token, self.reason, self.description)
        elif self.defer:
            queue.defer(token)
        else:
            queue.abandon(token)

    def echo(self) -> bytes:
        """The outcome that tells the receiver that this was done.

        A rejection is echoed without its error: with one, it would say that it failed.
        """
        if self.code != p.MODIFIED:
            return outgoing.outcome(self.code)
        flags = [encoding.TRUE, encoding.boolean(self.defer)]
        return encoding.described(p.MODIFIED, encoding.list_(flags))


def settlement_of(state: Described) -> Settlement | None:
    """What an outcome asks for; None for a state that is no outcome.

    Raises:
        NotImplementedHere: it would change the message's annotations.
        InvalidRequest: it is no delivery state.
    """
    fields = state.value if type(state.value) is list else []
    if state.descriptor in (p.ACCEPTED, p.RELEASED):
        return Settlement(state.descriptor)
    if state.descriptor == p.MODIFIED:
        fields = [*fields, None, None, None]
        if fields[2]:
            raise NotImplementedHere(
                "properties of a message that is settled cannot be modified by this server"
            )
        return Settlement(p.MODIFIED, defer=fields[1] is True)
    if state.descriptor == p.REJECTED:
        return Settlement(p.REJECTED, False, *_reason(fields))
    if state.descriptor == 0x23:  # received
        return None
    raise InvalidRequest(f"{state.descriptor!r} is not a delivery state")


def settle(session: Session, disposition: p.Disposition) -> None:
    """Settles deliveries of a session's links, and answers."""
    state = disposition.state
    if state is None:
        if not disposition.settled:
            return
        # Settled without an outcome: nothing was done with the message.
        state = Described(p.RELEASED, [])
    answers: list[tuple[int, bytes]] = []
    for delivery_id in _ids(session, disposition):
        outcome = _settle_one(session, delivery_id, state)
        if outcome is not None:
            answers.append((delivery_id, outcome))
        if session.connection.gone:
            return
    if not disposition.settled:
        _answer(session, answers)


def _settle_one(session: Session, delivery_id: int, state: Described) -> bytes | None:
    """The outcome to answer with; None for no answer."""
    outlet, token = session.unsettled[delivery_id]
    fate = Fate.ANSWERED
    try:
        settlement = settlement_of(state)
        if settlement is None:
            return None
        if settlement.code != p.RELEASED:
            fate = session.namespace.faults.take_fate()
        if fate is Fate.IGNORED:
            return None
        del session.unsettled[delivery_id]
        settlement.apply(outlet.queue, token)
        outcome = settlement.echo()
    except ServiceBusFault as error:
        outcome = outgoing.rejected(p.Condition(error.condition, str(error)))
    if state.descriptor != p.ACCEPTED:
        outlet.entity.wake()
    if fate is Fate.CUT:
        session.connection.abort()
    return outcome if fate is Fate.ANSWERED else None


def _ids(session: Session, disposition: p.Disposition) -> list[int]:
    """The deliveries meant, as far as they are not settled."""
    first = disposition.first
    last = first if disposition.last is None else disposition.last
    if last == first:
        return [first] if first in session.unsettled else []
    return [each for each in session.unsettled if first <= each <= last]


def _answer(session: Session, answers: list[tuple[int, bytes]]) -> None:
    at = 0
    while at < len(answers):
        first, outcome = answers[at]
        end = at + 1
        while end < len(answers) and answers[end] == (first + end - at, outcome):
            end += 1
        last = first + end - at - 1
        frame = outgoing.disposition(p.SENDER, first, None if last == first else last, outcome)
        session.namespace.answer_settlement(partial(session.write, frame))
        at = end


def _reason(fields: list[Any]) -> tuple[str | None, str | None]:
    """Why a receiver rejects a message, out of the error that it gives."""
    error = fields[0].value if fields and isinstance(fields[0], Described) else None
    if type(error) is not list:
        return None, None
    _, description, info = [*error, None, None, None][:3]
    known = info if isinstance(info, dict) else {}
    return (
        _text(known.get("DeadLetterReason")),
        _text(known.get("DeadLetterErrorDescription")) or _text(description),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
