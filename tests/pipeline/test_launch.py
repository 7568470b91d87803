"""Bad input on the command line: one line that says what to do, and nothing half done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.pubsub import PubSubServer
from pipeline.sinks import use_warehouse
from pipeline.sinks.base import WarehouseError
from schemas import Registry
from schemas.tables import MESSAGES
from tests.pipeline.commands import ROOT, Command, command_of, few_datasets, put
from tests.pipeline.graph_runs import reading
from tests.pipeline.memory import MemoryWarehouse
from tests.servers.bigquery_write import BigQueryWriteServer

SUBSCRIPTION = "projects/local-project/subscriptions/missing"
TOPIC = "projects/local-project/topics/missing"
DATAFLOW = (
    "--runner=DataflowRunner",
    "--project=p-123456",
    "--region=europe-west2",
    "--temp_location=gs://bucket/temp",
    "--sdk_container_image=europe-west2-docker.pkg.dev/p-123456/iris/pipeline:1",
    "--dry_run=True",
    "--warehouse=bigquery:p-123456.iris",
)


@pytest.fixture(scope="module", autouse=True)
def _few(registry: Registry) -> Iterator[None]:
    with few_datasets(registry):
        yield


@pytest.fixture(scope="module")
def pubsub() -> Iterator[PubSubServer]:
    with PubSubServer() as server:
        yield server


@pytest.fixture
def files(tmp_path: Path) -> str:
    """The option that names one good file."""
    put(tmp_path / "in", "FREQ/a", [reading(1)])
    return f"--input_files={tmp_path}/in/*/*"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder that a warehouse would create."""
    return tmp_path / "out"


@pytest.fixture
def duckdb(out: Path) -> str:
    return f"--warehouse=duckdb:{out}/iris.duckdb"


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Command:
    return command_of(capfd, caplog)


@pytest.fixture
def refused(command: Command, out: Path) -> Callable[..., str]:
    """Runs a command that must be refused, with exit code 2; gives its one line."""

    def refused(*argv: str) -> str:
        said = command(*argv)
        assert (said.code, said.out, said.logged, len(said.err)) == (2, [], [], 1), said
        assert not out.exists()
        return said.err[0]

    return refused


def test_inputs(refused: Callable[..., str], files: str, duckdb: str) -> None:
    neither = "no input: give --input_files GLOB or --input_subscription NAME"
    assert refused() == neither
    assert refused(duckdb) == neither
    assert refused(files, f"--input_subscription={SUBSCRIPTION}", duckdb) == (
        "give either --input_files or --input_subscription, not both"
    )


def test_warehouses(refused: Callable[..., str], files: str, tmp_path: Path, duckdb: str) -> None:
    forms = "use duckdb:PATH or bigquery:PROJECT.DATASET"
    assert refused(files, "--warehouse=mysql:iris") == (
        f"--warehouse 'mysql:iris' is not known: {forms}"
    )
    assert refused(files, "--warehouse=iris.duckdb") == (
        f"--warehouse 'iris.duckdb' is not known: {forms}"
    )
    assert refused(files, "--warehouse=bigquery:iris") == (
        "--warehouse 'bigquery:iris': write bigquery:PROJECT.DATASET"
    )
    file = put(tmp_path, "a file", b"no database")
    assert refused(files, f"--warehouse=duckdb:{file}/iris.duckdb").startswith(
        f"cannot make the folder of {file}/iris.duckdb: "
    )
    assert refused(files, f"--warehouse=duckdb:{tmp_path}") == (
        f"{tmp_path} is a folder: name a file, for example {tmp_path}/iris.duckdb"
    )
    assert refused(files, f"--warehouse=duckdb:{file}").startswith(
        f"cannot open {file} as a DuckDB file: "
    )
    assert file.read_bytes() == b"no database"
    assert refused(files, duckdb, "--write_method=FILE_LOADS") == (
        "--write_method 'FILE_LOADS': write STORAGE_WRITE or STREAMING_INSERTS"
    )


def test_files(refused: Callable[..., str], tmp_path: Path, duckdb: str) -> None:
    assert refused(f"--input_files={tmp_path}", duckdb) == (
        f"--input_files '{tmp_path}' is a folder: write '{tmp_path}/*/*'"
    )
    for pattern in (f"{tmp_path}/in/*/*", "nowhere"):
        assert refused(f"--input_files={pattern}", duckdb) == (
            f"--input_files '{pattern}': no file matches"
        )
    assert refused("--input_files=nfs9://server/*", duckdb).startswith(
        "--input_files 'nfs9://server/*': "
    )


def test_schema_files(refused: Callable[..., str], files: str, duckdb: str, tmp_path: Path) -> None:
    folder = tmp_path / "schemas"
    assert refused(files, duckdb, f"--schema_dir={folder}") == (
        f"{folder}: no *.json file here; name a directory of schema files"
    )
    put(folder, "TIDE.json", b'{"subject": "TIDE"')
    assert refused(files, duckdb, f"--schema_dir={folder}").startswith(
        f"{folder}/TIDE.json: line 1, column 19: not valid JSON"
    )
    put(folder, "TIDE.json", b'{"subject": "\xff"}')
    assert refused(files, duckdb, f"--schema_dir={folder}") == (
        f"{folder}/TIDE.json: not UTF-8 at byte 13; save it as UTF-8"
    )
    put(folder, "TIDE.json", {"subject": "TIDE"})
    assert refused(files, duckdb, f"--schema_dir={folder}").startswith(f"{folder}/TIDE.json: ")


