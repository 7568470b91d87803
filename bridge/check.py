"""``python -m bridge --check``: both sides looked at; no message is taken or published."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

from bridge.login import Login, SecretVersion
from bridge.secret_manager import SecretError
from bridge.settings import Settings
from bridge.source import Access, Source, SourceLost
from bridge.topic import Topic, TopicError


async def check(settings: Settings) -> AsyncIterator[tuple[bool, str]]:
    """Findings, one by one: whether it is well, and a line for the user."""
    login = settings.access if isinstance(settings.access, Login) else None
    stored = (
        login.client_secret if login and isinstance(login.client_secret, SecretVersion) else None
    )
    kind = "client id and secret" if login else "connection string"
    yield True, f"settings: queue {settings.queue_name}, login by {kind}, topic {settings.topic}"
    if settings.secret_expires is not None:
        yield secret_end(settings.secret_expires, datetime.now(UTC).date())
    access = Access(settings)
    try:
        await access.learn_secret()
    except SecretError as error:
        yield False, f"secret: {error}"
        yield False, "queue: not looked at, for want of the secret"
    else:
        if stored is not None:
            yield True, f"secret: read from {stored.name}"
        yield await _queue(access)
    yield await _topic(settings)


def secret_end(expires: date, today: date) -> tuple[bool, str]:
    """A finding on the day on which the secret ends: by that day it must have been replaced."""
    days = (expires - today).days
    when = f"it ends on {expires}, in {days} days" if days > 0 else f"it ended on {expires}"
    return days > 0, f"secret: {when}"


async def _queue(access: Access) -> tuple[bool, str]:
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
