# An alarm when the month's costs reach the budget, or are on their way there. It stops nothing.
# Whoever applies it needs roles/billing.costsManager on the billing account.

data "google_project" "this" {
  count = var.billing_account == "" ? 0 : 1

  project_id = var.project

  depends_on = [google_project_service.used]
}

resource "google_billing_budget" "month" {
  count    = var.billing_account == "" ? 0 : 1
  provider = google.billing

  billing_account = var.billing_account
  display_name    = "${var.name} in ${var.project}"

  budget_filter {
    projects = ["projects/${data.google_project.this[0].number}"]
  }

  amount {
    specified_amount {
      units = tostring(var.monthly_budget) # of the account's currency
    }
  }

  threshold_rules {
    threshold_percent = 1.0
    spend_basis       = "FORECASTED_SPEND"
  }

  threshold_rules {
    threshold_percent = 1.0
  }

  # The billing account's administrators are told in any case.
  dynamic "all_updates_rule" {
    for_each = length(var.alert_emails) == 0 ? [] : [1]

    content {
      # A budget takes five at the most.
      monitoring_notification_channels = [
        for mail in slice(sort(var.alert_emails), 0, min(5, length(var.alert_emails))) :
        google_monitoring_notification_channel.mail[mail].id
      ]
    }
  }
}
