"""Where rows go: a warehouse, named by a URL."""

from __future__ import annotations

import re
import threading
from typing import Final

from pipeline.sinks.base import Warehouse, WarehouseError

_FORMS: Final = "duckdb:PATH or bigquery:PROJECT.DATASET"
_open: dict[str, Warehouse] = {}
_lock = threading.Lock()


def parse_url(url: str) -> tuple[str, str]:
    """``(kind, place)`` of a warehouse URL; touches nothing.

    Raises:
        WarehouseError: no URL of a known form.
    """
    kind, colon, place = url.partition(":")
    if not colon or kind not in ("duckdb", "bigquery"):
        raise WarehouseError(f"--warehouse {url!r} is not known: use {_FORMS}")
    if not place:
        raise WarehouseError(f"--warehouse {url!r} names no place: use {_FORMS}")
    if kind == "bigquery" and not re.fullmatch(r"[a-z0-9.:-]+\.[A-Za-z0-9_]+", place):
        raise WarehouseError(f"--warehouse {url!r}: write bigquery:PROJECT.DATASET")
    return kind, place


def open_warehouse(url: str) -> Warehouse:
    """The warehouse at ``url``, one per process however many transforms ask.

    Raises:
        WarehouseError: unknown form, or a place that cannot be used.
    """
    with _lock:
        warehouse = _open.get(url)
        if warehouse is None:
            warehouse = _open[url] = _make(*parse_url(url))
        return warehouse


def use_warehouse(url: str, warehouse: Warehouse) -> None:
    """Lets ``open_warehouse(url)`` give ``warehouse`` in this process: tests, benchmarks."""
    with _lock:
        _open[url] = warehouse


def close_warehouses() -> None:
    """Closes all warehouses of this process; they open again when asked for."""
    with _lock:
        while _open:
            _open.popitem()[1].close()


def _make(kind: str, place: str) -> Warehouse:
    # Each warehouse's library is imported only where it is used: a Dataflow worker has no DuckDB.
    if kind == "duckdb":
        from pipeline.sinks.duckdb import DuckDBWarehouse

        return DuckDBWarehouse(place)
    from pipeline.sinks.bigquery import BigQueryWarehouse

    return BigQueryWarehouse(place)
