"""How ``local.live`` ends: by Ctrl-C, by a kill, with its terminal, in the middle of a batch."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local.chain import SUBSCRIPTION
from local.feed.servicebus import to_queue
from local.query import connect
from local.servicebus import ServiceBusServer
from local.stopping import ENDING
from tests.local.accounts import count_written
from tests.local.commands import HASTY, Command, hook
from tests.local.live import feed, settings_of
from tests.local.settings import without_settings
from tests.local.waiting import children_of, eventually, is_alive


def test_nobody_is_left_when_it_is_killed(tmp_path: Path) -> None:
    with (
        ServiceBusServer(["iris"]) as servicebus,
        Command(tmp_path, "local.live", **settings_of(servicebus)) as command,
    ):
        eventually(lambda: servicebus.connections == 1)
        children = command.await_children()
        command.kill()
        assert not any(map(is_alive, children))
        eventually(lambda: servicebus.connections == 0)


#: Stands still for a while between the rows of a batch and their ledger entries.
STAND_STILL = """
import sys
if "pipeline" in sys.orig_argv:
    import pathlib, time
    from pipeline.sinks.duckdb import DuckDBWarehouse

    append, calls = DuckDBWarehouse.append, []

    def stand_still(*arguments):
        calls.append(1)
        if len(calls) == 2:
            pathlib.Path("here").touch()
            time.sleep(5)
        return append(*arguments)

    DuckDBWarehouse.append = stand_still
"""


def test_nobody_goes_on_writing_when_it_is_killed(tmp_path: Path) -> None:
    """Nothing of that could be acknowledged: it would all be written once more."""
    path = hook(tmp_path, STAND_STILL)
    with (
        ServiceBusServer(["iris"]) as servicebus,
        Command(tmp_path, "local.live", PYTHONPATH=path, **settings_of(servicebus)) as command,
    ):
        to_queue(servicebus.queue("iris"))(feed(minutes=0.1))
        eventually((tmp_path / "here").exists)
        command.kill()
    assert count_written(tmp_path / "var" / "live" / "iris.duckdb") == 0


def test_a_second_ctrl_c_ends_it_at_once(tmp_path: Path) -> None:
    with (
        ServiceBusServer(["iris"]) as servicebus,
        Command(
            tmp_path,
            "local.live",
            PYTHONPATH=hook(tmp_path, HASTY),
            **settings_of(servicebus),
        ) as command,
    ):
        eventually(lambda: any("metrics: " in line for line in command.said()))
        children = command.await_children()
        os.kill(max(children), signal.SIGSTOP)  # the pipeline, which would get a minute
        command.signal()
        eventually(lambda: ENDING in command.said())
        assert any(map(is_alive, children))
        command.signal()
        assert command.wait() == 0
    assert not any(map(is_alive, children))


#: Tells of a file that is held soon, and never gives up by itself.
EAGER = """
import sys
if "pipeline" in sys.orig_argv:
    from pipeline.sinks import duckdb
    duckdb._LOCK_WARNING_SECONDS, duckdb._LOCK_TIMEOUT_SECONDS = 0.1, 1e9
"""


def test_a_reader_that_holds_the_file(tmp_path: Path) -> None:
    """A notebook, say: that is told, what was received waits, and Ctrl-C does not."""
    warehouse = tmp_path / "var" / "live" / "iris.duckdb"
    messages = feed(minutes=0.1)
    path = hook(tmp_path, EAGER)
    with ServiceBusServer(["iris"]) as servicebus:
        settings = settings_of(servicebus)
        with Command(tmp_path, "local.live", PYTHONPATH=path, **settings) as command:
            log = warehouse.parent / "log" / "pipeline.log"
            eventually(lambda: log.exists() and "reading projects/" in log.read_text())
            with connect(str(warehouse)):
                to_queue(servicebus.queue("iris"))(messages)
                held = f"pipeline: {warehouse} is held open by another process: waiting until"
                eventually(lambda: any(held in one for one in command.said()))
                command.signal()
                assert command.wait() == 0
        waiting = f"{len(messages)} messages wait on disk for the next start"
        assert command.said()[-1] == waiting
        left = rf"batch of \d+ not written, left for the next start: {warehouse} is held open by "
        assert re.search(left + "another process: close it and run again\n", log.read_text())
    assert count_written(warehouse) == 0


#: Gives the process the terminal that its standard input is, and becomes another program.
ON_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)


def test_a_terminal_that_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends in good order. ``make`` sends a signal, too, when it is hung up."""
    without_settings(monkeypatch, tmp_path)
    with ServiceBusServer(["iris"]) as servicebus:
        terminal, inside = os.openpty()
        process = subprocess.Popen(
            [sys.executable, "-c", ON_TERMINAL, "-m", "local.live"],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": hook(tmp_path, HASTY),
                **settings_of(servicebus),
            },
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
        )
        os.close(inside)
        warehouse = tmp_path / "var" / "live" / "iris.duckdb"
        try:
            messages = feed(minutes=0.1)
            to_queue(servicebus.queue("iris"))(messages)
            eventually(lambda: drained(terminal) and count_written(warehouse) == len(messages))
            children = children_of(process.pid)
            assert len(children) == 2
            os.close(terminal)
            process.terminate()
            assert process.wait(60) == 0
        finally:
            process.kill()
    assert not any(map(is_alive, children))
    logs = warehouse.parent / "log"
    assert '"queue stopped"' in (logs / "bridge.log").read_text()
    # Nothing was wrong, and it came to its end: its summary had nobody to read it.
    assert (logs / "pipeline.log").read_text() == f"reading {SUBSCRIPTION}: Ctrl-C ends\n"


def drained(terminal: int) -> bool:
    """Reads what there is, lest the other side wait; True."""
    while select.select([terminal], [], [], 0)[0]:
        os.read(terminal, 10_000)
    return True
