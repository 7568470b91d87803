"""The backlog in a folder: a full disk, space given back, memory."""

from __future__ import annotations

import os
import re
import sqlite3
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.pubsub import DiskBacklog, backlog_file, changes, disk
from local.pubsub.changes import Change
from local.pubsub.model import StorageError
from tests.local.pubsub.clients import eventually
from tests.local.pubsub.disks import SUB, append, crash, data_of, new_backlog


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "not" / "there yet"


@pytest.fixture
def backlog(folder: Path) -> Iterator[DiskBacklog]:
    backlog = new_backlog(folder)
    yield backlog
    backlog.close()


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def fill_up(backlog: DiskBacklog) -> None:
    """No page more than the file has."""
    writer = backlog._file._writer
    (pages,) = writer.execute("PRAGMA page_count").fetchone()
    writer.execute(f"PRAGMA max_page_count = {pages}").fetchone()


def make_room(backlog: DiskBacklog) -> None:
    backlog._file._writer.execute("PRAGMA max_page_count = 1000000").fetchone()


class TestFullDisk:
    def test_a_publish_fails_and_passes_again(
        self, backlog: DiskBacklog, folder: Path, tmp_path: Path
    ) -> None:
        append(backlog, b"a")
        backlog.commit()
        fill_up(backlog)
        text = f"{folder}/backlog.sqlite: cannot be written (database or disk is full): make room"
        append(backlog, b"b" * 50_000)
        for _ in range(2):
            with pytest.raises(StorageError, match=f"^{re.escape(text)}"):
                backlog.commit()
            assert backlog.read(2).content.data == b"b" * 50_000
        # From here on each attempt is refused at once, and nothing of it is kept.
        for _ in range(3):
            with pytest.raises(StorageError, match=f"^{re.escape(text)}"):
                append(backlog, b"c" * 50_000)
        assert sum(len(each.messages) for each in (backlog._unwritten, backlog._being_written)) == 1
        found = DiskBacklog(crash(folder, tmp_path / "copy"))
        assert data_of(found) == [b"a"]
        found.close()

        make_room(backlog)
        eventually(lambda: backlog._group.failure is None)
        append(backlog, b"d")
        backlog.commit()
        assert data_of(backlog) == [b"a", b"b" * 50_000, b"d"]

    def test_closing_says_so_and_lets_go(self, backlog: DiskBacklog, folder: Path) -> None:
        append(backlog, b"a")
        backlog.commit()
        fill_up(backlog)
        append(backlog, b"b" * 50_000)
        with pytest.raises(StorageError, match="database or disk is full"):
            backlog.close()
        found = DiskBacklog(folder)
        assert data_of(found) == [b"a"]
        found.close()

    def test_publishing_stops_before_the_disk_is_full(
        self, backlog: DiskBacklog, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        append(backlog, b"a", b"b")
        backlog.commit()
        monkeypatch.setattr(disk, "MIN_FREE_BYTES", 10**18)
        text = r"its disk has [\d,]+ bytes left, and publishing stops below 1,000,000,000,000,000,"
        with pytest.raises(StorageError, match=f"^{re.escape(str(folder))}: {text}"):
            append(backlog, b"c")
        backlog.acknowledge(SUB.name, [1])
        backlog.commit()
        assert data_of(backlog) == [b"b"]


def test_a_folder_that_is_gone_takes_nothing(backlog: DiskBacklog, folder: Path) -> None:
    append(backlog, b"a")
    backlog.commit()
    folder.rename(folder.with_name("elsewhere"))
    text = f"{folder}: is gone (No such file or directory): end this server and start it again"
    with pytest.raises(StorageError, match=f"^{re.escape(text)}$"):
        append(backlog, b"b")
    assert data_of(backlog) == [b"a"]
    folder.with_name("elsewhere").rename(folder)
    append(backlog, b"c")
    assert data_of(backlog) == [b"a", b"c"]


def test_a_write_is_whole_or_not_at_all(backlog: DiskBacklog) -> None:
    good = changes.reserve_ids(10**9)
    with pytest.raises(StorageError, match=r"cannot be written \(no such table: nonsense\): see"):
        backlog._file.write([good, Change("DELETE FROM nonsense", [()])])
    assert backlog._file.reserved_ids() < 10**9
    backlog._file.write([good])
    assert backlog._file.reserved_ids() == 10**9


def test_a_write_that_cannot_tidy_up_is_safe(backlog: DiskBacklog, folder: Path) -> None:
    backlog._file._log_path = folder / "missing"
    append(backlog, b"a")
    backlog.commit()
    assert data_of(backlog) == [b"a"]


class TestSize:
    def test_traffic_does_not_grow_the_file(self, backlog: DiskBacklog, folder: Path) -> None:
        sizes = []
        for _ in range(40):
            ids = append(backlog, *[os.urandom(2_000)] * 500)
            backlog.acknowledge(SUB.name, ids[:-1])
            backlog.commit()
            sizes.append(size(folder))
        # 40 MB have passed through; what the log and a few pages need is reached soon.
        assert max(sizes) < 20_000_000
        assert max(sizes[20:]) <= max(sizes[:20]) + 1_000_000

    def test_the_space_of_a_large_backlog_is_given_back(
        self, backlog: DiskBacklog, folder: Path
    ) -> None:
        for _ in range(30):
            append(backlog, *[os.urandom(2_000)] * 1_000)
        backlog.commit()
        backlog.acknowledge(SUB.name, backlog.pending(SUB.name))
        backlog.commit()
        file = folder / "backlog.sqlite"
        for _ in range(30):
            backlog.acknowledge(SUB.name, append(backlog, b"x"))
            backlog.commit()
        backlog._file._writer.execute("PRAGMA wal_checkpoint").fetchone()
        assert file.stat().st_size < 20_000_000
        backlog.close()
        assert file.stat().st_size < 200_000

    def test_a_reader_does_not_let_the_log_grow(
        self, backlog: DiskBacklog, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(backlog_file, "MAX_LOG_BYTES", 1_000_000)
        log = folder / "backlog.sqlite-wal"
        backlog._file._writer.execute("PRAGMA wal_autocheckpoint = 0")
        sizes = []
        for _ in range(20):
            append(backlog, os.urandom(300_000))
            backlog.commit()
            sizes.append(log.stat().st_size)
        assert max(sizes) < 1_400_000
        # One that stays in an old state holds it up, and neither fails nor loses anything.
        reader = sqlite3.connect(folder / "backlog.sqlite", isolation_level=None)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM messages").fetchone() == (20,)
        for _ in range(5):
            append(backlog, os.urandom(300_000))
            backlog.commit()
        assert log.stat().st_size > 1_000_000
        reader.close()
        append(backlog, b"x")
        backlog.commit()
        assert (log.stat().st_size, len(backlog.pending(SUB.name))) == (0, 26)

    def test_contents_are_not_in_memory(self, backlog: DiskBacklog) -> None:
        tracemalloc.start()
        try:
            for _ in range(20):
                append(backlog, *[os.urandom(2_000) for _ in range(1_000)])
                backlog.commit()
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert held < 2_000_000
