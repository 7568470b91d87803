# What runs on the bridge's machine, as cloud-init writes it at each start: on Container-Optimized
# OS /etc is empty again after a restart
# (https://cloud.google.com/container-optimized-os/docs/concepts/disks-and-filesystem).

locals {
  # The bridge's settings: python -m bridge --help. The secret is named, not given.
  bridge_environment = {
    for name, value in {
      IRIS_CLIENT_ID             = var.iris_client_id
      IRIS_CLIENT_SECRET_EXPIRES = var.iris_secret_expires
      IRIS_CLIENT_SECRET_NAME    = "projects/${var.project}/secrets/${local.secret}"
      IRIS_QUEUE_NAME            = var.iris_queue_name
      PUBSUB_TOPIC               = "projects/${var.project}/topics/${local.topic}"
      BRIDGE_MONITORING_NAME     = var.name
      BRIDGE_MONITORING_PROJECT  = var.project
    } : name => value if value != ""
  }

  bridge_files = {
    "/etc/iris/bridge.env" = join("", [
      for name, value in local.bridge_environment : "${name}=${value}\n"
    ])
    "/etc/systemd/system/iris-bridge.service" = templatefile("${path.module}/machine/iris-bridge.service", {
      registry = local.registry
      image    = local.bridge_image
    })
    "/etc/systemd/system/iris-bridge-health.service" = file("${path.module}/../small/iris-bridge-health.service")
    "/etc/systemd/system/iris-bridge-health.timer"   = file("${path.module}/../small/iris-bridge-health.timer")
  }

  pipeline_files = {
    "/etc/systemd/system/iris-pipeline.service" = templatefile("${path.module}/machine/iris-pipeline.service", {
      registry  = local.registry
      image     = local.pipeline_image
      arguments = join(" ", [for name, value in local.pipeline_options : "--${name}=${value}"])
    })
  }

  units = concat(
    ["iris-bridge.service", "iris-bridge-health.timer"],
    local.on_machine ? ["iris-pipeline.service"] : [],
  )

  user_data = join("\n", ["#cloud-config", yamlencode({
    write_files = [
      for path, content in merge(local.bridge_files, local.on_machine ? local.pipeline_files : {}) :
      { path = path, permissions = "0644", owner = "root", content = content }
    ]
    runcmd = [
      ["systemctl", "daemon-reload"],
      concat(["systemctl", "start", "--no-block"], local.units),
    ]
  })])
}
