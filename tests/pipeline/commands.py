"""The command line, run in this process over a small registry, and what it says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import schemas
from pipeline import launch
from schemas import Registry

ROOT = Path(__file__).parents[2]
SUBJECTS = ("FREQ", "INDOD", "mibm_mid")


@dataclass
class Said:
    """What a command has come to: exit code, lines on stdout and stderr, warnings logged."""

    code: int
    out: list[str]
    err: list[str]
    logged: list[str]

    def totals(self) -> dict[str, list[str]]:
        """The columns of the summary, by dataset."""
        rule = [at for at, line in enumerate(self.out) if line.startswith("---")]
        body = [*self.out[rule[0] + 1 : rule[1]], self.out[rule[1] + 1]]
        return {line.split()[0]: line.split()[1:4] for line in body}


Command = Callable[..., Said]


def command_of(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Command:
    """Runs ``python -m pipeline`` with the arguments given."""

    def command(*argv: str) -> Said:
        capfd.readouterr()
        caplog.clear()
        code = launch.main(argv)
        said = capfd.readouterr()
        logged = [record.getMessage() for record in caplog.records]
        return Said(code, said.out.splitlines(), said.err.splitlines(), logged)

    return command


@contextmanager
def few_datasets(registry: Registry) -> Iterator[None]:
    """Lets the command line bundle three datasets instead of all: their graph is quick."""
    few = [registry[subject] for subject in SUBJECTS]

    def load(*directories: str, **options: Any) -> Registry:
        more = real(*directories, bundled=False, **options) if directories else {}
        return Registry([*few, *more.values()])

    real = schemas.load
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schemas, "load", load)
        yield


def put(folder: Path, name: str, records: Any) -> Path:
    """A message file ``<DATASET>/<message_id>``; ``records`` as JSON, or bytes as they are."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(records if isinstance(records, bytes) else json.dumps(records).encode())
    return path
