"""Reading schema files into a Registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib import resources
from pathlib import Path

from schemas.errors import Problem, SchemaError
from schemas.model import Dataset
from schemas.parse import parse
from schemas.registry import Registry
from schemas.rules import check, check_together

#: Gives path and text of every ``*.json`` file of a directory; raises ``SchemaError`` for a
#: directory that cannot be read.
ReadDir = Callable[[str], Iterable[tuple[str, str]]]


def read_local(directory: str) -> Iterator[tuple[str, str]]:
    """Path and text of each ``*.json`` file in a directory of this machine, by name."""
    root = Path(directory)
    if not root.is_dir():
        raise SchemaError(Problem(directory, "", "no such directory; correct the path"))
    for path in sorted(root.glob("*.json")):
        try:
            yield str(path), path.read_text("utf-8")
        except UnicodeDecodeError as error:
            reason = f"not UTF-8 at byte {error.start}; save it as UTF-8"
            raise SchemaError(Problem(str(path), "", reason)) from error
        except OSError as error:
            raise SchemaError(
                Problem(str(path), "", f"cannot be read: {error.strerror}")
            ) from error


def load(*directories: str, bundled: bool = True, read_dir: ReadDir = read_local) -> Registry:
    """The datasets of the bundled schema files and of ``directories``.

    A file in a later directory replaces the whole file of the same subject before it, or adds
    a subject.

    Args:
        directories: where more schema files are; anything that ``read_dir`` understands.
        bundled: start from the files that come with this package.
        read_dir: reads one of ``directories``; the default knows this machine's file system.

    Raises:
        SchemaError: a directory is missing or holds no schema file, or files are wrong; it
            lists the problems of all files.
    """
    problems: list[Problem] = []
    chosen: dict[str, tuple[str, Dataset]] = {}
    for file, text in _files(directories, bundled, read_dir):
        dataset, faults = parse(file, text)
        problems += faults
        if dataset is not None:
            problems += check(file, dataset)
            chosen[dataset.subject] = file, dataset
    problems += check_together(dict(chosen.values()))
    if problems:
        raise SchemaError(*problems)
    return Registry(dataset for _, dataset in chosen.values())


def _files(
    directories: Iterable[str], bundled: bool, read_dir: ReadDir
) -> Iterator[tuple[str, str]]:
    if bundled:
        yield from _read_bundled()
    for directory in directories:
        files = list(read_dir(directory))
        if not files:
            reason = "no *.json file here; name a directory of schema files"
            raise SchemaError(Problem(directory, "", reason))
        yield from files


def _read_bundled() -> Iterator[tuple[str, str]]:
    # Through importlib.resources, so that they are found in an installed package and in a zip.
    directory = resources.files("schemas").joinpath("datasets")
    for entry in sorted(directory.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".json"):
            yield str(entry), entry.read_text("utf-8")
