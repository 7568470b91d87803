# Made from the table in deploy/settings.py: make docs

variable "project" {
  type        = string
  description = "the project's id"
  nullable    = false

  validation {
    condition     = can(regex("^(?:[a-z][a-z0-9-]{4,28}[a-z0-9])$", var.project))
    error_message = "project must be a project id, such as my-project-123456 (not its name or number)."
  }
}

variable "region" {
  type        = string
  description = "where everything runs; near the BigQuery dataset"
  nullable    = false
  default     = "us-central1"

  validation {
    condition     = can(regex("^(?:[a-z]+-[a-z]+[0-9]+)$", var.region))
    error_message = "region must be a region, such as us-central1 or europe-west2."
  }
}

variable "zone" {
  type        = string
  description = "the letter of the zone of the bridge's machine"
  nullable    = false
  default     = "b"

  validation {
    condition     = can(regex("^(?:[a-f])$", var.zone))
    error_message = "zone must be a letter, such as b."
  }
}

variable "location" {
  type        = string
  description = "of the BigQuery dataset, for good: where your historic tables are"
  nullable    = false
  default     = "US"

  validation {
    condition     = can(regex("^(?:US|EU|[a-z]+-[a-z]+[0-9]+)$", var.location))
    error_message = "location must be US, EU or a region."
  }
}

variable "dataset" {
  type        = string
  description = "the BigQuery dataset"
  nullable    = false
  default     = "iris"

  validation {
    condition     = can(regex("^(?:[A-Za-z0-9_]+)$", var.dataset))
    error_message = "dataset must be letters, digits and underscores."
  }
}

variable "create_dataset" {
  type        = bool
  description = "false where the dataset is there already, as with historic tables in it"
  nullable    = false
  default     = true
}

variable "name" {
  type        = string
  description = "the beginning of every name: job, topics, machine"
  nullable    = false
  default     = "iris"

  validation {
    condition     = can(regex("^(?:[a-z][a-z0-9-]{1,17}[a-z0-9])$", var.name))
    error_message = "name must be 3 to 19 lower-case letters, digits and hyphens."
  }
}

variable "release" {
  type        = string
  description = "the tag of the images and templates that run; empty before the first make template"
  nullable    = false
  default     = ""

  validation {
    condition     = can(regex("^(?:|[A-Za-z0-9_][A-Za-z0-9._-]{0,127})$", var.release))
    error_message = "release must be a tag, such as 0.3.0-1b0fc98, or empty."
  }
}

variable "pipeline" {
  type        = string
  description = "who runs the pipeline: gcloud (make launch), terraform, the bridge's machine (vm), or a machine of your own, which runs the bridge, too (elsewhere)"
  nullable    = false
  default     = "gcloud"

  validation {
    condition     = can(regex("^(?:gcloud|terraform|vm|elsewhere)$", var.pipeline))
    error_message = "pipeline must be gcloud, terraform, vm or elsewhere."
  }
}

variable "schema_dir" {
  type        = string
  description = "a folder of the installation's bucket with more schema files, or with others"
  nullable    = false
  default     = ""

  validation {
    condition     = can(regex("^(?:|[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*)$", var.schema_dir))
    error_message = "schema_dir must be a folder of the bucket, such as schemas, or empty."
  }
}

variable "write_method" {
  type        = string
  description = "into BigQuery: the Storage Write API, or the fallback that is slower by far"
  nullable    = false
  default     = "STORAGE_WRITE"

  validation {
    condition     = can(regex("^(?:STORAGE_WRITE|STREAMING_INSERTS)$", var.write_method))
    error_message = "write_method must be STORAGE_WRITE or STREAMING_INSERTS."
  }
}

variable "worker_machine_type" {
  type        = string
  description = "of Dataflow's workers"
  nullable    = false
  default     = "n1-standard-1"

  validation {
    condition     = can(regex("^(?:[a-z][a-z0-9]*-[a-z0-9-]+)$", var.worker_machine_type))
    error_message = "worker_machine_type must be a machine type, such as n1-standard-1."
  }
}

variable "max_workers" {
  type        = number
  description = "the most workers that Dataflow may start"
  nullable    = false
  default     = 3

  validation {
    condition     = var.max_workers >= 1 && var.max_workers <= 100 && floor(var.max_workers) == var.max_workers
    error_message = "max_workers must be a whole number from 1 to 100."
  }
}

variable "bridge_machine_type" {
  type        = string
  description = "of the machine that the bridge runs on; with the pipeline on it (vm) e2-small or larger"
  nullable    = false
  default     = "e2-micro"

  validation {
    condition     = can(regex("^(?:[a-z][a-z0-9]*-[a-z0-9-]+)$", var.bridge_machine_type))
    error_message = "bridge_machine_type must be a machine type, such as e2-micro."
  }
}

variable "iris_client_id" {
  type        = string
  description = "from the IRIS registration page; its secret is in Secret Manager alone"
  nullable    = false
  default     = ""

  validation {
    condition     = can(regex("^(?:|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$", var.iris_client_id))
    error_message = "iris_client_id must be a client id in lower case, or empty before the first apply."
  }
}

variable "iris_queue_name" {
  type        = string
  description = "from the same page"
  nullable    = false
  default     = ""

  validation {
    condition     = can(regex("^(?:|[A-Za-z0-9][A-Za-z0-9._/~-]*)$", var.iris_queue_name))
    error_message = "iris_queue_name must be a queue's name, such as iris.0a1b2c3d-...."
  }
}

variable "iris_secret_expires" {
  type        = string
  description = "the day on which the secret ends, for the alarm before it"
  nullable    = false
  default     = ""

  validation {
    condition     = can(regex("^(?:|20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]))$", var.iris_secret_expires))
    error_message = "iris_secret_expires must be a day, such as 2027-10-01, or empty."
  }
}

variable "alert_emails" {
  type        = list(string)
  description = "who gets the alarms; without one they are seen in the console alone"
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for text in var.alert_emails : can(regex("^(?:[^@ ]+@[^@ ]+[.][^@ ]+)$", text))])
    error_message = "alert_emails must be mail addresses."
  }
}

variable "billing_account" {
  type        = string
  description = "of the project, for the budget alarm; empty for none"
  nullable    = false
  default     = ""

  validation {
    condition     = can(regex("^(?:|[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6})$", var.billing_account))
    error_message = "billing_account must be a billing account, such as 0A1B2C-3D4E5F-6A7B8C, or empty."
  }
}

variable "monthly_budget" {
  type        = number
  description = "what a month may cost before the budget alarm, in the billing account's currency"
  nullable    = false
  default     = 150

  validation {
    condition     = var.monthly_budget >= 1 && var.monthly_budget <= 1000000 && floor(var.monthly_budget) == var.monthly_budget
    error_message = "monthly_budget must be a whole number from 1 to 1000000."
  }
}

variable "subnetwork" {
  type        = string
  description = "an existing one with Private Google Access, or empty: one is made"
  nullable    = false
  default     = ""

  validation {
    condition     = can(regex("^(?:|projects/[a-z0-9:.-]+/regions/[a-z0-9-]+/subnetworks/[a-z0-9-]+)$", var.subnetwork))
    error_message = "subnetwork must be projects/PROJECT/regions/REGION/subnetworks/NAME, or empty."
  }
}
