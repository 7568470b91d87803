"""Parts of documents that are made: where they go, and what must not happen to the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy import documents
from deploy.documents import PARTS, Part, main

TEXT = """# A document

<!-- one: made by make docs -->
old
<!-- end -->

Between.

<!-- two: made by make docs -->
<!-- end -->
"""


def part(name: str) -> Part:
    return Part("a.md", name, lambda: f"of {name} \\1\n")


def test_a_part_is_replaced_and_nothing_else() -> None:
    once = part("one").put_into(part("two").put_into(TEXT))
    assert once == TEXT.replace("old\n", "of one \\1\n").replace(
        "<!-- two: made by make docs -->\n", "<!-- two: made by make docs -->\nof two \\1\n"
    )
    assert part("one").put_into(part("two").put_into(once)) == once


@pytest.mark.parametrize("text", ["", TEXT + TEXT])
def test_a_place_that_is_missing_or_double_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"^a.md: one place <!-- one: ... --> is wanted: [02]$"):
        part("one").put_into(text)


def test_all_parts_are_told_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(documents, "PARTS", (part("one"), part("two")))
    file = tmp_path / "a.md"
    file.write_text(TEXT)
    assert main([], tmp_path) == 1
    assert file.read_text() == TEXT
    assert main(["--write"], tmp_path) == 0
    assert file.read_text() == part("one").put_into(part("two").put_into(TEXT))
    assert main([], tmp_path) == 0
    told = [f"a.md: {name}: {what}" for what in ("is not as the code says", "written")
            for name in ("one", "two")]  # fmt: skip
    assert capsys.readouterr().out.splitlines() == told


def test_parts_have_names_of_their_own() -> None:
    assert len({(one.file, one.name) for one in PARTS}) == len(PARTS)
