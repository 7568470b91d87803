"""The folder of a backlog on disk: made to last, and used by one server at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from local.pubsub.model import StorageError


class FolderLock:
    """A folder that belongs to this object until ``close``, or until the process ends.

    The folder is made if it is missing. The lock is the operating system's, so that a killed
    process leaves none behind.

    Raises:
        StorageError: the folder cannot be used, or is in use.
    """

    def __init__(self, folder: Path) -> None:
        try:
            _make(folder)
            self._file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StorageError(
                f"{folder}: cannot be used ({error.strerror}): give a folder that can be written"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(self._file, 100, 0).decode(errors="replace").strip()
            os.close(self._file)
            raise StorageError(
                f"{folder}: in use by another Pub/Sub server (process {owner}): "
                "stop that one, or give another folder"
            ) from None
        except OSError as error:
            os.close(self._file)
            raise StorageError(
                f"{folder}: cannot be locked ({error.strerror}): give a folder on a disk of this "
                "machine"
            ) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        """Lets others use the folder. Once."""
        os.close(self._file)


def _make(folder: Path) -> None:
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in missing:
        # What was created is on the disk only when the folder that names it is.
        parent = os.open(each.parent, os.O_RDONLY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)
