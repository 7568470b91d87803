# The dataset. Its tables and views come from `python -m schemas apply` (terraform output -raw tables).

resource "google_bigquery_dataset" "warehouse" {
  count = var.create_dataset ? 1 : 0

  dataset_id  = var.dataset
  location    = var.location
  description = "Elexon IRIS: live tables, and views that join them with history."

  # Nothing expires, so there is no default expiration; and no mistake takes the data: BigQuery
  # refuses to delete a dataset that holds tables, and Terraform stops before it asks.
  delete_contents_on_destroy = false

  lifecycle {
    # To leave it in place and destroy the rest: terraform output -raw give_up
    prevent_destroy = true
  }

  depends_on = [google_project_service.used]
}

# One entry, beside those that are there. Not google_bigquery_dataset_iam_member: that one drops
# the dataset's authorized views, as its documentation says.
resource "google_bigquery_dataset_access" "pipeline" {
  dataset_id    = var.create_dataset ? google_bigquery_dataset.warehouse[0].dataset_id : var.dataset
  role          = "WRITER" # roles/bigquery.dataEditor, as the API calls it
  user_by_email = local.pipeline_account

  depends_on = [google_project_service.used]
}
