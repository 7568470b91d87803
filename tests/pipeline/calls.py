"""A subscriber client that tells what it was asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Calls:
    """A real client whose calls are written down.

    Attributes:
        answered: the method of each call that was answered, and how many messages it asked for
            or how many ack ids it had.
        pull_faults: what the next pulls raise; None lets one pass.
        on_pull: called after each pull.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self.answered: list[tuple[str, int]] = []
        self.pull_faults: list[Exception | None] = []
        self.on_pull: Callable[[], object] = lambda: None

    def __enter__(self) -> Calls:
        return self

    def __exit__(self, *error: object) -> None:
        """The fixture closes the client."""

    def pull(self, request: dict[str, Any], **options: Any) -> Any:
        if self.pull_faults and (fault := self.pull_faults.pop(0)):
            raise fault
        answer = self._client.pull(request=request, **options)
        self.answered.append(("pull", request["max_messages"]))
        self.on_pull()
        return answer

    def modify_ack_deadline(self, request: dict[str, Any], **options: Any) -> None:
        self._client.modify_ack_deadline(request=request, **options)
        self.answered.append(("modify", len(request["ack_ids"])))

    def acknowledge(self, request: dict[str, Any], **options: Any) -> None:
        self._client.acknowledge(request=request, **options)
        self.answered.append(("acknowledge", len(request["ack_ids"])))

    def renewals(self) -> int:
        return sum(method == "modify" for method, _ in self.answered)
