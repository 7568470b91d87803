"""Dashboard and alarms as code: made from the schema files, installed by Terraform.

``make docs`` makes ``dashboard.json`` (Dashboard API v1) and
``alerts.json`` (a list of alert policies of the Monitoring API v3). Both are templates;
``${name}`` is what the installation is called, ``${dataset}`` its BigQuery dataset.
"""
