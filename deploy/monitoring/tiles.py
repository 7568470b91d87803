"""Widgets of a dashboard, and their places on its grid.

https://cloud.google.com/monitoring/api/ref_v3/rest/v1/projects.dashboards
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

#: Columns of the grid: the most that Google allows.
COLUMNS: Final = 48

_HEADER_ROWS: Final = 4
_NUMBER_ROWS: Final = 8
_CHART_ROWS: Final = 16


@dataclass(frozen=True)
class Tile:
    """One widget and its size in the grid's units."""

    width: int
    height: int
    widget: dict[str, Any]


@dataclass(frozen=True)
class Line:
    """One query of a chart.

    Attributes:
        query: PromQL.
        legend: for a query that gives one series; else its labels tell them apart.
    """

    query: str
    legend: str = ""


def header(title: str, subtitle: str) -> Tile:
    """The beginning of a section, over the whole width."""
    text = {"subtitle": subtitle, "dividerBelow": True}
    return Tile(COLUMNS, _HEADER_ROWS, {"title": title, "sectionHeader": text})


def number(
    title: str,
    query: str,
    unit: str,
    *,
    above: float | None = None,
    below: float | None = None,
) -> Tile:
    """The newest value, red beyond a threshold; an eighth of the width.

    Args:
        unit: in UCUM's words.
    """
    thresholds = [
        {"value": value, "color": "RED", "direction": direction}
        for value, direction in ((above, "ABOVE"), (below, "BELOW"))
        if value is not None
    ]
    view = {
        "timeSeriesQuery": _query(query, unit),
        "sparkChartView": {"sparkChartType": "SPARK_LINE"},
        "thresholds": thresholds,
    }
    return Tile(COLUMNS // 8, _NUMBER_ROWS, {"title": title, "scorecard": view})


def chart(
    title: str,
    lines: str | Sequence[Line],
    unit: str,
    axis: str,
    *,
    threshold: float | None = None,
    width: int = COLUMNS // 3,
    stacked: bool = False,
) -> Tile:
    """Values over time.

    Args:
        lines: a query, or several with their legends.
        unit: in UCUM's words.
        axis: what the values are, for people.
        threshold: a line across.
        stacked: bars upon each other, for parts of a whole.
    """
    lines = [Line(lines)] if isinstance(lines, str) else lines
    view: dict[str, Any] = {
        "dataSets": [
            {
                "timeSeriesQuery": _query(line.query, unit),
                "plotType": "STACKED_BAR" if stacked else "LINE",
                "targetAxis": "Y1",
                **({"legendTemplate": line.legend} if line.legend else {}),
            }
            for line in lines
        ],
        "yAxis": {"label": axis, "scale": "LINEAR"},
    }
    if threshold is not None:
        view["thresholds"] = [{"value": threshold, "targetAxis": "Y1"}]
    return Tile(width, _CHART_ROWS, {"title": title, "xyChart": view})


def table(title: str, query: str, unit: str, *, width: int = COLUMNS // 3) -> Tile:
    """The newest value of each series, as bars."""
    view = {
        "dataSets": [{"timeSeriesQuery": _query(query, unit)}],
        "metricVisualization": "BAR",
    }
    return Tile(width, _CHART_ROWS, {"title": title, "timeSeriesTable": view})


def _query(query: str, unit: str) -> dict[str, str]:
    return {"prometheusQuery": query, "unitOverride": unit}


def mosaic(tiles: Iterable[Tile]) -> dict[str, Any]:
    """Tiles in rows, from the left; one that does not fit begins the next row."""
    placed = []
    x = y = height = 0
    for tile in tiles:
        if x + tile.width > COLUMNS:
            x, y, height = 0, y + height, 0
        place = {"xPos": x, "yPos": y, "width": tile.width, "height": tile.height}
        placed.append({**place, "widget": tile.widget})
        x, height = x + tile.width, max(height, tile.height)
    return {"columns": COLUMNS, "tiles": placed}
