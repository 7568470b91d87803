"""What the address of a source or target names."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from local.servicebus.model import DEAD_LETTER_SUFFIX

MANAGEMENT_SUFFIX = "$management"
CBS = "$cbs"


class Kind(Enum):
    """What answers at an address."""

    QUEUE = "queue"
    MANAGEMENT = "management"
    CBS = "cbs"


class Address(NamedTuple):
    """An address, taken apart.

    Attributes:
        queue: the queue's name, as the client writes it; empty for the token node.
        dead_letters: the queue's dead-letter sub-queue, not the queue itself.
    """

    kind: Kind
    queue: str = ""
    dead_letters: bool = False


def parse(address: str | None) -> Address:
    """Understands a path and a URL, such as ``amqps://NAMESPACE/QUEUE/$DeadLetterQueue``."""
    path = path_of(address or "")
    if path.lower() == CBS:
        return Address(Kind.CBS)
    rest, is_management = _without(path, MANAGEMENT_SUFFIX)
    queue, is_dead = _without(rest, DEAD_LETTER_SUFFIX)
    return Address(Kind.MANAGEMENT if is_management else Kind.QUEUE, queue, is_dead)


def path_of(address: str) -> str:
    """The path of a URL, without its slashes at either end; a path stays what it is."""
    _, scheme, rest = address.partition("://")
    path = rest.partition("/")[2] if scheme else address
    return path.strip("/")


def covers(audience: str, address: Address) -> bool:
    """Whether a token for ``audience`` is one for ``address`` too: it is, or is above it."""
    path = path_of(audience).lower()
    wanted = address.queue.lower()
    if address.dead_letters:
        wanted += f"/{DEAD_LETTER_SUFFIX.lower()}"
    path = _without(path, MANAGEMENT_SUFFIX)[0]
    return not path or wanted == path or wanted.startswith(f"{path}/")


def _without(path: str, suffix: str) -> tuple[str, bool]:
    """The path without its last part, if that is ``suffix``, in any case; and whether it was."""
    head, _, last = path.rpartition("/")
    return (head, True) if last.lower() == suffix.lower() else (path, False)
