"""What ``--check`` finds; the command itself is run in ``test_main.py``."""

from __future__ import annotations

from datetime import date

import pytest

from bridge.check import secret_end

END = date(2027, 10, 1)


@pytest.mark.parametrize(
    ("today", "finding"),
    [
        (date(2027, 9, 1), (True, "secret: it ends on 2027-10-01, in 30 days")),
        (date(2027, 9, 30), (True, "secret: it ends on 2027-10-01, in 1 days")),
        (date(2027, 10, 1), (False, "secret: it ended on 2027-10-01")),
        (date(2028, 1, 1), (False, "secret: it ended on 2027-10-01")),
    ],
)
def test_the_end_of_the_secret(today: date, finding: tuple[bool, str]) -> None:
    assert secret_end(END, today) == finding
