"""The DuckDB sink and its file: other processes, broken files, a writer that is killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.sinks import duckdb as sink_module
from pipeline.sinks.base import TransientError, WarehouseError
from pipeline.sinks.duckdb import DuckDBWarehouse
from schemas.model import Table
from tests.pipeline.sinks.support import GOOD, OTHER, duckdb_rows, numbers

ROOT = Path(__file__).parents[3]


def stored(file: Path, table: Table) -> list[int]:
    return [row["n"] for row in duckdb_rows(file, table)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "new" / "folder" / "iris.duckdb"


HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
print("held", flush=True)
sys.stdin.readline()
connection.close()
"""


@contextmanager
def held(file: Path) -> Iterator[subprocess.Popen[str]]:
    """A reader in another process that has the file until ``communicate`` tells it to go."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "held\n"
        yield reader


def test_a_reader_in_another_process_is_waited_for(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = DuckDBWarehouse(str(file))
    sink.append([numbers(GOOD, 1)])
    with held(file) as reader:
        monkeypatch.setattr(sink_module, "_LOCK_TIMEOUT_SECONDS", 0.0)
        text = f"{file} is held open by another process: close it and run again"
        for use in (
            lambda: sink.append([numbers(GOOD, 2)]),
            lambda: sink.missing_columns(OTHER),
            lambda: DuckDBWarehouse(str(file)),
        ):
            with pytest.raises(TransientError) as caught:
                use()
            assert str(caught.value) == text
        monkeypatch.setattr(sink_module, "_LOCK_TIMEOUT_SECONDS", 60.0)
        waits: list[float] = []

        def release(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 1:
                reader.communicate("go\n")

        monkeypatch.setattr(sink_module.time, "sleep", release)
        assert sink.append([numbers(GOOD, 3)]) == [[]]
        assert len(waits) == 1
    assert stored(file, GOOD) == [1, 3]


class Time:
    """A clock that goes on by sleeping alone; who sleeps may be told of it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.on_sleep: Callable[[], object] = lambda: None

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.on_sleep()


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(sink_module, "time", time)
    return time


def test_a_reader_that_takes_its_time_is_told_of_once(
    file: Path, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    sink = DuckDBWarehouse(str(file))
    told_at: list[float] = []
    begun = time.now
    with held(file) as reader:

        def release() -> None:
            if caplog.records and not told_at:
                told_at.append(time.now - begun)
            if time.now - begun > 30 and reader.poll() is None:
                reader.communicate("go\n")

        time.on_sleep = release
        assert sink.append([numbers(GOOD, 1)]) == [[]]
    assert [record.getMessage() for record in caplog.records] == [
        f"{file} is held open by another process: waiting until it is closed there"
    ]
    assert 5.0 < told_at[0] < 6.1
    assert stored(file, GOOD) == [1]


def test_one_that_ends_waits_for_nobody(
    file: Path, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    sink = DuckDBWarehouse(str(file))
    begun = time.now
    with held(file) as reader:
        time.on_sleep = sink.stop_waiting
        with pytest.raises(TransientError, match="is held open by another process"):
            sink.append([numbers(GOOD, 1)])
        assert time.now - begun < 0.1
        reader.communicate("go\n")
    assert caplog.records == []
    # What need not wait is written.
    assert sink.append([numbers(GOOD, 2)]) == [[]]
    assert stored(file, GOOD) == [2]


def test_files_that_are_no_databases(tmp_path: Path) -> None:
    other = tmp_path / "clocks" / "notes.txt"
    other.parent.mkdir()
    other.write_text("not a database")
    under = other / "iris.duckdb"
    cases = [
        (
            other,
            f'cannot open {other} as a DuckDB file: IO Error: The file "{other}" exists, but it '
            "is not a valid DuckDB database file!",
        ),
        (tmp_path, f"{tmp_path} is a folder: name a file, for example {tmp_path}/iris.duckdb"),
        (under, f"cannot make the folder of {under}: File exists"),
        (
            Path("/proc/iris.duckdb"),
            "cannot open /proc/iris.duckdb as a DuckDB file: IO Error: Cannot open file "
            '"/proc/iris.duckdb": No such file or directory',
        ),
        (
            Path("/proc/clocks/iris.duckdb"),
            "cannot make the folder of /proc/clocks/iris.duckdb: No such file or directory",
        ),
        (Path(":memory:"), ":memory: would keep nothing: name a file, for example iris.duckdb"),
    ]
    for path, text in cases:
        with pytest.raises(WarehouseError) as caught:
            DuckDBWarehouse(str(path))
        assert str(caught.value) == text
    assert other.read_text() == "not a database"


def test_a_file_that_breaks_while_in_use(tmp_path: Path) -> None:
    """The word "lock" in what DuckDB says does not mean that somebody else has the file."""
    file = tmp_path / "locked" / "iris.duckdb"
    sink = DuckDBWarehouse(str(file))
    sink.append([numbers(GOOD, *range(1000))])
    whole = file.read_bytes()
    for broken in (whole[: len(whole) // 2], b"x" * 100, whole[:20] + b"x" * 20 + whole[40:]):
        file.write_bytes(broken)
        with pytest.raises(WarehouseError) as caught:
            sink.append([numbers(GOOD, 1)])
        assert str(caught.value).startswith(f"cannot open {file} as a DuckDB file: ")
        assert "\n" not in str(caught.value)
    file.write_bytes(whole)
    assert sink.append([numbers(GOOD, 1000)]) == [[]]
    assert stored(file, GOOD) == list(range(1001))


def test_the_file_stays_the_same_when_the_folder_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sink = DuckDBWarehouse("iris.duckdb")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    sink.append([numbers(GOOD, 1)])
    assert [one.name for one in tmp_path.glob("**/*.duckdb")] == ["iris.duckdb"]
    assert stored(tmp_path / "iris.duckdb", GOOD) == [1]


WRITER = """
import sys, time
from pipeline.sinks.duckdb import DuckDBWarehouse
from tests.pipeline.sinks.support import GOOD, OTHER, numbers

sink = DuckDBWarehouse(sys.argv[1])
stop_before_commit = sys.argv[2] == "commit"

class Stopping:
    def __init__(self, connection):
        self.connection = connection
    def __getattr__(self, name):
        return getattr(self.connection, name)
    def commit(self):
        print("committing", flush=True)
        time.sleep(60)

for turn in range(1000):
    if turn == 2 and stop_before_commit:
        connect = sink._connect
        sink._connect = lambda: Stopping(connect())
    rows = range(turn * 500, turn * 500 + 500)
    assert sink.append([numbers(GOOD, *rows), numbers(OTHER, *rows)]) == [[], []]
    print(turn, flush=True)
"""


@pytest.mark.parametrize("when", ["commit", "any time"])
def test_a_writer_that_is_killed_leaves_the_file_usable(file: Path, when: str) -> None:
    file.parent.mkdir(parents=True)
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(file), when],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            if line == "committing\n" or (when == "any time" and line == "4\n"):
                writer.kill()
                break
        durable = int(line) if when == "any time" else 1
        for line in writer.stdout:
            durable = int(line)
    whole, rest = divmod(len(stored(file, GOOD)), 500)
    assert rest == 0
    assert whole == durable + 1 if when == "commit" else whole in (durable + 1, durable + 2)
    assert stored(file, GOOD) == stored(file, OTHER) == list(range(whole * 500))
    sink = DuckDBWarehouse(str(file))
    assert sink.append([numbers(GOOD, -1)]) == [[]]
    assert stored(file, GOOD)[-1] == -1
