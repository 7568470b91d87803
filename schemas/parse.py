"""From the text of a schema file to a Dataset; every fault becomes a Problem."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from schemas.errors import Problem
from schemas.model import Column, Confidence, Dataset, Partition, Version

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

#: A string with the colon that makes it a key, or a brace; in JSON that is known to parse.
_KEY_OR_BRACE = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|[{}]')


def parse(file: str, text: str) -> tuple[Dataset | None, list[Problem]]:
    """The dataset that ``text`` describes, or None and why it cannot be read.

    ``file`` is only for the messages. References between the parts of a file, and between
    files, are checked in ``schemas.rules``.
    """
    try:
        data = json.loads(text)
        problems = [
            Problem(file, f"line {line}", f"the key {key!r} is there twice; remove one of them")
            for line, key in _duplicate_keys(text)
        ]
        faults = (_problem(file, error) for error in _validator().iter_errors(data))
        problems += dict.fromkeys(faults)  # a missing key is reported once per missing key
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        return None, [Problem(file, where, f"not valid JSON: {error.msg}; correct it there")]
    except RecursionError:
        return None, [Problem(file, "", "nested too deeply; remove levels")]
    except ValueError as error:  # an integer of thousands of digits
        return None, [Problem(file, "", f"not usable JSON: {error}")]
    return (None, problems) if problems else (_dataset(data), [])


def _duplicate_keys(text: str) -> Iterable[tuple[int, str]]:
    """The line and name of every key that its object already has; ``text`` is valid JSON."""
    objects: list[set[str]] = []
    for token in _KEY_OR_BRACE.finditer(text):
        if token[0] == "{":
            objects.append(set())
        elif token[0] == "}":
            objects.pop()
        elif token[2]:
            key = json.loads(token[1])
            if key in objects[-1]:
                yield text.count("\n", 0, token.start()) + 1, key
            objects[-1].add(key)


@cache
def _validator() -> Draft202012Validator:
    # Imported here: whoever only wants the value classes need not have or load jsonschema.
    from jsonschema import Draft202012Validator

    text = resources.files("schemas").joinpath("dataset.schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(text))


def _problem(file: str, error: ValidationError) -> Problem:
    """The metaschema's own descriptions say what is expected, so that they say it once."""
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.path)
    if error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        reason = f"lacks {', '.join(missing)}; add what is missing"
    elif error.validator == "additionalProperties":
        known = error.schema["properties"]
        unknown = [key for key in error.instance if key not in known]
        reason = f"has unknown keys: {', '.join(unknown)}; known are {', '.join(known)}"
    else:
        value = json.dumps(error.instance)
        shown = value if len(value) <= 60 else f"{value[:57]}..."
        reason = f"{shown} does not fit; expected {error.schema['description']}"
    return Problem(file, path.lstrip("."), reason)


def _dataset(data: Mapping[str, Any]) -> Dataset:
    confidence = Confidence(**data["confidence"])
    cadence = data["cadence_seconds"]  # JSON Schema's integers include 60.0
    return Dataset(
        subject=data["subject"],
        title=data["title"],
        columns=_columns(data["columns"], confidence.columns),
        natural_key=tuple(data["natural_key"]),
        entity_key=tuple(data["entity_key"]),
        version_order=tuple(_version(item) for item in data["version_order"]),
        reference_time=data["reference_time"],
        partition=_partition(data["partition"]),
        cluster=tuple(data["cluster"]),
        cadence_seconds=None if cadence is None else int(cadence),
        cadence_source=data["cadence_source"],
        confidence=confidence,
        declarations=data.get("declarations", False),
        aliases=tuple(data.get("aliases", ())),
        notes=tuple(data.get("notes", ())),
    )


def _partition(item: Mapping[str, Any]) -> Partition:
    return Partition(item["column"], item["reason"], tuple(item.get("follows", ())))


def _columns(items: Iterable[Mapping[str, Any]], confidence: str) -> tuple[Column, ...]:
    """Columns inherit the confidence of what holds them."""
    return tuple(
        Column(
            name=item["name"],
            type=item["type"],
            repeated=item.get("repeated", False),
            description=item["description"],
            columns=_columns(item.get("columns", ()), own := item.get("confidence", confidence)),
            confidence=own,
        )
        for item in items
    )


def _version(item: str | Mapping[str, Any]) -> Version:
    if isinstance(item, str):
        return Version(item)
    return Version(item["column"], tuple(item["ranks"]))
