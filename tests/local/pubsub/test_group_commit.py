"""One write for all who wait; a failed one fails them and is repeated."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from local.pubsub.group_commit import GroupCommit
from local.pubsub.model import StorageError
from tests.local.pubsub.clients import eventually

NEVER = 600.0


class Disk:
    """A disk that a test holds up and fills.

    Attributes:
        writes: how many have begun.
        failures: how many of those that begin from now on fail.
        go: while it is not set, no write ends.
    """

    def __init__(self) -> None:
        self.writes = 0
        self.failures = 0
        self.go = threading.Event()
        self.go.set()

    def write(self) -> None:
        self.writes += 1
        fails = self.failures > 0
        self.failures -= fails
        assert self.go.wait(timeout=10)
        if fails:
            raise OSError("no space")


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def group(disk: Disk) -> Iterator[GroupCommit]:
    group = GroupCommit(disk.write, linger=NEVER)
    yield group
    disk.go.set()
    disk.failures = 0
    group.close()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as threads:
        yield threads


def change_and_commit(group: GroupCommit) -> None:
    group.note()
    group.commit()


def hold_a_write(disk: Disk, group: GroupCommit, threads: ThreadPoolExecutor) -> Future[None]:
    """Its commit; the write has begun."""
    disk.go.clear()
    before = disk.writes
    held = threads.submit(change_and_commit, group)
    eventually(lambda: disk.writes > before)
    return held


def test_nothing_to_write_is_not_written(disk: Disk, group: GroupCommit) -> None:
    group.commit()
    change_and_commit(group)
    group.commit()
    assert disk.writes == 1


def test_who_comes_during_a_write_shares_the_next(
    disk: Disk, group: GroupCommit, threads: ThreadPoolExecutor
) -> None:
    first = hold_a_write(disk, group, threads)
    for _ in range(10):
        group.note()
    others = [threads.submit(group.commit) for _ in range(10)]
    disk.go.set()
    for each in (first, *others):
        each.result(timeout=10)
    assert disk.writes == 2


def test_a_change_during_a_write_is_not_safe_by_it(
    disk: Disk, group: GroupCommit, threads: ThreadPoolExecutor
) -> None:
    hold_a_write(disk, group, threads)
    group.note()
    second = threads.submit(group.commit)
    eventually(lambda: group._asked == 2)
    disk.failures = 1
    disk.go.set()
    with pytest.raises(StorageError, match=r"^no space$"):
        second.result(timeout=10)


def test_a_failed_write_fails_all_who_wait_for_it(
    disk: Disk, group: GroupCommit, threads: ThreadPoolExecutor
) -> None:
    before = hold_a_write(disk, group, threads)
    group.note()
    waiting = [threads.submit(group.commit) for _ in range(3)]
    eventually(lambda: len(group._done._waiters) == 4)
    disk.failures = 1
    disk.go.set()
    before.result(timeout=10)
    for each in waiting:
        with pytest.raises(StorageError, match=r"^no space$"):
            each.result(timeout=10)
    assert (disk.writes, type(group.failure)) == (2, OSError)
    group.commit()
    assert (disk.writes, group.failure) == (3, None)


def test_a_commit_during_a_failing_write_gets_a_write_of_its_own(
    disk: Disk, group: GroupCommit, threads: ThreadPoolExecutor
) -> None:
    disk.failures = 1
    hold_a_write(disk, group, threads)
    other = threads.submit(group.commit)
    eventually(lambda: group._asked == 2)
    disk.go.set()
    other.result(timeout=10)
    assert disk.writes == 2


def test_changes_that_nobody_waits_for_are_written_too(disk: Disk) -> None:
    group = GroupCommit(disk.write, linger=0.01)
    disk.failures = 2
    group.note()
    eventually(lambda: disk.writes == 3)
    eventually(lambda: group.failure is None)
    group.close()
    assert disk.writes == 3


def test_closing_commits_and_ends_the_thread(disk: Disk) -> None:
    group = GroupCommit(disk.write, linger=NEVER)
    group.note()
    group.close()
    assert (disk.writes, group._thread.is_alive()) == (1, False)


def test_closing_ends_the_thread_also_when_the_commit_fails(disk: Disk) -> None:
    group = GroupCommit(disk.write, linger=NEVER)
    group.note()
    disk.failures = 1
    with pytest.raises(StorageError, match=r"^no space$"):
        group.close()
    assert (disk.writes, group._thread.is_alive()) == (1, False)
