"""The end of a run: told to stop, with a terminal, without one, and with nobody who reads."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local.pubsub import PubSubServer
from pipeline import launch, metrics
from pipeline.sinks import duckdb as duckdb_sink
from pipeline.sinks.duckdb import DuckDBWarehouse
from schemas import Registry
from tests.local.pubsub.clients import eventually
from tests.pipeline.commands import ROOT, Command, command_of, few_datasets
from tests.pipeline.graph_runs import ask, reading
from tests.pipeline.live import clients_of, publish


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Command:
    return command_of(capfd, caplog)


@pytest.fixture
def few(registry: Registry) -> Iterator[None]:
    with few_datasets(registry):
        yield


def test_a_live_process_ends_in_good_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "iris.duckdb"
    with PubSubServer() as server, clients_of(server, monkeypatch) as clients:
        publish(clients, [reading(1)], "m1")
        argv = [f"--input_subscription={clients.subscription}", f"--warehouse=duckdb:{place}"]
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", *argv],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            eventually(lambda: clients.unacknowledged() == 0)
            process.terminate()
            out, err = process.communicate()
        finally:
            process.kill()
    assert (process.returncode, err) == (0, f"reading {clients.subscription}: Ctrl-C ends\n")
    assert "1 records = 1 rows + 0 dead-lettered records; 0 undecodable messages" in out
    assert ask(place, "SELECT count(*) FROM bmrs_freq_iris") == [(1,)]


@pytest.mark.usefixtures("few")
@pytest.mark.timeout(60)  # seconds: without end, where the handler waits for what it interrupts
def test_a_signal_comes_while_the_run_holds_the_lock_that_ends_it(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(threading.Event):
        """Between two looks at whether it is set."""

        def wait(self, timeout: float | None = None) -> bool:
            with self._cond:  # type: ignore[attr-defined]
                os.kill(os.getpid(), signal.SIGTERM)
                return super().is_set()

    events = SimpleNamespace(Event=Interrupted, Thread=threading.Thread)
    monkeypatch.setattr(launch, "threading", events)
    with PubSubServer() as server, clients_of(server, monkeypatch) as clients:
        publish(clients, [reading(1)], "m1")
        said = command(
            f"--input_subscription={clients.subscription}", f"--warehouse=duckdb:{tmp_path}/x"
        )
    assert said.code == 0
    assert said.totals()["total"] == ["1", "1", "0"]


@pytest.mark.usefixtures("few")
def test_a_live_run_that_ends_does_not_wait_for_its_warehouse(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader has the file for as long as it likes: the batch stays in Pub/Sub."""
    place = tmp_path / "iris.duckdb"
    real = DuckDBWarehouse.append

    def append(self: DuckDBWarehouse, writes: Any) -> Any:
        with reading_elsewhere(place):
            os.kill(os.getpid(), signal.SIGTERM)
            return real(self, writes)

    monkeypatch.setattr(DuckDBWarehouse, "append", append)
    monkeypatch.setattr(duckdb_sink, "_LOCK_TIMEOUT_SECONDS", 1e9)
    with PubSubServer() as server, clients_of(server, monkeypatch) as clients:
        publish(clients, [reading(1)], "m1")
        said = command(
            f"--input_subscription={clients.subscription}", f"--warehouse=duckdb:{place}"
        )
        assert (said.code, clients.unacknowledged()) == (0, 1)
    assert said.logged == [
        f"batch of 1 not written, left for the next start: {place} is held open by another "
        "process: close it and run again"
    ]
    assert "0 records = 0 rows + 0 dead-lettered records; 0 undecodable messages" in said.out


@contextmanager
def reading_elsewhere(place: Path) -> Iterator[None]:
    """Another process has the file open."""
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); print(flush=True);"
    with subprocess.Popen(
        [sys.executable, "-c", code + "input()", str(place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


def closed_pipe() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def closed_terminal() -> int:
    terminal, writer = os.openpty()
    os.close(terminal)
    return writer


@pytest.mark.parametrize("closed", [closed_pipe, closed_terminal])
def test_a_reader_that_goes_away_early(closed: Callable[[], int], tmp_path: Path) -> None:
    file = tmp_path / "FREQ" / "a.json"
    file.parent.mkdir()
    file.write_text("[]")
    writer = closed()
    argv = [sys.executable, "-m", "pipeline", f"--input_files={file}"]
    with os.fdopen(writer, "w") as nobody:
        done = subprocess.run(
            [*argv, f"--warehouse=duckdb:{tmp_path}/w.duckdb"],
            cwd=ROOT,
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def shown(terminal: io.StringIO, condition: Callable[[str], Any]) -> str:
        monkeypatch.setattr(sys, "stderr", terminal)
        with launch._progress():
            eventually(lambda: condition(terminal.getvalue()))
        return terminal.getvalue()

    monkeypatch.setattr(launch, "PROGRESS", metrics.Progress(1_234, 5, 6))
    text = shown(Terminal(), bool)
    assert text.startswith("\r1,234 messages, 5 rows, 6 dead letters")
    assert text.endswith("\r\033[K")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with launch._progress():
        pass
    assert sys.stderr.getvalue() == ""  # type: ignore[attr-defined]


def test_a_terminal_that_is_closed_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, inside = os.openpty()
    stream = os.fdopen(inside, "w")
    monkeypatch.setattr(sys, "stderr", stream)
    with launch._progress():
        assert b"messages" in os.read(terminal, 1_000)
        os.close(terminal)
    monkeypatch.undo()
    with suppress(OSError):  # what nobody has read
        stream.close()
