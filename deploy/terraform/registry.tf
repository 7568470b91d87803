# The images. None is deleted by a rule: an old release is what you go back to, and a running job
# needs its own.

resource "google_artifact_registry_repository" "images" {
  repository_id = var.name
  location      = var.region
  format        = "DOCKER"
  description   = "Bridge and pipeline, tagged by release."

  depends_on = [google_project_service.used]
}
