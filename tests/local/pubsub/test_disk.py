"""The backlog in a folder: what a crash leaves, damage, one owner."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.pubsub import DiskBacklog, backlog_file, disk
from local.pubsub.model import Content, Message, StorageError
from tests.local.pubsub.clients import eventually
from tests.local.pubsub.disks import SUB, TOPIC, append, crash, data_of, new_backlog


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "not" / "there yet"


@pytest.fixture
def backlog(folder: Path) -> Iterator[DiskBacklog]:
    backlog = new_backlog(folder)
    yield backlog
    backlog.close()


class TestCrash:
    def test_what_is_committed_survives(
        self, backlog: DiskBacklog, folder: Path, tmp_path: Path
    ) -> None:
        append(backlog, b"a", b"b")
        backlog.commit()
        backlog.acknowledge(SUB.name, [1])
        backlog.commit()
        found = DiskBacklog(crash(folder, tmp_path / "copy"))
        assert (found.topics(), found.subscriptions()) == ([TOPIC], [SUB])
        assert found.pending(SUB.name) == [2]
        assert found.read(2) == Message(2, 1, Content(b"b"))
        found.close()

    def test_an_id_that_was_given_before_the_crash_is_not_given_again(
        self, backlog: DiskBacklog, folder: Path, tmp_path: Path
    ) -> None:
        append(backlog, b"a")
        backlog.commit()
        copy = crash(folder, tmp_path / "copy")
        seen = append(backlog, b"delivered before its commit")
        found = DiskBacklog(copy)
        assert found.pending(SUB.name) == [1]
        assert min(append(found, b"b")) > max(seen)
        found.close()

    def test_ids_go_on_beyond_a_block(
        self, backlog: DiskBacklog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(disk, "ID_BLOCK", 5)
        ids = [each for count in (1, 4, 7, 2) for each in append(backlog, *[b"x"] * count)]
        assert ids == list(range(1, 15))
        assert backlog._file.reserved_ids() > 14

    def test_acknowledgements_reach_the_disk_without_a_publish(
        self, backlog: DiskBacklog, folder: Path
    ) -> None:
        append(backlog, b"a", b"b")
        backlog.commit()
        backlog.acknowledge(SUB.name, [1])
        with sqlite3.connect(folder / "backlog.sqlite") as other:
            query = "SELECT message FROM pending"
            eventually(lambda: other.execute(query).fetchall() == [(2,)])
        other.close()

    def test_each_commit_is_synchronised(self, backlog: DiskBacklog) -> None:
        writer = backlog._file._writer
        pragmas = {"synchronous": 2, "journal_mode": "wal", "fullfsync": 1}
        assert {key: writer.execute(f"PRAGMA {key}").fetchone()[0] for key in pragmas} == pragmas


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder after a crash, ten commits of some pages each in its write-ahead log."""
    folder = tmp_path_factory.mktemp("crashed")
    backlog = new_backlog(folder / "data")
    for number in range(10):
        append(backlog, *[b"%d" % number * 5_000] * 3)
        backlog.commit()
    copy = crash(folder / "data", folder / "copy")
    backlog.close()
    return copy


