"""``python -m deploy.monitoring [--write]``: whether the two files are as the schema files say."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from deploy.monitoring.alerts import alerts
from deploy.monitoring.dashboard import dashboard
from deploy.monitoring.policy import policy
from schemas import Dataset, load

HERE: Final = Path(__file__).parent


def documents(datasets: Iterable[Dataset]) -> dict[str, str]:
    """The text of each file, by its name."""
    datasets = tuple(datasets)
    return {
        "dashboard.json": _text(dashboard(datasets)),
        "alerts.json": _text([policy(one) for one in alerts(datasets)]),
    }


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def main(argv: Sequence[str] | None = None, folder: Path = HERE) -> int:
    """0: the files are as they should be, or are written; 1: they are not."""
    parser = argparse.ArgumentParser(prog="python -m deploy.monitoring", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write them anew")
    options = parser.parse_args(argv)
    stale = 0
    for name, text in documents(load().values()).items():
        file = folder / name
        if file.exists() and file.read_text("utf-8") == text:
            continue
        if options.write:
            file.write_text(text, "utf-8")
            print(f"{file}: written")
        else:
            print(f"{file} is not as the schema files say: add --write", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
