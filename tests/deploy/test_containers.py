"""The container files: what they copy is there and enough; versions are pinned; no secrets."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from deploy import gcloud
from deploy.names import Names
from deploy.settings import read
from pipeline.submit import IMAGE_VARIABLE
from tests.deploy.containerfile import ROOT, Containerfile, allowed_in_build

BRIDGE = Containerfile("deploy/bridge/Containerfile")
PIPELINE = Containerfile("deploy/pipeline/Containerfile")
BOTH = pytest.mark.parametrize("file", [BRIDGE, PIPELINE], ids=["bridge", "pipeline"])


def pinned(package: str) -> str:
    """The version of a package in the lock."""
    match = re.search(rf"^{package}==(.+)$", (ROOT / "constraints.txt").read_text(), re.M)
    assert match is not None
    return match[1]


@BOTH
def test_no_secret_is_baked_in(file: Containerfile) -> None:
    assert not re.search("SECRET|CONNECTION_STRING|CLIENT", " ".join(file.of("ENV", "ARG")))
    assert not [path for path in allowed_in_build() if ".env" in path or "settings.json" in path]


@BOTH
def test_everything_is_installed_from_the_lock(file: Containerfile) -> None:
    (install,) = [run for run in file.of("RUN") if "pip install" in run]
    assert "--constraint constraints.txt" in install
    assert "constraints.txt" in [source for sources, _ in file.copied for source in sources]


def test_the_bridge_runs_as_a_user_without_rights() -> None:
    assert BRIDGE.of("USER") == ["10001"], "a number: an orchestrator can tell that it is not root"
    last_stage = BRIDGE.instructions[[one for one, _ in BRIDGE.instructions].index("USER") :]
    assert not [rest for keyword, rest in last_stage if keyword == "RUN"]


def test_base_images_are_pinned_to_a_release() -> None:
    python = "python:3.11.14-slim-bookworm"
    assert set(BRIDGE.images) == {python}
    assert PIPELINE.images == [
        f"gcr.io/cloud-dataflow/v1beta3/beam_python3.11_sdk:{pinned('apache-beam')}",
        "gcr.io/dataflow-templates-base/python311-template-launcher-base:20230622_RC00",
        python,
    ]


def install(context: Path, target: Path, extra: str = "") -> set[str]:
    """Installs the copied tree without what it needs; the names of what came."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target)]
    subprocess.run([*pip, "."], cwd=context, check=True)
    return {path.name for path in target.iterdir() if not path.name.endswith(".dist-info")}


def test_what_the_bridge_copies_is_enough_to_install_and_start(tmp_path: Path) -> None:
    BRIDGE.copy_to(tmp_path)
    installed = tmp_path / "app"
    names = install(tmp_path / "src", installed)
    assert names <= {"bridge", "envelope.py", "__pycache__"}
    answer = subprocess.run(
        [sys.executable, "-c", "import sys; sys.path.insert(0, sys.argv.pop(1)); "
         "import bridge; print(bridge.__file__); from bridge.__main__ import main; main(['-h'])",
         str(installed)],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert answer.stdout.startswith(str(installed))
    assert "IRIS_CLIENT_SECRET" in answer.stdout


def test_what_the_pipeline_copies_is_enough_for_a_launcher(tmp_path: Path) -> None:
    PIPELINE.copy_to(tmp_path)
    installed = tmp_path / "app"
    names = install(tmp_path / "src", installed)
    assert names <= {"pipeline", "schemas", "envelope.py", "__pycache__"}
    assert [path.name for path in (tmp_path / "template").iterdir()] == ["main.py"]
    answer = subprocess.run(
        [
            *(sys.executable, "-c", LAUNCHED, str(installed), str(tmp_path / "template/main.py")),
            "--runner=DataflowRunner",
            "--dry_run=True",
            "--project=p-123456",
            "--region=us-central1",
            "--temp_location=gs://bucket-123456/temp",
            "--input_subscription=projects/p-123456/subscriptions/iris",
            "--warehouse=bigquery:p-123456.iris",
        ],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", IMAGE_VARIABLE: "us-docker.pkg.dev/p/iris/pipeline:1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout == f"{installed}/pipeline/__init__.py\n"


#: Runs a program with the installed packages before all others, and tells whose they are.
LAUNCHED = """
import runpy, sys
sys.path.insert(0, sys.argv.pop(1))
sys.argv.pop(0)
import pipeline
print(pipeline.__file__)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_the_pipelines_image_knows_its_own_name() -> None:
    (variables,) = PIPELINE.of("ENV")
    assert f"{IMAGE_VARIABLE}=${{IMAGE}}" in variables.split()
    assert "FLEX_TEMPLATE_PYTHON_PY_FILE=/template/main.py" in variables.split()
    assert PIPELINE.of("ENTRYPOINT") == ['["/opt/apache/beam/boot"]']
    keywords = [keyword for keyword, _ in PIPELINE.instructions]
    assert keywords.index("ARG") > max(at for at, one in enumerate(keywords) if one == "FROM")


def test_cloud_build_makes_both_images_under_the_names_that_are_launched() -> None:
    names = Names(read(Path("missing.json"), {"project": "p-123456"}), "1.0")
    (given,) = [
        word.removeprefix("--substitutions=")
        for word in gcloud.build_images(names)
        if word.startswith("--substitutions=")
    ]
    text = (ROOT / "deploy/cloudbuild.yaml").read_text()
    for pair in given.split(","):
        name, _, value = pair.partition("=")
        text = text.replace(f"${{{name}}}", value)
    assert "${" not in text
    build = yaml.safe_load(text)
    assert build["images"] == [f"{names.repository}/bridge:1.0", names.image]
    steps = {step["id"]: step["args"] for step in build["steps"]}
    assert steps == {
        "bridge": [
            "build",
            f"--file={BRIDGE.path}",
            f"--tag={names.repository}/bridge:1.0",
            ".",
        ],
        "pipeline": [
            "build",
            f"--file={PIPELINE.path}",
            f"--build-arg=IMAGE={names.image}",
            f"--tag={names.image}",
            ".",
        ],
    }
