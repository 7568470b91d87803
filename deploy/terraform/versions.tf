# One installation: everything but the tables and views, whose one owner is
# `python -m schemas apply`.
#
#   terraform init
#   terraform apply -var-file=../settings.json
#
# Who applies it is owner of the project, or editor with the right to grant roles.

terraform {
  required_version = ">= 1.5"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.0"
    }
    # google_dataflow_flex_template_job exists in this one alone.
    google-beta = {
      source  = "hashicorp/google-beta"
      version = "~> 7.0"
    }
  }

  # The state is kept beside these files, and that is where it gets lost. In a bucket of your own:
  #
  #   backend "gcs" {
  #     bucket = "my-terraform-states"
  #     prefix = "iris"
  #   }
}

provider "google" {
  project        = var.project
  region         = var.region
  default_labels = local.labels
}

provider "google-beta" {
  project        = var.project
  region         = var.region
  default_labels = local.labels
}

# Budgets belong to the billing account: the API wants to be told whose quota a person's own login
# uses (https://cloud.google.com/docs/authentication/troubleshoot-adc).
provider "google" {
  alias                 = "billing"
  project               = var.project
  billing_project       = var.project
  user_project_override = true
}
