# An account for each kind of machine, and what it may do: as little as possible, on single
# resources where Google Cloud can say so. Whoever runs the pipeline has the pipeline's rights.

resource "google_service_account" "bridge" {
  account_id   = "${var.name}-bridge"
  display_name = "IRIS bridge"

  depends_on = [google_project_service.used]
}

# Where whoever runs the bridge runs the pipeline, too, it stays, without any right: an account that is made anew under its old name
# is another one to whatever knew it.
resource "google_service_account" "pipeline" {
  account_id   = "${var.name}-pipeline"
  display_name = "IRIS pipeline on Dataflow"

  depends_on = [google_project_service.used]
}

resource "google_service_account" "build" {
  account_id   = "${var.name}-build"
  display_name = "IRIS images"

  depends_on = [google_project_service.used]
}

locals {
  pipeline_account = {
    bridge   = google_service_account.bridge.email
    pipeline = google_service_account.pipeline.email
  }[local.pipeline_runs_as]
}

# The bridge.

resource "google_pubsub_topic_iam_member" "bridge_publishes" {
  topic  = google_pubsub_topic.messages.name
  role   = "roles/pubsub.publisher"
  member = google_service_account.bridge.member
}

resource "google_secret_manager_secret_iam_member" "bridge_reads" {
  secret_id = google_secret_manager_secret.client.secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.bridge.member
}

resource "google_artifact_registry_repository_iam_member" "bridge_pulls" {
  location   = google_artifact_registry_repository.images.location
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.bridge.member
}

# Logs and metrics belong to a project: there is nothing smaller to grant these on.
resource "google_project_iam_member" "bridge_logs" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.bridge.member
}

resource "google_project_iam_member" "bridge_measures" {
  project = var.project
  role    = "roles/monitoring.metricWriter"
  member  = google_service_account.bridge.member
}

# The pipeline, wherever it runs.

resource "google_pubsub_subscription_iam_member" "pipeline_reads" {
  subscription = google_pubsub_subscription.messages.name
  role         = "roles/pubsub.subscriber"
  member       = "serviceAccount:${local.pipeline_account}"
}

# Dataflow looks at the subscription's settings.
resource "google_pubsub_subscription_iam_member" "pipeline_looks" {
  subscription = google_pubsub_subscription.messages.name
  role         = "roles/pubsub.viewer"
  member       = "serviceAccount:${local.pipeline_account}"
}

resource "google_pubsub_topic_iam_member" "pipeline_publishes" {
  topic  = google_pubsub_topic.dead_letters.name
  role   = "roles/pubsub.publisher"
  member = "serviceAccount:${local.pipeline_account}"
}

# Its own schema files, where Dataflow's rights on the bucket are not given.
resource "google_storage_bucket_iam_member" "pipeline_reads" {
  count = local.together && var.schema_dir != "" ? 1 : 0

  bucket = google_storage_bucket.dataflow.name
  role   = "roles/storage.objectViewer"
  member = "serviceAccount:${local.pipeline_account}"
}

# The pipeline on Dataflow. Its workers' logs and metrics are part of dataflow.worker
# (https://cloud.google.com/dataflow/docs/concepts/access-control), which a project alone can give.

resource "google_project_iam_member" "worker" {
  count = local.together ? 0 : 1

  project = var.project
  role    = "roles/dataflow.worker"
  member  = google_service_account.pipeline.member
}

# While a job is updated, its launcher looks for the one that runs.
resource "google_project_iam_member" "worker_looks" {
  count = local.together ? 0 : 1

  project = var.project
  role    = "roles/dataflow.viewer"
  member  = google_service_account.pipeline.member
}

resource "google_storage_bucket_iam_member" "worker_stages" {
  count = local.together ? 0 : 1

  bucket = google_storage_bucket.dataflow.name
  role   = "roles/storage.objectAdmin"
  member = google_service_account.pipeline.member
}

resource "google_artifact_registry_repository_iam_member" "worker_pulls" {
  count = local.together ? 0 : 1

  location   = google_artifact_registry_repository.images.location
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.pipeline.member
}

# Cloud Build, which makes the images: make template.

resource "google_storage_bucket_iam_member" "build_reads" {
  bucket = google_storage_bucket.dataflow.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.build.member
}

resource "google_artifact_registry_repository_iam_member" "build_pushes" {
  location   = google_artifact_registry_repository.images.location
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}

resource "google_project_iam_member" "build_logs" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.build.member
}
