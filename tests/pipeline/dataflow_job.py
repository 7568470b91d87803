"""``python -m pipeline`` as a template's launcher calls it, with Google's part on this machine.

The whole translation of DataflowRunner runs: checks, staging, the job's description. Only the two
calls that need Google are taken: the look at a bucket's settings is left out, and what would be
uploaded goes into a folder.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apache_beam.options.pipeline_options import GoogleCloudOptions
from apache_beam.runners.dataflow.internal.apiclient import DataflowApplicationClient

from pipeline.launch import main

TEMPLATE = "gs://bucket-123456/staging/job.json"


def launch(folder: Path, argv: Sequence[str]) -> int:
    """Runs the command; what it would stage stands in ``folder`` by its name."""

    def stage(client: Any, where: str, name: str, data: Any, *_: Any, **__: Any) -> None:
        with (folder / name).open("wb") as target:
            if hasattr(data, "read"):
                shutil.copyfileobj(data, target)
            else:
                target.write(Path(data).read_bytes())

    GoogleCloudOptions._warn_if_soft_delete_policy_enabled = lambda *_: None
    DataflowApplicationClient.stage_file = stage
    return main(["--runner=DataflowRunner", "--no_auth", f"--template_location={TEMPLATE}", *argv])


def described(folder: Path) -> dict[str, Any]:
    """The job that a call of ``launch`` has described."""
    found: dict[str, Any] = json.loads((folder / TEMPLATE.rpartition("/")[2]).read_text())
    return found


if __name__ == "__main__":
    sys.exit(launch(Path(sys.argv[1]), sys.argv[2:]))
