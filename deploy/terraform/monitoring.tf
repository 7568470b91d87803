# Dashboard and alarms, from deploy/monitoring.

locals {
  alerts = jsondecode(templatefile("${path.module}/../monitoring/alerts.json", { name = var.name, dataset = var.dataset }))
  watched = {
    for alert in local.alerts : alert.userLabels.alert => alert
    if contains(local.parts, alert.userLabels.part)
  }
}

resource "google_monitoring_notification_channel" "mail" {
  for_each = toset(var.alert_emails)

  display_name = "${var.name}: ${each.key}"
  type         = "email"
  labels       = { email_address = each.key }

  depends_on = [google_project_service.used]
}

resource "google_monitoring_dashboard" "overview" {
  dashboard_json = templatefile("${path.module}/../monitoring/dashboard.json", { name = var.name })

  depends_on = [google_project_service.used]
}

resource "google_monitoring_alert_policy" "alarm" {
  for_each = local.watched

  display_name          = each.value.displayName
  severity              = each.value.severity
  combiner              = each.value.combiner
  user_labels           = each.value.userLabels
  notification_channels = [for channel in google_monitoring_notification_channel.mail : channel.name]

  documentation {
    content   = each.value.documentation.content
    mime_type = each.value.documentation.mimeType
    subject   = try(each.value.documentation.subject, null)
  }

  dynamic "conditions" {
    for_each = each.value.conditions

    content {
      display_name = conditions.value.displayName

      condition_prometheus_query_language {
        query               = conditions.value.conditionPrometheusQueryLanguage.query
        duration            = try(conditions.value.conditionPrometheusQueryLanguage.duration, null)
        evaluation_interval = try(conditions.value.conditionPrometheusQueryLanguage.evaluationInterval, null)
        # Most metrics are not there before the first message.
        disable_metric_validation = try(conditions.value.conditionPrometheusQueryLanguage.disableMetricValidation, false)
      }
    }
  }

  alert_strategy {
    auto_close = each.value.alertStrategy.autoClose
  }

  depends_on = [google_project_service.used]
}
