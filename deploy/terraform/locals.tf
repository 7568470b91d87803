# What things are called: the same names as in deploy/names.py.

locals {
  labels = { service = var.name }

  topic        = "${var.name}-messages"
  subscription = "${var.name}-messages"
  dead_letters = "${var.name}-dead-letters"
  bucket       = "${var.project}-${var.name}"
  secret       = "${var.name}-client-secret"
  machine      = "${var.name}-bridge"

  registry       = "${var.region}-docker.pkg.dev"
  images         = "${var.region}-docker.pkg.dev/${var.project}/${var.name}"
  bridge_image   = "${local.images}/bridge:${var.release}"
  pipeline_image = "${local.images}/pipeline:${var.release}"

  template = "gs://${local.bucket}/templates/${var.release}/stream.json"

  # What the pipeline is told, wherever it runs: the same as deploy/names.py tells it.
  pipeline_places = {
    input_subscription = "projects/${var.project}/subscriptions/${local.subscription}"
    warehouse          = "bigquery:${var.project}.${var.dataset}"
    dead_letter_topic  = "projects/${var.project}/topics/${local.dead_letters}"
  }
  pipeline_options = merge(
    local.pipeline_places,
    var.schema_dir == "" ? {} : { schema_dir = "gs://${local.bucket}/${var.schema_dir}" },
    var.write_method == "STORAGE_WRITE" ? {} : { write_method = var.write_method },
  )

  # Who runs the pipeline: Dataflow, or whoever runs the bridge, under the bridge's account. Without a
  # release there is no image yet.
  together      = contains(["vm", "elsewhere"], var.pipeline)
  on_machine    = var.pipeline == "vm"
  makes_job     = var.pipeline == "terraform" && var.release != ""
  makes_machine = var.pipeline != "elsewhere" && var.release != "" && var.iris_client_id != "" && var.iris_queue_name != ""

  # One of the accounts in accounts.tf.
  pipeline_runs_as = local.together ? "bridge" : "pipeline"

  # What may raise an alarm: what is there and could say something. "health" is not: nothing here
  # starts a health check.
  parts = concat(
    local.makes_machine || (var.pipeline == "elsewhere" && var.release != "") ? ["bridge", "pubsub"] : [],
    !local.together && var.release != "" ? ["dataflow"] : [],
  )
}
