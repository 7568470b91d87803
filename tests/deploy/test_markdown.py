"""Tables as Markdown writes them."""

from __future__ import annotations

from deploy.markdown import table


def test_a_table() -> None:
    assert table(("a", "b"), [("1", "x | y"), ("2", "z")]) == (
        "| a | b |\n|---|---|\n| 1 | x \\| y |\n| 2 | z |\n"
    )
