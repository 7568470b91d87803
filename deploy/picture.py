"""A picture of the graph, made from the graph itself, in Mermaid's language (GitHub draws it)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any, Final

from pipeline.transforms import UNMAPPED_TAG

#: Stands for the branches of the datasets, which are alike.
BRANCH: Final = "one branch per dataset"
#: What Beam itself adds inside of a transform: the step of one function, a connector's parts.
_INSIDE: Final = re.compile(r"(?<=/)(ReadFrom\w+|WriteTo\w+)/.*|/(ParDo|Map|FlatMap)\(\w+\)$")


def picture(proto: Any, subjects: Collection[str]) -> str:
    """A flowchart of a graph's steps; the branches of the datasets are drawn as one.

    Args:
        proto: the graph's protocol buffer.
        subjects: the datasets that have a branch each.
    """
    branches = {*subjects, UNMAPPED_TAG}
    work = [
        (_name(one.unique_name, branches), one)
        for one in proto.components.transforms.values()
        if one.spec.urn and not one.subtransforms
    ]
    maker = {output: name for name, one in work for output in one.outputs.values()}
    arrows = {
        (maker[source], name)
        for name, one in work
        for source in one.inputs.values()
        if maker.get(source, name) != name
    }
    steps = _in_order({name for name, _ in work}, arrows)
    return "\n".join(["flowchart LR", *_lines(steps, arrows)]) + "\n"


def _name(label: str, branches: Collection[str]) -> str:
    parts = _INSIDE.sub(lambda match: match[1] or "", label).split("/")
    return "/".join(BRANCH if part in branches else part for part in parts)


def _in_order(steps: Collection[str], arrows: Collection[tuple[str, str]]) -> list[str]:
    """Each step behind all that it needs; by name where that leaves a choice."""
    order: list[str] = []
    while len(order) < len(steps):
        ready = {
            step
            for step in steps
            if step not in order and all(one in order for one, to in arrows if to == step)
        }
        order += sorted(ready)
    return order


def _lines(steps: list[str], arrows: Collection[tuple[str, str]]) -> Iterator[str]:
    ids = {step: f"s{at}" for at, step in enumerate(steps)}
    boxes = {step: f'{ids[step]}["{step.rpartition("/")[2]}"]' for step in steps}
    inside = [step for step in steps if f"/{BRANCH}/" in step]
    yield from (f"  {boxes[step]}" for step in steps if step not in inside)
    if inside:
        yield f'  subgraph branch["{BRANCH}, and one for the unmapped"]'
        yield from (f"    {boxes[step]}" for step in inside)
        yield "  end"
    for source, target in sorted(arrows, key=lambda one: (steps.index(one[0]), one[1])):
        yield f"  {ids[source]} --> {ids[target]}"
