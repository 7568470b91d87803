"""Waits between attempts."""

from __future__ import annotations

import asyncio

import pytest

from bridge.backoff import Backoff, ended_before


def test_waits_double_up_to_the_longest_and_start_over() -> None:
    backoff = Backoff(1.0, 5.0, draw=lambda: 0.0)
    assert [backoff.next() for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    backoff.reset()
    assert backoff.next() == 1.0


def test_chance_takes_up_to_half() -> None:
    draws = iter([0.0, 1.0, 0.5])
    backoff = Backoff(4.0, 4.0, draw=lambda: next(draws))
    assert [backoff.next() for _ in range(3)] == [4.0, 2.0, 3.0]


async def cut_short_after(steps: int | None) -> tuple[bool, list[str], int]:
    """A call that ends after so many steps, or never: whether it has, what became of it, and how
    many tasks are left over. Its stop is set while it waits."""
    said: list[str] = []
    stop = asyncio.Event()

    async def call() -> None:
        try:
            for _ in range(steps or 0):
                await asyncio.sleep(0)
            if steps is None:
                stop.set()
                await asyncio.Event().wait()
            said.append("through")
        finally:
            said.append("over")

    ended = await ended_before(stop, call())
    await asyncio.sleep(0)
    return ended, said, len(asyncio.all_tasks())


def test_a_call_that_ends_before_the_stop() -> None:
    assert asyncio.run(cut_short_after(3)) == (True, ["through", "over"], 1)


def test_a_call_that_the_stop_cuts_short() -> None:
    assert asyncio.run(cut_short_after(None)) == (False, ["over"], 1)


def test_what_a_call_raises() -> None:
    async def call() -> None:
        raise ValueError("of the call")

    async def run() -> None:
        await ended_before(asyncio.Event(), call())

    with pytest.raises(ValueError, match="of the call"):
        asyncio.run(run())
