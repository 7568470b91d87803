"""``python -m pipeline``: reads the options, builds the graph, runs it, tells what happened."""

from __future__ import annotations

import sys

from pipeline.launch import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
