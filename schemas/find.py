"""A dataset by what a user calls it."""

from __future__ import annotations

from difflib import get_close_matches

from schemas.model import Dataset
from schemas.registry import Registry


class UsageError(Exception):
    """A command that cannot be carried out; its text tells the user why."""


def find(registry: Registry, subject: str) -> Dataset:
    """The dataset ``subject``. Raises UsageError, with the names that are like it."""
    dataset = registry.get(subject)
    if dataset is not None:
        return dataset
    names = {name.lower(): name for name in registry}
    names |= {alias.lower(): d.subject for d in registry.values() for alias in d.aliases}
    name = subject.lower()
    similar = [name] if name in names else get_close_matches(name, names)
    close = dict.fromkeys(names[name] for name in similar)
    hint = f"did you mean {' or '.join(close)}?" if close else "python -m schemas list names all"
    raise UsageError(f"there is no dataset {subject!r}; {hint}")
