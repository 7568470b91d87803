"""Entry point of ``python -m schemas``."""

import sys

from schemas.cli import main

if __name__ == "__main__":
    sys.exit(main())
