"""Those who make trouble: each plays the cards of a deck, one after the other."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from tests.chaos.deck import Deck

#: Makes trouble and undoes it, within some seconds.
Mishap = Callable[[], None]


class Hand:
    """One kind of trouble at a time, with pauses between.

    Args:
        mishaps: by the name that the report gives them.
        rng: decides on the order and on the pauses.
        pause: the shortest and the longest, in seconds.
        over: ends it.
    """

    def __init__(
        self,
        mishaps: Mapping[str, Mishap],
        rng: random.Random,
        pause: tuple[float, float],
        over: threading.Event,
    ) -> None:
        self.counts = Counter(dict.fromkeys(mishaps, 0))
        self._mishaps = mishaps
        self._deck = Deck(list(mishaps), rng)
        self._rng = rng
        self._pause = pause
        self._over = over

    @property
    def rounds(self) -> int:
        """How often each of the mishaps has happened."""
        return self._deck.rounds

    def play(self) -> None:
        """Until it is over."""
        while not self._over.wait(self._rng.uniform(*self._pause)):
            name = self._deck.draw()
            self._mishaps[name]()
            self.counts[name] += 1


class Hands:
    """All at once, in a thread each; a context manager, left when all are done."""

    def __init__(self, hands: list[Hand], over: threading.Event) -> None:
        self._hands = hands
        self._over = over
        self._threads = ThreadPoolExecutor(len(hands))
        self._playing: list[Future[None]] = []

    def __enter__(self) -> Hands:
        self._playing = [self._threads.submit(hand.play) for hand in self._hands]
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._threads.shutdown()
        self.check()

    def check(self) -> None:
        """Raises what one of them has failed with."""
        for future in self._playing:
            if future.done():
                future.result()

    @property
    def rounds(self) -> int:
        """How often each mishap of all hands has happened at least."""
        return min(hand.rounds for hand in self._hands)

    @property
    def counts(self) -> Counter[str]:
        """How often each has happened, those that have not included."""
        counts: Counter[str] = Counter()
        for hand in self._hands:
            counts.update(hand.counts)
        return counts


def await_all(condition: Callable[[], object], what: str, seconds: float) -> None:
    """Fails unless ``condition`` comes true within ``seconds``."""
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, f"{what}: not within {seconds:g} s"
        time.sleep(0.05)
