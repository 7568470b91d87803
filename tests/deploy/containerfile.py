"""What a container file says, and the folder that its build would see."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Containerfile:
    """A container file of the project.

    Attributes:
        path: below the project's root.
    """

    path: str

    @property
    def instructions(self) -> list[tuple[str, str]]:
        """``(KEYWORD, rest)`` of each instruction, lines that go on joined."""
        text = re.sub(r"\\\n", " ", (ROOT / self.path).read_text())
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
        return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]

    def of(self, *keywords: str) -> list[str]:
        """What follows each instruction of these kinds."""
        return [rest for keyword, rest in self.instructions if keyword in keywords]

    @property
    def images(self) -> list[str]:
        """The images that it begins from."""
        return [rest.split()[0] for rest in self.of("FROM")]

    @property
    def copied(self) -> list[tuple[list[str], str]]:
        """Sources and target of every copy from the build's context."""
        parts = [rest.split() for rest in self.of("COPY")]
        return [(one[:-1], one[-1]) for one in parts if not one[0].startswith("--from")]

    def copy_to(self, root: Path) -> None:
        """Copies what the build copies, to where it would be below ``root``.

        Raises:
            AssertionError: something does not get into the build.
        """
        folder = Path()
        allowed = allowed_in_build()
        for keyword, rest in self.instructions:
            if keyword == "WORKDIR":
                folder = Path(rest.lstrip("/"))
            if keyword != "COPY" or rest.startswith("--from"):
                continue
            *sources, target = rest.split()
            for source in sources:
                path = source.rstrip("/")
                assert any(path == one or path.startswith(f"{one}/") for one in allowed), (
                    f"{source} is not in the build: .dockerignore leaves it out"
                )
                place = root / folder / target
                if source.endswith("/"):
                    ignore = shutil.ignore_patterns("__pycache__")
                    shutil.copytree(ROOT / source, place, dirs_exist_ok=True, ignore=ignore)
                else:
                    place.mkdir(parents=True, exist_ok=True)
                    shutil.copy(ROOT / source, place)


def allowed_in_build() -> set[str]:
    """What ``.dockerignore`` lets into a build."""
    lines = (ROOT / ".dockerignore").read_text().split()
    assert lines[0] == "*", "what is not named does not get into the build"
    return {line.removeprefix("!").rstrip("/") for line in lines if line.startswith("!")}
