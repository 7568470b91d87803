"""A backlog that survives the end of its process, a kill and a power cut."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from local.pubsub import changes
from local.pubsub.backlog import Backlog
from local.pubsub.backlog_file import BacklogFile
from local.pubsub.changes import Change
from local.pubsub.folder import FolderLock
from local.pubsub.group_commit import GroupCommit
from local.pubsub.model import Content, Message, StorageError, Subscription, Topic

#: Message ids reserved on disk at a time. After a crash their rest is skipped: an id that was
#: given out and not written yet may have been seen by a subscriber.
ID_BLOCK: Final = 1_000_000
#: Nothing more is published when the disk has less room, so that acknowledgements, which make
#: room, can still be written.
MIN_FREE_BYTES: Final = 64 * 1024 * 1024


@dataclass
class _Unwritten:
    """Changes since the last write, and the messages among them."""

    changes: list[Change] = field(default_factory=list)
    messages: dict[int, Message] = field(default_factory=dict)


class DiskBacklog(Backlog):
    """A backlog in a folder, which belongs to it until ``close`` or the end of the process.

    Contents are in memory only until they are written, half a second at most. What waits for
    acknowledgement is in memory only as ids, and those belong to the broker.

    While the disk takes no writes, ``append`` and ``commit`` raise; what was appended before
    stays in memory and is written when that is possible again. So a message whose publish failed
    may still be delivered, like one whose answer was lost.

    Args:
        folder: is made if it is missing.
        first_id: the first message's id in a fresh folder. By default the microseconds since
            1970, so that two folders do not use the same ids.

    Raises:
        StorageError: the folder is in use or cannot be used, or its file is damaged.
    """

    def __init__(self, folder: Path | str, first_id: int | None = None) -> None:
        self._folder = Path(folder).absolute()
        self._folder_lock = FolderLock(self._folder)
        try:
            first_id = time.time_ns() // 1_000 if first_id is None else first_id
            self._file = BacklogFile(self._folder / "backlog.sqlite", first_id)
        except BaseException:
            self._folder_lock.close()
            raise
        self._next_id = self._reserved = self._file.reserved_ids()
        #: Guards what follows: the broker adds, the committing thread takes.
        self._lock = threading.Lock()
        self._unwritten = _Unwritten()
        self._being_written = _Unwritten()
        self._group = GroupCommit(self._write)
        self._closed = False

    def topics(self) -> Sequence[Topic]:
        self._group.commit()
        return self._file.topics()

    def subscriptions(self) -> Sequence[Subscription]:
        self._group.commit()
        return self._file.subscriptions()

    def pending(self, subscription: str) -> Sequence[int]:
        self._group.commit()
        return self._file.pending(subscription)

    def save_topic(self, topic: Topic) -> None:
        self._change(changes.save_topic(topic))

    def remove_topic(self, name: str) -> None:
        self._change(changes.remove_topic(name))

    def save_subscription(self, subscription: Subscription) -> None:
        self._change(changes.save_subscription(subscription))

    def remove_subscription(self, name: str) -> None:
        self._change(*changes.remove_subscription(name))

    def append(
        self, contents: Sequence[Content], publish_time_ns: int, subscriptions: Sequence[str]
    ) -> list[int]:
        self._check_room()
        ids = self._take_ids(len(contents))
        if subscriptions:
            messages = [
                Message(message_id, publish_time_ns, content)
                for message_id, content in zip(ids, contents, strict=True)
            ]
            self._change(*changes.append(messages, subscriptions), messages=messages)
        return ids

    def read(self, message_id: int) -> Message:
        with self._lock:
            for part in (self._unwritten, self._being_written):
                if message_id in part.messages:
                    return part.messages[message_id]
        return self._file.message(message_id)

    def acknowledge(self, subscription: str, message_ids: Sequence[int]) -> None:
        self._change(changes.acknowledge(subscription, message_ids))

    def commit(self) -> None:
        self._group.commit()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            self._group.close()
        finally:
            self._file.close()
            self._folder_lock.close()

    def _check_room(self) -> None:
        if failure := self._group.failure:
            # Else each attempt of each publisher would stay in memory until the disk is well.
            raise StorageError(str(failure))
        try:
            free = shutil.disk_usage(self._folder).free
        except OSError as error:
            raise StorageError(
                f"{self._folder}: is gone ({error.strerror}): end this server and start it again"
            ) from error
        if free < MIN_FREE_BYTES:
            raise StorageError(
                f"{self._folder}: its disk has {free:,} bytes left, and publishing stops below "
                f"{MIN_FREE_BYTES:,}: make room, or let subscribers acknowledge messages"
            )

    def _take_ids(self, count: int) -> list[int]:
        end = self._next_id + count
        if end > self._reserved:
            reserved = end + ID_BLOCK
            self._change(changes.reserve_ids(reserved))
            self._group.commit()
            self._reserved = reserved
        ids = list(range(self._next_id, end))
        self._next_id = end
        return ids

    def _change(self, *new: Change, messages: Sequence[Message] = ()) -> None:
        with self._lock:
            self._unwritten.changes.extend(new)
            self._unwritten.messages.update((each.message_id, each) for each in messages)
        self._group.note()

    def _write(self) -> None:
        with self._lock:
            # What a failed write has left goes first.
            self._being_written.changes += self._unwritten.changes
            self._being_written.messages |= self._unwritten.messages
            self._unwritten = _Unwritten()
        self._file.write(self._being_written.changes)
        with self._lock:
            self._being_written = _Unwritten()
