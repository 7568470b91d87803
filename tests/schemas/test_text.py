"""Text for people: widths, wrapping, units."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from schemas.text import cadence_text, overview, page


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (1, "1 s"),
        (90, "90 s"),
        (120, "2 min"),
        (1800, "30 min"),
        (3600, "1 h"),
        (86400, "1 d"),
        (604800, "7 d"),
    ],
)
def test_cadences_are_in_their_largest_unit(seconds: int | None, text: str) -> None:
    assert cadence_text(seconds) == text


def test_an_overview_on_a_screen_cuts_keys_and_titles(registry: schemas.Registry) -> None:
    some = [registry["FREQ"], registry["ABUC"]]
    assert list(overview(some, 130)) == [
        "SUBJECT  TABLE           COLUMNS  PARTITION        KEY                               "
        "CADENCE  CONFIDENCE  TITLE",
        "FREQ     bmrs_freq_iris  3        measurementTime  measurementTime                   "
        "2 min    confirmed   System frequency",
        "ABUC     bmrs_abuc_iris  10       settlementDate   documentId,documentRevisionNu...  "
        "-        confirmed   Balancing reserves un...",
    ]


def test_an_overview_elsewhere_cuts_nothing(registry: schemas.Registry) -> None:
    abuc = registry["ABUC"]
    line = list(overview([abuc], None))[1]
    assert line.endswith(abuc.title)
    assert ",".join(abuc.natural_key) in line


@given(width=st.integers(min_value=1, max_value=400))
def test_lines_of_an_overview_fit_the_screen(width: int, registry: schemas.Registry) -> None:
    lines = list(overview(registry.values(), width))
    narrowest = max(len(line) for line in overview(registry.values(), 1))
    assert max(map(len, lines)) <= max(width, narrowest)


@given(width=st.integers(min_value=80, max_value=300), data=st.data())
def test_a_page_loses_no_word(width: int, data: st.DataObject, registry: schemas.Registry) -> None:
    dataset = data.draw(st.sampled_from(list(registry.values())))
    text = " ".join(" ".join(page(dataset, width)).split())
    for sentence in (*dataset.notes, *(column.description for column in dataset.columns)):
        assert sentence in text
