"""What the small installation takes: both services at the simulated feed's own speed."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local.chain import SUBSCRIPTION, TOPIC, create_subscription
from local.processes import Child, stop_all
from local.pubsub import PubSubServer
from local.simulation import Simulation
from schemas import load
from schemas.tables import all_tables
from tests.servers.bigquery_write import BigQueryWriteServer

#: Long enough for two of the bursts that come with each half-hour.
MINUTES: Final = 40.0
_TABLES: Final = "projects/bench-123456/datasets/iris/tables"
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Taken:
    """What one process has taken.

    Attributes:
        name: of the process.
        busy: share of one core, while it ran.
        peak: the most bytes that were resident.
    """

    name: str
    busy: float
    peak: int


@dataclass(frozen=True)
class Day:
    """A run, put to a day's measure.

    Attributes:
        messages, rows: of a day.
        requests, bytes: of AppendRows, in a day.
    """

    messages: float
    rows: float
    requests: float
    bytes: float


def run(minutes: float = MINUTES) -> tuple[list[Taken], Day]:
    """Bridge and pipeline as processes, for so many minutes of real time."""
    tables = {f"{_TABLES}/{table.name}": table.columns for table in all_tables(load())}
    with (
        tempfile.TemporaryDirectory() as name,
        PubSubServer() as pubsub,
        BigQueryWriteServer(tables=tables) as bigquery,
        Simulation(speed=1.0, minutes=minutes) as feed,
    ):
        create_subscription(pubsub)
        folder = Path(name)
        both = {"PUBSUB_EMULATOR_HOST": pubsub.address}
        into = {"BIGQUERY_STORAGE_EMULATOR_HOST": bigquery.address}
        settings = {**feed.settings, **both, "PUBSUB_TOPIC": TOPIC, "BRIDGE_HTTP": "none"}
        options = [
            "--input_subscription",
            SUBSCRIPTION,
            "--warehouse",
            "bigquery:bench-123456.iris",
        ]
        children = [
            Child("bridge", [], settings, folder / "bridge.log", quiet=True),
            Child("pipeline", options, both | into, folder / "pipeline.log", quiet=True),
        ]
        for child in children:
            child.start()
        began = time.monotonic()
        time.sleep(minutes * 60)
        seconds = time.monotonic() - began
        taken = [_taken(child, seconds) for child in children]
        counters = bigquery.counters()
        messages = bigquery.counters(f"{_TABLES}/iris_messages").rows
        stop_all(children)
    days = 86_400 / seconds
    return taken, Day(
        messages * days,
        (counters.rows - messages) * days,
        counters.requests * days,
        counters.bytes * days,
    )


def _taken(child: Child, seconds: float) -> Taken:
    if not child.is_running:
        raise RuntimeError(f"{child.module} {child.fate}: {child.last_words()}")
    fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
    busy = (int(fields[11]) + int(fields[12])) / _TICKS
    status = Path(f"/proc/{child.pid}/status").read_text()
    peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return Taken(child.module, busy / seconds, int(peak) * 1_024)


def lines(minutes: float = MINUTES) -> Iterator[str]:
    """The results as Markdown."""
    taken, day = run(minutes)
    yield (
        f"Bridge and pipeline (`--input_subscription`, into a local BigQueryWrite server) over "
        f"{minutes:g} minutes of the simulated feed at its own speed, which is that of "
        f"{day.messages:,.0f} messages and {day.rows:,.0f} rows a day in {day.requests:,.0f} "
        f"append requests of {day.bytes / 1e6:,.0f} MB:"
    )
    yield ""
    yield "| process | of one core | most memory |"
    yield "|---|---:|---:|"
    for one in taken:
        yield f"| {one.name} | {one.busy:.1%} | {one.peak / 1e6:.0f} MB |"
