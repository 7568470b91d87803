"""What there is, who runs it and what may raise an alarm, for each kind of installation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from deploy.settings import HERE
from tests.deploy.hcl import Configuration, load
from tests.deploy.terraform import Terraform, needs_terraform

#: With the default of the setting ``pipeline``, which is gcloud.
GIVEN: dict[str, Any] = {
    "project": "p-123456",
    "name": "live",
    "dataset": "power",
    "release": "1.0",
    "iris_client_id": "00000000-0000-0000-0000-000000000000",
    "iris_queue_name": "iris.0a1b",
}
DATASET = {"google_bigquery_dataset.warehouse"}
MACHINE = {"google_compute_instance.bridge"}
JOB = {"google_dataflow_flex_template_job.pipeline"}
READS_SCHEMAS = {"google_storage_bucket_iam_member.pipeline_reads"}
WORKERS = {
    "google_project_iam_member.worker",
    "google_project_iam_member.worker_looks",
    "google_storage_bucket_iam_member.worker_stages",
    "google_artifact_registry_repository_iam_member.worker_pulls",
}
NETWORK = {
    "google_compute_network.own",
    "google_compute_subnetwork.own",
    "google_compute_firewall.ssh",
}
BUDGET = {"google_billing_budget.month", "data.google_project.this"}
BRIDGE = ["bridge", "pubsub"]


@pytest.fixture(scope="module")
def ours() -> Configuration:
    return load()


def expression(text: str) -> str:
    """What ``${...}`` is around."""
    return text.removeprefix("${").removesuffix("}")


@pytest.fixture(scope="module")
def terraform(ours: Configuration, tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    names = ["together", "on_machine", "pipeline_runs_as", "parts", "watched"]
    counts = {
        address: expression(body["count"])
        for address, body in ours.declared.items()
        if isinstance(body, dict) and "count" in body
    }
    made = "".join(f'"{address}" = {count}\n' for address, count in counts.items())
    outputs = {
        **{name: f"local.{name}" for name in names},
        "made": f"{{\n{made}}}",
        "services": expression(ours.declared["google_project_service.used"]["for_each"]),
        "give_up": f'"{ours.outputs["give_up"]["value"]}"',
    }
    files = ["variables.tf", "locals.tf", "services.tf", "monitoring.tf"]
    files += ["../monitoring/alerts.json"]
    return Terraform(tmp_path_factory.mktemp("conditions"), files, outputs)


@needs_terraform
@pytest.mark.parametrize(
    ("changed", "made"),
    [
        ({}, DATASET | NETWORK | WORKERS | MACHINE),
        ({"release": ""}, DATASET | NETWORK | WORKERS),
        ({"iris_client_id": ""}, DATASET | NETWORK | WORKERS),
        ({"iris_queue_name": ""}, DATASET | NETWORK | WORKERS),
        ({"schema_dir": "schemas"}, DATASET | NETWORK | WORKERS | MACHINE),
        ({"create_dataset": False}, NETWORK | WORKERS | MACHINE),
        ({"subnetwork": "projects/p/regions/r/subnetworks/s"}, DATASET | WORKERS | MACHINE),
        (
            {"billing_account": "0A1B2C-3D4E5F-6A7B8C"},
            DATASET | NETWORK | WORKERS | MACHINE | BUDGET,
        ),
        ({"pipeline": "terraform"}, DATASET | NETWORK | WORKERS | MACHINE | JOB),
        ({"pipeline": "terraform", "release": ""}, DATASET | NETWORK | WORKERS),
        ({"pipeline": "terraform", "iris_client_id": ""}, DATASET | NETWORK | WORKERS | JOB),
        ({"pipeline": "vm"}, DATASET | NETWORK | MACHINE),
        ({"pipeline": "vm", "schema_dir": "schemas"}, DATASET | NETWORK | MACHINE | READS_SCHEMAS),
        ({"pipeline": "elsewhere"}, DATASET | NETWORK),
        ({"pipeline": "elsewhere", "schema_dir": "schemas"}, DATASET | NETWORK | READS_SCHEMAS),
    ],
)
def test_what_there_is_when(terraform: Terraform, changed: dict[str, Any], made: set[str]) -> None:
    found = terraform.outputs({**GIVEN, **changed})["made"]
    assert set(found.values()) <= {0, 1}
    assert {address for address, count in found.items() if count} == made


@needs_terraform
@pytest.mark.parametrize(
    ("pipeline", "together", "on_machine", "account"),
    [
        ("gcloud", False, False, "pipeline"),
        ("terraform", False, False, "pipeline"),
        ("vm", True, True, "bridge"),
        ("elsewhere", True, False, "bridge"),
    ],
)
@pytest.mark.parametrize("release", ["", "1.0"])
def test_who_runs_the_pipeline(
    terraform: Terraform,
    release: str,
    pipeline: str,
    together: bool,
    on_machine: bool,
    account: str,
) -> None:
    found = terraform.outputs({**GIVEN, "pipeline": pipeline, "release": release})
    assert (found["together"], found["on_machine"]) == (together, on_machine)
    assert found["pipeline_runs_as"] == account


@needs_terraform
@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        ({"pipeline": "gcloud"}, [*BRIDGE, "dataflow"]),
        ({"pipeline": "gcloud", "release": ""}, []),
        ({"pipeline": "gcloud", "iris_client_id": ""}, ["dataflow"]),
        ({"pipeline": "terraform"}, [*BRIDGE, "dataflow"]),
        ({"pipeline": "terraform", "release": ""}, []),
        ({"pipeline": "vm"}, BRIDGE),
        ({"pipeline": "vm", "release": ""}, []),
        ({"pipeline": "elsewhere"}, BRIDGE),
        ({"pipeline": "elsewhere", "release": ""}, []),
    ],
)
def test_an_alarm_is_there_for_what_can_say_something(
    terraform: Terraform, changed: dict[str, str], parts: list[str]
) -> None:
    found = terraform.outputs({**GIVEN, **changed})
    assert found["parts"] == parts
    text = (HERE / "monitoring/alerts.json").read_text()
    alerts = json.loads(text.replace("${name}", "live").replace("${dataset}", "power"))
    labels = {alert["userLabels"]["alert"]: alert for alert in alerts}
    assert found["watched"] == {
        label: alert for label, alert in labels.items() if alert["userLabels"]["part"] in parts
    }


@needs_terraform
@pytest.mark.parametrize(("account", "more"), [("", 0), ("0A1B2C-3D4E5F-6A7B8C", 1)])
def test_the_api_of_budgets_is_on_where_there_is_a_budget(
    terraform: Terraform, account: str, more: int
) -> None:
    services = terraform.outputs({**GIVEN, "billing_account": account})["services"]
    assert services.count("billingbudgets.googleapis.com") == more
    assert "bigquery.googleapis.com" in services


@needs_terraform
@pytest.mark.parametrize(
    ("create_dataset", "dataset"),
    [(True, " 'google_bigquery_dataset.warehouse[0]'"), (False, "")],
)
def test_what_holds_data_is_forgotten_where_it_is_known(
    terraform: Terraform, create_dataset: bool, dataset: str
) -> None:
    assert terraform.outputs({**GIVEN, "create_dataset": create_dataset})["give_up"] == (
        "terraform -chdir=deploy/terraform state rm google_pubsub_subscription.messages" + dataset
    )
