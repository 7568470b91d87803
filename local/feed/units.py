"""Made-up BM units in the forms that real ones have."""

from __future__ import annotations

import random
from typing import Final, NamedTuple

#: With 13 forecast days this gives the 9,000 rows of an hourly output forecast.
COUNT: Final = 690
_CONSONANTS: Final = "BCDFGHKLMNPRSTVW"
_VOWELS: Final = "AEIOU"


class Unit(NamedTuple):
    """A BM unit.

    Attributes:
        name: Elexon's name, with a prefix: ``T_DRAXX-1``.
        national: the system operator's name, without: ``DRAXX-1``.
        kind: Elexon's type code: T (transmission), E (embedded), S (supplier), V (virtual).
    """

    name: str
    national: str
    kind: str


def make_units(count: int = COUNT) -> tuple[Unit, ...]:
    """``count`` units, the same each time; no two share either name."""
    rng = random.Random("BM units")
    units: dict[str, Unit] = {}
    while len(units) < count:
        unit = _make_unit(rng)
        units.setdefault(unit.national, unit)
    return tuple(units.values())


def _make_unit(rng: random.Random) -> Unit:
    stem = "".join(rng.choice(letters) for letters in (_CONSONANTS, _VOWELS) * 2) + rng.choice(
        _CONSONANTS
    )
    number = rng.randrange(1, 10)
    match rng.choices("TESV", weights=(60, 20, 12, 8))[0]:
        case "S":
            return Unit(f"2__{stem}{number:03}", f"AG-{stem[:4]}{number:02}", "S")
        case "V":
            return Unit(f"V__{stem}{number:03}", f"AG-{stem}{number:02}V", "V")
        case kind:
            return Unit(f"{kind}_{stem}-{number}", f"{stem}-{number}", kind)
