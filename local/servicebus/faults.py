"""Faults on demand, for tests."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from local.servicebus.model import ServiceBusFault
from local.servicebus.performatives import Condition

if TYPE_CHECKING:
    from local.servicebus.namespace import Namespace

FORCED = "amqp:connection:forced"
DETACH_FORCED = "amqp:link:detach-forced"
SERVER_BUSY = "com.microsoft:server-busy"
_BUSY_TEXT = "The request was terminated because the entity is being throttled. Error code: 50009."


class Fate(Enum):
    """What becomes of a settlement."""

    ANSWERED = "applied and answered"
    UNANSWERED = "applied, not answered"
    IGNORED = "neither"
    CUT = "applied, then the connection is cut"


class Opens(Enum):
    """What becomes of a client's first frame."""

    ANSWERED = "answered"
    UNANSWERED = "not answered"
    REFUSED = "answered, and the connection closed"


class TokenRefusal(NamedTuple):
    """The answer to a token that is refused."""

    status: int
    description: str


class Throttled(ServiceBusFault):
    """What is refused while the service is throttled."""

    def __init__(self, error: Condition) -> None:
        super().__init__(error.description)
        self.condition = error.condition


class Control(Protocol):
    """What faults do to a running server; each returns when it is done. Any thread."""

    def act(self, function: Callable[[Namespace], None]) -> None:
        """Runs a function with the namespace to itself."""

    def listen(self, wanted: bool) -> None:
        """Starts or stops to accept connections."""

    def hang(self, wanted: bool) -> None:
        """Stops or goes on reading and writing."""


class Faults:
    """What goes wrong. Any thread may set it; it takes effect at once. ``clear`` ends it all.

    A settlement is a delivery completed, abandoned, deferred or dead-lettered, over the link that
    it came on or over the management link; a release is not. Faults that hit a number of
    settlements come one after the other, in the order in which they were set.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._lock = threading.Lock()
        self._reset()

    def _reset(self) -> None:
        self._fates: deque[Fate] = deque()
        self._denied: set[tuple[str, str]] = set()
        self._removed: set[str] = set()
        self.opens = Opens.ANSWERED
        self.open_error = Condition(FORCED, "")
        self.settlement_delay = 0.0
        self.token_refusal: TokenRefusal | None = None
        self.throttling: Condition | None = None

    def clear(self) -> None:
        """No more faults; answers that are late leave now. What has happened has happened."""
        with self._lock:
            self._reset()
        self._control.hang(False)
        self._control.listen(True)
        self._control.act(lambda namespace: namespace.answer_late_ones())

    # The connection

    def drop_connections(self) -> None:
        """Cuts every connection without a word; new ones are welcome."""
        self._control.act(lambda namespace: namespace.drop_connections())

    def down(self) -> None:
        """Cuts every connection; new ones are refused, until ``up``."""
        self._control.listen(False)
        self.drop_connections()

    def up(self) -> None:
        """Listens again, on the same port."""
        self._control.listen(True)

    def close_connections(self, condition: str = FORCED, description: str = "asked for") -> None:
        """Closes every connection as the protocol has it, with an error."""
        error = Condition(condition, description)
        self._control.act(lambda namespace: namespace.close_connections(error))

    def hang(self) -> None:
        """Connections stay open and new ones are accepted, but nothing is read or written.

        With TLS, new ones get as far as the handshake. Locks go on expiring.
        """
        self._control.hang(True)

    def resume(self) -> None:
        """Ends ``hang``: what has waited is read and written."""
        self._control.hang(False)

    def refuse_opens(
        self, condition: str = FORCED, description: str = "The service is not available."
    ) -> None:
        """New connections are closed with an error as soon as they are open."""
        self.open_error = Condition(condition, description)
        self.opens = Opens.REFUSED

    def ignore_opens(self) -> None:
        """New connections never become open: the client's first frame goes unanswered."""
        self.opens = Opens.UNANSWERED

    # Links

    def detach(
        self,
        queue: str,
        condition: str = DETACH_FORCED,
        description: str = "The link is force detached, as a test asked for.",
    ) -> None:
        """Ends every link to a queue, its sub-queue and their management nodes; once.

        After most conditions the SDK's receivers open a new link. After ``SERVER_BUSY``,
        ``com.microsoft:timeout`` and ``amqp:resource-limit-exceeded`` those of version 7.15 raise
        the same error at every call, until they are closed.
        """
        error = Condition(condition, description)
        self._control.act(lambda namespace: namespace.detach(queue, error))

    def deny(self, queue: str, claim: str = "Listen") -> None:
        """New links to a queue are refused for want of a claim.

        Args:
            claim: ``Listen`` to receive and to manage, ``Send`` to send.
        """
        with self._lock:
            self._denied.add((queue.lower(), claim))

    def remove(self, queue: str) -> None:
        """A queue is not found any more; its links end. With ``clear`` it is back as it was."""
        with self._lock:
            self._removed.add(queue.lower())
        self.detach(queue, "amqp:not-found", f"The messaging entity '{queue}' was deleted.")

    def throttle(self, condition: str = SERVER_BUSY, description: str = _BUSY_TEXT) -> None:
        """New links, messages and management requests are refused; open links go on receiving.

        ``amqp:resource-limit-exceeded`` is what a quota that is used up says.
        """
        self.throttling = Condition(condition, description)

    # Settlements and locks

    def lose_answers(self, times: int = 1) -> None:
        """The next settlements are applied, and the receiver is not told."""
        self._add(Fate.UNANSWERED, times)

    def ignore_settlements(self, times: int = 1) -> None:
        """The next settlements are not applied, and the receiver is not told."""
        self._add(Fate.IGNORED, times)

    def drop_after_settlements(self, count: int = 1) -> None:
        """The ``count``-th settlement from here is applied, and its connection cut."""
        self._add(Fate.ANSWERED, count - 1)
        self._add(Fate.CUT, 1)

    def delay_settlements(self, seconds: float) -> None:
        """Answers to settlements on receiving links come late; the effect comes at once.

        Args:
            seconds: 0 ends it. A server looks for answers that are due every 0.05 s.
        """
        self.settlement_delay = seconds

    def lose_locks(self, queue: str) -> None:
        """Every lock of a queue and its sub-queue expires, which counts as a failed delivery."""
        self._control.act(lambda namespace: namespace.lose_locks(queue))

    # Tokens

    def refuse_tokens(self, status: int = 401, description: str = "InvalidSignature") -> None:
        """Tokens are answered with this status instead of 202; those taken in stay good."""
        self.token_refusal = TokenRefusal(status, description)

    def expire_tokens(self) -> None:
        """All tokens taken in expire, and with them the links that need them.

        The same token may be handed in again; ``TokenEndpoint.revoke_tokens`` is what prevents it.
        """
        self._control.act(lambda namespace: namespace.expire_tokens())

    # What follows is the server's side.

    def take_fate(self) -> Fate:
        """What becomes of the settlement that has come."""
        with self._lock:
            return self._fates.popleft() if self._fates else Fate.ANSWERED

    def check_throttling(self) -> None:
        """Raises ``Throttled`` while the service is."""
        if self.throttling:
            raise Throttled(self.throttling)

    def is_denied(self, queue: str, claim: str) -> bool:
        """Whether links to a queue, its name in lower case, lack a claim."""
        return (queue, claim) in self._denied

    def is_removed(self, queue: str) -> bool:
        """Whether a queue, its name in lower case, is not to be found."""
        return queue in self._removed

    def _add(self, fate: Fate, times: int) -> None:
        with self._lock:
            self._fates.extend([fate] * times)
