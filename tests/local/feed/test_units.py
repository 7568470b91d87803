"""Made-up BM units."""

from __future__ import annotations

import re
from collections import Counter

from local.feed.units import COUNT, make_units

FORMS = {
    "T": (r"T_[A-Z]{5}-[1-9]", r"[A-Z]{5}-[1-9]"),
    "E": (r"E_[A-Z]{5}-[1-9]", r"[A-Z]{5}-[1-9]"),
    "S": (r"2__[A-Z]{5}\d{3}", r"AG-[A-Z]{4}\d{2}"),
    "V": (r"V__[A-Z]{5}\d{3}", r"AG-[A-Z]{5}\d{2}V"),
}


def test_names_have_the_forms_of_real_ones() -> None:
    for unit in make_units():
        name, national = FORMS[unit.kind]
        assert re.fullmatch(name, unit.name), unit
        assert re.fullmatch(national, unit.national), unit


def test_no_two_share_a_name() -> None:
    assert len(make_units()) == COUNT
    many = make_units(5_000)
    assert len({unit.name for unit in many}) == 5_000
    assert len({unit.national for unit in many}) == 5_000


def test_all_kinds_are_there_and_always_the_same() -> None:
    assert make_units(10) == make_units()[:10]
    kinds = Counter(unit.kind for unit in make_units())
    assert kinds.keys() == FORMS.keys()
    assert kinds["T"] > COUNT // 2
