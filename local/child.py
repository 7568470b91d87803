"""``python -m local.child MODULE ...``: runs a module as long as its parent lives.

A parent that is killed would leave a bridge behind, which holds the one connection that IRIS
allows. Standard input is a pipe that nobody writes to: it ends when the parent does, however
that came about.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
from typing import Final

#: Seconds for the module to end by itself after its parent.
_GRACE_SECONDS: Final = 30.0


def main() -> None:
    """Ends with the parent, else with the module's own exit code."""
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    module = sys.argv.pop(1)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _end_with_parent() -> None:
    while os.read(0, 1):  # not by sys.stdin, whose lock would be in the way at the end
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
