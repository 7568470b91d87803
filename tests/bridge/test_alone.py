"""The bridge needs nothing but what its own extra installs."""

from __future__ import annotations

import ast
import importlib.metadata as metadata
import json
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.bridge.process import ROOT, Process, ran
from tests.bridge.stack import stacked

#: Imports from site-packages what is listed in the file at hand, and of the project the bridge.
ALONE = """
import importlib.machinery, json, sys, sysconfig
allowed = set(json.load(open(sys.argv.pop(1))))
places = (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
project = ("pipeline", "local", "schemas", "benchmarks", "ops", "tests")
finder = importlib.machinery.PathFinder

class Alone:
    def find_spec(self, name, path=None, target=None):
        spec = finder.find_spec(name, path)
        origin = spec.origin if spec else None
        foreign = origin and origin.startswith(places) and origin not in allowed
        return None if foreign or name.partition(".")[0] in project else spec

sys.meta_path[:] = [one for one in sys.meta_path if "importlib" in one.__module__]
sys.meta_path[sys.meta_path.index(finder)] = Alone()
"""
#: What is imported only where a setting asks for it is imported here, too.
RUN = """
import bridge.reporter, google.cloud.secretmanager_v1
from bridge.__main__ import main
sys.exit(main())
"""
FOREIGN = """
for name in ("apache_beam", "pyarrow", "duckdb", "google.cloud.bigquery", "pipeline", "local"):
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        print(error)
"""


def requirements() -> list[str]:
    """What ``setup.py`` lists for the bridge."""
    tree = ast.parse((ROOT / "setup.py").read_text())
    [found] = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == "BRIDGE"
    ]
    listed: list[str] = ast.literal_eval(found)
    return listed


def closure(listed: list[str]) -> dict[str, metadata.Distribution]:
    """The distributions that these requirements bring along, themselves included."""
    found: dict[tuple[str, str], metadata.Distribution] = {}
    waiting = [Requirement(one) for one in listed]
    while waiting:
        wanted = waiting.pop()
        for extra in ("", *wanted.extras):
            key = (canonicalize_name(wanted.name), extra)
            if key in found:
                continue
            found[key] = metadata.distribution(wanted.name)
            for text in found[key].requires or ():
                one = Requirement(text)
                if one.marker is None or one.marker.evaluate({"extra": extra}):
                    waiting.append(one)
    return {name: one for (name, _), one in found.items()}


def written(folder: Path) -> str:
    """The file that lists what may be imported."""
    files = [
        str(distribution.locate_file(one))
        for distribution in closure(requirements()).values()
        for one in distribution.files or ()
    ]
    path = folder / "allowed.json"
    path.write_text(json.dumps(files))
    return str(path)


def test_the_closure_is_without_the_pipelines_weight() -> None:
    found = closure(requirements())
    assert {"azure-servicebus", "azure-core", "google-cloud-pubsub", "grpcio"} <= found.keys()
    assert {"google-cloud-monitoring", "google-cloud-secret-manager"} <= found.keys()
    assert not {"apache-beam", "pyarrow", "duckdb", "google-cloud-bigquery"} & found.keys()


def test_others_cannot_be_imported(tmp_path: Path) -> None:
    found = ran({}, tmp_path, written(tmp_path), program=("-c", ALONE + FOREIGN))
    assert found.stdout.splitlines() == [
        "No module named 'apache_beam'",
        "No module named 'pyarrow'",
        "No module named 'duckdb'",
        "No module named 'google.cloud.bigquery'",
        "No module named 'pipeline'",
        "No module named 'local'",
    ]


def test_it_helps_and_relays(tmp_path: Path) -> None:
    allowed = written(tmp_path)
    helped = ran({}, tmp_path, allowed, "--help", program=("-c", ALONE + RUN))
    assert (helped.returncode, helped.stderr) == (0, "")
    with (
        stacked() as stack,
        Process(stack.settings(), tmp_path, ("-c", ALONE + RUN, allowed)) as bridge,
    ):
        stack.topic.await_ids(stack.send(3) | stack.send(1, 2_000_000))
        assert bridge.messages[-1] == "queue receiving"
