"""What of the children's logs is for the user."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local import notices as module
from local.notices import Notices, severe_text


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Log:
    """A log that is written to, and what is told of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = Clock()
        self.notices = Notices("pipeline", path, self.clock)

    def write(self, *lines: str, end: str = "\n") -> None:
        with self.path.open("a") as log:
            log.write("\n".join(lines) + end)

    def new(self, *lines: str) -> list[str]:
        self.write(*lines)
        return list(self.notices.new())


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "pipeline.log")


def bridge_line(severity: str, message: str) -> str:
    return json.dumps({"time": "now", "severity": severity, "message": message, "logger": "b.s"})


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (bridge_line("WARNING", "queue unavailable: the login is unknown"),) * 2,
        (bridge_line("ERROR", "a fault\n\x1b[31mof the bridge"), "a fault  [31mof the bridge"),
        (bridge_line("CRITICAL", "the end"), "the end"),
        (bridge_line("INFO", "queue receiving"), None),
        ("WARNING pipeline.sinks.duckdb: /a/b is held: waiting", "/a/b is held: waiting"),
        ("ERROR root: no room", "no room"),
        ("reading projects/p/subscriptions/s: Ctrl-C ends", None),
        ("a WARNING x: in the middle", None),
        ("WARNINGS x: of another kind", None),
        ('{"severity": "ERROR", ', None),
        ('{"severity": "ERROR"}', "None"),
        ("[" * 100_000, None),
        ("{" + '"a":{' * 100_000, None),
        ("", None),
        ("ERROR root: " + 300 * "x", 300 * "x"),
        ("ERROR root: " + 301 * "x", 297 * "x" + "..."),
    ],
)
def test_what_a_line_warns_of(line: str, text: str | None) -> None:
    if text == line:
        text = "queue unavailable: the login is unknown"
    assert severe_text(line) == text


def test_each_line_is_told_once(log: Log) -> None:
    assert list(log.notices.new()) == []  # there is no log yet
    assert log.new("WARNING a.b: first", "nothing", "ERROR a.b: second") == [
        "pipeline: first",
        "pipeline: second",
    ]
    assert log.new("nothing") == []
    assert log.new("WARNING a.b: third", "WARNING a.b: first") == ["pipeline: third"]


def test_what_was_there_before_is_not_told(log: Log) -> None:
    log.write("WARNING a.b: old")
    assert list(Notices("x", log.path).new()) == []


def test_a_line_is_told_when_it_is_whole(log: Log) -> None:
    log.write("WARNING a.b: one", "WARNING a.b: t", end="")
    assert list(log.notices.new()) == ["pipeline: one"]
    log.write("wo", end="")
    assert list(log.notices.new()) == []
    assert log.new("") == ["pipeline: two"]


def test_a_log_that_begins_anew(log: Log) -> None:
    assert log.new("WARNING a.b: before, and of some length") != []
    log.path.write_text("")
    assert log.new("WARNING a.b: after") == ["pipeline: after"]


def test_a_flood_is_cut_and_counted(log: Log) -> None:
    flood = [f"WARNING a.b: batch {at}" for at in range(1_012)]
    assert log.new(*flood) == [f"pipeline: batch {at}" for at in range(10)]
    log.clock.now += 599.0
    assert log.new("WARNING a.b: one more") == []
    log.clock.now += 1.0
    assert log.new("WARNING a.b: batch 3") == [
        f"pipeline: 1,003 more warnings, see {log.path}",
        "pipeline: batch 3",
    ]
    log.clock.now += 600.0
    assert log.new("WARNING a.b: batch 3") == ["pipeline: batch 3"]


def test_a_long_log_is_read_in_parts(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_BYTES", 40)
    log.write("WARNING a.b: first", "WARNING a.b: second", "x" * 100, "WARNING a.b: third")
    told: list[str] = []
    for _ in range(6):
        told += log.notices.new()
    assert told == ["pipeline: first", "pipeline: second", "pipeline: third"]
