"""A feed as files, in the layout of the IRIS archive."""

from __future__ import annotations

from pathlib import Path

import envelope
from local.feed.message import FeedMessage


class Folder:
    """Writes messages to ``<DATASET>/<message_id>`` below ``root``, where the pipeline reads.

    A duplicate has the name of its original and replaces it: a folder holds each message once.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._made: set[str] = set()

    def write(self, message: FeedMessage) -> None:
        """Writes one message.

        Raises:
            OSError: the folder or the file cannot be written.
        """
        dataset = message.dataset or envelope.UNKNOWN_DATASET
        folder = self._root / dataset
        if dataset not in self._made:
            folder.mkdir(parents=True, exist_ok=True)
            self._made.add(dataset)
        (folder / message.message_id).write_bytes(message.body)
