"""Programs of this project as child processes."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

#: Exit code of a program whose settings or input are wrong: starting it again is of no use.
BAD_INPUT: Final = 2
#: A log that is longer is put aside, in the place of the one before.
MOST_LOG_BYTES: Final = 10_000_000
#: Of the end of a log that is read again.
_TAIL_BYTES: Final = 65_536


class Child:
    """``python -m MODULE`` as a process, which ends when its parent does (see ``local.child``).

    It is in a process group of its own: Ctrl-C is for the parent, which ends its children. A
    child can be started again after its end. For one thread.

    Args:
        module: what to run.
        arguments: of the command line.
        environment: in addition to this process's own.
        log: where its standard error goes, behind what is there.
        quiet: its standard output goes to the log, too.
        patience: seconds that it gets to end by itself when ``stop_all`` asks it to.
        grace: the same where this process is gone; 0: it is killed at once.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        quiet: bool = False,
        patience: float = 10.0,
        grace: float = 10.0,
    ) -> None:
        self.module = module
        self.log = log
        self.patience = patience
        self._command = [sys.executable, "-m", "local.child", f"{grace:g}", module, *arguments]
        self.environment = dict(environment)
        self._quiet = quiet
        self._process: subprocess.Popen[Any] | None = None
        self._log_start = 0

    def start(self) -> None:
        """Starts it, for the first time or again."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.limit_log()
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                self._command,
                env={**os.environ, **self.environment},
                stdin=subprocess.PIPE,  # nothing is written to it: it ends with this process
                stdout=log if self._quiet else None,
                stderr=log,
                start_new_session=True,
            )

    def limit_log(self) -> None:
        """Puts a log aside that has become long; the child goes on at the beginning of its own.

        A line that it writes at this very moment is lost.
        """
        # There may be none, and on a full disk none can be put aside: that is no reason to end.
        with contextlib.suppress(OSError):
            if self.log.stat().st_size > MOST_LOG_BYTES:
                shutil.copyfile(self.log, self.log.with_name(f"{self.log.name}.1"))
                os.truncate(self.log, 0)
                self._log_start = 0

    def is_well(self) -> bool | None:
        """Whether it is of use: True, False where it needs a new start, None: no answer."""
        return True

    @property
    def is_running(self) -> bool:
        """False before the start and after the end."""
        return self._process is not None and self.code is None

    @property
    def pid(self) -> int:
        """Of the process that runs, or ran last."""
        assert self._process is not None
        return self._process.pid

    @property
    def code(self) -> int | None:
        """The exit code, that of a signal negative; None while it runs."""
        assert self._process is not None
        return self._process.poll()

    @property
    def fate(self) -> str:
        """How it ended, in words."""
        code = self.code
        if code is None:
            return "runs"
        return f"ended with code {code}" if code >= 0 else f"was ended by {signal_name(-code)}"

    @property
    def output(self) -> str:
        """The end of what it has written to its log since it was started last."""
        try:
            with self.log.open("rb") as log:
                end = log.seek(0, os.SEEK_END)
                log.seek(max(self._log_start, end - _TAIL_BYTES))
                return log.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def last_words(self, lines: int = 20) -> str:
        """The end of its output; empty where it has said nothing, or its log is gone."""
        return "\n".join(self.output.splitlines()[-lines:])

    def ask_to_end(self) -> None:
        """Sends SIGTERM."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> int:
        """Ends it at once, as a crash would; the exit code."""
        assert self._process is not None
        self._process.kill()
        return self._process.wait()


def stop_all(
    children: Sequence[Child],
    is_urgent: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Asks children to end, all at once, and waits until they have.

    A child that is asked for longer than its ``patience`` is killed.

    Args:
        children: those that do not run are left alone.
        is_urgent: looked at all the time; once it is true, whoever still runs is killed.
        clock: seconds; only differences matter.
    """
    begun = clock()
    running = [child for child in children if child.is_running]
    for child in running:
        child.ask_to_end()
    while running := [child for child in running if child.is_running]:
        for child in running:
            if is_urgent() or clock() - begun > child.patience:
                child.kill()
        time.sleep(0.02)


def signal_name(number: int) -> str:
    """``SIGKILL`` for 9; the number itself where it has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
