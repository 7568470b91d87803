"""Who may do what: the rights of each account, the ports, and where the secret is not."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from deploy.settings import read
from tests.deploy.hcl import Configuration, addresses, load, strings

BRIDGE = "${google_service_account.bridge.member}"
WORKER = "${google_service_account.pipeline.member}"
BUILD = "${google_service_account.build.member}"
PIPELINE = "serviceAccount:${local.pipeline_account}"
#: Every right that is given: on what, to whom.
RIGHTS = {
    ("roles/pubsub.publisher", "google_pubsub_topic.messages", BRIDGE),
    ("roles/secretmanager.secretAccessor", "google_secret_manager_secret.client", BRIDGE),
    ("roles/artifactregistry.reader", "google_artifact_registry_repository.images", BRIDGE),
    ("roles/logging.logWriter", "var.project", BRIDGE),  # a project's: nothing is smaller
    ("roles/monitoring.metricWriter", "var.project", BRIDGE),  # likewise
    ("roles/pubsub.subscriber", "google_pubsub_subscription.messages", PIPELINE),
    ("roles/pubsub.viewer", "google_pubsub_subscription.messages", PIPELINE),
    ("roles/pubsub.publisher", "google_pubsub_topic.dead_letters", PIPELINE),
    ("roles/dataflow.worker", "var.project", WORKER),  # jobs are a project's
    ("roles/dataflow.viewer", "var.project", WORKER),
    ("roles/storage.objectAdmin", "google_storage_bucket.dataflow", WORKER),
    ("roles/artifactregistry.reader", "google_artifact_registry_repository.images", WORKER),
    ("roles/storage.objectViewer", "google_storage_bucket.dataflow", PIPELINE),
    ("roles/storage.objectViewer", "google_storage_bucket.dataflow", BUILD),
    ("roles/artifactregistry.writer", "google_artifact_registry_repository.images", BUILD),
    ("roles/logging.logWriter", "var.project", BUILD),
}


@pytest.fixture(scope="module")
def ours() -> Configuration:
    return load()


def test_neither_tables_nor_secret_values_nor_rights_of_others(ours: Configuration) -> None:
    """Tables are ``schemas``' own, a secret would be in the state, and nobody's right is taken."""
    named = re.compile(
        r"_table$|_routine$|secret_version|_iam_(binding|policy|audit_config)$|_key$"
    )
    kinds = {address.split(".")[0] for address in ours.resources()}
    assert [kind for kind in kinds if named.search(kind)] == []
    texts = " ".join(strings([*ours.declared.values(), *ours.outputs.values()]))
    assert "secret_data" not in texts


def test_every_right_that_is_given(ours: Configuration) -> None:
    rights = set()
    for address, body in ours.resources().items():
        if "_iam_" in address.split(".")[0]:
            (target,) = {
                found
                for name, value in body.items()
                if name not in ("role", "member", "count", "depends_on")
                for found in addresses(value)
            }
            rights.add((body["role"], target, body["member"]))
    assert rights == RIGHTS


def test_the_pipeline_may_write_to_the_dataset_and_no_further(ours: Configuration) -> None:
    granted = ours.resources("google_bigquery_dataset_access")
    assert [(body["role"], body["user_by_email"]) for body in granted.values()] == [
        ("WRITER", "${local.pipeline_account}")
    ]
    assert not [text for text in strings(ours.declared) if text.startswith("roles/bigquery")]
    (dataset,) = ours.resources("google_bigquery_dataset.").values()
    assert "access" not in dataset, "it would take away what others were given"


def test_whoever_runs_the_pipeline_has_its_rights(ours: Configuration) -> None:
    bridge, pipeline = (f"google_service_account.{name}.email" for name in ("bridge", "pipeline"))
    assert ours.declared["local.pipeline_account"] == (
        f"${{{{bridge = {bridge}, pipeline = {pipeline}}}[local.pipeline_runs_as]}}"
    )


def test_rights_of_a_worker_are_not_there_without_workers(ours: Configuration) -> None:
    conditional = {
        address
        for address, body in ours.resources().items()
        if body.get("member") == WORKER and body.get("count") == "${local.together ? 0 : 1}"
    }
    assert len(conditional) == len([right for right in RIGHTS if right[2] == WORKER])


def test_no_port_is_open_but_for_googles_ssh(ours: Configuration) -> None:
    (rule,) = ours.resources("google_compute_firewall").values()
    assert rule["source_ranges"] == ["35.235.240.0/20"]
    assert rule["allow"] == [{"protocol": "tcp", "ports": ["22"]}]
    assert rule["target_service_accounts"] == ["${google_service_account.bridge.email}"]


def test_the_network_is_made_only_where_none_is_given(ours: Configuration) -> None:
    made = {**ours.resources("google_compute_network"), **ours.resources("google_compute_sub")}
    made |= ours.resources("google_compute_firewall")
    assert {body["count"] for body in made.values()} == {'${var.subnetwork == "" ? 1 : 0}'}
    subnetwork = ours.declared["google_compute_subnetwork.own"]
    assert subnetwork["private_ip_google_access"] is True
    assert ours.declared["google_compute_network.own"]["auto_create_subnetworks"] is False


def test_the_machine_has_its_rights_before_it_starts(ours: Configuration) -> None:
    machine = "google_compute_instance.bridge"
    theirs = {
        address
        for address, body in ours.resources().items()
        if body.get("member") in (BRIDGE, PIPELINE) or "user_by_email" in body
    }
    assert theirs <= ours.reached_from(machine)


def test_the_job_has_its_rights_before_it_starts(ours: Configuration) -> None:
    theirs = {
        address
        for address, body in ours.resources().items()
        if body.get("member") in (WORKER, PIPELINE) or "user_by_email" in body
    }
    assert theirs <= ours.reached_from("google_dataflow_flex_template_job.pipeline")


def test_the_secret_is_typed_and_in_no_command_line(ours: Configuration, tmp_path: Path) -> None:
    gcloud = tmp_path / "gcloud"
    gcloud.write_text('#!/bin/sh\necho "$@" >words\ncat >value\n')
    gcloud.chmod(0o755)
    settings = read(tmp_path / "missing.json", {"project": "p-123456", "name": "live"})
    command = ours.text(ours.outputs["secret"]["value"], settings.values)
    subprocess.run(
        ["bash", "-c", command],
        input='a$b \\ "c" %s~\n',
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )
    assert (tmp_path / "value").read_text() == 'a$b \\ "c" %s~'
    assert (tmp_path / "words").read_text() == (
        "secrets versions add live-client-secret --project=p-123456 --data-file=-\n"
    )
