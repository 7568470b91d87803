"""An Azure Service Bus namespace for one machine: what the laptop mode and tests run against.

It speaks AMQP 1.0 as Azure Service Bus does, so that the unmodified ``azure-servicebus`` SDK
uses it::

    with ServiceBusServer(["iris"]) as server:
        server.queue("iris").send([QueueMessage(b"[]", subject="FUELINST")])
        client = ServiceBusClient.from_connection_string(server.connection_string)
        ...

or, as a process of its own, ``python -m local.servicebus --queue iris``. With a ``certificate``
and a ``TokenEndpoint`` the whole way of production runs here: TLS, and a
``ClientSecretCredential`` that fetches tokens which the server checks::

    files = make_certificates(folder)
    with TokenEndpoint("tenant", {"client": "secret"}, files.server) as tokens:
        with ServiceBusServer(certificate=files.server, tokens=tokens) as server:
            credential = ClientSecretCredential(
                "tenant", "client", "secret", authority=tokens.authority,
                disable_instance_discovery=True, connection_verify=str(files.authority),
            )
            client = ServiceBusClient(
                "iris.servicebus.windows.net", credential,
                custom_endpoint_address=f"sb://{server.address}",
                connection_verify=str(files.authority),
                transport_type=TransportType.Amqp,  # the SDK takes WebSockets otherwise
            )

It is: queues with peek-lock, lock renewal and expiry, delivery counts, the dead-letter sub-queue,
deferral, time to live, receive-and-delete, peek, sending alone and in batches, tokens that
expire, a limit on connections per queue, and faults on demand (``server.faults``).

It is not: durable (messages live in memory and end with the process), or fit for production.
Topics, sessions, scheduled messages, transactions, filters, duplicate detection, WebSockets and
the REST management API do not exist; what a client asks of them is refused with an error that
says so. Expired messages are always dead-lettered, as with ``deadLetteringOnMessageExpiration``.

How it behaves was modelled on the SDK's source and the documentation of Azure Service Bus and of
AMQP 1.0. It was not compared with the real service.

How it is built, from the inside out:

    values, encoding, decoding      the types of AMQP
    model                           messages, counts, errors; no AMQP
    message, requests               messages as sections; requests and answers as messages
    queue, queue_pair               the rules of peek-lock; synchronous, an injected clock, no I/O
    frames, performatives, outgoing what goes over the wire
    faults, namespace               what all connections share
    addresses, admission            who gets a link to what
    cbs, management, settling       what clients can ask for
    links, session, connection      the protocol's state; no I/O either
    socket_wire, host, server       sockets, a thread with an event loop, the public face
    token_endpoint, certificates    what production has around it
"""

from local.servicebus.certificates import Certificates, make_certificates
from local.servicebus.faults import Faults
from local.servicebus.model import Body, Counts, Data, DeadLetter, QueueMessage, Sequences, Value
from local.servicebus.server import QueueHandle, ServiceBusServer
from local.servicebus.token_endpoint import TokenEndpoint

__all__ = [
    "Body",
    "Certificates",
    "Counts",
    "Data",
    "DeadLetter",
    "Faults",
    "QueueHandle",
    "QueueMessage",
    "Sequences",
    "ServiceBusServer",
    "TokenEndpoint",
    "Value",
    "make_certificates",
]
