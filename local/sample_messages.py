"""The bundled sample of each dataset, put into message form as IRIS sends it.

``python -m local.sample_messages FOLDER`` writes files ``<DATASET>/<message_id>``, the layout of
the IRIS archive. Where each sample is from stands in ``local/samples/SOURCES.md``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

#: The minute that the samples' file names carry.
_MINUTE: Final = "202611010000"


def samples() -> Iterator[tuple[str, bytes]]:
    """``(dataset, JSON array)`` of each bundled sample, sorted by dataset."""
    folder = files("local") / "samples"
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.name.endswith(".json"):
            yield entry.name.removesuffix(".json"), entry.read_bytes()


def frame(array: bytes) -> bytes:
    """``array`` as a message body: a JSON string literal that holds it, IRIS's likely framing."""
    return json.dumps(array.decode()).encode()


def message_id(dataset: str) -> str:
    """A file name of IRIS's pattern, the same each time."""
    return f"{dataset}_{_MINUTE}_00001.json"


def write(folder: Path) -> int:
    """Writes all samples below ``folder``; the number of messages."""
    count = 0
    for dataset, array in samples():
        path = folder / dataset / message_id(dataset)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(frame(array))
        count += 1
    return count


def main(argv: Sequence[str]) -> int:
    """Writes the samples into the folder named."""
    if len(argv) != 1:
        print("usage: python -m local.sample_messages FOLDER", file=sys.stderr)
        return 2
    try:
        count = write(Path(argv[0]))
    except OSError as error:
        print(f"cannot write samples to {argv[0]}: {error.strerror}", file=sys.stderr)
        return 2
    print(f"{count} sample messages in {argv[0]}/<DATASET>/<message_id>")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