class TestTornLog:
    """After a power cut the log may end anywhere, and with what the disk had there before."""

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(cut=st.integers(0, 10**6), rubbish=st.binary(max_size=20_000))
    def test_whole_commits_are_found(
        self, crashed: Path, tmp_path: Path, cut: int, rubbish: bytes
    ) -> None:
        copy = crash(crashed, tmp_path / "copy")
        log = copy / "backlog.sqlite-wal"
        whole = log.stat().st_size
        with log.open("r+b") as file:
            file.truncate(cut % whole)
            file.seek(0, os.SEEK_END)
            file.write(rubbish)
        found = DiskBacklog(copy)
        subscriptions = found.subscriptions()
        bodies = data_of(found) if subscriptions else []
        assert bodies == [b"%d" % (at // 3) * 5_000 for at in range(len(bodies))]
        assert len(bodies) % 3 == 0
        found.close()
        shutil.rmtree(copy)

    def test_the_whole_log_has_all(self, crashed: Path, tmp_path: Path) -> None:
        found = DiskBacklog(crash(crashed, tmp_path / "copy"))
        assert len(data_of(found)) == 30
        found.close()


class TestDamage:
    @pytest.fixture
    def file(self, folder: Path, backlog: DiskBacklog) -> Path:
        """Of a closed backlog of 100 messages."""
        append(backlog, *[b"x" * 5_000] * 100)
        backlog.close()
        return folder / "backlog.sqlite"

    def test_half_of_the_file(self, file: Path, folder: Path) -> None:
        os.truncate(file, file.stat().st_size // 2)
        self.assert_refused(folder, file)

    @pytest.mark.parametrize("page", [0, 2, 20])
    def test_a_page_of_rubbish(self, page: int, file: Path, folder: Path) -> None:
        with file.open("r+b") as damaged:
            damaged.seek(page * backlog_file.PAGE_BYTES)
            damaged.write(b"rubbish " * (backlog_file.PAGE_BYTES // 8))
        self.assert_refused(folder, file)

    def assert_refused(self, folder: Path, file: Path) -> None:
        advice = "move its folder away to begin an empty one; sqlite3's command .recover may save"
        for _ in range(2):  # the first attempt has let go of the folder
            with pytest.raises(StorageError) as caught:
                DiskBacklog(folder)
            assert str(caught.value).startswith(f"{file}: is damaged (")
            assert advice in str(caught.value)

    def test_another_version(self, file: Path, folder: Path) -> None:
        with sqlite3.connect(file) as other:
            other.execute("PRAGMA user_version = 2")
        other.close()
        text = f"{file}: has format 2, this version reads 1: use the version that wrote it"
        with pytest.raises(StorageError, match=f"^{re.escape(text)}"):
            DiskBacklog(folder)

    def test_damage_that_shows_later(self, backlog: DiskBacklog, folder: Path) -> None:
        append(backlog, *[b"x" * 5_000] * 100)
        backlog.commit()
        backlog._file._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        backlog._file._reader.execute("PRAGMA cache_size = 0")
        file = folder / "backlog.sqlite"
        with file.open("r+b") as damaged:
            damaged.seek(backlog_file.PAGE_BYTES)
            damaged.write(b"rubbish " * (file.stat().st_size // 8 - backlog_file.PAGE_BYTES // 8))
        with pytest.raises(StorageError, match=f"^{re.escape(str(file))}: is damaged"):
            backlog.read(50)


class TestOwner:
    def test_a_folder_in_use_is_refused(self, backlog: DiskBacklog, folder: Path) -> None:
        backlog.close()
        (folder / "lock").write_text("12345678901234567890 was a longer number\n")
        backlog = DiskBacklog(folder)
        text = f"{folder}: in use by another Pub/Sub server (process {os.getpid()}): stop that one"
        with pytest.raises(StorageError, match=f"^{re.escape(text)}"):
            DiskBacklog(folder)
        backlog.close()

    def test_a_folder_that_cannot_be_locked(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As on some network drives."""

        def refuse(*_: int) -> None:
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

        monkeypatch.setattr(fcntl, "flock", refuse)
        text = f"{folder}: cannot be locked (No locks available): give a folder on a disk of this"
        with pytest.raises(StorageError, match=f"^{re.escape(text)}"):
            DiskBacklog(folder)
        monkeypatch.undo()
        DiskBacklog(folder).close()

    def test_a_closed_one_is_free(self, backlog: DiskBacklog, folder: Path) -> None:
        backlog.close()
        DiskBacklog(folder).close()

    def test_a_folder_that_cannot_be(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        folder = tmp_path / "file" / "data"
        with pytest.raises(StorageError, match=f"^{re.escape(str(folder))}: cannot be used"):
            DiskBacklog(folder)

    def test_a_file_that_cannot_be(self, tmp_path: Path) -> None:
        (tmp_path / "backlog.sqlite").mkdir()
        for _ in range(2):
            with pytest.raises(StorageError, match=r"backlog.sqlite: cannot be opened \("):
                DiskBacklog(tmp_path)
