"""What a user decides about an installation: one table, for these commands and for Terraform.

The values stand in ``deploy/settings.json``, which Terraform reads as its variables. For a command
``make launch PROJECT=... SET="max_workers=5"`` wins over the file; the environment's ``PROJECT``,
which a shell may have from elsewhere, only fills in what the file leaves out. ``SETTINGS`` also
makes ``deploy/terraform/variables.tf`` and the table in ``docs/deploy.md``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
FILE: Final = HERE / "settings.json"
#: Settings that the environment may fill in, by the names that people use for them.
VARIABLES: Final = {"PROJECT": "project", "REGION": "region"}
#: Stands for a project in commands that are only shown.
PLACEHOLDER: Final = "PROJECT"

Value = str | int | bool | list[str]


class SettingError(ValueError):
    """Settings that are missing or wrong: a line for each."""


@dataclass(frozen=True)
class Setting:
    """One decision.

    Attributes:
        name: as in ``settings.json`` and in Terraform.
        meaning: one line for people.
        default: None for a setting that must be given.
        pattern: what the whole of a text looks like, or each text of a list, in words that
            Python and Terraform (RE2) understand alike.
        form: the same for people.
        least, most: bounds of a number, both included.
    """

    name: str
    meaning: str
    default: Value | None = None
    pattern: str = ""
    form: str = ""
    least: int = 0
    most: int = 0

    @property
    def type(self) -> type:
        """The type of its values."""
        return str if self.default is None else type(self.default)

    def fault(self, value: Any) -> str | None:
        """What is wrong with ``value``; None where nothing is."""
        if not isinstance(value, self.type) or (self.type is int and isinstance(value, bool)):
            return f"must be {_NAMES[self.type]}"
        if isinstance(value, bool):
            return None
        if isinstance(value, int):
            inside = self.least <= value <= self.most
            return None if inside else f"must be from {self.least} to {self.most}"
        texts = value if isinstance(value, list) else [value]
        if all(isinstance(text, str) and re.fullmatch(self.pattern, text) for text in texts):
            return None
        return f"must be {self.form}"


_NAMES: Final = {
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    list: "a list of texts",
}

SETTINGS: Final = (
    Setting(
        "project",
        "the project's id",
        pattern="[a-z][a-z0-9-]{4,28}[a-z0-9]",
        form="a project id, such as my-project-123456 (not its name or number)",
    ),
    Setting(
        "region",
        "where everything runs; near the BigQuery dataset",
        "us-central1",
        "[a-z]+-[a-z]+[0-9]+",
        "a region, such as us-central1 or europe-west2",
    ),
    Setting(
        "zone",
        "the letter of the zone of the bridge's machine",
        "b",
        "[a-f]",
        "a letter, such as b",
    ),
    Setting(
        "location",
        "of the BigQuery dataset, for good: where your historic tables are",
        "US",
        "US|EU|[a-z]+-[a-z]+[0-9]+",
        "US, EU or a region",
    ),
    Setting(
        "dataset",
        "the BigQuery dataset",
        "iris",
        "[A-Za-z0-9_]+",
        "letters, digits and underscores",
    ),
    Setting(
        "create_dataset",
        "false where the dataset is there already, as with historic tables in it",
        True,
    ),
    Setting(
        "name",
        "the beginning of every name: job, topics, machine",
        "iris",
        "[a-z][a-z0-9-]{1,17}[a-z0-9]",
        "3 to 19 lower-case letters, digits and hyphens",
    ),
    Setting(
        "release",
        "the tag of the images and templates that run; empty before the first make template",
        "",
        "|[A-Za-z0-9_][A-Za-z0-9._-]{0,127}",
        "a tag, such as 0.3.0-1b0fc98, or empty",
    ),
    Setting(
        "pipeline",
        "who runs the pipeline: gcloud (make launch), terraform, the bridge's machine (vm), or a "
        "machine of your own, which runs the bridge, too (elsewhere)",
        "gcloud",
        "gcloud|terraform|vm|elsewhere",
        "gcloud, terraform, vm or elsewhere",
    ),
    Setting(
        "schema_dir",
        "a folder of the installation's bucket with more schema files, or with others",
        "",
        "|[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*",
        "a folder of the bucket, such as schemas, or empty",
    ),
    Setting(
        "write_method",
        "into BigQuery: the Storage Write API, or the fallback that is slower by far",
        "STORAGE_WRITE",
        "STORAGE_WRITE|STREAMING_INSERTS",
        "STORAGE_WRITE or STREAMING_INSERTS",
    ),
    Setting(
        "worker_machine_type",
        "of Dataflow's workers",
        "n1-standard-1",
        "[a-z][a-z0-9]*-[a-z0-9-]+",
        "a machine type, such as n1-standard-1",
    ),
    Setting("max_workers", "the most workers that Dataflow may start", 3, least=1, most=100),
    Setting(
        "bridge_machine_type",
        "of the machine that the bridge runs on; with the pipeline on it (vm) e2-small or larger",
        "e2-micro",
        "[a-z][a-z0-9]*-[a-z0-9-]+",
        "a machine type, such as e2-micro",
    ),
    Setting(
        "iris_client_id",
        "from the IRIS registration page; its secret is in Secret Manager alone",
        "",
        "|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "a client id in lower case, or empty before the first apply",
    ),
    Setting(
        "iris_queue_name",
        "from the same page",
        "",
        "|[A-Za-z0-9][A-Za-z0-9._/~-]*",
        "a queue's name, such as iris.0a1b2c3d-...",
    ),
    Setting(
        "iris_secret_expires",
        "the day on which the secret ends, for the alarm before it",
        "",
        "|20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
        "a day, such as 2027-10-01, or empty",
    ),
    Setting(
        "alert_emails",
        "who gets the alarms; without one they are seen in the console alone",
        [],
        "[^@ ]+@[^@ ]+[.][^@ ]+",
        "mail addresses",
    ),
    Setting(
        "billing_account",
        "of the project, for the budget alarm; empty for none",
        "",
        "|[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}",
        "a billing account, such as 0A1B2C-3D4E5F-6A7B8C, or empty",
    ),
    Setting(
        "monthly_budget",
        "what a month may cost before the budget alarm, in the billing account's currency",
        150,
        least=1,
        most=1_000_000,
    ),
    Setting(
        "subnetwork",
        "an existing one with Private Google Access, or empty: one is made",
        "",
        "|projects/[a-z0-9:.-]+/regions/[a-z0-9-]+/subnetworks/[a-z0-9-]+",
        "projects/PROJECT/regions/REGION/subnetworks/NAME, or empty",
    ),
)


@dataclass(frozen=True)
class Settings:
    """Checked settings, by name."""

    values: Mapping[str, Value]

    def __getitem__(self, name: str) -> str:
        """A setting that is a text; TypeError where it is none."""
        value = self.values[name]
        if not isinstance(value, str):
            raise TypeError(f"{name} is no text")
        return value


def read(
    file: Path,
    given: Mapping[str, str],
    environment: Mapping[str, str] | None = None,
    placeholder: bool = False,
) -> Settings:
    """The settings of ``file``, if it is there; what is given beside it wins.

    Args:
        given: texts by the name of the setting.
        environment: fills in what neither of both says.
        placeholder: a project that is not given becomes ``PROJECT``: nothing is run with it.

    Raises:
        SettingError: every fault at once, a line each.
    """
    stored = _read_file(file)
    known = {setting.name: setting for setting in SETTINGS}
    faults = [
        f"{place}: {name} is not known"
        for place, names in ((file.name, stored), ("SET", given))
        for name in names
        if name not in known
    ]
    around = {name: (environment or {}).get(variable) for variable, name in VARIABLES.items()}
    values: dict[str, Value] = {}
    for name, setting in known.items():
        place, value = f"{file.name}: {name}", stored.get(name, setting.default)
        if name in given:
            place, value = name, _parse(given[name], setting.type)
        elif name not in stored and (text := around.get(name)):
            place, value = name.upper(), text
        if value is None:
            if not placeholder:
                faults.append(f"{name} is not set: write it into {file}, or say make ... PROJECT=")
            values[name] = PLACEHOLDER
            continue
        fault = setting.fault(value)
        if fault:
            faults.append(f"{place} {json.dumps(value)}: {fault}")
        values[name] = value
    if faults:
        raise SettingError("\n".join(faults))
    return Settings(values)


def _read_file(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8-sig")) if file.exists() else {}
    except (OSError, ValueError) as error:
        raise SettingError(f"{file}: cannot be read as JSON: {error}") from None
    if not isinstance(found, dict):
        raise SettingError(f'{file}: must hold an object, such as {{"project": "..."}}')
    return found


def _parse(text: str, kind: type) -> Any:
    """The value that a text stands for; the text itself where it is none."""
    if kind is list:
        return [part.strip() for part in text.split(",") if part.strip()]
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    if kind is int and re.fullmatch("-?[0-9]+", text):
        return int(text)
    return text
