"""``python -m local.run``: the whole chain in small, over the bundled samples; ends by itself."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from local.chain import SUBSCRIPTION, Chain, create_subscription
from local.console import Console
from local.pubsub import PubSubServer
from local.sample_messages import frame, message_id, samples
from local.servicebus import QueueMessage, ServiceBusServer
from local.stopping import ENDING, Stop

QUEUE: Final = "iris"
#: Without any progress for so many seconds something is wrong.
_STUCK_SECONDS: Final = 120.0
_FAILED: Final = 1
_INTERRUPTED: Final = 130


class Trouble(Exception):
    """The chain does not get on; the text says why."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the chain; 0: all is written, 1: it is not, 130: told to stop."""
    folder = _arguments(argv).folder
    console = Console()
    try:
        with Stop() as stop, ServiceBusServer([QUEUE]) as servicebus, PubSubServer() as pubsub:
            create_subscription(pubsub)
            settings = {
                "IRIS_CONNECTION_STRING": servicebus.connection_string,
                "IRIS_QUEUE_NAME": QUEUE,
            }
            chain = Chain(pubsub.address, folder, settings)
            console.say(f"queue {QUEUE} on a local Service Bus ({servicebus.address})")
            console.say(f"bridge and pipeline around a local Pub/Sub; their logs: {chain.logs}/")
            _run(chain, servicebus, pubsub, stop, console)
    except (Trouble, OSError) as error:
        console.say(f"local.run: {error}")
        return _FAILED
    return _INTERRUPTED if stop.is_wished else 0


def _run(
    chain: Chain, servicebus: ServiceBusServer, pubsub: PubSubServer, stop: Stop, console: Console
) -> None:
    queue = servicebus.queue(QUEUE)
    messages = [
        QueueMessage(frame(array), subject=dataset, message_id=message_id(dataset))
        for dataset, array in samples()
    ]

    def left() -> int:
        counts = queue.counts()
        waiting, unwritten = counts.active + counts.locked, pubsub.unacknowledged(SUBSCRIPTION)
        console.show(f"{waiting} messages in the queue, {unwritten} in Pub/Sub")
        return waiting + unwritten

    try:
        chain.start()
        if _wait(chain, stop, lambda: int(not chain.is_ready())):
            queue.send(messages)
            console.say(f"{len(messages)} sample messages are in the queue")
            _wait(chain, stop, left)
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


def _wait(chain: Chain, stop: Stop, left: Callable[[], int]) -> bool:
    """Waits until nothing is left; False where the user wants to stop.

    Raises:
        Trouble: a child has ended, or nothing gets less for too long.
    """
    before, since = left(), time.monotonic()
    while before:
        if stop.wait(0.05):
            return False
        for child in chain.children:
            if not child.is_running:
                raise Trouble(f"{child.module} {child.fate}:\n{child.last_words()}")
        remaining, now = left(), time.monotonic()
        if remaining != before:
            before, since = remaining, now
        elif now - since > _STUCK_SECONDS:
            raise Trouble(f"the chain stands still: see the logs in {chain.logs}/")
    return True


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.run",
        description="The chain on this machine, over the bundled samples: local Service Bus, "
        "bridge, local Pub/Sub, pipeline, DuckDB.",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("var"),
        help="for the warehouse iris.duckdb and log/ (default: %(default)s)",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
