"""Messages that are not as they should be, and what is to become of each."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from local.feed.message import FeedMessage, Odd, Outcome, body
from schemas import Column, Dataset


class Oddities:
    """Turns a share of the messages odd, one kind after the other. Not for several threads.

    Args:
        share: how many of the messages, 0 to 1.
        seed: decides which ones.

    Raises:
        ValueError: ``share`` is not within 0 and 1.
    """

    def __init__(self, share: float, seed: int) -> None:
        if not 0 <= share <= 1:
            raise ValueError(f"odd: {share:g} is no share between 0 and 1")
        self._share = share
        self._rng = random.Random(f"{seed}/odd")
        self._turned = self._rng.randrange(len(Odd))

    def of(
        self, message: FeedMessage, records: list[str], dataset: Dataset
    ) -> Iterator[FeedMessage]:
        """``message``, or what stands in its place; ``records`` are those in its body.

        The facts in an odd message come in no other one: a table has each of its rows once,
        except for those of a duplicate, and lacks those that the outcome does not count.
        """
        if self._rng.random() >= self._share:
            yield message
            return
        kind = list(Odd)[self._turned % len(Odd)]
        self._turned += 1
        if kind is Odd.DUPLICATE:
            yield message
        yield _turn(message, kind, records, dataset, self._rng)


def _turn(
    message: FeedMessage, kind: Odd, records: list[str], dataset: Dataset, rng: random.Random
) -> FeedMessage:
    count = len(records)
    match kind:
        case Odd.UNKNOWN_DATASET:
            name = f"{message.dataset}_UNHEARD_OF"
            renamed = message.message_id.replace(f"{message.dataset}", name, 1)
            odd = replace(message, dataset=name, message_id=renamed)
            return replace(odd, odd=kind, outcome=Outcome(unmapped=count))
        case Odd.NO_SUBJECT:
            return replace(message, odd=kind, dataset=None, outcome=Outcome(unmapped=count))
        case Odd.NOT_JSON:
            cut = message.body[: rng.randrange(len(message.body))]
            lost = Outcome(dead_letters=1)
            return replace(message, odd=kind, body=cut, records=0, outcome=lost)
        case Odd.EMPTY:
            return replace(message, odd=kind, body=body([]), records=0, outcome=Outcome())
        case Odd.DUPLICATE:
            return replace(message, odd=kind)
        case Odd.MISFIT:
            columns = [one for one in dataset.columns if _may_misfit(one, dataset)]
            outcome = Outcome(rows=count, misfits=1)
        case Odd.OUT_OF_RANGE:
            columns = [one for one in dataset.columns if one.name == dataset.partition.column]
            outcome = Outcome(rows=count - 1, dead_letters=1)
    at = rng.randrange(count)
    spoilt = [*records[:at], _spoil(records[at], rng.choice(columns), kind), *records[at + 1 :]]
    return replace(message, odd=kind, body=body(spoilt), outcome=outcome)


def _may_misfit(column: Column, dataset: Dataset) -> bool:
    """A misfit in the key would make two records of one fact; the partition decides more."""
    kept = {*dataset.natural_key, dataset.partition.column}
    return column.name not in kept and column.type != "STRUCT"


def _spoil(record: str, column: Column, kind: Odd) -> str:
    value: Any = "1999-12-31" if column.type == "DATE" else "1999-12-31T00:00:00Z"
    if kind is Odd.MISFIT:
        value = 0 if column.type == "STRING" else "n/a"
    return json.dumps({**json.loads(record), column.name: value})
