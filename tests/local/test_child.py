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


@pytest.mark.parametrize(
    ("what", "grace", "code"),
    [
        ("wait", "60", 7),  # it is asked to end, and does
        ("stay", "0.2", -signal.SIGKILL),
        ("wait", "0", -signal.SIGKILL),  # it is not even asked
    ],
)
def test_how_much_time_it_gets(what: str, grace: str, code: int, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "local.child", grace, "tests.local.program", what],
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
        assert process.wait(10) == code


def test_else_it_ends_as_its_module_does() -> None:
    command = [sys.executable, "-m", "local.child", "1", "tests.local.program", "end", "3", "bye"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.read() == "bye\n"
        assert process.wait(10) == 3
