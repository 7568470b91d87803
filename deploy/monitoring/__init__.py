"""Dashboard and alarms as code: made from the schema files, installed by Terraform.

``python -m deploy.monitoring --write`` makes ``dashboard.json`` (Dashboard API v1) and
``alerts.json`` (a list of alert policies of the Monitoring API v3). Both are templates with one
placeholder, ``${name}``: what the installation is called.
"""
