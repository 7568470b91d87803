"""Values near those of a sample, in their form."""

from __future__ import annotations

import json
import random
import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.feed.facts import Fact, Render
from local.feed.units import Unit
from local.feed.values import FROM_ZERO, form_of, number, serial, similar, to_json
from pipeline.exact import Number, parse
from schemas import Column
from tests.local.feed.moments import seconds

PUBLISHED = seconds("2026-10-24T23:30:00+00:00")


def fact(**changes: Any) -> Fact:
    """A record of 00:30 local time on the day when the clocks go back."""
    return Fact(
        published=PUBLISHED,
        start=PUBLISHED,
        end=PUBLISHED + 1_800,
        day=date(2026, 10, 25),
        unit=Unit("T_MADUP-1", "MADUP-1", "T"),
        serial=0,
        place=0,
        labels={},
        rng=random.Random(1),
    )._replace(**changes)


def exact(text: str) -> Any:
    """The value of ``text`` with numbers as literals."""
    return parse(f'[{{"v": {text}}}]')[0].value["v"]


def written(render: Render | None, **changes: Any) -> str:
    assert render is not None
    return render(fact(**changes))


@given(
    st.decimals(-(10**6), 10**6, allow_nan=False, allow_infinity=False, places=3),
    st.sampled_from([0, 1, 2, 3]),
    st.sampled_from([0.01, 0.1, 1.0]),
    st.integers(0, 10**9),
)
def test_a_number_keeps_form_and_sign_and_stays_near(
    value: Decimal, places: int, spread: float, seed: int
) -> None:
    literal = f"{value:.{places}f}"
    render = number(literal, spread)
    text = literal if render is None else render(fact(rng=random.Random(seed)))
    assert re.fullmatch(r"-?\d+" + (rf"\.\d{{{places}}}" if places else ""), text)
    near, sample = Decimal(text), Decimal(literal)
    if sample:
        assert near * sample >= 0
        half_a_digit = Decimal(1).scaleb(-places) / 2
        assert abs(near - sample) <= abs(sample) * Decimal(spread) + half_a_digit
    elif places:
        assert near == 0
    else:
        assert 0 <= near < FROM_ZERO


def test_numbers_differ() -> None:
    render = number("344.249492314814801830", 0.1)
    assert render is not None
    rng = random.Random(1)
    texts = [render(fact(rng=rng)) for _ in range(10)]
    assert len(set(texts)) == 10
    assert {len(text.partition(".")[2]) for text in texts} == {18}


@pytest.mark.parametrize(
    ("literal", "spread"), [("7", 0.0), ("7.5", 0.0), ("0.00", 0.1), ("1e3", 0.1)]
)
def test_numbers_that_stay(literal: str, spread: float) -> None:
    assert number(literal, spread) is None


@pytest.mark.parametrize(
    ("value", "first", "texts"),
    [
        (
            '"NGET-ABUC-00689635"',
            '"NGET-ABUC-00689635"',
            ["NGET-ABUC-00689635", "NGET-ABUC-00689636"],
        ),
        ('"X-0099"', '"Y-0098"', ["X-0098", "X-0099"]),
        ('"NG_0100_99"', '"NG_0100_99"', ["NG_0100_99", "NG_0100_100"]),
        ("3778", "186869", [186869, 186870]),
    ],
)
def test_serials_count_from_the_first_sample(value: str, first: str, texts: list[Any]) -> None:
    render = serial(exact(value), exact(first))
    assert [json.loads(written(render, serial=at)) for at in (0, 1)] == texts


def test_a_text_without_digits_is_no_serial() -> None:
    assert serial("NONE", "NONE") is None
    assert serial("A1", "NONE") is None


@pytest.mark.parametrize(
    ("moment", "form"),
    [
        ("2026-05-06T03:00:00Z", "Z"),
        ("2026-05-06T03:00:00", ""),
        ("2025-09-17T07:37:38.123Z", ".000Z"),
        ("2025-09-17T07:37:38.74", ".00"),
    ],
)
def test_the_form_of_a_moment(moment: str, form: str) -> None:
    assert form_of(moment) == form


def test_other_moments_keep_their_distance() -> None:
    sample = seconds("2025-09-17T14:00:00+00:00")
    column = Column("eventEndTime", "DATETIME")
    render = similar(column, "2025-09-17T16:30:00.000Z", sample, {})
    assert written(render) == '"2026-10-25T02:00:00.000Z"'
    assert written(similar(column, "2025-09-17T16:30:00Z", None, {})) == '"2026-10-24T23:30:00Z"'


def test_other_days_keep_their_distance_in_local_days() -> None:
    # Published on 18 September and on 25 October, UK local time.
    sample = seconds("2025-09-17T23:10:00+00:00")
    column = Column("effectiveFrom", "DATE")
    assert written(similar(column, "2025-09-15", sample, {})) == '"2026-10-22"'
    assert written(similar(column, "2025-09-15", None, {})) == '"2026-10-25"'
    assert written(similar(column, "soon", sample, {})) == '"2026-10-25"'


def test_nested_values() -> None:
    inner = (Column("startTime", "DATETIME"), Column("capacity", "FLOAT64"))
    column = Column("outageProfile", "STRUCT", repeated=True, columns=inner)
    value = exact(
        '[{"startTime": "2025-09-17T14:00:10Z", "capacity": 413, "note": 1.50},'
        ' {"startTime": null, "capacity": 0.0, "note": "\\u00e9"}]'
    )
    render = similar(column, value, seconds("2025-09-17T14:00:00+00:00"), {"capacity": 0.1})
    text = written(render)
    first, second = json.loads(text)
    assert 371 <= first.pop("capacity") <= 455
    assert first == {"startTime": "2026-10-24T23:30:10Z", "note": 1.5}
    assert second == {"startTime": None, "capacity": 0.0, "note": "é"}
    assert '"note":1.50}' in text


def test_what_is_neither_number_nor_time_stays() -> None:
    assert similar(Column("a", "STRING"), "text", 0, {}) is None
    assert similar(Column("a", "BOOL"), True, 0, {}) is None


@pytest.mark.parametrize(
    "text", ['{"a":[1.500,null,true,{}],"b%":"\\u00e9"}', "[]", "-0.10", '"x"', "1e5"]
)
def test_json_keeps_literals(text: str) -> None:
    assert to_json(exact(text)) == text


def test_the_spread_of_a_column() -> None:
    column, value = Column("frequency", "FLOAT64"), Number("50.000")
    assert similar(column, value, 0, {"frequency": 0.0}) is None
    assert abs(float(written(similar(column, value, 0, {"frequency": 0.002}))) - 50) <= 0.1
