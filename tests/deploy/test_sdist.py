"""What a worker has: the source distribution alone, in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from local.sample_messages import samples, write
from schemas import Registry
from schemas.tables import MESSAGES, all_tables
from tests.servers.bigquery_write import BigQueryWriteServer

ROOT = Path(__file__).parents[2]
WHERE = """
import json, envelope, pipeline, schemas
print(json.dumps([module.__file__ for module in (envelope, pipeline, schemas)]))
"""
#: What every process of the environment does first: it notes how it was called.
NOTE = """
import os, sys
if os.environ.get("CALLS"):
    with open(os.environ["CALLS"], "a") as file:
        file.write(" ".join(sys.orig_argv) + "\\n")
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment into which the source distribution was installed."""
    folder = tmp_path_factory.mktemp("sdist")
    build = [sys.executable, "setup.py", "--quiet", "egg_info", f"--egg-base={folder}"]
    subprocess.run([*build, "sdist", f"--dist-dir={folder}"], cwd=ROOT, check=True)
    (archive,) = folder.glob("*.tar.gz")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv/bin/python"
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    constraints = f"--constraint={ROOT / 'constraints.txt'}"
    install = [*pip, "install", "--no-compile", constraints, f"{archive}[pipeline]"]
    subprocess.run(install, cwd=folder, check=True)
    subprocess.run([*pip, "check"], cwd=folder, check=True)
    (packages,) = (folder / "venv").glob("lib/*/site-packages")
    (packages / "sitecustomize.py").write_text(NOTE)
    return python


def run(python: Path, folder: Path, *argv: str, **variables: str) -> str:
    """Runs a program of that environment in a folder; gives what it prints."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), *argv],
        cwd=folder,
        env=clean | variables,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(400)
def test_the_graph_runs_on_workers_that_have_nothing_else(
    python: Path, tmp_path: Path, registry: Registry
) -> None:
    places = json.loads(run(python, tmp_path, "-c", WHERE))
    assert all(place.startswith(str(python.parents[1])) for place in places)

    sent = write(tmp_path / "in")
    project = "projects/p-123456/datasets/iris/tables"
    tables = {f"{project}/{table.name}": table.columns for table in all_tables(registry)}
    calls = tmp_path / "calls"
    with BigQueryWriteServer(tables=tables) as server:
        said = run(
            python, tmp_path, "-m", "pipeline",
            "--input_files=in/*/*",
            "--warehouse=bigquery:p-123456.iris",
            "--direct_running_mode=multi_processing",
            "--direct_num_workers=2",
            BIGQUERY_STORAGE_EMULATOR_HOST=server.address,
            CALLS=str(calls),
        )  # fmt: skip
        rows = {
            subject: len(server.rows(f"{project}/{registry[subject].table_name}"))
            for subject, _ in samples()
        }
        ledger = server.rows(f"{project}/{MESSAGES.name}")
    assert rows == {subject: len(json.loads(array)) for subject, array in samples()}
    assert len(ledger) == sent
    assert f"{sum(rows.values())} records = {sum(rows.values())} rows + 0 dead-" in said
    workers = [call for call in calls.read_text().splitlines() if "sdk_worker_main" in call]
    assert workers, "the rows were written by processes that got the graph as bytes"
