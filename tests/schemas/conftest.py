"""What the tests of schemas share: the bundled datasets, and a small one to bend."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import schemas

#: A whole and correct schema file.
SMALL: dict[str, Any] = {
    "$schema": "../dataset.schema.json",
    "subject": "TIDE",
    "title": "Tidal generation",
    "aliases": ["TIDAL"],
    "confidence": {
        "columns": "spec",
        "iris": "unknown",
        "natural_key": "inferred",
        "version_order": "documented",
        "evidence": "Made up.",
    },
    "reference_time": "at",
    "partition": {"column": "at", "reason": ""},
    "cluster": ["unit"],
    "natural_key": ["at", "unit"],
    "entity_key": ["unit"],
    "version_order": ["at", {"column": "unit", "ranks": ["A", "B"]}, "_enqueued_utc"],
    "cadence_seconds": 60,
    "cadence_source": "Made up.",
    "columns": [
        {"name": "at", "type": "DATETIME", "description": "Time, UTC."},
        {"name": "unit", "type": "STRING", "description": "Unit.", "confidence": "assumed"},
        {"name": "level", "type": "FLOAT64", "description": "Level, m."},
        {
            "name": "gates",
            "type": "STRUCT",
            "repeated": True,
            "description": "Gates.",
            "confidence": "confirmed",
            "columns": [{"name": "open", "type": "BOOL", "description": "Whether open."}],
        },
    ],
    "notes": ["Not real."],
}


@pytest.fixture(scope="session")
def registry() -> schemas.Registry:
    """The bundled datasets."""
    return schemas.load()


@pytest.fixture
def small() -> dict[str, Any]:
    """A copy of ``SMALL`` that a test may change."""
    copy: dict[str, Any] = json.loads(json.dumps(SMALL))
    return copy


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Writes a schema file and gives its directory, one below ``tmp_path``."""

    def write(data: dict[str, Any], directory: str = "more", name: str | None = None) -> str:
        folder = tmp_path / directory
        folder.mkdir(exist_ok=True)
        path = folder / f"{name or data['subject']}.json"
        path.write_text(json.dumps(data), "utf-8")
        return str(folder)

    return write
