"""Terraform's variables are the settings: the same names, defaults, and forms of a value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy import variables
from deploy.settings import HERE, SETTINGS, Setting, read
from tests.deploy.hcl import load
from tests.deploy.terraform import Terraform, needs_terraform

EXAMPLE = HERE / "settings.example.json"
#: Values on both sides of each border, beside those that hypothesis makes.
EDGES: dict[str, list[str]] = {
    "project": ["p-1234", "p-123", "p" * 30, "p" * 31, "1-project", "project-", "Project-1"],
    "region": ["europe-west2", "us-central", "us-central1-a", "northamerica-northeast1"],
    "zone": ["a", "f", "g", "", "ab"],
    "location": ["US", "EU", "us", "europe-west2", "USA"],
    "dataset": ["iris_1", "i" * 1024, "iris-1", ""],
    "name": ["abc", "ab", "a" * 19, "a" * 20, "a-b", "a-", "A-b"],
    "release": ["", "0.3.0-1b0fc98", ".1", "a b", "a" * 128, "a" * 129],
    "pipeline": ["gcloud", "terraform", "vm", "", "gcloud|vm"],
    "worker_machine_type": ["n1-standard-1", "custom-1-3840", "n1"],
    "bridge_machine_type": ["e2-micro", "E2-micro", ""],
    "iris_client_id": ["", "0" * 8 + "-0000-0000-0000-" + "0" * 12, "0" * 36],
    "iris_queue_name": ["", "iris.00000000-0000-0000-0000-000000000000", "-a", "a b", "a\n"],
    "schema_dir": [
        "",
        "schemas",
        "more/of_v1.2",
        "/schemas",
        "a//b",
        "a/",
        "gs://b/c",
        "a b",
        "$a",
    ],
    "write_method": ["STORAGE_WRITE", "STREAMING_INSERTS", "", "FILE_LOADS"],
    "iris_secret_expires": ["", "2027-10-01", "2027-10-32", "2027-13-01", "1999-01-01"],
    "billing_account": ["", "0A1B2C-3D4E5F-6A7B8C", "0a1b2c-3d4e5f-6a7b8c"],
    "subnetwork": ["", "projects/p/regions/r/subnetworks/s", "s", "projects/p/subnetworks/s"],
}
MAILS = ["a@b.c", "a@b", "a b@c.d", "@b.c", "a@@b.c", ""]


def values(setting: Setting) -> st.SearchStrategy[Any]:
    """Values of the setting's type, right and wrong ones."""
    if setting.type is bool:
        return st.booleans()
    if setting.type is int:
        ends = [setting.least - 1, setting.least, setting.most, setting.most + 1]
        return st.sampled_from(ends) | st.integers(-10, 2 * setting.most)
    if setting.type is list:
        return st.lists(st.sampled_from(MAILS), max_size=3)
    right = st.from_regex(setting.pattern, fullmatch=True)
    # Go's regular expressions know no lone surrogates, nor does JSON in UTF-8.
    wrong = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    changed = st.tuples(right, wrong).map("".join)
    return st.one_of(st.sampled_from(EDGES[setting.name]), right, wrong, changed)


def faults(found: dict[str, Any]) -> set[str]:
    """The settings that ``deploy.settings`` refuses."""
    return {one.name for one in SETTINGS if one.fault(found[one.name])}


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    return Terraform(tmp_path_factory.mktemp("variables"), ["variables.tf"], {})


def test_every_setting_is_a_variable_and_is_used() -> None:
    configuration = load()
    declared = [name for name in configuration.declared if name.startswith("var.")]
    assert declared == [f"var.{setting.name}" for setting in SETTINGS]
    everything = [body for name, body in configuration.declared.items() if name not in declared]
    used = {name for name in declared if name in str(everything)}
    # The template that a release puts into the bucket holds these two.
    assert set(declared) - used == {"var.worker_machine_type", "var.max_workers"}


def test_a_variable_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    setting = Setting("a", 'say "${x}"', "b", "[\\w]%{1}", "a word")
    monkeypatch.setattr(variables, "SETTINGS", [setting])
    assert variables.variables() == (
        "# Made from the table in deploy/settings.py: make docs\n\n"
        'variable "a" {\n'
        "  type        = string\n"
        '  description = "say \\"$${x}\\""\n'
        "  nullable    = false\n"
        '  default     = "b"\n\n'
        "  validation {\n"
        '    condition     = can(regex("^(?:[\\\\w]%%{1})$", var.a))\n'
        '    error_message = "a must be a word."\n'
        "  }\n"
        "}\n"
    )


def test_the_table_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        Setting("a", "first"),
        Setting("b", "second", "x"),
        Setting("c", "third", ""),
        Setting("d", "fourth", []),
        Setting("e", "fifth", 3),
        Setting("f", "sixth", True),
    ]
    monkeypatch.setattr(variables, "SETTINGS", rows)
    assert variables.table() == (
        "| setting | default | meaning |\n|---|---|---|\n"
        "| `a` | must be given | first |\n| `b` | `x` | second |\n| `c` | none | third |\n"
        "| `d` | none | fourth |\n| `e` | `3` | fifth |\n| `f` | `true` | sixth |\n"
    )


def test_the_example_is_accepted() -> None:
    given_values = json.loads(EXAMPLE.read_text())
    checked = read(EXAMPLE, {})
    assert {name: checked.values[name] for name in given_values} == given_values


@needs_terraform
def test_the_example_is_accepted_by_terraform(terraform: Terraform) -> None:
    assert terraform.faults(json.loads(EXAMPLE.read_text())) == {}


@needs_terraform
def test_terraform_has_the_same_defaults(tmp_path: Path) -> None:
    outputs = {setting.name: f"var.{setting.name}" for setting in SETTINGS}
    found = Terraform(tmp_path, ["variables.tf"], outputs).outputs({"project": "p-123456"})
    assert found == read(tmp_path / "missing.json", {"project": "p-123456"}).values


@needs_terraform
def test_terraform_says_what_is_wrong(terraform: Terraform) -> None:
    wrong = {"project": "p-123456", "zone": "z", "max_workers": 0, "alert_emails": ["a"]}
    assert terraform.faults(wrong) == {
        "zone": "zone must be a letter, such as b.",
        "max_workers": "max_workers must be a whole number from 1 to 100.",
        "alert_emails": "alert_emails must be mail addresses.",
    }


@needs_terraform
def test_terraform_takes_whole_numbers_only(terraform: Terraform) -> None:
    assert set(terraform.faults({"project": "p-123456", "max_workers": 1.5})) == {"max_workers"}


@needs_terraform
@pytest.mark.parametrize("at", range(max(map(len, EDGES.values()))))
def test_both_agree_at_the_edges(terraform: Terraform, at: int) -> None:
    found = {one.name: one.default for one in SETTINGS}
    found |= {name: texts[at % len(texts)] for name, texts in EDGES.items()}
    found["alert_emails"] = [MAILS[at % len(MAILS)]]
    for setting in SETTINGS:
        if setting.type is int:
            ends = [setting.least - 1, setting.least, setting.most, setting.most + 1]
            found[setting.name] = ends[at % len(ends)]
    assert set(terraform.faults(found)) == faults(found)


@needs_terraform
@settings(max_examples=30)
@given(found=st.fixed_dictionaries({setting.name: values(setting) for setting in SETTINGS}))
def test_both_accept_and_refuse_the_same(terraform: Terraform, found: dict[str, Any]) -> None:
    assert set(terraform.faults(found)) == faults(found)
