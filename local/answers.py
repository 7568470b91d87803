"""Tables, views and a few answers, in a DuckDB file that the chain has filled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple

from local.query import connect
from schemas import load
from schemas.apply import carry_out, plan
from schemas.historic import load_historic
from schemas.warehouses import open_warehouse

Row = Mapping[str, Any]


class Question(NamedTuple):
    """A question about a settlement period.

    Attributes:
        title: for people.
        function: the table function that answers it, of two days.
        view: tells which days have data.
        order: its rows within a period.
        words: of the rows of one period.
    """

    title: str
    function: str
    view: str
    order: str
    words: Callable[[list[Row]], str]


def _mix(rows: list[Row]) -> str:
    return ", ".join(
        f"{row['fuelType']} {row['generation']:,.0f} MW ({row['supply_percent']:.0f} %)"
        for row in rows
    )


def _market(rows: list[Row]) -> str:
    volume = rows[0]["market_volume"]
    return (
        f"{_price(rows[0]['market_price'])} for {volume:,.0f} MWh" if volume else "nothing traded"
    )


def _system(rows: list[Row]) -> str:
    price, volume = _price(rows[0]["systemBuyPrice"]), rows[0]["netImbalanceVolume"]
    if volume is None:
        return price
    return f"{price}, {'short' if volume > 0 else 'long'} by {abs(volume):,.0f} MWh"


def _price(value: float | None) -> str:
    return "not known" if value is None else f"{value:,.2f} GBP/MWh"


QUESTIONS: Final = (
    Question("generation mix", "generation_mix", "bmrs_fuelinst_latest", "generation DESC", _mix),
    Question(
        "market index price", "market_index_price", "bmrs_mid_latest", "market_price", _market
    ),
    Question("system price", "system_price", "bmrs_disebsp_latest", "systemBuyPrice", _system),
)


def make_views(path: Path) -> None:
    """What ``python -m schemas apply`` does.

    Args:
        path: of the DuckDB file.

    Raises:
        WarehouseError: the file cannot be used.
    """
    registry = load()
    with closing(open_warehouse(f"duckdb:{path}")) as place:
        for _ in carry_out(plan(registry, load_historic(registry), place.look(), place), place):
            pass


def answers(path: Path) -> Iterator[str]:
    """A line for each question that has an answer: that of the newest settlement period.

    Args:
        path: of the DuckDB file, with its views.
    """
    with closing(connect(str(path))) as connection:

        def ask(sql: str) -> list[Row]:
            cursor = connection.execute(sql)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]

        for question in QUESTIONS:
            [newest] = ask(f"SELECT max(settlementDate) AS day FROM {question.view}")
            if newest["day"] is None:
                continue
            day = f"DATE '{newest['day']}'"
            rows = ask(
                f"FROM {question.function}({day}, {day}) QUALIFY settlementPeriod = "
                f"max(settlementPeriod) OVER () ORDER BY {question.order}"
            )
            period = f"{newest['day']}, period {rows[0]['settlementPeriod']}"
            yield f"{question.title}, {period}: {question.words(rows)}"
