"""docs/migrate.md, rehearsed: each of its commands, in its order, on a miniature old system."""

from __future__ import annotations

import re
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.pubsub import PubSubServer
from local.servicebus import ServiceBusServer
from tests.deploy import old_system
from tests.deploy.rehearsal import (
    FUELS,
    QUEUE,
    Facts,
    Rehearsal,
    commands,
    expected,
    file_name,
    moment,
)


def eventually(condition: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < give_up, what
        time.sleep(0.1)


@pytest.fixture
def rehearsal(tmp_path: Path) -> Iterator[Rehearsal]:
    with ServiceBusServer([QUEUE], lock_seconds=5.0) as bus, PubSubServer() as pubsub:
        one = Rehearsal(tmp_path, bus, pubsub)
        yield one
        for service in (one.client, one.uploader):
            service.stop()
        for unit in (one.bridge, one.pipeline):
            if hasattr(unit, "process"):
                unit.__exit__()


def an_old_system_that_runs(one: Rehearsal) -> None:
    """History, a table with what was loaded, files that were put aside, a backup of all files."""
    old_system.create(one.warehouse)
    with old_system.connect(one.warehouse) as connection:
        connection.execute(
            "INSERT INTO bmrs_fuelinst (dataset, publishTime, startTime, settlementDate, "
            "settlementPeriod, fuelType, generation) VALUES "
            "('FUELINST', '2025-01-01 00:05', '2025-01-01', '2025-01-01', 1, 'WIND', 9)"
        )
    one.client.start()
    one.send(10)
    eventually(one.is_taken, "the old client reads")
    with tarfile.open(one.folder / "iris_backup.tar.gz", "w:gz") as backup:
        backup.add(one.files, "iris_data")
    lost = one.files / "FUELINST" / file_name("FUELINST", 3)
    lost.unlink()  # read by the script, refused by BigQuery, and deleted
    aside = one.files / "FUELINST_SKIP"
    aside.mkdir()
    for number in (7, 8, 9):
        name = file_name("FUELINST", number)
        (one.files / "FUELINST" / name).rename(aside / name)
    one.uploader.start()
    eventually(lambda: not [*one.files.glob("F*T/*"), *one.files.glob("FREQ/*")], "it uploads")


def facts(one: Rehearsal) -> tuple[Facts, Facts]:
    """What a user's questions find, each key counted: twice would not fit into a dict."""
    keys = one.ask(
        "SELECT strftime(publishTime, '%Y-%m-%dT%H:%M:%SZ'), fuelType, generation "
        "FROM bmrs_fuelinst_unified WHERE data_source <> 'HISTORIC'"
    )
    readings = one.ask(
        "SELECT strftime(measurementTime, '%Y-%m-%dT%H:%M:%SZ'), '', frequency "
        "FROM bmrs_freq_unified"
    )
    found = tuple({(when, what): value for when, what, value in rows} for rows in (keys, readings))
    assert (len(found[0]), len(found[1])) == (len(keys), len(readings)), "each key once"
    return found[0], found[1]


@pytest.mark.timeout(400)
def test_the_guide_is_true(rehearsal: Rehearsal) -> None:
    one = rehearsal
    an_old_system_that_runs(one)
    there, way_back = commands()
    before_adoption = []
    for command in there:
        if "-m schemas adopt --warehouse" in command:
            before_adoption = one.ask("SELECT * FROM bmrs_fuelinst_iris ORDER BY ALL")
        one.send(3)  # IRIS does not wait for anybody
        one.run(command)
    at_the_end = one.sent
    eventually(one.is_taken, one.bridge.log.read_text())

    def is_complete() -> bool:
        return facts(one) == expected(range(at_the_end))

    eventually(is_complete, one.pipeline.log.read_text())
    history = one.ask("SELECT generation FROM bmrs_fuelinst_unified WHERE data_source = 'HISTORIC'")
    assert history == [(9,)]
    assert one.ask("SELECT count(*) FROM iris_dead_letters") == [(0,)]

    told = {command.split("uk_energy_prod")[-1]: text for command, text in one.told.items()}
    dry = next(text for command, text in one.told.items() if command.endswith("adopt --warehouse "
               "bigquery:PROJECT.uk_energy_prod --dry-run"))  # fmt: skip
    assert dry.splitlines() == [
        "would rename bmrs_fuelinst_iris to bmrs_fuelinst_iris_adopted",
        "would create table bmrs_fuelinst_iris (13 columns)",
    ]
    differing = next(text for command, text in one.told.items() if "schemas diff" in command)
    assert "bmrs_fuelinst_unified" in differing
    counts = next(text for command, text in told.items() if "GROUP BY data_source" in command)
    assert [line.split()[0] for line in counts.splitlines()] == ["ADOPTED", "HISTORIC", "IRIS"]
    stale = next(text for command, text in told.items() if "is_fresh" in command).split()
    assert "INDO" in stale
    assert not {"FUELINST", "FREQ"} & set(stale)

    for command in way_back:
        if command != "sudo systemctl start iris-client":
            one.run(command)
            continue
        assert one.ask("SELECT * FROM bmrs_fuelinst_iris ORDER BY ALL") == before_adoption
        one.run(command)
    one.send(1)
    eventually(one.is_taken, "the old client reads again")
    key = f"publishTime = '{moment(one.sent - 1)}'::TIMESTAMPTZ"
    loaded = f"SELECT count(*) FROM bmrs_fuelinst_iris WHERE {key}"
    eventually(lambda: one.ask(loaded) == [(len(FUELS),)], "the old uploader loads again")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"FREQ/a": "1"}, {"FREQ/a": "1"}),
        ({"FREQ_SKIP/a": "1", "FREQ_SKIP/b c": "2"}, {"FREQ/a": "1", "FREQ/b c": "2"}),
        ({"SYS_WARN/a": "1", "SYS_WARN_SKIP/b": "2"}, {"SYS_WARN/a": "1", "SYS_WARN/b": "2"}),
        ({"FREQ/a": "1", "FREQ_SKIP/a": "2"}, {"FREQ/a": "1"}),
        ({"FREQ_SKIP/.keep": ""}, {"FREQ/.keep": ""}),
        (
            {f"MILS_SKIP/{'a-name-as-long-as-those-of-iris' * 3}_{at}": "1" for at in range(3_000)},
            {f"MILS/{'a-name-as-long-as-those-of-iris' * 3}_{at}": "1" for at in range(3_000)},
        ),
    ],
    ids=["none", "one", "beside others", "twice", "hidden", "many"],
)
def test_what_was_put_aside_goes_back(
    before: dict[str, str], after: dict[str, str], tmp_path: Path
) -> None:
    files = tmp_path / "iris_data"
    (files / "INDO_SKIP").mkdir(parents=True)
    for name, text in before.items():
        (files / name).parent.mkdir(exist_ok=True)
        (files / name).write_text(text)
    lines = [one for one in commands()[0] if re.match("find |mkdir .*twice", one)]
    assert len(lines) == 3
    subprocess.run(["bash", "-ec", "\n".join(lines)], cwd=tmp_path, check=True)
    found = {str(one.relative_to(files)): one.read_text() for one in files.glob("*/*")}
    assert found == after
    assert not list(files.glob("*_SKIP"))
    left = {one.parent.name: one.read_text() for one in tmp_path.glob("iris_data_twice/*/*")}
    assert left == ({"FREQ_SKIP": "2"} if before.get("FREQ_SKIP/a") == "2" else {})
