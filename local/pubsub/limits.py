"""What the real service refuses: its documented quotas and the shape of its names.

Every check raises ``InvalidArgument`` with a text that begins with the field's name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from local.pubsub.model import Content, InvalidArgument

MAX_REQUEST_BYTES = 10_000_000
MAX_REQUEST_MESSAGES = 1_000
MAX_ATTRIBUTES = 100
MAX_ATTRIBUTE_KEY_BYTES = 256
MAX_ATTRIBUTE_VALUE_BYTES = 1_024
MAX_ORDERING_KEY_BYTES = 1_024

MIN_ACK_DEADLINE_SECONDS = 10
MAX_ACK_DEADLINE_SECONDS = 600

#: A pull's answer stays below it unless a single message is bigger. A client's channel to an
#: emulator keeps gRPC's cap of 4 MiB per received message.
MAX_ANSWER_BYTES = 3_500_000
#: A pull never brings more, however many the client asks for.
MAX_ANSWER_MESSAGES = 1_000

# Names of one letter pass, which the real service refuses: they make readable examples.
_NAMES = {
    "projects": re.compile(r"projects/[^/\s]+"),
    "topics": re.compile(r"projects/[^/\s]+/topics/[^/\s]+"),
    "subscriptions": re.compile(r"projects/[^/\s]+/subscriptions/[^/\s]+"),
}


def check_name(field: str, name: str, kind: str) -> None:
    """``kind`` is ``projects``, ``topics`` or ``subscriptions``."""
    if not _NAMES[kind].fullmatch(name):
        form = "projects/PROJECT" if kind == "projects" else f"projects/PROJECT/{kind}/NAME"
        raise InvalidArgument(f"{field}: {name!r} is not of the form {form}")


def check_request_size(size: int) -> None:
    """``size``: bytes of the whole serialized publish request."""
    if size > MAX_REQUEST_BYTES:
        raise InvalidArgument(
            f"messages: the request has {size:,} bytes, the limit is {MAX_REQUEST_BYTES:,}"
        )


def check_contents(contents: Sequence[Content]) -> None:
    """The messages of one publish request: how many, and each by itself."""
    if not contents:
        raise InvalidArgument("messages: the request has none")
    if len(contents) > MAX_REQUEST_MESSAGES:
        raise InvalidArgument(
            f"messages: the request has {len(contents):,}, the limit is {MAX_REQUEST_MESSAGES:,}"
        )
    for place, content in enumerate(contents):
        _check_content(f"messages[{place}]", content)


def _check_content(where: str, content: Content) -> None:
    if not content.data and not content.attributes:
        raise InvalidArgument(f"{where}.data: empty, and there are no attributes either")
    if len(content.attributes) > MAX_ATTRIBUTES:
        raise InvalidArgument(
            f"{where}.attributes: {len(content.attributes)}, the limit is {MAX_ATTRIBUTES}"
        )
    for key, value in content.attributes.items():
        if not key:
            raise InvalidArgument(f"{where}.attributes: an empty key")
        _check_bytes(f"{where}.attributes: the key {key[:40]!r}", key, MAX_ATTRIBUTE_KEY_BYTES)
        _check_bytes(f"{where}.attributes[{key!r}]: the value", value, MAX_ATTRIBUTE_VALUE_BYTES)
    _check_bytes(f"{where}.ordering_key: it", content.ordering_key, MAX_ORDERING_KEY_BYTES)


def _check_bytes(what: str, text: str, limit: int) -> None:
    size = len(text.encode())
    if size > limit:
        raise InvalidArgument(f"{what} has {size:,} bytes, the limit is {limit:,}")


def check_max_messages(max_messages: int) -> None:
    """How many messages a pull asks for."""
    if max_messages < 1:
        raise InvalidArgument(f"max_messages: {max_messages}, the least is 1")


def check_ack_deadline(field: str, seconds: int) -> None:
    """The deadline of a subscription or of a stream."""
    if not MIN_ACK_DEADLINE_SECONDS <= seconds <= MAX_ACK_DEADLINE_SECONDS:
        raise InvalidArgument(
            f"{field}: {seconds}, it must be "
            f"{MIN_ACK_DEADLINE_SECONDS} to {MAX_ACK_DEADLINE_SECONDS} seconds"
        )


def check_deadline_change(field: str, seconds: int) -> None:
    """The new deadline of a lease, from now; 0 gives the message back."""
    if not 0 <= seconds <= MAX_ACK_DEADLINE_SECONDS:
        raise InvalidArgument(
            f"{field}: {seconds}, it must be 0 to {MAX_ACK_DEADLINE_SECONDS} seconds"
        )


def check_ack_ids(ack_ids: Sequence[str]) -> None:
    """The leases that an acknowledgement or a change of deadline names."""
    if not ack_ids:
        raise InvalidArgument("ack_ids: the request has none")
