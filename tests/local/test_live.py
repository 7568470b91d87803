"""The chain around the clock, as ``make live`` has it."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from local import supervisor
from local.feed.servicebus import to_queue
from local.live import main
from local.query import connect
from local.servicebus import ServiceBusServer
from local.stopping import ENDING
from tests.local.accounts import Accounts, count_written
from tests.local.commands import SLOW_IMPORT, Command, hook
from tests.local.live import feed, settings_of
from tests.local.settings import without_settings
from tests.local.waiting import eventually

ALL_WRITTEN = "all that was received is written"


def test_a_simulated_feed_from_start_to_end(tmp_path: Path) -> None:
    arguments = ["--feed", "simulated", "--speed", "600", "--minutes", "4", "--odd", "0.2"]
    with Command(tmp_path, "local.live", *arguments) as command:
        assert command.wait() == 0, command.err
    folder = tmp_path / "var" / "simulated"
    said = command.said()
    assert said[:2] == [
        "into var/simulated/iris.duckdb; Ctrl-C ends, and the simulated queue is gone then",
        "logs: var/simulated/log/",
    ]
    assert re.fullmatch(r"metrics: http://127\.0\.0\.1:2\d{4}/metrics", said[2])
    assert said[-1] == ALL_WRITTEN
    assert ENDING not in said
    with connect(str(folder / "iris.duckdb")) as warehouse:
        ledger = warehouse.execute(
            "SELECT count(*), sum(rows), sum(dead_letters), bool_and(written_utc >= enqueued_utc) "
            "FROM iris_messages"
        ).fetchone()
    assert ledger is not None
    total = next(line.replace(",", "").split() for line in command.out if line.startswith("total "))
    assert [int(each) for each in total[1:4]] == list(ledger[:3])
    assert ledger[2] > 0
    assert ledger[3]


def test_stopped_in_the_middle_and_started_again(tmp_path: Path) -> None:
    messages = feed(minutes=2)
    half = len(messages) // 2
    with ServiceBusServer(["iris"]) as servicebus:
        send = to_queue(servicebus.queue("iris"))
        settings = settings_of(servicebus)
        send(messages[:half])
        with Command(tmp_path, "local.live", **settings) as first:
            warehouse = tmp_path / "var" / "live" / "iris.duckdb"
            eventually(lambda: count_written(warehouse) > 0)
            with Command(tmp_path, "local.live", **settings) as other:
                assert other.wait() == 1
            (text,) = other.said()
            pubsub = tmp_path / "var" / "live" / "pubsub"
            assert text.startswith(f"local.live: {pubsub}: in use by another Pub/Sub server (proc")
            send(messages[half:])
            first.signal()
            assert first.wait() == 0
        assert "into var/live/iris.duckdb; Ctrl-C ends, and nothing is lost by it" in first.said()
        assert first.said()[-2] == ENDING
        with Command(tmp_path, "local.live", **settings) as second:
            everything = len({one.message_id for one in messages})
            eventually(lambda: count_written(warehouse) == everything)
            second.signal(signal.SIGTERM)
            assert second.wait() == 0
        assert second.said()[-2:] == [ENDING, ALL_WRITTEN]
        assert servicebus.queue("iris").counts() == (0, 0, 0, 0)
        assert servicebus.peak_connections == 1
    with Accounts(warehouse, messages) as accounts:
        assert list(accounts.differences()) == []


def test_without_credentials(tmp_path: Path) -> None:
    with Command(tmp_path, "local.live", "--folder", "here", IRIS_CLIENT_ID="me") as command:
        assert command.wait() == 2
    place = "set it in the environment or in .env"
    assert [command.err[0][9:], *command.err[1:]] == [
        "local.live: settings",
        f"  IRIS_QUEUE_NAME: missing (your queue, iris.<guid>); {place}",
        "  IRIS_CLIENT_SECRET: missing, but IRIS_CLIENT_ID is set: both are needed; " + place,
    ]
    assert not (tmp_path / "here").exists()


@pytest.mark.parametrize("name", ["speed", "minutes", "seed", "odd"])
def test_the_real_queue_has_no_speed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([f"--{name}", "1"])
    assert caught.value.code == 2
    assert capsys.readouterr().err.endswith(
        f"error: --{name} is for a simulated feed: add --feed simulated, or leave it out to read "
        "the real queue\n"
    )


def test_ctrl_c_while_it_begins(tmp_path: Path) -> None:
    with Command(
        tmp_path, "local.live", PYTHONPATH=hook(tmp_path, SLOW_IMPORT), SLOW="local.supervisor"
    ) as command:
        eventually((tmp_path / "importing").exists)
        command.signal()
        (tmp_path / "go").touch()
        assert command.wait() == 0
    assert command.err == []


def test_a_warehouse_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "iris.duckdb").write_text("none of yours")
    with (
        ServiceBusServer(["iris"]) as servicebus,
        Command(tmp_path, "local.live", "--folder", "here", **settings_of(servicebus)) as command,
    ):
        assert command.wait() == 2
    reason = command.said().index("local.live: pipeline cannot run:")
    assert "as a DuckDB file" in command.err[reason + 1]
    assert ENDING not in command.said()


def test_a_child_that_is_killed_comes_back(tmp_path: Path) -> None:
    with (
        ServiceBusServer(["iris"]) as servicebus,
        Command(tmp_path, "local.live", **settings_of(servicebus)) as command,
    ):
        eventually(lambda: servicebus.connections == 1)
        bridge, pipeline = sorted(command.await_children())
        os.kill(bridge, signal.SIGKILL)
        eventually(lambda: bridge not in command.children() and len(command.children()) == 2)
        assert pipeline in command.children()
        eventually(lambda: servicebus.total_connections > 1 and servicebus.connections == 1)
        command.signal()
        assert command.wait() == 0
    notice = r"bridge was ended by SIGKILL: it starts again in [01] s, see var/live/log/bridge\.log"
    assert any(re.fullmatch(notice, line) for line in command.said())


def test_why_nothing_comes_is_told(tmp_path: Path) -> None:
    with ServiceBusServer(["iris"]) as gone:
        settings = settings_of(gone)
    with Command(tmp_path, "local.live", BRIDGE_HTTP="none", **settings) as command:
        eventually(lambda: any("bridge: queue unavailable: " in one for one in command.said()))
        command.signal()
        assert command.wait() == 0
    assert "metrics are off | 0 to write" in command.said()
    assert not any(line.startswith("metrics: ") for line in command.said())


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--speed", "0"], "speed: 0 must be greater than 0"),
        (["--minutes", "-1"], "minutes: -1 must be greater than 0"),
        (["--odd", "7"], "odd: 7 is no share between 0 and 1"),
    ],
)
def test_arguments_that_make_no_sense(
    arguments: list[str], text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--feed", "simulated", "--folder", str(tmp_path), *arguments]) == 2
    assert capsys.readouterr().err[9:] == f"local.live: {text}\n"


def test_a_fault_of_its_own_is_not_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("could not convert string to float")

    monkeypatch.setattr(supervisor.Keeper, "start", fail)
    with pytest.raises(ValueError, match="could not convert"):
        main(["--feed", "simulated", "--folder", str(tmp_path)])


def test_a_folder_that_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without_settings(monkeypatch, tmp_path)
    for name in ("CLIENT_ID", "CLIENT_SECRET", "QUEUE_NAME"):
        monkeypatch.setenv(f"IRIS_{name}", "x")
    (tmp_path / "file").write_text("")
    assert main(["--folder", str(tmp_path / "file")]) == 1
    text = capsys.readouterr().err[9:]
    assert text.startswith(f"local.live: {tmp_path}/file/pubsub: cannot be used (")
