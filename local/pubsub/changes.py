"""The tables of a backlog on disk, and each change to it as an SQL statement with its rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from local.pubsub.model import Content, Message, Subscription, Topic

#: Rises when ``SCHEMA`` changes in a way that older code cannot read.
VERSION: Final = 1

# A message is kept once, and once more by name for each subscription that waits for it; the
# trigger drops it with the last of them. The body comes last: SQLite reads a row from its start.
SCHEMA: Final = f"""
CREATE TABLE topics (name TEXT PRIMARY KEY, labels TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE subscriptions (
    name TEXT PRIMARY KEY,
    topic TEXT NOT NULL,
    ack_deadline_seconds INTEGER NOT NULL,
    labels TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    publish_time_ns INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    ordering_key TEXT NOT NULL,
    data BLOB NOT NULL
);
CREATE TABLE pending (
    message INTEGER NOT NULL,
    subscription TEXT NOT NULL,
    PRIMARY KEY (message, subscription)
) WITHOUT ROWID;
CREATE TRIGGER last_acknowledgement AFTER DELETE ON pending
WHEN NOT EXISTS (SELECT 1 FROM pending WHERE message = OLD.message)
BEGIN
    DELETE FROM messages WHERE id = OLD.message;
END;
CREATE TABLE ids (reserved INTEGER NOT NULL);
PRAGMA user_version = {VERSION};
"""

Value = int | str | bytes
Row = tuple[Value, ...]

TOPICS: Final = "SELECT name, labels FROM topics"
SUBSCRIPTIONS: Final = "SELECT name, topic, ack_deadline_seconds, labels FROM subscriptions"
PENDING: Final = "SELECT message FROM pending WHERE subscription = ? ORDER BY message"
MESSAGE: Final = """
SELECT id, publish_time_ns, attributes, ordering_key, data FROM messages WHERE id = ?
"""
RESERVED: Final = "SELECT reserved FROM ids"


@dataclass(frozen=True)
class Change:
    """A statement, to be run once for each of the rows."""

    sql: str
    rows: Sequence[Row]


def save_topic(topic: Topic) -> Change:
    """Adds or replaces a topic."""
    row = (topic.name, _json(topic.labels))
    return Change("INSERT OR REPLACE INTO topics VALUES (?, ?)", [row])


def remove_topic(name: str) -> Change:
    """Removes a topic, and nothing else."""
    return Change("DELETE FROM topics WHERE name = ?", [(name,)])


def save_subscription(sub: Subscription) -> Change:
    """Adds or replaces a subscription; what waits for it stays."""
    row = (sub.name, sub.topic, sub.ack_deadline_seconds, _json(sub.labels))
    return Change("INSERT OR REPLACE INTO subscriptions VALUES (?, ?, ?, ?)", [row])


def remove_subscription(name: str) -> list[Change]:
    """Removes a subscription, and the messages that wait for nothing else."""
    return [
        Change("DELETE FROM subscriptions WHERE name = ?", [(name,)]),
        Change("DELETE FROM pending WHERE subscription = ?", [(name,)]),
    ]


def append(messages: Sequence[Message], subscriptions: Sequence[str]) -> list[Change]:
    """Adds messages that each of ``subscriptions`` has to acknowledge."""
    return [
        Change("INSERT INTO messages VALUES (?, ?, ?, ?, ?)", [_row(each) for each in messages]),
        Change(
            "INSERT INTO pending VALUES (?, ?)",
            [(each.message_id, name) for each in messages for name in subscriptions],
        ),
    ]


def acknowledge(subscription: str, message_ids: Sequence[int]) -> Change:
    """One subscription has done with the messages."""
    return Change(
        "DELETE FROM pending WHERE message = ? AND subscription = ?",
        [(message_id, subscription) for message_id in message_ids],
    )


def reserve_ids(end: int) -> Change:
    """Message ids below ``end`` may have been given out."""
    return Change("UPDATE ids SET reserved = ?", [(end,)])


def topic_of(row: tuple[str, str]) -> Topic:
    """From a row of ``TOPICS``."""
    name, labels = row
    return Topic(name, json.loads(labels))


def subscription_of(row: tuple[str, str, int, str]) -> Subscription:
    """From a row of ``SUBSCRIPTIONS``."""
    name, topic, seconds, labels = row
    return Subscription(name, topic, seconds, json.loads(labels))


def message_of(row: tuple[int, int, str, str, bytes]) -> Message:
    """From a row of ``MESSAGE``."""
    message_id, publish_time_ns, attributes, ordering_key, data = row
    return Message(message_id, publish_time_ns, Content(data, json.loads(attributes), ordering_key))


def _row(message: Message) -> Row:
    content = message.content
    attributes = _json(content.attributes)
    place = (message.message_id, message.publish_time_ns)
    return (*place, attributes, content.ordering_key, content.data)


def _json(texts: Mapping[str, str]) -> str:
    return json.dumps(dict(texts))
