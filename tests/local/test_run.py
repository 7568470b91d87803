"""The whole chain over the bundled samples, as ``make run`` has it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import duckdb
import pytest

from local.bridge_process import free_port
from local.sample_messages import samples
from local.stopping import ENDING
from tests.local.commands import HASTY, SLOW_IMPORT, Command, hook
from tests.local.waiting import eventually, is_alive


def test_all_samples_pass_through_the_chain(tmp_path: Path) -> None:
    """Whatever proxy is set: this one is dead."""
    count = len(list(samples()))
    dead = f"http://127.0.0.1:{free_port()}"
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "grpc_proxy"), dead)
    nothing = dict.fromkeys(("no_proxy", "NO_PROXY", "no_grpc_proxy"), "")
    with Command(tmp_path, "local.run", "--folder", "here", **proxies, **nothing) as command:
        assert command.wait() == 0, command.err
    # On a slow machine some states are shown, too.
    passing = ("messages in the queue,", "views and answers")
    assert [line for line in command.said() if not any(map(line.__contains__, passing))][1:] == [
        "bridge and pipeline around a local Pub/Sub; their logs: here/log/",
        "bridge and pipeline start",
        f"{count} sample messages are in the queue",
    ]
    total = next(line.split() for line in command.out if line.startswith("total "))
    assert total[1] == str(count)
    assert "138 records = 138 rows + 0 dead-lettered records; 0 undecodable messages" in command.out
    assert command.out[-4:] == [
        "views are there, too (docs/warehouse.md); some of what they answer:",
        "  generation mix, 2026-05-06, period 8: CCGT 7,527 MW (74 %), BIOMASS 2,712 MW (26 %)",
        "  market index price, 2026-05-06, period 9: 105.43 GBP/MWh for 1,892 MWh",
        "  system price, 2026-08-01, period 5: 160.00 GBP/MWh, short by 344 MWh",
    ]
    with duckdb.connect(str(tmp_path / "here" / "iris.duckdb"), read_only=True) as warehouse:
        ledger = warehouse.execute(
            "SELECT count(DISTINCT message_id), sum(rows), sum(dead_letters), "
            "bool_and(source = 'IRIS'), bool_and(enqueued_utc <= written_utc) FROM iris_messages"
        ).fetchone()
    assert ledger == (count, 138, 0, True, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_can_be_stopped(number: signal.Signals, tmp_path: Path) -> None:
    with Command(tmp_path, "local.run", "--folder", str(tmp_path)) as command:
        children = command.await_children()
        command.signal(number)
        assert command.wait() == 130
    assert not any(map(is_alive, children))


def test_a_second_ctrl_c_ends_it_at_once(tmp_path: Path) -> None:
    with Command(tmp_path, "local.run", PYTHONPATH=hook(tmp_path, HASTY)) as command:
        eventually(lambda: "bridge and pipeline start" in command.said())
        children = command.await_children()
        os.kill(max(children), signal.SIGSTOP)  # it will not do as it is told
        command.signal()
        eventually(lambda: ENDING in command.said())
        assert any(map(is_alive, children))
        command.signal()
        assert command.wait() == 130
    assert not any(map(is_alive, children))


def test_ctrl_c_while_it_begins(tmp_path: Path) -> None:
    with Command(
        tmp_path, "local.run", PYTHONPATH=hook(tmp_path, SLOW_IMPORT), SLOW="local.once"
    ) as command:
        eventually((tmp_path / "importing").exists)
        command.signal()
        (tmp_path / "go").touch()
        assert command.wait() == 130
    assert command.err == []


def test_a_child_that_fails_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "iris.duckdb").write_text("none of yours")
    with Command(tmp_path, "local.run", "--folder", ".") as command:
        assert command.wait() == 1
    said = "\n".join(command.said())
    assert "local.run: pipeline ended with code 2:" in said
    assert "as a DuckDB file" in "\n".join(command.err)


def test_a_child_that_is_killed_ends_the_run(tmp_path: Path) -> None:
    with Command(tmp_path, "local.run", "--folder", ".") as command:
        victim = min(command.await_children())
        os.kill(victim, signal.SIGKILL)
        assert command.wait() == 1
    assert any("ended by SIGKILL" in line for line in command.said())


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with Command(tmp_path, "local.run", "--folder", "file/here") as command:
        assert command.wait() == 1
    assert command.said()[-1].startswith("local.run: [Errno 20] Not a directory: ")
