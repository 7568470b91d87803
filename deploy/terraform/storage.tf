# Templates, and what Dataflow puts aside. Nothing here is data.

resource "google_storage_bucket" "dataflow" {
  name     = local.bucket
  location = var.region

  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  # A job that gcloud has launched may still need what is in it.
  force_destroy = false

  # No lifecycle rule: a streaming job needs its staged files for as long as it runs. And no week of
  # deleted temporary files, which is the default and is billed.
  soft_delete_policy {
    retention_duration_seconds = 0
  }

  depends_on = [google_project_service.used]
}
