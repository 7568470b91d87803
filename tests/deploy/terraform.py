"""The real Terraform, without a provider: what does not touch the cloud needs none."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.hcl import FOLDER

#: A resource or data source, as ``terraform fmt`` leaves it.
_RESOURCE = re.compile(r"^(?:resource|data) .*?^}\n", re.M | re.S)

needs_terraform = pytest.mark.skipif(
    shutil.which("terraform") is None, reason="terraform is not installed"
)


class Terraform:
    """Some of the project's files, and outputs of a test, in a folder of their own.

    Args:
        folder: empty.
        files: names in ``deploy/terraform`` of what to copy, which is done without resources.
        outputs: expressions by the name of the output.
    """

    def __init__(self, folder: Path, files: Sequence[str], outputs: Mapping[str, str]) -> None:
        self._folder = folder / FOLDER.name
        self._folder.mkdir()
        for name in files:
            if (FOLDER / name).is_dir():
                shutil.copytree(FOLDER / name, self._folder / name)
            else:
                copy = self._folder / name
                copy.parent.mkdir(exist_ok=True)
                copy.write_text(_RESOURCE.sub("", (FOLDER / name).read_text()))
        blocks = [f'output "{name}" {{\n  value = {text}\n}}\n' for name, text in outputs.items()]
        (self._folder / "outputs.tf").write_text("".join(blocks))
        self._run("init", "-backend=false").check_returncode()

    def outputs(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs with these settings."""
        done = self._plan(settings, "-out=plan")
        assert done.returncode == 0, done.stdout
        planned = json.loads(self._run("show", "-json", "plan").stdout)["planned_values"]
        return {name: output["value"] for name, output in planned["outputs"].items()}

    def faults(self, settings: Mapping[str, Any]) -> dict[str, str]:
        """What is said of each variable that is refused, by its name, with which it begins."""
        messages = map(json.loads, self._plan(settings, "-json").stdout.splitlines())
        errors = [one["diagnostic"] for one in messages if one.get("@level") == "error"]
        assert {error["summary"] for error in errors} <= {"Invalid value for variable"}, errors
        said = [error["detail"].split("\n")[0] for error in errors]
        return {text.split()[0]: text for text in said}

    def _plan(
        self, settings: Mapping[str, Any], *arguments: str
    ) -> subprocess.CompletedProcess[str]:
        (self._folder / "settings.json").write_text(json.dumps(settings))
        return self._run("plan", "-input=false", "-var-file=settings.json", *arguments)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        # Nothing of the person's own, and no question to HashiCorp for a newer Terraform.
        kept = {name: text for name, text in os.environ.items() if not name.startswith("TF_")}
        environment = {**kept, "CHECKPOINT_DISABLE": "1"}
        return subprocess.run(
            ["terraform", *arguments],
            cwd=self._folder,
            env=environment,
            text=True,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
