"""Files of questions: their head, and what they need."""

from __future__ import annotations

import pytest

from schemas.views.model import Parameter, in_order
from schemas.views.queries import Question, connected, parse, queries

_TIDE = """\
-- name: tide
-- parameters: first_day DATE, last_day DATE
-- description: Tide at the sea, which goes on
--   over two lines: not three.
-- column height: Metres,
--   above the ground.
-- column at: Time, UTC.
-- The end of the head.
SELECT height, at -- of the tide
FROM iris.bmrs_tide_latest;
"""


def test_a_file() -> None:
    assert parse("tide.sql", _TIDE) == Question(
        "tide",
        "SELECT height, at -- of the tide\nFROM iris.bmrs_tide_latest",
        "Tide at the sea, which goes on over two lines: not three.",
        {"height": "Metres, above the ground.", "at": "Time, UTC. The end of the head."},
        (Parameter("first_day", "DATE"), Parameter("last_day", "DATE")),
    )


def test_a_view_has_no_parameters() -> None:
    assert parse("a.sql", "-- name: a\n-- description: A.\nSELECT 1\n").parameters == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT 1\n", "a.sql: begins with no comment; name and describe it there"),
        ("-- name: a\nSELECT 1\n", "a.sql: give it `-- name: a` and a description"),
        ("-- description: A.\nSELECT 1\n", "a.sql: give it `-- name: a` and a description"),
        (
            "-- name: b\n-- description: B.\nSELECT 1\n",
            "a.sql: give it `-- name: a` and a description",
        ),
        (
            "-- name: a\n-- description: A.\n-- column x: X.\n-- column x: Y.\nSELECT 1\n",
            "a.sql: says `-- column x:` twice; leave one out",
        ),
        (
            "-- name: a\n-- description: A.\n-- parameters: day\nSELECT 1\n",
            "a.sql: parameter 'day' is not a name and a type of BigQuery",
        ),
    ],
)
def test_a_head_of_another_form_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 (the whole text is compared)
        parse("a.sql", text)
    assert str(refusal.value) == message


def test_a_question_needs_what_those_beneath_it_need() -> None:
    bottom = Question("bottom", "SELECT a FROM iris.bmrs_freq_iris", "Bottom.")
    middle = Question("middle", "SELECT a, iris.f(a) FROM iris.bottom", "Middle.")
    top = Question("top", "SELECT a FROM iris.middle JOIN iris.bmrs_mid_iris USING (a)", "Top.")
    questions = connected([top, bottom, middle])
    assert {one.name: one.needs for one in questions} == {
        "bottom": {"bmrs_freq_iris"},
        "middle": {"bottom", "bmrs_freq_iris", "f"},
        "top": {"middle", "bottom", "bmrs_freq_iris", "bmrs_mid_iris", "f"},
    }
    assert [one.name for one in in_order(questions)] == ["bottom", "middle", "top"]


def test_the_bundled_files() -> None:
    names = [one.name for one in queries()]
    assert names == sorted(names)
    assert {"frequency_readings", "bmrs_freq_latest"} <= {
        name for one in queries() if one.name == "frequency_stress_daily" for name in one.needs
    }
