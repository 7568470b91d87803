"""What a user may have set, which must not reach a test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

#: How the names of settings begin.
SETTINGS = ("IRIS_", "PUBSUB_", "BRIDGE_", "AZURE_", "GOOGLE_")


def without_settings(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Nothing is set, neither in the environment nor in the folder, which is gone to."""
    for name in os.environ:
        if name.startswith(SETTINGS):
            monkeypatch.delenv(name)
    monkeypatch.chdir(folder)
