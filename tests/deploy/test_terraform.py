"""The Terraform of an installation: what it declares, and above all what it must not."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deploy.monitoring.model import Part
from deploy.names import STREAM, names_of
from deploy.settings import HERE, Settings, read
from tests.deploy.hcl import FOLDER, Configuration, addresses, heads, load
from tests.deploy.terraform import needs_terraform

#: The types of resources that there may be, and the API that each needs.
TYPES = {
    "google_artifact_registry_repository": "artifactregistry",
    "google_artifact_registry_repository_iam_member": "artifactregistry",
    "google_bigquery_dataset": "bigquery",
    "google_bigquery_dataset_access": "bigquery",
    "google_billing_budget": "billingbudgets",
    "google_compute_firewall": "compute",
    "google_compute_instance": "compute",
    "google_compute_network": "compute",
    "google_compute_subnetwork": "compute",
    "google_dataflow_flex_template_job": "dataflow",
    "google_monitoring_alert_policy": "monitoring",
    "google_monitoring_dashboard": "monitoring",
    "google_monitoring_notification_channel": "monitoring",
    "google_project_iam_member": "cloudresourcemanager",
    "google_project_service": "",
    "google_pubsub_subscription": "pubsub",
    "google_pubsub_subscription_iam_member": "pubsub",
    "google_pubsub_topic": "pubsub",
    "google_pubsub_topic_iam_member": "pubsub",
    "google_secret_manager_secret": "secretmanager",
    "google_secret_manager_secret_iam_member": "secretmanager",
    "google_service_account": "iam",
    "google_storage_bucket": "storage",
    "google_storage_bucket_iam_member": "storage",
    "terraform_data": "",
}
SETTINGS: list[dict[str, Any]] = [
    {"project": "p-123456"},
    {"project": "other-1", "region": "europe-west2", "name": "live", "release": "1.0-abc"},
    {"project": "p-123456", "dataset": "power", "subnetwork": "projects/h/regions/r/subnetworks/s"},
]


@pytest.fixture(scope="module")
def ours() -> Configuration:
    return load()


def known(given: dict[str, Any]) -> Settings:
    return Settings({**read(Path("missing.json"), {"project": "p-123456"}).values, **given})


@needs_terraform
def test_it_is_formatted() -> None:
    command = ["terraform", "fmt", "-check", "-diff", "-recursive", str(FOLDER)]
    done = subprocess.run(command, text=True, check=False, stdout=subprocess.PIPE)
    assert (done.stdout, done.returncode) == ("", 0)


def test_files_are_short() -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for path in FOLDER.glob("*.tf")}
    assert {name: lines for name, lines in lengths.items() if lines > 250} == {}


def test_every_reference_is_to_something_declared(ours: Configuration) -> None:
    everything = {**ours.declared, **ours.outputs, **dict(ours.providers)}
    for place, body in everything.items():
        assert addresses(body) <= ours.declared.keys(), place


def test_every_word_of_an_expression_has_a_meaning(ours: Configuration) -> None:
    for place, body in {**ours.declared, **ours.outputs}.items():
        dynamic = {name for block in list_of(body, "dynamic") for name in block}
        meant = {"var", "local", "data", "each", "path", "google", *TYPES, *dynamic}
        assert heads(body) <= meant, place


def list_of(body: Any, name: str) -> list[Any]:
    """The blocks of that name; none where there is no such block, or no block at all."""
    return body.get(name, []) if isinstance(body, dict) else []


def test_nothing_is_declared_for_nobody(ours: Configuration) -> None:
    providers = [body for _, body in ours.providers]
    used = addresses([*ours.declared.values(), *ours.outputs.values(), *providers])
    unused = {name for name in ours.declared if name.startswith("local.")} - used
    assert unused == set()


def test_only_types_that_are_allowed(ours: Configuration) -> None:
    kinds = {address.split(".")[0] for address in ours.resources()}
    assert kinds == set(TYPES)
    assert [address for address in ours.declared if address.startswith("data.")] == [
        "data.google_project.this"
    ]


def test_nothing_with_data_in_it_is_deleted(ours: Configuration) -> None:
    keepers = {
        address
        for address, body in ours.resources().items()
        if body.get("lifecycle", [{}])[0].get("prevent_destroy")
    }
    assert keepers == {"google_bigquery_dataset.warehouse", "google_pubsub_subscription.messages"}
    dataset = ours.declared["google_bigquery_dataset.warehouse"]
    assert dataset["delete_contents_on_destroy"] is False
    assert not [name for name in dataset if "expiration" in name]
    assert ours.declared["google_storage_bucket.dataflow"]["force_destroy"] is False
    texts = FOLDER.glob("*.tf")
    forced = re.compile(r"(delete_contents_on_destroy|force_destroy|force_delete)\s*=\s*true")
    assert [path.name for path in texts if forced.search(path.read_text())] == []


def test_every_api_is_on_before_it_is_used(ours: Configuration) -> None:
    late = {
        address
        for address in [*ours.resources(), "data.google_project.this"]
        if address.split(".")[0] not in ("google_project_service", "terraform_data")
        and "google_project_service.used" not in ours.reached_from(address)
    }
    assert late == set()
    services = ours.declared["local.services"]
    enabled = set(re.findall(r'"([a-z]+)\.googleapis\.com"', services))
    assert {service for service in TYPES.values() if service} <= enabled
    # What the bridge, the job and the image builds call beside that.
    assert {"bigquerystorage", "cloudbuild", "logging"} <= enabled
    assert ours.declared["google_project_service.used"]["disable_on_destroy"] is False


@pytest.mark.parametrize("given", SETTINGS)
def test_names_are_those_of_the_commands(ours: Configuration, given: dict[str, Any]) -> None:
    settings = known(given)
    names = names_of(Settings({**settings.values, "release": given.get("release", "9")}))

    def name_of(address: str, attribute: str = "name") -> str:
        values = {**settings.values, "release": names.release}
        return ours.text(ours.declared[address][attribute], values)

    def local(name: str) -> str:
        return ours.text(f"${{local.{name}}}", {**settings.values, "release": names.release})

    project, name, region = (settings[one] for one in ("project", "name", "region"))
    account = name_of("google_service_account.pipeline", "account_id")
    repository = name_of("google_artifact_registry_repository.images", "repository_id")
    subnetwork = name_of("google_compute_subnetwork.own")
    subscription = name_of("google_pubsub_subscription.messages")
    assert f"projects/{project}/subscriptions/{subscription}" == names.subscription
    letters = name_of("google_pubsub_topic.dead_letters")
    assert f"projects/{project}/topics/{letters}" == names.dead_letter_topic
    assert f"gs://{name_of('google_storage_bucket.dataflow')}" == names.bucket
    assert f"{region}-docker.pkg.dev/{project}/{repository}" == names.repository == local("images")
    assert local("pipeline_image") == names.image
    assert local("bridge_image") == f"{names.repository}/bridge:{names.release}"
    assert f"{account}@{project}.iam.gserviceaccount.com" == names.worker_account
    build = name_of("google_service_account.build", "account_id")
    assert f"{build}@{project}.iam.gserviceaccount.com" == names.build_account
    assert name_of("google_dataflow_flex_template_job.pipeline") == names.job()
    assert local("template") == names.template(STREAM)
    if not settings["subnetwork"]:
        assert f"regions/{region}/subnetworks/{subnetwork}" == names.subnetwork
    assert name_of("google_bigquery_dataset.warehouse", "dataset_id") == settings["dataset"]
    parts = {
        "google_pubsub_topic.messages": ("name", "-messages"),
        "google_pubsub_subscription.dead_letters": ("name", "-dead-letters"),
        "google_secret_manager_secret.client": ("secret_id", "-client-secret"),
        "google_service_account.bridge": ("account_id", "-bridge"),
        "google_compute_instance.bridge": ("name", "-bridge"),
        "google_compute_network.own": ("name", ""),
    }
    for address, (attribute, end) in parts.items():
        assert name_of(address, attribute) == name + end


def test_every_alarm_of_the_list_can_be_made() -> None:
    """Terraform keys them by their label, and reads these fields without asking."""
    alerts = json.loads((HERE / "monitoring/alerts.json").read_text())
    keys = [alert["userLabels"]["alert"] for alert in alerts]
    assert len(keys) == len(set(keys)) > 0
    fields = {"query", "duration", "evaluationInterval", "disableMetricValidation"}
    for alert in alerts:
        assert set(alert) == {
            "displayName",
            "severity",
            "userLabels",
            "documentation",
            "combiner",
            "conditions",
            "alertStrategy",
        }
        assert set(alert["documentation"]) == {"content", "mimeType", "subject"}
        assert set(alert["alertStrategy"]) == {"autoClose"}
        assert alert["userLabels"]["part"] in set(Part)
        for condition in alert["conditions"]:
            assert set(condition) == {"displayName", "conditionPrometheusQueryLanguage"}
            assert set(condition["conditionPrometheusQueryLanguage"]) <= fields
