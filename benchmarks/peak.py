"""``python -m benchmarks.peak -m MODULE ARGS``: runs a module, then prints its peak memory."""

from __future__ import annotations

import resource
import runpy
import sys

if __name__ == "__main__":
    sys.argv = sys.argv[2:]
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code:
            raise
    print(f"peak MiB {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}")
