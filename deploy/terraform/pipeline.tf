# The Dataflow job, with pipeline = "terraform". Otherwise it is launched by `make launch`, or there
# is none. A job of this name that gcloud has launched must be drained first.

resource "google_dataflow_flex_template_job" "pipeline" {
  count    = local.makes_job ? 1 : 0
  provider = google-beta

  name   = var.name
  region = var.region
  # A release has a path of its own: what is behind a path that stays the same, Terraform does not
  # see. A new path puts the new release in the place of the running one.
  container_spec_gcs_path = local.template
  parameters              = local.pipeline_options
  on_delete               = "drain"

  # Workers, account, network, places and mode stand in the template's defaultEnvironment. They are
  # not given here: Terraform would look for them in the job under the names of Beam's Java SDK,
  # not find them, and update or replace the job at every apply
  # (https://github.com/hashicorp/terraform-provider-google/issues/21322). So another
  # worker_machine_type or max_workers comes with the next release.
  lifecycle {
    ignore_changes = [
      additional_experiments,
      autoscaling_algorithm,
      enable_streaming_engine,
      ip_configuration,
      launcher_machine_type,
      machine_type,
      max_workers,
      network,
      num_workers,
      sdk_container_image,
      service_account_email,
      staging_location,
      subnetwork,
      temp_location,
    ]
  }

  depends_on = [
    google_artifact_registry_repository_iam_member.worker_pulls,
    google_bigquery_dataset_access.pipeline,
    google_compute_subnetwork.own,
    google_project_iam_member.worker,
    google_project_iam_member.worker_looks,
    google_pubsub_subscription_iam_member.pipeline_looks,
    google_pubsub_subscription_iam_member.pipeline_reads,
    google_pubsub_topic_iam_member.pipeline_publishes,
    google_storage_bucket_iam_member.pipeline_reads,
    google_storage_bucket_iam_member.worker_stages,
  ]
}
