"""The dashboard: its tiles fit the grid, and a person understands what they show."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.monitoring.dashboard import dashboard
from deploy.monitoring.tiles import Line, Tile, chart, mosaic, number
from schemas import load

LAYOUT = dashboard(load().values())["mosaicLayout"]
TILES: list[dict[str, Any]] = LAYOUT["tiles"]


def cells(tile: dict[str, Any]) -> set[tuple[int, int]]:
    return {
        (x, y)
        for x in range(tile["xPos"], tile["xPos"] + tile["width"])
        for y in range(tile["yPos"], tile["yPos"] + tile["height"])
    }


def test_tiles_stay_on_the_grid_and_do_not_overlap() -> None:
    assert 1 <= LAYOUT["columns"] <= 48
    taken: set[tuple[int, int]] = set()
    for tile in TILES:
        assert tile["xPos"] >= 0
        assert tile["yPos"] >= 0
        assert tile["xPos"] + tile["width"] <= LAYOUT["columns"]
        assert not cells(tile) & taken, tile["widget"]["title"]
        taken |= cells(tile)


def test_rows_are_full() -> None:
    covered = set().union(*map(cells, TILES))
    height = max(y for _, y in covered) + 1
    assert len(covered) == LAYOUT["columns"] * height, "no gaps"


def test_there_are_no_more_than_google_allows() -> None:
    assert 30 <= len(TILES) <= 100


def test_each_section_begins_with_a_header_over_the_whole_width() -> None:
    headers = [tile for tile in TILES if "sectionHeader" in tile["widget"]]
    assert [tile["widget"]["title"] for tile in headers] == [
        "Is all well?",
        "Datasets that come by the clock",
        "Rows and dead letters",
        "Pub/Sub",
        "The bridge",
        "The Dataflow job",
        "What it costs",
    ]
    assert TILES[0] == headers[0]
    for tile in headers:
        assert (tile["xPos"], tile["width"]) == (0, LAYOUT["columns"])
        assert tile["widget"]["sectionHeader"]["subtitle"]


def test_every_tile_has_a_title_a_unit_and_a_named_axis() -> None:
    titles = [tile["widget"]["title"] for tile in TILES]
    assert len(set(titles)) == len(titles)
    for tile in TILES:
        widget = tile["widget"]
        assert len(widget) == 2, "a title, and one kind of content"
        if "sectionHeader" in widget:
            continue
        (view,) = (value for key, value in widget.items() if key != "title")
        for one in view.get("dataSets", [view]):
            assert one["timeSeriesQuery"]["unitOverride"]
        if "xyChart" in widget:
            assert view["yAxis"]["label"]
            if len(view["dataSets"]) > 1:
                assert all(one["legendTemplate"] for one in view["dataSets"])
            # Google refuses colour and direction here.
            assert all(set(one) == {"value", "targetAxis"} for one in view.get("thresholds", []))


def test_a_number_is_red_beyond_its_threshold() -> None:
    tile = number("T", "q", "s", above=3, below=1)
    assert tile.widget["scorecard"]["thresholds"] == [
        {"value": 3, "color": "RED", "direction": "ABOVE"},
        {"value": 1, "color": "RED", "direction": "BELOW"},
    ]
    assert number("T", "q", "s", above=0).widget["scorecard"]["thresholds"] == [
        {"value": 0, "color": "RED", "direction": "ABOVE"}
    ]


def test_a_chart() -> None:
    tile = chart("T", [Line("q", "a"), Line("r", "b")], "By", "bytes", threshold=0, stacked=True)
    query = {"unitOverride": "By"}
    assert tile.widget == {
        "title": "T",
        "xyChart": {
            "dataSets": [
                {
                    "timeSeriesQuery": {"prometheusQuery": "q", **query},
                    "plotType": "STACKED_BAR",
                    "targetAxis": "Y1",
                    "legendTemplate": "a",
                },
                {
                    "timeSeriesQuery": {"prometheusQuery": "r", **query},
                    "plotType": "STACKED_BAR",
                    "targetAxis": "Y1",
                    "legendTemplate": "b",
                },
            ],
            "yAxis": {"label": "bytes", "scale": "LINEAR"},
            "thresholds": [{"value": 0, "targetAxis": "Y1"}],
        },
    }


@pytest.mark.parametrize(
    ("sizes", "places"),
    [
        ([(48, 4), (24, 16), (24, 16)], [(0, 0), (0, 4), (24, 4)]),
        ([(24, 8), (24, 16), (16, 4)], [(0, 0), (24, 0), (0, 16)]),
        ([(24, 16), (24, 8), (16, 4)], [(0, 0), (24, 0), (0, 16)]),
        ([(16, 4), (40, 4)], [(0, 0), (0, 4)]),
    ],
)
def test_tiles_flow_from_the_left(
    sizes: list[tuple[int, int]], places: list[tuple[int, int]]
) -> None:
    tiles = [Tile(width, height, {}) for width, height in sizes]
    found = mosaic(tiles)["tiles"]
    assert [(one["xPos"], one["yPos"]) for one in found] == places
    assert [(one["width"], one["height"]) for one in found] == sizes
