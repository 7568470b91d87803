"""The documents say what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline import metrics, reject

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("name", "meanings"),
    [
        ("reasons", {str(reason): text for reason, text in reject.MEANING.items()}),
        ("metrics", metrics.MEANING),
    ],
)
def test_tables_in_semantics(name: str, meanings: dict[str, str]) -> None:
    text = (ROOT / "docs/semantics.md").read_text()
    match = re.search(rf"<!-- {name}: .*?-->\n\| .*?\n\|---\|---\|\n(.*?)<!-- end -->", text, re.S)
    assert match is not None
    wanted = "".join(f"| `{key}` | {meaning} |\n" for key, meaning in meanings.items())
    assert match[1] == wanted


def test_every_file_that_a_document_names_exists() -> None:
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    named = re.compile(r"`((?:tests|pipeline|schemas|docs|local)/[^` ]+)`")
    missing = [
        f"{document.name}: {name}"
        for document in documents
        for name in named.findall(document.read_text())
        if not list(ROOT.glob(name))
    ]
    assert missing == []


def test_every_target_of_the_makefile_is_helped() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", text, re.M)
    assert phony is not None
    helped = re.findall(r"^([a-z-]+):.*?## ", text, re.M)
    assert sorted(phony[1].split()) == sorted(helped)
