"""The old system's backlog: 63,792 files, from folder to queryable tables."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from benchmarks.messages import RECORDS, sized_message

FILES: Final = 63_792
#: Files of the old system's backlog by dataset; all others were the rest (public notes).
_SHARES: Final = {"MILS": 29_899, "MELS": 21_637, "BOALF": 8_902}
#: The rest, by weight: mostly small and frequent, a few large publications.
_REST: Final = {"FREQ": 50, "FUELINST": 30, "REMIT": 14, "BOD": 3, "INDGEN": 3}


@dataclass(frozen=True)
class Result:
    """What one run of the backlog took."""

    files: int
    records: int
    bytes: int
    seconds: float
    peak_mib: float


def write_files(folder: Path, files: int = FILES) -> tuple[int, int]:
    """The backlog in small or whole, mean 6.5 records a file; ``(records, bytes)``."""
    rng = random.Random(7)
    total = size = 0
    for number in range(files):
        pick = rng.random() * FILES
        if pick < _SHARES["MILS"]:
            dataset = "MILS"
        elif pick < _SHARES["MILS"] + _SHARES["MELS"]:
            dataset = "MELS"
        elif pick < sum(_SHARES.values()):
            dataset = "BOALF"
        else:
            dataset = rng.choices(list(_REST), list(_REST.values()))[0]
        records = RECORDS[dataset] if dataset in _REST else _records(rng)
        one = sized_message(dataset, number, records, rng)
        path = folder / dataset / one.message.message_id
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(one.message.data)
        total += one.records
        size += len(one.message.data)
    return total, size


def _records(rng: random.Random) -> int:
    """Most files hold a record or two; gate-closure files hold hundreds."""
    return rng.randint(150, 300) if rng.random() < 0.013 else rng.randint(1, 2)


def run(files: int = FILES) -> Result:
    """Writes the files, then times the pipeline's own command over them."""
    folder = Path(tempfile.mkdtemp(prefix="backlog"))
    try:
        records, size = write_files(folder, files)
        database = folder / "iris.duckdb"
        command = [
            *(sys.executable, "-m", "benchmarks.peak", "-m", "pipeline"),
            *("--input_files", f"{folder}/*/*", "--warehouse", f"duckdb:{database}"),
        ]
        start = time.perf_counter()
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        seconds = time.perf_counter() - start
        peak = float(done.stdout.rsplit("peak MiB ", 1)[1])
        with duckdb.connect(str(database), read_only=True) as connection:
            row = connection.execute("SELECT count(*), sum(rows) FROM iris_messages").fetchone()
        if row != (files, records):
            raise AssertionError(f"the ledger holds {row}, expected {(files, records)}")
        return Result(files, records, size, seconds, peak)
    finally:
        shutil.rmtree(folder)
