"""The bridge's container file: what it copies is there and enough; it runs without rights."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTAINERFILE = ROOT / "deploy/bridge/Containerfile"


def instructions() -> list[tuple[str, str]]:
    """``(KEYWORD, rest)`` of each instruction."""
    text = re.sub(r"\\\n", " ", CONTAINERFILE.read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def copied() -> list[tuple[list[str], str]]:
    """Sources and target of every copy from the build's context."""
    parts = [rest.split() for keyword, rest in instructions() if keyword == "COPY"]
    return [(one[:-1], one[-1]) for one in parts if not one[0].startswith("--from")]


def test_it_runs_as_a_user_without_rights() -> None:
    users = [rest for keyword, rest in instructions() if keyword == "USER"]
    assert users == ["10001"], "a number: an orchestrator can then tell that it is not root"
    last_stage = instructions()[[k for k, _ in instructions()].index("USER") :]
    assert not [rest for keyword, rest in last_stage if keyword == "RUN"]


def test_no_secret_is_baked_in() -> None:
    settings = [rest for keyword, rest in instructions() if keyword in ("ENV", "ARG")]
    assert not re.search("SECRET|CONNECTION_STRING|CLIENT", " ".join(settings))
    allowed = (ROOT / ".dockerignore").read_text().split()
    assert allowed[0] == "*", "what is not named does not get into the build"
    assert not [line for line in allowed if ".env" in line or "settings.json" in line]


def test_base_images_are_pinned_to_a_release() -> None:
    images = [rest.split()[0] for keyword, rest in instructions() if keyword == "FROM"]
    assert set(images) == {"python:3.11-slim-bookworm"}


def test_what_it_copies_is_enough_to_install_and_start(tmp_path: Path) -> None:
    allowed = {
        line.lstrip("!/").rstrip("/") for line in (ROOT / ".dockerignore").read_text().split()
    }
    context, installed = tmp_path / "src", tmp_path / "app"
    for sources, target in copied():
        for source in sources:
            assert source.rstrip("/").split("/")[0] in allowed, f"{source} is ignored"
            folder = context / target.removeprefix("./")
            if source.endswith("/"):
                shutil.copytree(ROOT / source, folder, dirs_exist_ok=True)
            else:
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, folder)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    subprocess.run([*pip, str(installed), "."], cwd=context, check=True)
    names = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert names <= {"bridge", "envelope.py", "__pycache__"}
    answer = subprocess.run(
        [sys.executable, "-c", "import sys; sys.path.insert(0, sys.argv.pop(1)); "
         "import bridge; print(bridge.__file__); from bridge.__main__ import main; main(['-h'])",
         str(installed)],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert answer.stdout.startswith(str(installed))
    assert "IRIS_CLIENT_SECRET" in answer.stdout
