"""A backlog in a folder with one topic and one subscription, for the tests of it."""

from __future__ import annotations

import shutil
from pathlib import Path

from local.pubsub import DiskBacklog
from local.pubsub.model import Content, Subscription, Topic

TOPIC = Topic("projects/p/topics/t")
SUB = Subscription("projects/p/subscriptions/s", TOPIC.name)


def new_backlog(folder: Path) -> DiskBacklog:
    """Its ids begin with 1."""
    backlog = DiskBacklog(folder, first_id=1)
    backlog.save_topic(TOPIC)
    backlog.save_subscription(SUB)
    backlog.commit()
    return backlog


def append(backlog: DiskBacklog, *data: bytes) -> list[int]:
    return backlog.append([Content(each) for each in data], 1, [SUB.name])


def data_of(backlog: DiskBacklog) -> list[bytes]:
    return [backlog.read(each).content.data for each in backlog.pending(SUB.name)]


def crash(folder: Path, copy: Path) -> Path:
    """A copy of the folder as it would be found if its process were killed now."""
    shutil.copytree(folder, copy)
    return copy
