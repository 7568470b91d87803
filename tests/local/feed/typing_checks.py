"""Messages through the pipeline's own decoding and typing."""

from __future__ import annotations

from typing import Any

from local.feed import FeedMessage, Outcome
from pipeline.decode import DecodeError, unframe
from pipeline.message import Message
from pipeline.typed import Plan, Typed
from pipeline.unmapped import UnmappedPlan
from schemas import Registry


class Reader:
    """What the pipeline makes of messages."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._plans = {subject: Plan(dataset) for subject, dataset in registry.items()}

    def type(self, message: FeedMessage) -> Typed:
        """``message``, of a known dataset, typed at the time when it is sent."""
        assert message.dataset is not None
        envelope = Message(message.body, message.dataset, message.message_id)
        now = int(message.at.timestamp() * 1e6)
        return self._plans[message.dataset].type_message(envelope, unframe(message.body), now)

    def outcome(self, message: FeedMessage) -> tuple[int, Outcome]:
        """The number of records found, and what became of them."""
        try:
            text = unframe(message.body)
        except DecodeError:
            return 0, Outcome(dead_letters=1)
        if message.dataset in self._registry:
            typed = self.type(message)
            became = Outcome(
                rows=len(typed.batch), misfits=typed.misfits, dead_letters=len(typed.rejects)
            )
            return typed.records, became
        envelope = Message(message.body, message.dataset or "unknown", message.message_id)
        typed = UnmappedPlan().type_message(envelope, text, 0)
        assert not typed.rejects
        return typed.records, Outcome(unmapped=len(typed.batch))

    def keys(self, message: FeedMessage) -> list[tuple[Any, ...]]:
        """The natural keys of the rows of ``message``, dataset first."""
        assert message.dataset is not None
        dataset = self._registry[message.dataset]
        columns = dict(zip((c.name for c in dataset.columns), self._columns(message), strict=True))
        parts = [columns[name] for name in dataset.natural_key]
        return [(message.dataset, *key) for key in zip(*parts, strict=True)]

    def _columns(self, message: FeedMessage) -> list[Any]:
        return list(self.type(message).batch.columns)
