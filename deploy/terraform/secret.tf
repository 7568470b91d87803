# The IRIS client secret. Its value never comes near Terraform, which would keep it in the state:
# you add it (terraform output -raw secret), and the bridge reads the latest version when it starts and
# when a login is refused.

resource "google_secret_manager_secret" "client" {
  secret_id = local.secret

  replication {
    auto {}
  }

  depends_on = [google_project_service.used]
}
