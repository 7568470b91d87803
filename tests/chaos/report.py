"""What happened, as a short table."""

from __future__ import annotations

from collections.abc import Mapping


def show(title: str, facts: Mapping[str, object]) -> None:
    """Prints the facts, names on the left and what they are on the right."""
    width = max(map(len, facts))
    print(f"\n{title}")
    for name, fact in facts.items():
        text = f"{fact:,}" if isinstance(fact, int) else str(fact)
        print(f"  {name:{width}}  {text}")
