"""A Pub/Sub server for one machine: what the project's laptop mode and its tests run against.

It speaks the gRPC protocol of Google Cloud Pub/Sub, so that unmodified ``google-cloud-pubsub``
clients and Apache Beam's ``BundleBasedDirectRunner`` use it once ``PUBSUB_EMULATOR_HOST`` names
its address::

    with PubSubServer() as server:
        os.environ["PUBSUB_EMULATOR_HOST"] = server.address
        ...

or, as a process of its own, ``python -m local.pubsub --port 8085 --topic t --subscription s``.

It is: topics, pull subscriptions, leases with acknowledgement deadlines, redelivery, fan-out,
streaming pull with flow control, the service's limits on a publish request, and faults on demand
(``server.faults``).

It is not durable yet: the messages live in memory and end with the process. It is not for
production: no authentication, no encryption, one process, and by default reachable from this
machine only. What it does not do (filters, push, ordered or exactly-once delivery, snapshots,
schemas) it refuses with UNIMPLEMENTED and the name of the thing, never silently. Ordering keys
are carried, not honoured.

How it is built, from the inside out:

    model, limits    values, errors, and what the real service refuses
    backlog          the seam to storage: what survives a restart
    leases, broker   delivery until acknowledged; synchronous, no threads, an injected clock
    shared           the same broker for many threads: one lock, waiting pulls
    wire             protocol buffers to values and back
    publisher, subscriber, streaming, rpc, server    gRPC
"""

from local.pubsub.backlog import Backlog, MemoryBacklog
from local.pubsub.faults import Faults
from local.pubsub.server import PubSubServer

__all__ = ["Backlog", "Faults", "MemoryBacklog", "PubSubServer"]
