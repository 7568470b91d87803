# The APIs that the project uses. Two of them must be on before Terraform can look at any:
#
#   gcloud services enable serviceusage.googleapis.com cloudresourcemanager.googleapis.com

locals {
  services = concat(
    [
      "artifactregistry.googleapis.com",
      "bigquery.googleapis.com",
      "bigquerystorage.googleapis.com",
      "cloudbuild.googleapis.com",
      "cloudresourcemanager.googleapis.com",
      "compute.googleapis.com",
      "dataflow.googleapis.com",
      "iam.googleapis.com",
      "iap.googleapis.com", # for a shell on the bridge's machine
      "logging.googleapis.com",
      "monitoring.googleapis.com",
      "pubsub.googleapis.com",
      "secretmanager.googleapis.com",
      "storage.googleapis.com",
    ],
    var.billing_account == "" ? [] : ["billingbudgets.googleapis.com"],
  )
}

resource "google_project_service" "used" {
  for_each = toset(local.services)

  service = each.key
  # Something else in the project may need them.
  disable_on_destroy = false
}
