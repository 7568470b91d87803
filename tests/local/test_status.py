"""The line that tells how a live chain does."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from local.status import Written, line, written


def state(part: str, name: str) -> dict[str, float]:
    """Metrics of a part of the bridge that is in a state."""
    metric = f'iris_bridge_connection_state{{part="{part}",state='
    others = ("starting", "connecting", "receiving", "available", "unavailable")
    return {f'{metric}"{one}"}}': float(one == name) for one in (*others, name)}


WELL = {
    **state("queue", "receiving"),
    **state("topic", "available"),
    "iris_bridge_published_total": 12_345.0,
    "iris_bridge_oldest_expires_in_seconds": 259_200.0,
}


@pytest.mark.parametrize(
    ("bridge", "unwritten", "ledger", "feed", "text"),
    [
        (
            WELL,
            1_234,
            Written(98_765, 4_321),
            "",
            "queue receiving | 98,765 rows, 4,321 dead letters | 1,234 to write | 12,345 relayed",
        ),
        (
            WELL,
            0,
            Written(1, 0),
            "feed at noon",
            "queue receiving | 1 rows, 0 dead letters | 0 to write | 12,345 relayed | feed at noon",
        ),
        (WELL, 7, None, "", "queue receiving | 7 to write | 12,345 relayed"),
        ({}, 7, Written(), "", "the bridge does not answer | 0 rows, 0 dead letters | 7 to write"),
        (
            {**WELL, **state("queue", "dead_letters"), **state("topic", "unavailable")},
            0,
            None,
            "",
            "Pub/Sub unavailable | queue dead letters | 0 to write | 12,345 relayed",
        ),
        (
            {**WELL, "iris_bridge_oldest_expires_in_seconds": 86_399.0},
            0,
            None,
            "",
            "OLDEST MESSAGE EXPIRES IN 24.0 h | queue receiving | 0 to write | 12,345 relayed",
        ),
        (
            {**WELL, "iris_bridge_oldest_expires_in_seconds": 86_400.0},
            0,
            None,
            "",
            "queue receiving | 0 to write | 12,345 relayed",
        ),
        (None, 7, Written(), "", "metrics are off | 0 rows, 0 dead letters | 7 to write"),
        ({"python_info": 1.0}, 0, None, "", "the bridge does not answer | 0 to write | 0 relayed"),
    ],
)
def test_the_line(
    bridge: dict[str, float] | None, unwritten: int, ledger: Written | None, feed: str, text: str
) -> None:
    assert line(bridge, unwritten, ledger, feed) == text


def test_the_ledger_is_added_up(tmp_path: Path) -> None:
    place = tmp_path / "iris.duckdb"
    assert written(place) is None
    with duckdb.connect(str(place)) as warehouse:
        warehouse.execute("CREATE TABLE other (rows INT)")
    assert written(place) is None
    with duckdb.connect(str(place)) as warehouse:
        warehouse.execute("CREATE TABLE iris_messages (rows INT, dead_letters INT)")
    assert written(place) == Written(0, 0)
    with duckdb.connect(str(place)) as warehouse:
        warehouse.execute("INSERT INTO iris_messages VALUES (3, 1), (4, 0)")
    assert written(place) == Written(7, 1)


def test_a_file_that_cannot_be_read_tells_nothing(tmp_path: Path) -> None:
    place = tmp_path / "iris.duckdb"
    place.write_bytes(b"none of yours")
    assert written(place) is None
