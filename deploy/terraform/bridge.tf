# The bridge's machine: one, because IRIS allows one connection to a queue. It keeps nothing, so it
# can be made anew at any time; IRIS holds messages for three days.

# A change of what runs on it, a new release or another setting, makes a new machine: cloud-init
# looks at its orders when a machine starts and not before. The old one is gone before the new one
# comes, and with it comes the newest system image.
resource "terraform_data" "machine" {
  input = sha256(local.user_data)
}

resource "google_compute_instance" "bridge" {
  count = local.makes_machine ? 1 : 0

  name         = local.machine
  description  = "Takes messages from the IRIS queue to Pub/Sub."
  zone         = "${var.region}-${var.zone}"
  machine_type = var.bridge_machine_type

  allow_stopping_for_update = true # for another machine type

  boot_disk {
    initialize_params {
      image = "projects/cos-cloud/global/images/family/cos-stable"
      type  = "pd-standard"
      size  = local.on_machine ? 20 : 10
    }
  }

  network_interface {
    subnetwork = var.subnetwork == "" ? google_compute_subnetwork.own[0].self_link : var.subnetwork

    # An address of its own: Service Bus is outside of Google, where Private Google Access does not
    # reach. Cloud NAT would do as well, for a third more money and a fee for each byte
    # (https://cloud.google.com/nat/pricing). No port is open behind it.
    access_config {}
  }

  service_account {
    email  = google_service_account.bridge.email
    scopes = ["cloud-platform"] # what it may do is in accounts.tf
  }

  shielded_instance_config {
    enable_secure_boot          = true
    enable_vtpm                 = true
    enable_integrity_monitoring = true
  }

  metadata = {
    user-data              = local.user_data
    google-logging-enabled = "true"
    enable-oslogin         = "TRUE"
    block-project-ssh-keys = "TRUE"
  }

  lifecycle {
    replace_triggered_by = [terraform_data.machine]
    # A new image is no reason for a new machine by itself. For its sake alone:
    #   terraform apply -var-file=../settings.json -replace='google_compute_instance.bridge[0]'
    ignore_changes = [boot_disk[0].initialize_params[0].image]

    precondition {
      condition     = !local.on_machine || !contains(["e2-micro", "f1-micro"], var.bridge_machine_type)
      error_message = "With pipeline = \"vm\" the machine needs 2 GB of memory: set bridge_machine_type to e2-small or larger."
    }
  }

  # What it does first. It would try again for as long as it takes, but its log would be ugly.
  depends_on = [
    google_artifact_registry_repository_iam_member.bridge_pulls,
    google_bigquery_dataset_access.pipeline,
    google_project_iam_member.bridge_logs,
    google_project_iam_member.bridge_measures,
    google_pubsub_subscription.messages,
    google_pubsub_subscription_iam_member.pipeline_looks,
    google_pubsub_subscription_iam_member.pipeline_reads,
    google_pubsub_topic_iam_member.bridge_publishes,
    google_pubsub_topic_iam_member.pipeline_publishes,
    google_secret_manager_secret_iam_member.bridge_reads,
    google_storage_bucket_iam_member.pipeline_reads,
  ]
}
