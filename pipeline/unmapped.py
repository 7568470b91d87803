"""Records of datasets that no schema file describes: kept whole, as JSON."""

from __future__ import annotations

from pipeline.decode import DecodeError
from pipeline.exact import parse, to_strict_json
from pipeline.message import Message
from pipeline.typed import Batch, Typed, check_element, undecodable


class UnmappedPlan:
    """How messages of any dataset become rows of ``iris_unmapped``."""

    def type_message(self, message: Message, text: str, now: int) -> Typed:
        """The rows and rejects of ``message``; see ``pipeline.typed.Plan.type_message``."""
        try:
            elements = parse(text)
        except DecodeError as error:
            return undecodable(message, text, error, now)
        index: list[int] = []
        records: list[str] = []
        rejects = []
        for at, element in enumerate(elements, message.record_index or 0):
            reject = check_element(message, element, at, now)
            if reject is not None:
                rejects.append(reject)
                continue
            index.append(at)
            records.append(to_strict_json(element.value))
        batch = Batch(message, [[message.dataset] * len(index), records], index, None, text)
        return Typed(batch, rejects, len(elements))
