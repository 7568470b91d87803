"""What the Flex template's launcher starts: the command line, all of whose code is installed."""

from __future__ import annotations

import sys

from pipeline.launch import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
