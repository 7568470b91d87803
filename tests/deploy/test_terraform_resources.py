"""What is declared, in full: an attribute that is lost or another costs data, money or safety."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deploy.hcl import Configuration, addresses, load

MACHINE = "google_compute_instance.bridge"
JOB = "google_dataflow_flex_template_job.pipeline"


@pytest.fixture(scope="module")
def ours() -> Configuration:
    return load()


def body(ours: Configuration, address: str) -> dict[str, Any]:
    """All of it but what comes before it, which has tests of its own."""
    found = ours.declared[address]
    return {name: value for name, value in found.items() if name != "depends_on"}


def test_a_bad_release_can_be_read_again_for_a_week(ours: Configuration) -> None:
    assert body(ours, "google_pubsub_topic.messages") == {
        "name": "${local.topic}",
        "message_retention_duration": f"{7 * 24 * 3600}s",
    }
    assert body(ours, "google_pubsub_topic.dead_letters") == {"name": "${local.dead_letters}"}


def test_subscriptions_are_such_that_dataflow_reads_them(ours: Configuration) -> None:
    """No dead-letter, retry or push policy, no filter, no order, no exactly-once delivery."""
    assert body(ours, "google_pubsub_subscription.messages") == {
        "name": "${local.subscription}",
        "topic": "${google_pubsub_topic.messages.id}",
        "message_retention_duration": f"{31 * 24 * 3600}s",  # the longest there is
        "ack_deadline_seconds": 60,
        "expiration_policy": [{"ttl": ""}],
        "lifecycle": [{"prevent_destroy": True}],
    }
    assert body(ours, "google_pubsub_subscription.dead_letters") == {
        "name": "${local.dead_letters}",
        "topic": "${google_pubsub_topic.dead_letters.id}",
        "message_retention_duration": f"{7 * 24 * 3600}s",
        "expiration_policy": [{"ttl": ""}],
    }


def test_the_dataset_is_ours_or_the_one_that_is_there(ours: Configuration) -> None:
    assert body(ours, "google_bigquery_dataset.warehouse") == {
        "count": "${var.create_dataset ? 1 : 0}",
        "dataset_id": "${var.dataset}",
        "location": "${var.location}",
        "description": "Elexon IRIS: live tables, and views that join them with history.",
        "delete_contents_on_destroy": False,
        "lifecycle": [{"prevent_destroy": True}],
    }
    made = "google_bigquery_dataset.warehouse[0].dataset_id"
    assert body(ours, "google_bigquery_dataset_access.pipeline") == {
        "dataset_id": f"${{var.create_dataset ? {made} : var.dataset}}",
        "role": "WRITER",
        "user_by_email": "${local.pipeline_account}",
    }


def test_the_bucket_is_nobody_elses_and_keeps_nothing_deleted(ours: Configuration) -> None:
    assert body(ours, "google_storage_bucket.dataflow") == {
        "name": "${local.bucket}",
        "location": "${var.region}",
        "uniform_bucket_level_access": True,
        "public_access_prevention": "enforced",
        "force_destroy": False,
        "soft_delete_policy": [{"retention_duration_seconds": 0}],
    }


def test_the_machine_of_the_bridge(ours: Configuration) -> None:
    own = "google_compute_subnetwork.own[0].self_link"
    too_small = '["e2-micro", "f1-micro"], var.bridge_machine_type'
    assert body(ours, MACHINE) == {
        "count": "${local.makes_machine ? 1 : 0}",
        "name": "${local.machine}",
        "description": "Takes messages from the IRIS queue to Pub/Sub.",
        "zone": "${var.region}-${var.zone}",
        "machine_type": "${var.bridge_machine_type}",
        "allow_stopping_for_update": True,
        "boot_disk": [
            {
                "initialize_params": [
                    {
                        "image": "projects/cos-cloud/global/images/family/cos-stable",
                        "type": "pd-standard",
                        "size": "${local.on_machine ? 20 : 10}",
                    }
                ]
            }
        ],
        "network_interface": [
            {
                "subnetwork": f'${{var.subnetwork == "" ? {own} : var.subnetwork}}',
                "access_config": [{}],  # an address outside of Google, where Service Bus is
            }
        ],
        "service_account": [
            {"email": "${google_service_account.bridge.email}", "scopes": ["cloud-platform"]}
        ],
        "shielded_instance_config": [
            {
                "enable_secure_boot": True,
                "enable_vtpm": True,
                "enable_integrity_monitoring": True,
            }
        ],
        "metadata": {
            "user-data": "${local.user_data}",
            "google-logging-enabled": "true",
            "enable-oslogin": "TRUE",
            "block-project-ssh-keys": "TRUE",
        },
        "lifecycle": [
            {
                # And no create_before_destroy: for a while there would be two bridges.
                "replace_triggered_by": ["${terraform_data.machine}"],
                "ignore_changes": ["${boot_disk[0].initialize_params[0].image}"],
                "precondition": [
                    {
                        "condition": f"${{!local.on_machine || !contains({too_small})}}",
                        "error_message": 'With pipeline = "vm" the machine needs 2 GB of memory: '
                        "set bridge_machine_type to e2-small or larger.",
                    }
                ],
            }
        ],
    }


def test_the_machine_is_made_anew_for_new_orders(ours: Configuration) -> None:
    assert ours.declared["terraform_data.machine"] == {"input": "${sha256(local.user_data)}"}


def test_the_job_leaves_to_its_template_what_is_there(ours: Configuration) -> None:
    assert body(ours, JOB) == {
        "count": "${local.makes_job ? 1 : 0}",
        "provider": "google-beta",
        "name": "${var.name}",
        "region": "${var.region}",
        "container_spec_gcs_path": "${local.template}",
        "parameters": "${local.pipeline_options}",
        "on_delete": "drain",
        "lifecycle": [
            {
                "ignore_changes": [
                    "additional_experiments",
                    "autoscaling_algorithm",
                    "enable_streaming_engine",
                    "ip_configuration",
                    "launcher_machine_type",
                    "machine_type",
                    "max_workers",
                    "network",
                    "num_workers",
                    "sdk_container_image",
                    "service_account_email",
                    "staging_location",
                    "subnetwork",
                    "temp_location",
                ]
            }
        ],
    }


def test_the_network_is_there_before_the_job(ours: Configuration) -> None:
    """The template names it, so no attribute of the job does."""
    assert "google_compute_subnetwork.own" in addresses(ours.declared[JOB]["depends_on"])


def test_an_alarm_is_what_the_list_says_and_is_sent_to_everybody(ours: Configuration) -> None:
    assert ours.declared["google_monitoring_notification_channel.mail"] == {
        "for_each": "${toset(var.alert_emails)}",
        "display_name": "${var.name}: ${each.key}",
        "type": "email",
        "labels": {"email_address": "${each.key}"},
        "depends_on": ["${google_project_service.used}"],
    }
    channels = "google_monitoring_notification_channel.mail"
    promql = "conditions.value.conditionPrometheusQueryLanguage"
    assert body(ours, "google_monitoring_alert_policy.alarm") == {
        "for_each": "${local.watched}",
        "display_name": "${each.value.displayName}",
        "severity": "${each.value.severity}",
        "combiner": "${each.value.combiner}",
        "user_labels": "${each.value.userLabels}",
        "notification_channels": f"${{[for channel in {channels} : channel.name]}}",
        "documentation": [
            {
                "content": "${each.value.documentation.content}",
                "mime_type": "${each.value.documentation.mimeType}",
                "subject": "${try(each.value.documentation.subject, null)}",
            }
        ],
        "dynamic": [
            {
                "conditions": {
                    "for_each": "${each.value.conditions}",
                    "content": [
                        {
                            "display_name": "${conditions.value.displayName}",
                            "condition_prometheus_query_language": [
                                {
                                    "query": f"${{{promql}.query}}",
                                    "duration": f"${{try({promql}.duration, null)}}",
                                    "evaluation_interval": (
                                        f"${{try({promql}.evaluationInterval, null)}}"
                                    ),
                                    "disable_metric_validation": (
                                        f"${{try({promql}.disableMetricValidation, false)}}"
                                    ),
                                }
                            ],
                        }
                    ],
                }
            }
        ],
        "alert_strategy": [{"auto_close": "${each.value.alertStrategy.autoClose}"}],
    }


def test_the_budget_is_this_projects(ours: Configuration) -> None:
    count = '${var.billing_account == "" ? 0 : 1}'
    project = {"count": count, "project_id": "${var.project}"}
    assert body(ours, "data.google_project.this") == project
    mails = "slice(sort(var.alert_emails), 0, min(5, length(var.alert_emails)))"
    channel = "google_monitoring_notification_channel.mail[mail].id"
    assert body(ours, "google_billing_budget.month") == {
        "count": count,
        "provider": "${google.billing}",
        "billing_account": "${var.billing_account}",
        "display_name": "${var.name} in ${var.project}",
        "budget_filter": [{"projects": ["projects/${data.google_project.this[0].number}"]}],
        "amount": [{"specified_amount": [{"units": "${tostring(var.monthly_budget)}"}]}],
        "threshold_rules": [
            {"threshold_percent": 1.0, "spend_basis": "FORECASTED_SPEND"},
            {"threshold_percent": 1.0},
        ],
        "dynamic": [
            {
                "all_updates_rule": {
                    "for_each": "${length(var.alert_emails) == 0 ? [] : [1]}",
                    "content": [
                        {
                            "monitoring_notification_channels": (
                                f"${{[for mail in {mails} : {channel}]}}"
                            )
                        }
                    ],
                }
            }
        ],
    }


def test_the_providers_work_in_the_project(ours: Configuration) -> None:
    place = {"project": "${var.project}", "region": "${var.region}"}
    assert ours.providers == [
        ("google", {**place, "default_labels": "${local.labels}"}),
        ("google-beta", {**place, "default_labels": "${local.labels}"}),
        (
            "google",
            {
                "alias": "billing",
                "project": "${var.project}",
                "billing_project": "${var.project}",
                "user_project_override": True,
            },
        ),
    ]
