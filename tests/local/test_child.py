"""A child ends with its parent, however that ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.local.waiting import eventually, is_alive

ROOT = Path(__file__).parents[2]

HASTY = """
import sys
from local import child
child._GRACE_SECONDS = 0.2
child.main()
"""


@contextmanager
def child_of(parent: list[str], folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A parent, and the process id that it tells."""
    with subprocess.Popen(
        parent, cwd=folder, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_its_parent(how: signal.Signals, tmp_path: Path) -> None:
    parent = [sys.executable, "-m", "tests.local.program", "have", "wait"]
    with child_of(parent, tmp_path) as (process, child):
        assert is_alive(child)
        process.send_signal(how)
        assert process.wait(10) == -how
        eventually(lambda: not is_alive(child))


def test_one_that_does_not_want_to_end_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HASTY, "tests.local.program", "stay"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "waiting\n"
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == -signal.SIGKILL


def test_else_it_ends_as_its_module_does() -> None:
    command = [sys.executable, "-m", "local.child", "tests.local.program", "end", "3", "bye"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.read() == "bye\n"
        assert process.wait(10) == 3
