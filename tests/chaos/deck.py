"""Chance that leaves nothing out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Deck(Generic[T]):
    """Cards, shuffled anew for each round, so that every round has each card once.

    Attributes:
        rounds: how many are through.
    """

    def __init__(self, cards: Sequence[T], rng: random.Random) -> None:
        self.rounds = -1
        self._cards = list(cards)
        self._rng = rng
        self._left: list[T] = []
        self._shuffle()

    def draw(self) -> T:
        card = self._left.pop()
        if not self._left:
            self._shuffle()
        return card

    def _shuffle(self) -> None:
        self.rounds += 1
        self._left = self._rng.sample(self._cards, len(self._cards))
