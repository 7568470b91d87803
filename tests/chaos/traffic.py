"""Messages of mixed sizes and forms, and what is to become of them."""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import envelope
from local.servicebus import Body, Data, QueueHandle, QueueMessage, Value

#: The most messages that wait in the queue: it is neither always full nor always empty.
_MOST_WAITING = 3_000


class Expected(NamedTuple):
    """What is to arrive of a message.

    Attributes:
        digest: of the body.
        attributes: of the envelope, the broker's own aside.
        sent: seconds since 1970, before and after it was handed in.
    """

    size: int
    digest: bytes
    attributes: dict[str, str]
    sent: tuple[float, float]


def digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


class Traffic:
    """Puts messages into a queue, in bursts, from a thread of its own.

    Args:
        queue: where to.
        rng: decides on sizes, forms and bursts.
        is_enough: called with the number of messages sent; true ends it.

    Attributes:
        expected: what was sent, by message id.
    """

    def __init__(
        self, queue: QueueHandle, rng: random.Random, is_enough: Callable[[int], bool]
    ) -> None:
        self.expected: dict[str, Expected] = {}
        self._queue = queue
        self._rng = rng
        self._is_enough = is_enough
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._send()
        except BaseException as error:
            self._error = error

    def _send(self) -> None:
        number = 0
        while not self._is_enough(number) and not self._stop.is_set():
            burst = [self._make(number + at) for at in range(self._rng.choice((1, 5, 40, 300)))]
            number += len(burst)
            before = time.time()
            self._queue.send([message for message, _, _ in burst])
            after = time.time()
            for _, data, attributes in burst:
                message_id = attributes[envelope.MESSAGE_ID]
                self.expected[message_id] = Expected(
                    len(data), digest(data), attributes, (before, after)
                )
            while (
                self._queue.counts().active > _MOST_WAITING
                and not self._is_enough(number)
                and not self._stop.wait(0.02)
            ):
                pass
            self._stop.wait(self._rng.uniform(0.0, 0.2))

    def _make(self, number: int) -> tuple[QueueMessage, bytes, dict[str, str]]:
        data = self._data(f"{number}:".encode())
        subject = self._rng.choice(("FREQ", "BOALF", "REMIT", None))
        message_id = self._rng.choice((f"m{number}",) * 50 + (None,))
        body, data = self._form(data)
        attributes = {
            envelope.DATASET: subject or envelope.UNKNOWN_DATASET,
            envelope.MESSAGE_ID: message_id or envelope.hash_id(data),
            envelope.SOURCE: envelope.SOURCE_IRIS,
        }
        if len(data) > envelope.COMPRESS_ABOVE_BYTES:
            attributes[envelope.CONTENT_ENCODING] = envelope.GZIP
        return QueueMessage(body, subject=subject, message_id=message_id), data, attributes

    def _data(self, start: bytes) -> bytes:
        chance = self._rng.random()
        if chance < 0.94:
            return start + self._rng.randbytes(self._rng.randint(0, 4_000))
        if chance < 0.99:
            return start + self._rng.randbytes(50_000)
        if chance < 0.995:
            return start + self._rng.randbytes(self._rng.randint(300_000, 2_000_000))
        record = json.dumps({"value": self._rng.random(), "text": "of a kind" * 5}).encode()
        return start + record * (self._rng.randint(300_000, 2_000_000) // len(record))

    def _form(self, data: bytes) -> tuple[Body, bytes]:
        """``data`` in one of the forms that a body may have, and the bytes that it stands for."""
        match self._rng.randrange(20):
            case 0:
                middle = len(data) // 2
                return Data(data[:middle], data[middle:]), data
            case 1:
                return Value(data), data
            case 2:
                return Value(data.hex()), data.hex().encode()
            case _:
                return data, data


def is_moment_within(text: str, sent: tuple[float, float]) -> bool:
    """Whether an RFC 3339 moment lies between the two, to the millisecond that AMQP has."""
    moment = datetime.fromisoformat(text).timestamp()
    return sent[0] - 0.001 <= moment <= sent[1] + 0.001
