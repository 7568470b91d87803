"""The document of the warehouse says what is so."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas import load
from schemas.document import with_document

PATH = Path(__file__).parents[2] / "docs/warehouse.md"


def test_the_document_is_what_the_schema_files_make_it() -> None:
    text = PATH.read_text("utf-8")
    assert with_document(text, load()) == text, "run make docs"


def test_every_dataset_has_its_section() -> None:
    text = PATH.read_text("utf-8")
    assert [one for one in load() if f"\n### {one}: " not in text] == []


def test_without_marks_nothing_is_written() -> None:
    with pytest.raises(ValueError, match="no marks"):
        with_document("# A text", load())
