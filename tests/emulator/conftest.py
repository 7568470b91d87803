"""A BigQuery emulator from the package index, in an environment of its own (make test-emulator).

It wants another DuckDB than this project, and an extension of it that it would fetch from the
network: both come as packages, and the extension is put where its DuckDB looks for it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from schemas.warehouses.bigquery import BigQuery

VENV = os.environ.get("EMULATOR_VENV")
collect_ignore_glob = [] if VENV else ["test_*.py"]

_NUMBERS = count()
_ABOUT = (
    "import duckdb; print('v' + duckdb.__version__, duckdb.sql('PRAGMA platform').fetchone()[0])"
)


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its URL."""
    assert VENV is not None
    venv = Path(VENV).absolute()
    home = tmp_path_factory.mktemp("home")
    python = str(venv / "bin" / "python")
    version, platform = subprocess.check_output([python, "-c", _ABOUT], text=True).split()
    place = home / ".duckdb" / "extensions" / version / platform
    place.mkdir(parents=True)
    [extension] = venv.glob(f"lib/*/site-packages/**/{version}/spatial.duckdb_extension")
    shutil.copy(extension, place)
    port, grpc_port = free_port(), free_port()
    log = (home / "log").open("wb")
    process = subprocess.Popen(
        [
            *(str(venv / "bin" / "bqemulator"), "start", "--log-level", "warning"),
            *("--rest-port", str(port), "--grpc-port", str(grpc_port)),
        ],
        env={**os.environ, "HOME": str(home)},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        await_answer(url, process, home / "log")
        yield url
    finally:
        process.terminate()
        process.wait(20)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def await_answer(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"the emulator does not answer:\n{log.read_text()}")


@pytest.fixture
def client(emulator: str, monkeypatch: pytest.MonkeyPatch) -> bigquery.Client:
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", emulator)
    credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
    return bigquery.Client(project="project-1", credentials=credentials)


@pytest.fixture
def dataset(client: bigquery.Client) -> str:
    """The name of a dataset that is not there."""
    return f"project-1.iris_{next(_NUMBERS)}"


@pytest.fixture
def warehouse(dataset: str) -> BigQuery:
    return BigQuery(dataset, "US")
