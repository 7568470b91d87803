# What the next command needs.

output "secret" {
  description = "Adds the IRIS client secret, which it asks for: the value is in no command line, file or state."
  value       = "(printf 'IRIS client secret: '; read -rs secret; printf %s \"$secret\" | gcloud secrets versions add ${local.secret} --project=${var.project} --data-file=-)"
}

output "tables" {
  description = "Makes the tables and views."
  value       = ".venv/bin/python -m schemas apply --warehouse ${local.pipeline_places.warehouse} --location ${var.location}"
}

output "images" {
  description = "Where the images are, and how a setting named release chooses them."
  value       = { repository = local.images, bridge = local.bridge_image, pipeline = local.pipeline_image }
}

output "dashboard" {
  description = "The dashboard."
  value       = "https://console.cloud.google.com/monitoring/dashboards/builder/${reverse(split("/", google_monitoring_dashboard.overview.id))[0]}?project=${var.project}"
}

output "restart" {
  description = "Restarts the bridge's machine, which is safe at any time."
  value       = "gcloud compute instances reset ${local.machine} --project=${var.project} --zone=${var.region}-${var.zone}"
}

output "shell" {
  description = "Opens a shell on the bridge's machine; there: sudo docker logs bridge, curl localhost:8080/metrics."
  value       = "gcloud compute ssh ${local.machine} --project=${var.project} --zone=${var.region}-${var.zone} --tunnel-through-iap"
}

output "give_up" {
  description = "Makes Terraform forget what holds data, so that destroy leaves it and takes the rest."
  value       = "terraform -chdir=deploy/terraform state rm ${join(" ", concat(["google_pubsub_subscription.messages"], var.create_dataset ? ["'google_bigquery_dataset.warehouse[0]'"] : []))}"
}
