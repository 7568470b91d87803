"""The file door: messages from files ``<DATASET>/<message_id>``, local or ``gs://``.

Files are listed once and read in groups, so that 100,000 small files are a few hundred elements
and the work still spreads over workers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import apache_beam as beam
from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from pipeline.message import from_file
from schemas import Problem, SchemaError

#: A group is closed at this many files or bytes.
GROUP_FILES: Final = 500
GROUP_BYTES: Final = 32_000_000


def list_groups(pattern: str) -> Iterator[list[str]]:
    """The files that match ``pattern``, in groups of bounded number and size."""
    group: list[str] = []
    size = 0
    for result in FileSystems.match([pattern]):
        for metadata in result.metadata_list:
            if group and (len(group) >= GROUP_FILES or size + metadata.size_in_bytes > GROUP_BYTES):
                yield group
                group, size = [], 0
            group.append(metadata.path)
            size += metadata.size_in_bytes
    if group:
        yield group


def any_match(pattern: str) -> bool:
    """True where at least one file matches ``pattern``."""
    return any(result.metadata_list for result in FileSystems.match([pattern], limits=[1]))


class FileError(Exception):
    """A file that cannot be read; the text names it."""


class ListFiles(beam.DoFn):
    """Pattern → groups of file paths, as bytes: a local name need not be UTF-8."""

    def process(self, pattern: str) -> Iterator[Any]:
        for group in list_groups(pattern):
            yield [path.encode("utf-8", "surrogateescape") for path in group]


class ReadFiles(beam.DoFn):
    """Group of file paths → Message each."""

    def process(self, paths: list[bytes]) -> Iterator[Any]:
        for path in (path.decode("utf-8", "surrogateescape") for path in paths):
            yield from_file(path, _read(path))


def _read(path: str) -> bytes:
    """The bytes as they are: gzip is undone where every door undoes it."""
    try:
        with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
            data: bytes = file.read()
    except (OSError, BeamIOError) as error:
        raise FileError(f"cannot read {ascii(path)[1:-1]}: {error}") from None
    return data


class ReadFromFiles(beam.PTransform):
    """All files that match ``pattern``, as Messages."""

    def __init__(self, pattern: str) -> None:
        super().__init__()
        self._pattern = pattern

    def expand(self, begin: Any) -> Any:
        return (
            begin
            | "Pattern" >> beam.Create([self._pattern])
            | "ListFiles" >> beam.ParDo(ListFiles())
            | "Spread" >> beam.Reshuffle()
            | "ReadFiles" >> beam.ParDo(ReadFiles())
        )


def read_schema_dir(directory: str) -> Iterator[tuple[str, str]]:
    """``(path, text)`` of the schema files in a directory, local or ``gs://``.

    Raises:
        SchemaError: the directory or a file cannot be read.
    """
    try:
        results = FileSystems.match([FileSystems.join(directory, "*.json")])
    except (BeamIOError, ValueError) as error:
        raise SchemaError(Problem(directory, "", f"cannot be read: {error}")) from None
    for result in results:
        for metadata in sorted(result.metadata_list, key=lambda one: one.path):
            with FileSystems.open(metadata.path) as file:
                try:
                    text = file.read().decode()
                except UnicodeDecodeError as error:
                    reason = f"not UTF-8 at byte {error.start}; save it as UTF-8"
                    raise SchemaError(Problem(metadata.path, "", reason)) from None
            yield metadata.path, text
