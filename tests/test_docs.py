"""The documents say what the code says."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.settings import MEANING
from deploy.documents import PARTS, Part, Whole
from deploy.monitoring.alerts import alerts
from deploy.monitoring.model import Part as Watched
from schemas import load
from schemas.cli import main as schemas

ROOT = Path(__file__).parent.parent
#: Files that a document has its reader write.
MADE_BY_USERS = {"deploy/settings.json", "schemas/datasets/<SUBJECT>.json"}


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.file}: {part.name}")
def test_what_follows_from_the_code(part: Part | Whole) -> None:
    text = (ROOT / part.file).read_text()
    assert part.put_into(text) == text, "run make docs"


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
        if name not in MADE_BY_USERS and not list(ROOT.glob(name))
    ]
    assert missing == []


def test_every_target_of_the_makefile_is_helped() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = " ".join(re.findall(r"^\.PHONY: (.*)$", text, re.M)).split()
    helped = re.findall(r"^([a-z-]+):.*?## ", text, re.M)
    assert phony
    assert sorted(phony) == sorted(helped)


def commands() -> Iterator[tuple[str, str]]:
    """``(document, command)`` of everything that a reader is to type into a shell."""
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for block in re.findall(r"```sh\n(.*?)```", document.read_text(), re.S):
            for line in block.replace("\\\n", " ").strip().splitlines():
                yield document.name, line


def test_commands_of_make_are_targets_of_its_file() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*?## ", (ROOT / "Makefile").read_text(), re.M))
    shown = {line.split()[1] for _, line in commands() if line.startswith("make ")}
    texts = [path.read_text() for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]]
    named = {name for text in texts for name in re.findall(r"`make ([a-z-]+)", text)}
    assert {"launch", "update", "drain", "template"} <= shown | named <= targets


def test_commands_of_schemas_are_understood(capsys: pytest.CaptureFixture[str]) -> None:
    found = [line for _, line in commands() if line.startswith(".venv/bin/python -m schemas ")]
    assert len(found) > 5
    for line in found:
        words = shlex.split(line)[3:]
        with pytest.raises(SystemExit) as ended:
            schemas([*words, "--help"])
        assert ended.value.code == 0, line
        text = capsys.readouterr().out
        assert all(word in text for word in words if word.startswith("--")), line


def test_terraform_is_run_where_it_is() -> None:
    found = [line for _, line in commands() if "terraform " in line]
    assert found
    for line in found:
        words = shlex.split(line.replace('"$(', "").replace(')"', ""))
        words = words[words.index("terraform") :]
        folder = ROOT / words[1].removeprefix("-chdir=")
        assert list(folder.glob("*.tf")), line
        for word in words:
            if word.startswith("-var-file="):
                file = (folder / word.removeprefix("-var-file=")).resolve()
                assert (file.parent / "settings.example.json").is_file(), line
        if words[2] == "output":
            assert f'output "{words[-1]}"' in (folder / "outputs.tf").read_text(), line


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")
def test_gcloud_understands_its_commands(tmp_path: Path) -> None:
    lines = (line.replace("PROJECT", "p-123456").replace("NUMBER", "1") for _, line in commands())
    found = list(dict.fromkeys(line for line in lines if line.startswith("gcloud ")))
    assert len(found) > 5
    file = tmp_path / "commands"
    file.write_text(json.dumps([{"command_string": line} for line in found]))
    done = subprocess.run(
        ["gcloud", "meta", "lint-gcloud-commands", f"--commands-file={file}"],
        cwd=tmp_path,  # it opens the files that a command would write
        env=os.environ | {"CLOUDSDK_CONFIG": str(tmp_path / "gcloud"), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    answers = json.loads(done.stdout)
    assert len(answers) == len(found)
    refused = {one["command_string"]: one["error_message"] for one in answers if not one["success"]}
    assert refused == {}


def test_the_bill_adds_up() -> None:
    """Cents, column by column."""
    rows = [
        [cell.strip().strip("*") for cell in line.strip("|").split("|")]
        for line in (ROOT / "docs/cost.md").read_text().split("## By the month")[1].splitlines()
        if line.startswith("|")
    ]
    items = rows[2 : [row[0] for row in rows].index("total")]
    (total,) = [row for row in rows if row[0] == "total"]
    for column in (1, 2, 3):
        assert sum(round(float(row[column]) * 100) for row in items) == round(
            float(total[column]) * 100
        )


def test_what_the_alarms_will_cost() -> None:
    """By metric that a condition names (https://cloud.google.com/monitoring/alerts/cost-control)."""
    named = Counter[Watched]()
    for alert in alerts(load().values()):
        for condition in alert.conditions:
            named[alert.part] += len(re.findall(r"\w+_googleapis_com:", condition.query))
    checked = named.pop(Watched.HEALTH)
    text = " ".join((ROOT / "docs/cost.md").read_text().split())
    assert f"${named.total() * 0.35:.2f} for those of (a), and ${checked * 0.35:.2f} more" in text
