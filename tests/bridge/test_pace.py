"""How many messages are asked for, in the situations that a queue gets into."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bridge.pace import MOST_BYTES, MOST_MESSAGES, Pace


def paced(*batches: tuple[int, int, float, float]) -> list[int]:
    pace = Pace()
    counts = [pace.count]
    for received, size, seconds, age in batches:
        pace.note(received, size, seconds, age)
        counts.append(pace.count)
    return counts


def test_a_trickle_is_taken_one_by_one() -> None:
    assert paced(*[(1, 2_000, 0.2, 0.01)] * 5) == [1] * 6


def test_a_backlog_is_taken_in_ever_larger_batches() -> None:
    pace = Pace()
    counts = []
    for _ in range(9):
        counts.append(pace.count)
        pace.note(pace.count, pace.count * 2_000, 0.01, 100.0)
    assert counts == [1, 2, 4, 8, 16, 32, 64, 100, 100]


def test_a_backlog_over_a_slow_line_is_known_by_its_age() -> None:
    assert paced((1, 10, 0.4, 60.0), (2, 10, 0.4, 60.0)) == [1, 2, 4]
    assert paced((1, 10, 0.4, 0.5), (1, 10, 0.4, 0.5)) == [1, 1, 1]


def test_after_a_batch_that_was_not_full_the_next_is_smaller() -> None:
    assert paced((1, 10, 0.0, 0.0), (2, 10, 0.0, 0.0), (2, 10, 0.2, 0.0)) == [1, 2, 4, 1]


def test_large_messages_are_taken_in_small_batches() -> None:
    large = MOST_BYTES // 3
    assert paced((1, 10, 0.0, 9.0), (2, 2 * large, 0.0, 9.0), (3, 3 * large, 0.0, 9.0)) == [
        1,
        2,
        3,
        3,
    ]
    assert paced((1, 10 * MOST_BYTES, 0.0, 9.0)) == [1, 1]


@given(
    st.lists(
        st.tuples(
            st.integers(1, 100), st.integers(0, 10**9), st.floats(0, 10), st.floats(-1e6, 1e6)
        )
    )
)
def test_it_stays_within_its_limits(batches: list[tuple[int, int, float, float]]) -> None:
    pace = Pace()
    for received, size, seconds, age in batches:
        received = min(received, pace.count)
        pace.note(received, size, seconds, age)
        assert 1 <= pace.count <= MOST_MESSAGES
        if size:
            assert pace.count == 1 or pace.count * size <= MOST_BYTES * received
