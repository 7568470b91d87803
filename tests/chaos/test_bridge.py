"""The bridge, as a process, while everything around it fails: nothing is lost or changed."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

from local.chain import SUBSCRIPTION, TOPIC, create_subscription
from local.processes import Child
from local.pubsub import PubSubServer
from local.servicebus import ServiceBusServer
from tests.chaos.collector import Collector, differences
from tests.chaos.hands import Hand, Hands, await_all
from tests.chaos.lives import Life, Lives
from tests.chaos.mishaps import PubSubMishaps, ServiceBusMishaps
from tests.chaos.report import show
from tests.chaos.traffic import Traffic

QUEUE = "iris"
#: The least messages of the long form and of the short one.
_LONG_MESSAGES = 20_000
_SHORT_MESSAGES = 500
#: Of the quick mishaps at the queue, so many are in the short form, and one of the slow ones.
_SHORT_MISHAPS = 5
#: The bridge's promise, and what its memory may vary by where it does not grow.
_MOST_BYTES = 150_000_000
_MOST_GROWTH = 25_000_000
#: Lives that are shorter are still warming up.
_GROWN_UP_SECONDS = 20.0
_REST_SECONDS = 120.0


def test_every_message_arrives_whatever_happens(seed: int, is_long: bool, tmp_path: Path) -> None:
    over = threading.Event()
    begun = time.monotonic()
    with (
        ServiceBusServer([QUEUE], lock_seconds=3.0) as servicebus,
        PubSubServer() as pubsub,
    ):
        create_subscription(pubsub)
        queue = servicebus.queue(QUEUE)
        with (
            Lives(_bridge(servicebus, pubsub, tmp_path / "bridge.log")) as lives,
            Collector(pubsub, SUBSCRIPTION) as collector,
        ):
            most_dead = 0
            hands = Hands(_hands(servicebus, pubsub, lives, seed, is_long, over), over)

            def is_enough(sent: int) -> bool:
                if hands.rounds == 0:
                    return False
                if is_long:
                    return sent >= _LONG_MESSAGES and most_dead > 0
                return sent >= _SHORT_MESSAGES

            def is_empty() -> bool:
                lives.check()
                collector.check()
                return not any(queue.counts()) and not pubsub.unacknowledged(SUBSCRIPTION)

            with hands, Traffic(queue, random.Random(f"{seed}/traffic"), is_enough) as traffic:
                while not traffic.is_over:
                    time.sleep(0.1)
                    lives.check()
                    hands.check()
                    collector.check()
                    most_dead = max(most_dead, queue.counts().dead_lettered)
            troubled = time.monotonic() - begun
            servicebus.faults.clear()
            pubsub.faults.clear()
            await_all(is_empty, "nothing is left", _REST_SECONDS)
            took = time.monotonic() - begun
            lives.end()
        show(
            "the bridge",
            {
                **dict(sorted(hands.counts.items())),
                "messages": len(traffic.expected),
                "bytes": sum(one.size for one in traffic.expected.values()),
                "published once more": collector.duplicates,
                "dead letters at once": most_dead,
                "seconds": f"{troubled:.1f} of trouble, {took - troubled:.1f} to the end",
                "messages a second": f"{len(traffic.expected) / took:.0f}",
                "connections": f"{servicebus.peak_connections} at once, "
                f"{servicebus.total_connections} in all",
                "lives": _described(lives.all),
                "seconds to stop": f"{max(lives.stop_seconds):.1f} at most",
            },
        )
        assert list(differences(traffic.expected, collector.arrivals)) == []
        # A killed process's socket is closed before the next one begins.
        assert servicebus.peak_connections == 1
        assert max(one.peak for one in lives.all) < _MOST_BYTES
        grown_up = [one for one in lives.all if one.seconds > _GROWN_UP_SECONDS]
        assert all(one.growth < _MOST_GROWTH for one in grown_up)
        # It was all there to be got over.
        assert min(hands.counts.values()) > 0, hands.counts
        assert len(lives.all) > 2
        assert len(traffic.expected) >= (_LONG_MESSAGES if is_long else _SHORT_MESSAGES)


def _hands(
    servicebus: ServiceBusServer,
    pubsub: PubSubServer,
    lives: Lives,
    seed: int,
    is_long: bool,
    over: threading.Event,
) -> list[Hand]:
    """What happens to the queue's side, to the topic's side and to the bridge itself."""
    choice = [random.Random(f"{seed}/{at}") for at in range(6)]
    bus = ServiceBusMishaps(servicebus, QUEUE, choice[0], over)
    topic = PubSubMishaps(pubsub, choice[1], over)
    quick, slow = bus.quick(), bus.slow()
    if not is_long:  # there is no time for all of them
        quick = {name: quick[name] for name in choice[2].sample(list(quick), _SHORT_MISHAPS)}
        slow = {name: slow[name] for name in choice[2].sample(list(slow), 1)}
    crashes = {"bridge killed": lives.kill, "bridge stopped": lives.stop}
    rest = 3.0 if is_long else 0.6
    return [
        Hand(quick | slow, choice[3], (rest, 3 * rest), over),
        Hand(topic.all(), choice[4], (0.5 * rest, 2 * rest), over),
        Hand(crashes, choice[5], (5 * rest, 10 * rest), over),
    ]


def _described(lives: list[Life]) -> str:
    """Length, greatest memory and growth of each."""
    return ", ".join(
        f"{one.seconds:.0f} s {one.peak / 1e6:.0f} MB ({one.growth / 1e6:+.0f})" for one in lives
    )


def _bridge(servicebus: ServiceBusServer, pubsub: PubSubServer, log: Path) -> Child:
    return Child(
        "bridge",
        [],
        {
            "IRIS_CONNECTION_STRING": servicebus.connection_string,
            "IRIS_QUEUE_NAME": QUEUE,
            "PUBSUB_TOPIC": TOPIC,
            "PUBSUB_EMULATOR_HOST": pubsub.address,
            "BRIDGE_HTTP": "none",
            "BRIDGE_DEAD_LETTER_MINUTES": "0.2",
            "BRIDGE_SILENCE_SECONDS": "5",
        },
        log,
        quiet=True,
    )
