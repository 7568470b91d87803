"""The analysts' questions: views and table functions that are written by hand, one file each.

A file of ``schemas/queries/`` begins with a comment that says what it answers:

    -- name: generation_mix
    -- parameters: first_day DATE, last_day DATE        (of a table function; else left out)
    -- description: one line or several, until the next word with a colon
    -- column fuelType: meaning and unit
    SELECT ...

The statement is in BigQuery's dialect; relations and functions of the dataset stand as
``iris.NAME``. A question may be built on others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Final

from schemas.views.model import Parameter, View

_HEAD: Final = re.compile(r"(?:--.*\n)+")
_ENTRY: Final = re.compile(r"(name|parameters|description|column (\w+)): *(.*)")
_PARAMETER: Final = re.compile(r"(\w+) (\w+)")


@dataclass(frozen=True)
class Question(View):
    """A view that may be built on other questions.

    Attributes:
        beneath: what the questions that it is built on need.
    """

    beneath: frozenset[str] = frozenset()

    @property
    def needs(self) -> frozenset[str]:
        """All that must be there: what it refers to, and what the questions among that need."""
        return super().needs | self.beneath


@cache
def queries() -> tuple[Question, ...]:
    """The bundled questions, by name."""
    directory = resources.files("schemas").joinpath("queries")
    files = sorted(
        (entry for entry in directory.iterdir() if entry.name.endswith(".sql")),
        key=lambda entry: entry.name,
    )
    return connected(parse(entry.name, entry.read_text("utf-8")) for entry in files)


def connected(questions: Iterable[Question]) -> tuple[Question, ...]:
    """The questions, each knowing what those that it is built on need."""
    by_name = {one.name: one for one in questions}

    def beneath(one: Question) -> frozenset[str]:
        built_on = [by_name[name] for name in one.needs if name in by_name]
        return frozenset[str]().union(*(other.needs | beneath(other) for other in built_on))

    return tuple(replace(one, beneath=beneath(one)) for one in by_name.values())


def parse(file: str, text: str) -> Question:
    """The question that a file asks.

    Raises:
        ValueError: its comment is not of the form above; the text names the file.
    """
    head = _HEAD.match(text)
    if head is None:
        raise ValueError(f"{file}: begins with no comment; name and describe it there")
    entries: dict[str, str] = {}
    key = ""
    for line in head[0].splitlines():
        words = line.removeprefix("--").strip()
        entry = _ENTRY.fullmatch(words)
        if entry is not None:
            key = entry[1]
            if key in entries:
                raise ValueError(f"{file}: says `-- {key}:` twice; leave one out")
            entries[key] = entry[3]
        elif key:
            entries[key] += f" {words}"
    name = entries.get("name", "")
    if f"{name}.sql" != file or not entries.get("description"):
        raise ValueError(
            f"{file}: give it `-- name: {file.removesuffix('.sql')}` and a description"
        )
    return Question(
        name,
        text[head.end() :].strip().rstrip(";"),
        entries["description"],
        _columns(entries),
        tuple(_parameters(file, entries.get("parameters", ""))),
    )


def _columns(entries: Mapping[str, str]) -> dict[str, str]:
    return {
        key.removeprefix("column "): text
        for key, text in entries.items()
        if key.startswith("column ")
    }


def _parameters(file: str, text: str) -> list[Parameter]:
    found: list[Parameter] = []
    for one in filter(None, map(str.strip, text.split(","))):
        words = _PARAMETER.fullmatch(one)
        if words is None:
            raise ValueError(f"{file}: parameter {one!r} is not a name and a type of BigQuery")
        found.append(Parameter(words[1], words[2]))
    return found
