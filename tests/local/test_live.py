"""The chain around the clock, as ``make live`` has it."""

from __future__ import annotations

import os
import re
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import schemas
from local.feed import FeedMessage, bundled, day
from local.feed.servicebus import to_queue
from local.live import main
from local.query import connect
from local.sample_messages import samples
from local.servicebus import ServiceBusServer
from local.stopping import ENDING
from tests.local.accounts import Accounts, count_written
from tests.local.commands import Command
from tests.local.waiting import eventually, is_alive

ALL_WRITTEN = "all that was received is written"


def feed(minutes: float) -> list[FeedMessage]:
    """Traffic around a half hour, some of it odd."""
    start = datetime(2026, 5, 6, 15, 28, tzinfo=UTC)
    duration = timedelta(minutes=minutes)
    return list(day(bundled(), schemas.load(), dict(samples()), 7, start, duration, odd=0.05))


def settings_of(server: ServiceBusServer) -> dict[str, str]:
    return {"IRIS_CONNECTION_STRING": server.connection_string, "IRIS_QUEUE_NAME": "iris"}


def test_a_simulated_feed_from_start_to_end(tmp_path: Path) -> None:
    arguments = ["--feed", "simulated", "--speed", "600", "--minutes", "20", "--odd", "0.1"]
    with Command(tmp_path, "local.live", *arguments) as command:
        assert command.wait() == 0, command.err
    folder = tmp_path / "var" / "simulated"
    said = command.said()
    assert said[0] == "into var/simulated/iris.duckdb; Ctrl-C ends, and nothing is lost by it"
    logs = r"logs: var/simulated/log/; metrics: http://127\.0\.0\.1:2\d{4}/metrics"
    assert re.fullmatch(logs, said[1])
    assert said[-2:] == [ENDING, ALL_WRITTEN]
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
    messages = feed(minutes=6)
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
    with Command(tmp_path, "local.live", "--folder", "here") as command:
        assert command.wait() == 2
    text = "\n".join(command.said()[-1:] + command.err)
    assert "local.live: bridge cannot run:" in text
    assert "  IRIS_QUEUE_NAME: missing (your queue, iris.<guid>)" in text
    assert "  IRIS_CLIENT_ID and IRIS_CLIENT_SECRET: missing" in text


def test_a_warehouse_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "iris.duckdb").write_text("none of yours")
    with (
        ServiceBusServer(["iris"]) as servicebus,
        Command(tmp_path, "local.live", "--folder", "here", **settings_of(servicebus)) as command,
    ):
        assert command.wait() == 2
    assert command.said()[-2] == "local.live: pipeline cannot run:"
    assert "as a DuckDB file" in command.err[-1]


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


def test_a_folder_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["--folder", str(tmp_path / "file")]) == 1
    text = capsys.readouterr().err[9:]
    assert text.startswith(f"local.live: {tmp_path}/file/pubsub: cannot be used (")
