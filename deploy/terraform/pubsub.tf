# IRIS messages on their way, and the pipeline's dead letters.

resource "google_pubsub_topic" "messages" {
  name = local.topic
  # Also what was read already: after a bad release the subscription can be set back by up to a
  # week (gcloud pubsub subscriptions seek). IRIS's 14 GiB a month make this a dollar or so a month;
  # the longest, 31 days, would be five.
  message_retention_duration = "604800s" # 7 days

  depends_on = [google_project_service.used]
}

# What the pipeline reads. Dataflow supports neither a dead-letter policy nor a retry policy here
# (https://cloud.google.com/pubsub/docs/handling-failures), and order is no use: the views know
# which version is the newest.
resource "google_pubsub_subscription" "messages" {
  name  = local.subscription
  topic = google_pubsub_topic.messages.id

  # A message that is here has left IRIS for good. Pub/Sub keeps it no longer than this; it costs
  # nothing while the pipeline keeps up (https://cloud.google.com/pubsub/pricing).
  message_retention_duration = "2678400s" # 31 days
  ack_deadline_seconds       = 60

  expiration_policy {
    ttl = "" # never, also where nobody has read for a month
  }

  lifecycle {
    # With it goes what was not read yet. To give it up: terraform output -raw give_up
    prevent_destroy = true
  }
}

resource "google_pubsub_topic" "dead_letters" {
  name = local.dead_letters

  depends_on = [google_project_service.used]
}

# For people to look into (gcloud pubsub subscriptions pull); the table iris_dead_letters has them
# for good.
resource "google_pubsub_subscription" "dead_letters" {
  name  = local.dead_letters
  topic = google_pubsub_topic.dead_letters.id

  message_retention_duration = "604800s" # 7 days

  expiration_policy {
    ttl = ""
  }
}
