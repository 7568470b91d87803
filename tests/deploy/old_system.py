"""A miniature of the hand-made system: a client that writes files, a script that loads them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
from azure.servicebus import ServiceBusClient

#: The tables as they are, in DuckDB's words (DATETIME is its TIMESTAMP, TIMESTAMP its TIMESTAMPTZ).
_TABLES = """
CREATE TABLE bmrs_fuelinst (
  dataset VARCHAR, publishTime TIMESTAMP, startTime TIMESTAMP, settlementDate TIMESTAMP,
  settlementPeriod BIGINT, fuelType VARCHAR, generation BIGINT,
  _dataset VARCHAR, _window_from_utc VARCHAR, _window_to_utc VARCHAR, _ingested_utc VARCHAR,
  _source_columns VARCHAR, _source_api VARCHAR, _hash_source_cols VARCHAR, _hash_key VARCHAR);
CREATE TABLE bmrs_fuelinst_iris (
  dataset VARCHAR, publishTime TIMESTAMPTZ, startTime TIMESTAMPTZ, settlementDate DATE,
  settlementPeriod BIGINT, fuelType VARCHAR, generation DOUBLE,
  source VARCHAR, ingested_utc TIMESTAMPTZ);
CREATE TABLE bmrs_freq_iris (
  dataset VARCHAR, measurementTime TIMESTAMP, frequency DOUBLE,
  source VARCHAR, ingested_utc TIMESTAMPTZ);
CREATE VIEW bmrs_fuelinst_unified AS
  SELECT publishTime::TIMESTAMP AS timestamp, fuelType, generation, 'HISTORIC' AS data_source
  FROM bmrs_fuelinst
  UNION ALL
  SELECT publishTime::TIMESTAMP, fuelType, generation, 'IRIS' FROM bmrs_fuelinst_iris;
"""
_COLUMNS = {
    "FUELINST": (
        *("dataset", "publishTime", "startTime", "settlementDate", "settlementPeriod"),
        *("fuelType", "generation"),
    ),
    "FREQ": ("dataset", "measurementTime", "frequency"),
}


def connect(path: Path) -> duckdb.DuckDBPyConnection:
    """A connection that waits while another process, or thread, has the file."""
    give_up = time.monotonic() + 60
    while True:
        try:
            connection = duckdb.connect(str(path))
        except duckdb.Error as error:
            is_busy = "lock on file" in str(error) or "already attached" in str(error)
            if not is_busy or time.monotonic() > give_up:
                raise
            time.sleep(0.05)
        else:
            connection.execute("SET TimeZone = 'UTC'")
            return connection


def create(warehouse: Path) -> None:
    """The tables, and a view over two of them."""
    with connect(warehouse) as connection:
        connection.execute(_TABLES)


class Service:
    """A thread that does one thing again and again, until it is stopped."""

    def __init__(self, step: Callable[[], None]) -> None:
        self._step = step
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._step()
            time.sleep(0.05)


def client(connection_string: str, queue: str, folder: Path) -> Callable[[], None]:
    """As the official client: each message becomes a file, and is completed."""

    def step() -> None:
        with (
            ServiceBusClient.from_connection_string(connection_string) as bus,
            bus.get_queue_receiver(queue) as receiver,
        ):
            for message in receiver.receive_messages(20, max_wait_time=0.5):
                records = json.loads(json.loads(str(message)))
                file = folder / str(message.subject) / str(message.message_id)
                file.parent.mkdir(parents=True, exist_ok=True)
                whole = folder.parent / "being-written"  # the uploader must not read half a file
                whole.write_text(json.dumps(records))
                whole.replace(file)
                receiver.complete_message(message)

    return step


def uploader(folder: Path, warehouse: Path) -> Callable[[], None]:
    """As the script: it loads what it has a table for, a file at a time, and deletes the file."""

    def step() -> None:
        for dataset, columns in _COLUMNS.items():
            for file in sorted((folder / dataset).glob("*")):
                _load(warehouse, dataset, columns, json.loads(file.read_text()))
                file.unlink()

    return step


def _load(warehouse: Path, dataset: str, columns: tuple[str, ...], records: list[Any]) -> None:
    rows = [[*(record[name] for name in columns), "IRIS"] for record in records]
    names = ", ".join((*columns, "source", "ingested_utc"))  # by name, as BigQuery takes JSON
    marks = ", ".join("?" for _ in rows[0])
    table = f"bmrs_{dataset.lower()}_iris"
    with connect(warehouse) as connection:
        connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks}, now())", rows)
