"""Columns whose values come in runs: what a message says of all its rows alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, repeat
from typing import Any


class Runs(Sequence[Any]):
    """A sequence kept as values and how often each comes, one after the other.

    A third of a row's columns (message id, source, times, ...) are the same for all rows of a
    message; encoders look at each run once instead of at each row.
    """

    __slots__ = ("counts", "values")

    def __init__(self, values: list[Any], counts: list[int]) -> None:
        self.values = values
        self.counts = counts

    @classmethod
    def join(cls, parts: Iterable[Runs]) -> Runs:
        """The parts one behind the other."""
        values: list[Any] = []
        counts: list[int] = []
        for part in parts:
            values += part.values
            counts += part.counts
        return cls(values, counts)

    def map(self, function: Callable[[Any], Any]) -> Iterator[Any]:
        """``function`` of each element, called once for each run."""
        return chain.from_iterable(map(repeat, map(function, self.values), self.counts))

    def __len__(self) -> int:
        return sum(self.counts)

    def __iter__(self) -> Iterator[Any]:
        return chain.from_iterable(map(repeat, self.values, self.counts))

    def __getitem__(self, at: Any) -> Any:
        return list(self)[at]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Runs({self.values!r}, {self.counts!r})"
