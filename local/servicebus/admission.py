"""Who gets a link: what the service looks at before it opens one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.servicebus import performatives as p
from local.servicebus.addresses import Address, Kind

if TYPE_CHECKING:
    from local.servicebus.connection import Connection

#: Why a link to the coordinator of transactions is refused.
NO_TRANSACTIONS = p.Condition(
    "amqp:not-implemented", "Transactions are not implemented by this server."
)

_SESSION_FILTER = "com.microsoft:session-filter"


def refusal(connection: Connection, address: Address, attach: p.Attach) -> p.Condition | None:
    """Why a link is refused, in about the words of the real service; None if it is not."""
    if address.kind is Kind.CBS:
        return None
    namespace = connection.namespace
    faults = namespace.faults
    resource = f"sb://{connection.hostname}/{address.queue}"
    queue = address.queue.lower()
    entity = namespace.entities.get(queue)
    if entity is None or faults.is_removed(queue):
        return p.Condition(
            "amqp:not-found", f"The messaging entity '{resource}' could not be found."
        )
    claim = "Send" if address.kind is Kind.QUEUE and attach.role is p.SENDER else "Listen"
    if not connection.may_use(address) or faults.is_denied(queue, claim):
        return p.Condition(
            "amqp:unauthorized-access",
            f"Unauthorized access. '{claim}' claim(s) are required to perform this operation."
            f" Resource: '{resource}'.",
        )
    if faults.throttling:
        return faults.throttling
    if address.dead_letters and address.kind is Kind.QUEUE and attach.role is p.SENDER:
        return p.Condition("amqp:not-allowed", "Messages cannot be sent to a sub-queue.")
    if _SESSION_FILTER in p.filters_of(attach.source):
        return p.Condition(
            "amqp:not-allowed",
            "It is not possible for an entity that does not require sessions to create a"
            " sessionful message receiver. Sessions are not implemented by this server.",
        )
    others = {each for each in namespace.connections if entity in each.entities} - {connection}
    limit = namespace.settings.max_connections_per_queue
    if limit is not None and len(others) >= limit:
        return p.Condition(
            "amqp:resource-limit-exceeded",
            f"The queue '{entity.name}' has {len(others)} connections, the most that it may have.",
        )
    return None
