"""Runs on this machine, from the command line to the tables."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from local import sample_messages
from local.pubsub import PubSubServer
from pipeline import launch, metrics
from pipeline.sinks import use_warehouse
from pipeline.summary import Totals
from schemas import Registry, duckdb_ddl, table_for
from tests.pipeline.commands import ROOT, Command, command_of, few_datasets, put
from tests.pipeline.graph_runs import ask, demand, reading
from tests.pipeline.live import PROJECT, clients_of, publish
from tests.pipeline.memory import MemoryWarehouse

KEYS = "_message_id, _record_index"


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Command:
    return command_of(capfd, caplog)


@pytest.fixture
def few(registry: Registry) -> Iterator[None]:
    with few_datasets(registry):
        yield


@pytest.fixture
def files(tmp_path: Path) -> str:
    """The option that names files of every kind."""
    folder = tmp_path / "in"
    for at in range(5):
        put(folder, f"FREQ/m{at}", [reading(at), reading(at + 10, frequency="high"), 5])
    put(folder, "INDOD/day", [demand(), demand("1999-01-01")])
    put(folder, "INDOD/empty", [])
    put(folder, "NEWS/new", [{"a": 1}])
    put(folder, "NEWS/broken", b"[{")
    put(folder, "v1.2/worse", b"\xff")
    return f"--input_files={folder}/*/*"


def test_all_datasets(command: Command, tmp_path: Path, registry: Registry) -> None:
    """The bundled samples, through the graph of all datasets, into their tables."""
    sample_messages.write(tmp_path / "in")
    place = tmp_path / "iris.duckdb"
    said = command(f"--input_files={tmp_path}/in/*/*", f"--warehouse=duckdb:{place}")
    assert (said.code, said.err) == (0, [])
    wanted = {name: len(json.loads(array)) for name, array in sample_messages.samples()}
    assert wanted.keys() <= registry.keys()
    total = [str(len(wanted)), str(sum(wanted.values())), "0"]
    assert said.totals() == {
        **{subject: ["1", str(rows), "0"] for subject, rows in wanted.items()},
        "total": total,
    }
    tables = ask(place, "SELECT table_name FROM information_schema.tables ORDER BY 1")
    assert [name for (name,) in tables] == sorted(
        [*(registry[subject].table_name for subject in wanted), "iris_messages"]
    )
    counts = " UNION ALL ".join(
        f"SELECT '{subject}', count(*), count(DISTINCT ({KEYS})), count(_extra) "
        f"FROM {registry[subject].table_name}"
        for subject in wanted
    )
    assert sorted(ask(place, counts)) == sorted(
        (subject, rows, rows, 0) for subject, rows in wanted.items()
    )
    ledger = ask(
        place, "SELECT dataset, message_id, records, rows, dead_letters FROM iris_messages"
    )
    assert sorted(ledger) == sorted(
        (subject, sample_messages.message_id(subject), rows, rows, 0)
        for subject, rows in wanted.items()
    )


@pytest.mark.usefixtures("few")
def test_the_summary_says_what_is_in_the_tables(
    command: Command, files: str, tmp_path: Path
) -> None:
    place = tmp_path / "iris.duckdb"
    said = command("--runner=direct", files, f"--warehouse=duckdb:{place}")
    assert said.code == 0
    assert said.err == ["DirectRunner: running on Beam's FnApiRunner, in this process"]
    assert said.totals() == {
        "FREQ": ["5", "10", "5"],
        "INDOD": ["2", "1", "1"],
        "unmapped": ["3", "1", "2"],
        "total": ["10", "12", "8"],
    }
    end = said.out.index("")
    assert said.out[end + 1 : -3] == [
        "18 records = 12 rows + 6 dead-lettered records; 2 undecodable messages",
        "5 misfit_values: values that did not fit their column: NULL there, kept in _extra",
        "5 dead letters NotObject",
        "1 dead letters BadEncoding",
        "1 dead letters NotJson",
        "1 dead letters PartitionRange",
    ]
    assert said.out[-3:-1] == ["", f"warehouse: duckdb:{place}"]
    sums = "sum(records), sum(rows), sum(dead_letters), count(*)"
    assert ask(place, f"SELECT {sums} FROM iris_messages") == [(18, 12, 8, 10)]
    assert ask(place, "SELECT count(*) FROM iris_dead_letters") == [(8,)]


@pytest.mark.usefixtures("few")
def test_the_line_to_try_works_as_pasted(
    command: Command, files: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    place = tmp_path / "it's $HOME" / "iris.duckdb"
    said = command(files, f"--warehouse=duckdb:{place}")
    assert said.code == 0
    assert said.out[-1].startswith("try: ")
    line = said.out[-1].removeprefix("try: ")
    done = subprocess.run(line, shell=True, cwd=ROOT, capture_output=True, text=True, check=True)
    times = re.findall(r"2026-11-01 11:58:\d\d", done.stdout)
    assert times == sorted(f"2026-11-01 11:58:{at:02}" for at in (*range(5), *range(10, 15)))[::-1]


def test_the_question_to_try_fits_every_dataset(registry: Registry) -> None:
    with duckdb.connect(":memory:") as connection:
        for subject, dataset in registry.items():
            totals = Totals()
            totals.datasets[subject].counts[metrics.ROWS] = 3
            totals.datasets["unmapped"].counts[metrics.ROWS] = 99
            question = launch._example(totals, registry)
            table = dataset.table_name if dataset.reference_time else "iris_messages"
            assert f" FROM {table} " in question
            if dataset.reference_time:
                connection.execute(duckdb_ddl(table_for(dataset)))
                connection.execute(f"EXPLAIN {question}")


@pytest.mark.usefixtures("few")
def test_the_same_files_again(command: Command, files: str, tmp_path: Path) -> None:
    place = tmp_path / "iris.duckdb"
    for _ in range(2):
        assert command(files, f"--warehouse=duckdb:{place}").code == 0
    for table, rows in (("bmrs_freq_iris", 10), ("bmrs_indod_iris", 1), ("iris_unmapped", 1)):
        counts = ask(place, f"SELECT count(*), count(DISTINCT ({KEYS})) FROM {table}")
        assert counts == [(2 * rows, rows)], table


#: Runs the command line over three datasets, in small flushes, and stands still in one of them.
DRIVER = """
import itertools, sys, time
import schemas
from pipeline import append, launch
from pipeline.sinks import bundle
from pipeline.sinks.duckdb import DuckDBWarehouse

