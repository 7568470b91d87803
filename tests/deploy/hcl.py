"""``deploy/terraform`` as data: what is declared, and who refers to whom."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hcl2
from hcl2.utils import SerializationOptions

FOLDER = Path(__file__).parents[2] / "deploy/terraform"
_OPTIONS = SerializationOptions(
    strip_string_quotes=True, with_comments=False, explicit_blocks=False
)
_ADDRESS = re.compile(
    r"(?<![\w./-])(var\.\w+|local\.\w+|data\.\w+\.\w+|(?:google_\w+|terraform_data)\.\w+)"
)
_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True)
class Configuration:
    """What the files declare, by address: ``var.x``, ``local.x``, ``data.type.x``, ``type.x``."""

    declared: Mapping[str, Any]
    outputs: Mapping[str, Any]
    providers: list[tuple[str, Mapping[str, Any]]]

    def resources(self, kind: str = "") -> dict[str, Any]:
        """The resources by address, of one type or of all."""
        return {
            address: body
            for address, body in self.declared.items()
            if re.match(r"google_|terraform_data", address) and address.startswith(kind)
        }

    def reached_from(self, address: str) -> set[str]:
        """All that ``address`` refers to, and what those refer to, and so on."""
        reached: set[str] = set()
        waiting = [address]
        while waiting:
            for other in addresses(self.declared.get(waiting.pop())) - reached:
                reached.add(other)
                waiting.append(other)
        return reached

    def text(self, template: str, settings: Mapping[str, Any]) -> str:
        """A string of nothing but text, ``${var.x}``, ``${local.x}`` and ``${local.x.key}``, with
        their values.
        """

        def value(match: re.Match[str]) -> str:
            kind, name = match[1].split(".")
            found = settings[name] if kind == "var" else self.declared[match[1]]
            return self.text(str(found[match[2]] if match[2] else found), settings)

        return re.sub(r"\$\{((?:var|local)\.\w+)(?:\.(\w+))?\}", value, template)


def load(folder: Path = FOLDER) -> Configuration:
    """The files of ``folder``; whatever is no HCL raises."""
    declared: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    providers: list[tuple[str, Mapping[str, Any]]] = []
    for path in sorted(folder.glob("*.tf")):
        with path.open() as file:
            for kind, blocks in hcl2.load(file, serialization_options=_OPTIONS).items():
                for block in blocks:
                    if kind == "provider":
                        providers += block.items()
                    elif kind == "output":
                        _add(outputs, block)
                    elif kind in _PREFIXES:
                        _add(declared, dict(_PREFIXES[kind](block)))
                    else:
                        assert kind == "terraform", f"{path.name}: {kind}"
    return Configuration(declared, outputs, providers)


def _add(declared: dict[str, Any], found: Mapping[str, Any]) -> None:
    twice = declared.keys() & found.keys()
    assert not twice, f"declared twice: {twice}"
    declared |= found


def _typed(prefix: str, block: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for kind, named in block.items():
        for name, body in named.items():
            yield f"{prefix}{kind}.{name}", body


_PREFIXES = {
    "variable": lambda block: ((f"var.{name}", body) for name, body in block.items()),
    "locals": lambda block: ((f"local.{name}", body) for name, body in block.items()),
    "data": lambda block: _typed("data.", block),
    "resource": lambda block: _typed("", block),
}


def strings(value: Any) -> Iterator[str]:
    """Every string in ``value``, keys left out."""
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else ():
        yield from strings(inner)
    for inner in value if isinstance(value, list) else ():
        yield from strings(inner)


def addresses(value: Any) -> set[str]:
    """The addresses that ``value`` refers to."""
    return {found for text in strings(value) for found in _ADDRESS.findall(text)}


def heads(value: Any) -> set[str]:
    """The first words of everything with a dot in an expression: ``var``, ``each``, a type."""
    found: set[str] = set()
    for text in strings(value):
        for expression in _expressions(text):
            bare = _LITERAL.sub('""', expression)
            own = set(re.findall(r"\bfor (\w+)(?:, (\w+))? in\b", bare))
            used = set(re.findall(r"(?<![\w.\])-])([A-Za-z_]\w*)(?=\.[a-z])", bare))
            found |= used - {name for names in own for name in names}
    return found


def _expressions(text: str) -> Iterator[str]:
    """The contents of each ``${...}``, those within string literals of expressions included."""
    for start in re.finditer(r"(?<!\$)\$\{", text):
        depth, at = 1, start.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
        yield text[start.end() : at - 1]