def test_pubsub(
    refused: Callable[..., str],
    files: str,
    duckdb: str,
    pubsub: PubSubServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub.address)
    assert refused(f"--input_subscription={SUBSCRIPTION}", duckdb) == (
        f"{SUBSCRIPTION}: subscription {SUBSCRIPTION} does not exist"
    )
    assert refused(files, f"--dead_letter_topic={TOPIC}", duckdb) == (
        f"--dead_letter_topic {TOPIC}: topic {TOPIC} does not exist"
    )
    assert refused("--input_subscription=iris", duckdb) == (
        "--input_subscription 'iris': write projects/PROJECT/subscriptions/NAME"
    )


def test_credentials(
    refused: Callable[..., str],
    files: str,
    duckdb: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for name in ("PUBSUB_EMULATOR_HOST", "BIGQUERY_STORAGE_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", f"{tmp_path}/missing.json")
    advice = "run gcloud auth application-default login (File "
    for argv in (
        [f"--input_subscription={SUBSCRIPTION}", duckdb],
        [files, f"--dead_letter_topic={TOPIC}", duckdb],
    ):
        assert refused(*argv).startswith(f"no Google credentials for Pub/Sub: {advice}")
    assert refused(files, "--warehouse=bigquery:p-123456.iris").startswith(
        f"no Google credentials for BigQuery: {advice}"
    )


def test_a_misspelt_option_is_not_passed_over(refused: Callable[..., str], files: str) -> None:
    assert refused(files, "--warehose=duckdb:x") == (
        "--warehose is not known: did you mean --warehouse?"
    )


def test_runners(refused: Callable[..., str], files: str, duckdb: str) -> None:
    assert refused(files, duckdb, "--runner=Spork").startswith("--runner 'Spork' is not known: ")
    assert refused(files, duckdb, "--dry_run=True") == (
        "--dry_run needs --runner=DataflowRunner: here nothing is submitted"
    )
    live = "--input_subscription=projects/p-123456/subscriptions/iris"
    place = duckdb.partition("=")[2]
    assert refused(*DATAFLOW, live, duckdb) == (
        f"--warehouse '{place}': for DataflowRunner write bigquery:PROJECT.DATASET"
    )
    assert refused("--runner=dataflow", live, "--warehouse=bigquery:p-123456.iris").startswith(
        "DataflowRunner: its workers need this package: give --sdk_container_image"
    )
    assert refused(*DATAFLOW, files) == (
        f"--input_files '{files.partition('=')[2]}': for DataflowRunner write gs://BUCKET/GLOB"
    )
    assert refused(*(option for option in DATAFLOW if "image" not in option), live) == (
        "DataflowRunner: its workers need this package: give --sdk_container_image with the "
        "pipeline's image (make template builds it), or launch the template: make launch"
    )
    assert "Missing required option: region" in refused(
        *(option for option in DATAFLOW if not option.startswith("--region")), live
    )


def test_tables_that_nobody_has_made(
    refused: Callable[..., str], files: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"projects/p-123456/datasets/iris/tables/{MESSAGES.name}"
    with BigQueryWriteServer(tables={path: MESSAGES.columns}) as server:
        monkeypatch.setenv("BIGQUERY_STORAGE_EMULATOR_HOST", server.address)
        assert refused(files, "--warehouse=bigquery:p-123456.iris") == (
            "table p-123456.iris.iris_dead_letters does not exist: run python -m schemas apply"
        )
        assert server.requests() == []


def test_as_a_process(files: str, out: Path) -> None:
    """Nothing else says a word either: no library's warning, no traceback."""
    with BigQueryWriteServer() as server:
        done = subprocess.run(
            [sys.executable, "-m", "pipeline", files, "--warehouse=bigquery:p-123456.iris"],
            cwd=ROOT,
            env=os.environ | {"BIGQUERY_STORAGE_EMULATOR_HOST": server.address},
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "table p-123456.iris.iris_dead_letters does not exist: run python -m schemas apply\n",
    )


def test_a_passing_fault_has_another_code(command: Command, files: str) -> None:
    warehouse = MemoryWarehouse()
    warehouse.failures = 1
    use_warehouse("duckdb:away", warehouse)
    said = command(files, "--warehouse=duckdb:away")
    assert (said.code, said.out, said.logged, said.err) == (
        1,
        [],
        [],
        ["the warehouse is away (nothing is lost: run the same command again)"],
    )


def test_a_wrong_setting_found_late(command: Command, files: str) -> None:
    warehouse = MemoryWarehouse()
    warehouse.error = WarehouseError("apply the schema first")
    use_warehouse("duckdb:closed", warehouse)
    said = command(files, "--warehouse=duckdb:closed")
    assert (said.code, said.out, said.logged) == (2, [], [])
    assert said.err == ["apply the schema first"]


def test_a_bug_is_not_made_pretty(command: Command, files: str) -> None:
    warehouse = MemoryWarehouse()
    warehouse.error = ZeroDivisionError("a bug")
    use_warehouse("duckdb:buggy", warehouse)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        command(files, "--warehouse=duckdb:buggy")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c(number: signal.Signals, command: Command, files: str) -> None:
    warehouse = MemoryWarehouse()
    warehouse.on_append = lambda: os.kill(os.getpid(), number)
    use_warehouse("duckdb:interrupted", warehouse)
    before = signal.getsignal(number)
    said = command(files, "--warehouse=duckdb:interrupted")
    assert (said.code, said.out, said.logged) == (130, [], [])
    assert said.err == ["interrupted: run the same command again"]
    assert signal.getsignal(number) is before
