"""How the system gets into a Google Cloud project: images, jobs, monitoring, Terraform."""
