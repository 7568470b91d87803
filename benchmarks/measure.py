"""Time and memory, measured so that noise of the machine does not decide."""

from __future__ import annotations

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Final

ROUNDS: Final = 7


def on_one_core() -> None:
    """Keeps this process, its threads included, on one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def medians(
    runs: Mapping[str, Callable[[], object]],
    rounds: int = ROUNDS,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Median seconds of each of ``runs``, which take turns so that drift hits all alike.

    ``time.process_time`` as the clock counts the processor time of this process, all its threads
    included: other work on the machine does not show in it.
    """
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds + 1):  # the first round warms up
        for name, run in runs.items():
            gc.collect()
            start = clock()
            run()
            seconds[name].append(clock() - start)
    return {name: statistics.median(times[1:]) for name, times in seconds.items()}


def machine() -> str:
    """The processor and the Python, in one line."""
    model = "unknown processor"
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            model = next(line.split(":")[1].strip() for line in file if "model name" in line)
    except (OSError, StopIteration):
        pass
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"
