"""``python -m bridge --check``: both sides looked at; no message is taken or published."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from bridge.settings import Login, Settings
from bridge.source import Access, Source, SourceLost
from bridge.topic import Topic, TopicError


async def check(settings: Settings) -> AsyncIterator[tuple[bool, str]]:
    """Findings, one by one: whether it is well, and a line for the user."""
    kind = "client id and secret" if isinstance(settings.access, Login) else "connection string"
    yield True, f"settings: queue {settings.queue_name}, login by {kind}, topic {settings.topic}"
    expires = settings.secret_expires
    if expires is not None:
        days = (expires - datetime.now(UTC).date()).days
        when = f"it ends on {expires}, in {days} days" if days > 0 else f"it ended on {expires}"
        yield days > 0, f"secret: {when}"
    yield await _queue(settings)
    yield await _topic(settings)


async def _queue(settings: Settings) -> tuple[bool, str]:
    access = Access(settings)
    try:
        async with Source(access) as source:
            waiting = await source.probe() is not None
    except SourceLost as error:
        return False, f"queue: {error}"
    finally:
        await access.close()
    return True, "queue: connected, " + ("messages are waiting" if waiting else "it is empty")


async def _topic(settings: Settings) -> tuple[bool, str]:
    try:
        async with Topic(settings.topic, settings.emulator) as topic:
            await topic.check()
    except TopicError as error:
        return False, f"topic: {error}"
    return True, "topic: there, and it may be published to"
