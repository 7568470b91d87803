"""A few answers of a warehouse, in words."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from local.answers import answers, make_views


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("answers") / "iris.duckdb"
    make_views(path)
    return path


def test_without_data_there_is_no_answer(warehouse: Path) -> None:
    assert list(answers(warehouse)) == []


def test_what_is_not_known_is_not_told(warehouse: Path) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "INSERT INTO bmrs_mid_iris (settlementDate, settlementPeriod, startTime, dataProvider, "
            "price, volume) VALUES ('2026-07-01', 1, '2026-06-30 23:00', 'N2EXMIDP', 0, 0)"
        )
        connection.execute(
            "INSERT INTO bmrs_disebsp_iris (settlementDate, settlementPeriod, createdDateTime, "
            "systemBuyPrice) VALUES ('2026-07-01', 2, '2026-07-01', 61.5), "
            "('2026-07-01', 1, '2026-07-01', 60), ('2026-06-30', 3, '2026-07-01', 59)"
        )
    assert list(answers(warehouse)) == [
        "market index price, 2026-07-01, period 1: nothing traded",
        "system price, 2026-07-01, period 2: 61.50 GBP/MWh",
    ]
