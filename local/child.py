"""``python -m local.child GRACE MODULE ...``: runs a module as long as its parent lives.

A parent that is killed would leave a bridge behind, which holds the one connection that IRIS
allows. Standard input is a pipe that nobody writes to: it ends when the parent does, however
that came about. The module then gets GRACE seconds to end by itself; with 0 it is killed at once,
which is right for one that could not make known any more what it has done.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time


def main() -> None:
    """Ends with the parent, else with the module's own exit code."""
    grace, module = float(sys.argv.pop(1)), sys.argv.pop(1)
    threading.Thread(target=_end_with_parent, args=(grace,), name="parent", daemon=True).start()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _end_with_parent(grace: float) -> None:
    while os.read(0, 1):  # not by sys.stdin, whose lock would be in the way at the end
        pass
    if grace > 0:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
