"""The chain over the bundled samples, once: what ``python -m local.run`` runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from local.answers import answers, make_views
from local.bridge_process import queue_settings
from local.chain import SUBSCRIPTION, Chain, create_subscription
from local.console import Console
from local.pubsub import PubSubServer
from local.sample_messages import frame, message_id, samples
from local.servicebus import QueueMessage, ServiceBusServer
from local.stopping import ENDING, Stop
from schemas.warehouses import WarehouseError

QUEUE: Final = "iris"
#: Without any progress for so many seconds something is wrong.
_STUCK_SECONDS: Final = 120.0
_FAILED: Final = 1


class Trouble(Exception):
    """The chain does not get on; the text says why."""


def once(folder: Path, stop: Stop) -> int:
    """Runs the chain until all samples are written, or told to stop: 0, else 1.

    Args:
        folder: for the warehouse and the logs.
        stop: tells when it is to end before that.
    """
    console = Console()
    try:
        with ServiceBusServer([QUEUE]) as servicebus, PubSubServer() as pubsub:
            create_subscription(pubsub)
            chain = Chain(pubsub.address, folder, queue_settings(servicebus, QUEUE))
            console.say(f"queue {QUEUE} on a local Service Bus ({servicebus.address})")
            console.say(f"bridge and pipeline around a local Pub/Sub; their logs: {chain.logs}/")
            _run(chain, servicebus, pubsub, stop, console)
        if not stop.is_wished:
            _answer(chain.warehouse, console)
    except (Trouble, WarehouseError, OSError) as error:
        console.say(f"local.run: {error}")
        return _FAILED
    return 0


def _answer(warehouse: Path, console: Console) -> None:
    console.show("views and answers")
    make_views(warehouse)
    lines = list(answers(warehouse))
    console.clear()
    print("\nviews are there, too (docs/warehouse.md); some of what they answer:")
    for line in lines:
        print(f"  {line}")


def _run(
    chain: Chain, servicebus: ServiceBusServer, pubsub: PubSubServer, stop: Stop, console: Console
) -> None:
    queue = servicebus.queue(QUEUE)
    messages = [
        QueueMessage(frame(array), subject=dataset, message_id=message_id(dataset))
        for dataset, array in samples()
    ]

    def unready() -> str:
        return "" if chain.is_ready() else "bridge and pipeline start"

    def left() -> str:
        counts = queue.counts()
        waiting, unwritten = counts.active + counts.locked, pubsub.unacknowledged(SUBSCRIPTION)
        words = f"{waiting} messages in the queue, {unwritten} in Pub/Sub"
        return words if waiting or unwritten else ""

    try:
        chain.start()
        if _wait(chain, stop, unready, console):
            queue.send(messages)
            console.say(f"{len(messages)} sample messages are in the queue")
            _wait(chain, stop, left, console)
    finally:
        console.clear()
        if stop.is_wished:
            console.say(ENDING)
        chain.stop(lambda: stop.is_urgent)
    failed = [child for child in chain.children if child.code]
    if failed and not stop.is_wished:
        raise Trouble(
            "; ".join(f"{child.module} {child.fate}, see {child.log}" for child in failed)
        )


def _wait(chain: Chain, stop: Stop, left: Callable[[], str], console: Console) -> bool:
    """Waits until nothing is left; False where the user wants to stop.

    Args:
        left: what is to be waited for, in words that change as the chain gets on; empty at last.

    Raises:
        Trouble: a child has ended, or nothing changes for too long.
    """
    before, since = left(), time.monotonic()
    while before:
        console.show(before)
        if stop.wait(0.05):
            return False
        for child in chain.children:
            if not child.is_running:
                raise Trouble(f"{child.module} {child.fate}:\n{child.last_words()}")
        words, now = left(), time.monotonic()
        if words != before:
            before, since = words, now
        elif now - since > _STUCK_SECONDS:
            raise Trouble(f"the chain stands still: see the logs in {chain.logs}/")
    return True