load, real, calls = schemas.load, DuckDBWarehouse.append, itertools.count(1)

def stand_still(*args):
    if next(calls) == 4:
        print("here", flush=True)
        time.sleep(600)
    return real(*args)

schemas.load = lambda *_, **__: schemas.Registry(load()[name] for name in ("FREQ", "INDOD"))
bundle.FLUSH_BYTES = append.FLUSH_BYTES = 300
DuckDBWarehouse.append = stand_still
sys.exit(launch.main(sys.argv[1:]))
"""


@pytest.mark.usefixtures("few")
def test_a_run_that_is_killed_and_repeated(command: Command, files: str, tmp_path: Path) -> None:
    for at in range(20):
        put(tmp_path / "in", f"FREQ/n{at}", [reading(at), reading(at)])
    place = tmp_path / "iris.duckdb"
    argv = [files, f"--warehouse=duckdb:{place}"]
    killed = [sys.executable, "-c", DRIVER, *argv]
    with subprocess.Popen(killed, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "here\n"
        finally:
            process.kill()
    assert process.returncode == -signal.SIGKILL
    written = ask(place, "SELECT count(*) FROM bmrs_freq_iris")[0][0]
    assert 0 < written < 50
    assert command(*argv).code == 0
    counts = ask(place, f"SELECT count(*), count(DISTINCT ({KEYS})) FROM bmrs_freq_iris")
    assert counts == [(50 + written, 50)]
    assert ask(place, "SELECT count(DISTINCT message_id) FROM iris_messages") == [(30,)]


@pytest.mark.usefixtures("few")
def test_schema_files_of_ones_own(command: Command, files: str, tmp_path: Path) -> None:
    own = tmp_path / "own"
    bundled = json.loads((ROOT / "schemas/datasets/FREQ.json").read_text())
    time = bundled["columns"][1]
    put(own, "FREQ.json", bundled | {"columns": [time]})
    number = {"name": "a", "type": "INT64", "description": "A number."}
    put(own, "NEWS.json", bundled | {"subject": "NEWS", "columns": [time, number]})
    put(tmp_path / "in", "NEWS/known", [{"measurementTime": "2026-11-01T00:00:00Z", "a": 7}])
    place = tmp_path / "iris.duckdb"
    said = command(files, f"--warehouse=duckdb:{place}", f"--schema_dir={own}")
    assert said.code == 0
    assert ask(place, f"SELECT a, {KEYS} FROM bmrs_news_iris") == [(7, "known", 0)]
    extra = ask(
        place, "SELECT _extra FROM bmrs_freq_iris WHERE _message_id = 'm1' ORDER BY _record_index"
    )
    assert [json.loads(text) for (text,) in extra] == [
        {"dataset": "FREQ", "frequency": 51.0},
        {"dataset": "FREQ", "frequency": "high"},
    ]


@pytest.mark.usefixtures("few")
def test_a_table_that_is_not_ours(command: Command, files: str, tmp_path: Path) -> None:
    place = tmp_path / "iris.duckdb"
    with duckdb.connect(str(place)) as connection:
        connection.execute("CREATE TABLE bmrs_freq_iris (frequency DOUBLE)")
    said = command(files, f"--warehouse=duckdb:{place}")
    assert said.code == 2
    assert said.err == [
        "10 rows are in iris_dead_letters because their table cannot be written: "
        "create it with python -m schemas apply, then send the messages again"
    ]
    assert said.totals()["INDOD"] == ["2", "1", "1"]
    assert said.totals()["FREQ"] == ["5", "0", "15"]


@pytest.mark.usefixtures("few")
def test_records_that_vanish_are_told(
    command: Command, files: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Totals, "adds_up", False)
    use_warehouse("duckdb:leaky", MemoryWarehouse())
    said = command(files, "--warehouse=duckdb:leaky")
    assert said.code == 1
    assert said.err == ["records do not equal rows + dead letters: this is a bug"]


@pytest.mark.usefixtures("few")
def test_live(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "iris.duckdb"
    with PubSubServer() as server, clients_of(server, monkeypatch) as clients:
        publish(clients, [reading(1), 5], "m1")
        publish(clients, [{}], "m2", dataset="NEWS")
        subscription = f"--input_subscription={clients.subscription}"
        dead, letters = f"{PROJECT}/topics/dead", f"{PROJECT}/subscriptions/dead"
        server.ensure_topic(dead)
        server.ensure_subscription(letters, dead)
        topic = f"--dead_letter_topic={dead}"
        said = command(subscription, f"--warehouse=duckdb:{place}", "--stop_when_idle=0", topic)
        assert (said.code, clients.unacknowledged()) == (0, 0)
        (letter,) = clients.pull(1, letters)
    assert (letter.message.data, letter.message.attributes["reason"]) == (b"5", "NotObject")
    assert said.err == [f"reading {clients.subscription}: Ctrl-C ends"]
    assert said.totals()["FREQ"] == ["1", "1", "1"]
    assert said.totals()["unmapped"] == ["1", "1", "0"]


@pytest.mark.usefixtures("few")
@pytest.mark.skipif(sys.platform != "linux", reason="needs a file that lists but does not read")
def test_a_file_that_cannot_be_read(command: Command, tmp_path: Path) -> None:
    unreadable = tmp_path / "in" / "FREQ" / "a.json"
    unreadable.parent.mkdir(parents=True)
    unreadable.symlink_to("/proc/self/mem")
    said = command(f"--input_files={tmp_path}/in/*/*", f"--warehouse=duckdb:{tmp_path}/w.duckdb")
    assert (said.code, said.err) == (2, [f"cannot read {unreadable}: [Errno 5] Input/output error"])
