"""The documents say what the code says."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from bridge.metrics import Metrics
from bridge.settings import MEANING
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


def test_table_of_the_bridges_metrics() -> None:
    text = (ROOT / "docs/bridge.md").read_text()
    match = re.search(
        r"<!-- bridge metrics: .*?-->\n\| .*?\n\|---\|---\|\n(.*?)<!-- end -->", text, re.S
    )
    assert match is not None
    families = [
        family
        for family in Metrics(date.today()).registry.collect()
        if not family.name.startswith("iris_bridge_process_")
    ]
    wanted = "".join(
        f"| `{family.name}{'_total' if family.type == 'counter' else ''}` "
        f"| {family.documentation} |\n"
        for family in families
    )
    assert match[1] == wanted


def test_every_setting_of_the_bridge_has_a_meaning() -> None:
    source = (ROOT / "bridge/settings.py").read_text()
    used = set(re.findall(r'"((?:IRIS|PUBSUB|BRIDGE|AZURE)_[A-Z_]+)"', source))
    assert used == set(MEANING)


def test_every_file_that_a_document_names_exists() -> None:
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    named = re.compile(r"`((?:tests|bridge|pipeline|schemas|docs|local|deploy|benchmarks)/[^` ]+)`")
    missing = [
        f"{document.name}: {name}"
        for document in documents
        for name in named.findall(document.read_text())
        if not list(ROOT.glob(name))
    ]
    assert missing == []


def test_every_target_of_the_makefile_is_helped() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = " ".join(re.findall(r"^\.PHONY: (.*)$", text, re.M)).split()
    helped = re.findall(r"^([a-z-]+):.*?## ", text, re.M)
    assert phony
    assert sorted(phony) == sorted(helped)
