"""What can happen to the bridge's two sides, as mishaps that are over after some seconds."""

from __future__ import annotations

import random
import threading

import grpc

from local.pubsub import PubSubServer
from local.servicebus import ServiceBusServer
from local.servicebus.faults import Opens
from tests.chaos.hands import Mishap

#: Statuses that Pub/Sub's documentation names as passing.
_PASSING = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.ABORTED,
)
_INVALID = grpc.StatusCode.INVALID_ARGUMENT


class ServiceBusMishaps:
    """Of the queue's side.

    Args:
        server: with the queue.
        queue: its name.
        rng: decides on numbers and durations.
        over: cuts durations short.
    """

    def __init__(
        self, server: ServiceBusServer, queue: str, rng: random.Random, over: threading.Event
    ) -> None:
        self._server = server
        self._faults = server.faults
        self._queue = queue
        self._rng = rng
        self._over = over

    def quick(self) -> dict[str, Mishap]:
        """Those that the bridge gets over in a second or two."""
        faults = self._faults
        return {
            "connections dropped": faults.drop_connections,
            "connections closed": faults.close_connections,
            "links detached": lambda: faults.detach(self._queue),
            "tokens expired": faults.expire_tokens,
            "tokens refused": self._refuse_tokens,
            "cut after settlements": lambda: faults.drop_after_settlements(self._some(50)),
            "settlements delayed": self._delay_settlements,
            "locks lost": lambda: faults.lose_locks(self._queue),
            "locks lost again and again": self._lose_locks,
            "Service Bus down": self._go_down,
            "Service Bus hangs": lambda: self._hang(self._rng.uniform(0.5, 2.0)),
            "Service Bus throttles": self._throttle,
            "opens refused": self._refuse_opens,
        }

    def slow(self) -> dict[str, Mishap]:
        """Those that the bridge notices by the time that nothing happens."""
        faults = self._faults
        return {
            "answers lost": lambda: faults.lose_answers(self._some(3)),
            "settlements ignored": lambda: faults.ignore_settlements(self._some(3)),
            "Service Bus hangs long": lambda: self._hang(15.0),
            "opens ignored": self._ignore_opens,
        }

    def _some(self, most: int) -> int:
        return self._rng.randint(1, most)

    def _wait(self, least: float, most: float) -> None:
        self._over.wait(self._rng.uniform(least, most))

    def _refuse_tokens(self) -> None:
        self._faults.refuse_tokens()
        self._faults.expire_tokens()
        self._wait(0.5, 1.5)
        self._faults.token_refusal = None

    def _delay_settlements(self) -> None:
        self._faults.delay_settlements(self._rng.uniform(0.2, 1.5))
        self._wait(1.0, 3.0)
        self._faults.delay_settlements(0)

    def _lose_locks(self) -> None:
        """Enough of it fails a message so often that it goes to the dead letters."""
        for _ in range(self._some(60)):
            if self._over.wait(0.03):
                break
            self._faults.lose_locks(self._queue)

    def _go_down(self) -> None:
        self._faults.down()
        self._wait(0.5, 2.5)
        self._faults.up()

    def _hang(self, seconds: float) -> None:
        self._faults.hang()
        self._over.wait(seconds)
        self._faults.resume()

    def _throttle(self) -> None:
        self._faults.throttle()
        self._faults.drop_connections()
        self._wait(0.5, 1.5)
        self._faults.throttling = None

    def _refuse_opens(self) -> None:
        self._faults.refuse_opens()
        self._faults.drop_connections()
        self._wait(0.5, 1.5)
        self._faults.opens = Opens.ANSWERED

    def _ignore_opens(self) -> None:
        self._faults.ignore_opens()
        self._faults.drop_connections()
        self._wait(2.0, 4.0)
        self._faults.opens = Opens.ANSWERED


class PubSubMishaps:
    """Of the topic's side; the arguments are those of ``ServiceBusMishaps``."""

    def __init__(self, server: PubSubServer, rng: random.Random, over: threading.Event) -> None:
        self._faults = server.faults
        self._rng = rng
        self._over = over

    def all(self) -> dict[str, Mishap]:
        faults = self._faults
        return {
            "Pub/Sub refuses": lambda: self._refuse(self._rng.choice(_PASSING), 0.3, 3.0),
            "Pub/Sub calls messages invalid": lambda: self._refuse(_INVALID, 0.3, 1.5),
            "Pub/Sub loses answers": lambda: faults.lose_publish_answers(self._rng.randint(1, 3)),
            "Pub/Sub is slow": self._be_slow,
        }

    def _refuse(self, status: grpc.StatusCode, least: float, most: float) -> None:
        self._faults.refuse_publishes(status)
        self._over.wait(self._rng.uniform(least, most))
        self._faults.refuse_publishes(grpc.StatusCode.OK, times=0)

    def _be_slow(self) -> None:
        self._faults.delay_answers(self._rng.uniform(0.2, 2.0), "Publish")
        self._over.wait(self._rng.uniform(1.0, 3.0))
        self._faults.delay_answers(0, "Publish")
