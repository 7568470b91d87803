"""``python -m tests.local.program WHAT ...``: a small program for tests of child processes."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from local.processes import Child


def main(what: str, *arguments: str) -> int:
    match what:
        case "tell":  # its arguments and a variable on standard output, a line on standard error
            print(arguments, os.environ["TOLD"])
            print("and an error", file=sys.stderr)
        case "end":  # with this code, after these last words
            print(arguments[1], file=sys.stderr)
            return int(arguments[0])
        case "wait":  # until it is asked to end
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
            _wait_for_ever()
        case "echo":  # what is said when the terminal is closed
            signal.signal(signal.SIGHUP, lambda *_: print("hung up", file=sys.stderr, flush=True))
            _wait_for_ever()
        case "stay":  # even if it is asked to end
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            _wait_for_ever()
        case "have":  # a child that does this, and wait
            child = Child("tests.local.program", arguments, {}, Path("child.log"))
            child.start()
            while "waiting" not in child.output:
                time.sleep(0.01)
            print(child.pid, flush=True)
            _wait_for_ever()
    return 0


def _wait_for_ever() -> None:
    print("waiting", file=sys.stderr, flush=True)
    while True:  # in short steps: one that a signal has just missed is not woken by it
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
