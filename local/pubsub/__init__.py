"""A Pub/Sub server for one machine: what the project's laptop mode and its tests run against.

It speaks the gRPC protocol of Google Cloud Pub/Sub, so that unmodified ``google-cloud-pubsub``
clients and Apache Beam's ``BundleBasedDirectRunner`` use it once ``PUBSUB_EMULATOR_HOST`` names
its address::

    with PubSubServer() as server:
        os.environ["PUBSUB_EMULATOR_HOST"] = server.address
        ...

or, as a process of its own, ``python -m local.pubsub --port 8085 --topic t --subscription s``.

Messages live in memory and end with the process, or, with ``--data FOLDER`` or a ``DiskBacklog``,
in a folder: then a publish is answered once its messages are on the disk, and what has not been
acknowledged is delivered again after a kill or a power cut. An acknowledgement reaches the disk
half a second later at most; one that is lost in a crash means a redelivery.

It is: topics, pull subscriptions, leases with acknowledgement deadlines, redelivery, fan-out,
streaming pull with flow control, the service's limits on a publish request, and faults on demand
(``server.faults``).

It is not for production: no authentication, no encryption, one process, and by default reachable
from this machine only. What it does not do (filters, push, ordered or exactly-once delivery,
snapshots, schemas) it refuses with UNIMPLEMENTED and the name of the thing, never silently.
Ordering keys are carried, not honoured.

How it is built, from the inside out:

    model, limits    values, errors, and what the real service refuses
    backlog          the seam to storage: what survives a restart; and storage in memory
    changes          a backlog's changes as SQL
    disk             a backlog in a folder, from backlog_file (SQLite), folder (who may use it)
                     and group_commit (one write for all who wait)
    leases, broker   delivery until acknowledged; synchronous, no threads, an injected clock
    shared           the same broker for many threads: one lock, waiting pulls
    wire             protocol buffers to values and back
    publisher, subscriber, streaming, rpc, server    gRPC
"""

from local.pubsub.backlog import Backlog, MemoryBacklog
from local.pubsub.disk import DiskBacklog
from local.pubsub.faults import Faults
from local.pubsub.server import PubSubServer

__all__ = ["Backlog", "DiskBacklog", "Faults", "MemoryBacklog", "PubSubServer"]
