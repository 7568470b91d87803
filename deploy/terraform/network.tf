# A network of our own, unless var.subnetwork names one. That one must have Private Google Access:
# Dataflow's workers have no external address. Where it is another project's (shared VPC), its
# owner lets Dataflow's service agent use it (roles/compute.networkUser), and the firewall is theirs.

resource "google_compute_network" "own" {
  count = var.subnetwork == "" ? 1 : 0

  name                    = var.name
  auto_create_subnetworks = false

  depends_on = [google_project_service.used]
}

resource "google_compute_subnetwork" "own" {
  count = var.subnetwork == "" ? 1 : 0

  name                     = var.name
  region                   = var.region
  network                  = google_compute_network.own[0].id
  ip_cidr_range            = "10.10.0.0/24" # of no meaning outside: the network has no neighbours
  private_ip_google_access = true
}

# What no rule lets in stays out. Dataflow's workers need no rule among themselves: with Streaming
# Engine they talk to the service alone.
resource "google_compute_firewall" "ssh" {
  count = var.subnetwork == "" ? 1 : 0

  name        = "${var.name}-ssh"
  description = "gcloud compute ssh --tunnel-through-iap, to the bridge's machine alone"
  network     = google_compute_network.own[0].id

  # Identity-Aware Proxy (https://cloud.google.com/iap/docs/using-tcp-forwarding).
  source_ranges           = ["35.235.240.0/20"]
  target_service_accounts = [google_service_account.bridge.email]

  allow {
    protocol = "tcp"
    ports    = ["22"]
  }
}
