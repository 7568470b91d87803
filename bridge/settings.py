"""What the user sets: from the environment, a ``.env`` file, or the official client's settings."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from azure.servicebus import parse_connection_string
from dotenv import dotenv_values

from bridge import forms
from bridge.login import MICROSOFT, Login, Secret, SecretVersion

#: Elexon's tenant and namespace, as in the official clients (GitHub elexon-data/iris-clients).
IRIS_TENANT: Final = "4203b7a0-7773-4de5-b830-8b263a20426e"
IRIS_NAMESPACE: Final = "elexon-insights-iris"
#: Characters of a key that is one (Azure's have 44).
_SHORTEST_KEY: Final = 16

#: Keys of the official clients' ``settings.json`` and the settings that they stand for.
_OFFICIAL: Final = {
    "ClientId": "IRIS_CLIENT_ID",
    "Secret": "IRIS_CLIENT_SECRET",
    "QueueName": "IRIS_QUEUE_NAME",
    "TenantId": "IRIS_TENANT_ID",
    "ServiceBusNamespace": "IRIS_SERVICE_BUS_NAMESPACE",
}

#: Every setting and its meaning; ``python -m bridge --help`` prints them.
MEANING: Final = {
    "IRIS_CLIENT_ID": "client id from the IRIS registration page",
    "IRIS_CLIENT_SECRET": "its secret",
    "IRIS_CLIENT_SECRET_NAME": "or where Secret Manager has it: projects/P/secrets/S[/versions/V]",
    "IRIS_QUEUE_NAME": "your queue, iris.<guid>",
    "IRIS_TENANT_ID": f"tenant (default: Elexon's, {IRIS_TENANT})",
    "IRIS_SERVICE_BUS_NAMESPACE": f"namespace (default: {IRIS_NAMESPACE})",
    "IRIS_CONNECTION_STRING": "instead of client id and secret: an emulator",
    "IRIS_CLIENT_SECRET_EXPIRES": "the day when the secret ends, YYYY-MM-DD: metric and warning",
    "IRIS_ENDPOINT": "HOST:PORT to connect to instead of the namespace's own (private endpoint)",
    "IRIS_CA_FILE": "PEM file of the certificate authorities to trust instead of the usual ones",
    "AZURE_AUTHORITY_HOST": "where to log in instead of login.microsoftonline.com",
    "PUBSUB_TOPIC": "projects/P/topics/T",
    "PUBSUB_EMULATOR_HOST": "HOST:PORT of a Pub/Sub emulator",
    "BRIDGE_SECRET_MANAGER_EMULATOR": "HOST:PORT of a Secret Manager emulator",
    "BRIDGE_MONITORING_PROJECT": "project whose Cloud Monitoring gets the metrics (default: none)",
    "BRIDGE_MONITORING_NAME": "label installation on them (default: iris)",
    "BRIDGE_MONITORING_EMULATOR": "HOST:PORT of an emulator of Cloud Monitoring",
    "BRIDGE_HTTP": "HOST:PORT of /metrics, /healthz, /readyz (default: 127.0.0.1:8080; off: none)",
    "BRIDGE_DEAD_LETTER_MINUTES": "how often the queue's dead letters are relayed (default: 15)",
    "BRIDGE_SILENCE_SECONDS": "without a message for so long, the queue is probed (default: 60)",
    "BRIDGE_LOG_LEVEL": "DEBUG, INFO, WARNING or ERROR (default: INFO)",
}


class SettingsError(Exception):
    """Settings that are missing or wrong: a line for each, which names the setting."""


@dataclass(frozen=True)
class Monitoring:
    """Where in Cloud Monitoring the bridge's metrics go.

    Attributes:
        project: id of the project.
        installation: what tells this bridge's series from another's.
        emulator: ``HOST:PORT`` of an emulator.
    """

    project: str
    installation: str = "iris"
    emulator: str | None = None


@dataclass(frozen=True)
class Settings:
    """Checked settings.

    Attributes:
        queue_name: the queue.
        topic: ``projects/P/topics/T``.
        host: the namespace's full name; with a connection string, its host.
        access: a login, or a connection string.
        endpoint: ``HOST:PORT`` to connect to instead of ``host``.
        ca_file: certificate authorities to trust, by Service Bus and the login, instead of the
            usual ones.
        secret_expires: the day when the client secret ends.
        emulator: ``HOST:PORT`` of a Pub/Sub emulator.
        monitoring: where the metrics are written to; None for nowhere.
        http: host and port of the metrics server; None for none.
        dead_letter_seconds: pause between two passes over the queue's dead letters.
        silence_seconds: silence after which the connection is probed.
        log_level: a level of ``logging``.
    """

    queue_name: str
    topic: str
    host: str
    access: Login | Secret
    endpoint: str | None = None
    ca_file: str | None = None
    secret_expires: date | None = None
    emulator: str | None = None
    monitoring: Monitoring | None = None
    http: tuple[str, int] | None = ("127.0.0.1", 8080)
    dead_letter_seconds: float = 900.0
    silence_seconds: float = 60.0
    log_level: str = "INFO"

    @property
    def secrets(self) -> list[str]:
        """The texts that must not appear in a log, as far as they are known from the settings."""
        if isinstance(self.access, Login):
            secret = self.access.client_secret
            return [secret.reveal()] if isinstance(secret, Secret) else []
        text = self.access.reveal()
        found = parse_connection_string(text)
        parts = (found.shared_access_key or "", found.shared_access_signature or "")
        # An emulator's key is a word, which would be hidden wherever it stands.
        return [text, *(part for part in parts if len(part) >= _SHORTEST_KEY)]


def collect(environment: Mapping[str, str], env_file: Path, official_file: Path) -> dict[str, str]:
    """All settings by name; the environment wins over ``.env``, that over ``settings.json``.

    A file that is not there counts as empty. A value that is empty or of spaces counts as not
    set, so that the next place is looked at.

    Raises:
        SettingsError: a file that is there cannot be read.
    """
    values: dict[str, str] = {}
    for place in (_official(official_file), _env_file(env_file), environment):
        found = {name: (place.get(name) or "").strip() for name in MEANING}
        values |= {name: value for name, value in found.items() if value}
    return values


def _env_file(path: Path) -> Mapping[str, str | None]:
    try:
        # Without interpolation: a secret may hold a dollar sign and braces.
        text = path.read_text("utf-8-sig") if path.exists() else ""
        return dotenv_values(stream=io.StringIO(text), interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None


def _official(path: Path) -> Mapping[str, str | None]:
    try:
        found = json.loads(path.read_text("utf-8-sig")) if path.exists() else {}
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: cannot be read as JSON: {error}") from None
    if not isinstance(found, dict):
        raise SettingsError(f"{path}: must hold an object like the official client's")
    return {
        ours: value
        for theirs, ours in _OFFICIAL.items()
        if isinstance(value := found.get(theirs), str)
    }


def parse(values: Mapping[str, str]) -> Settings:
    """Settings from values as ``collect`` gives them.

    Raises:
        SettingsError: every fault at once, a line each.
    """
    reader = forms.Reader(values)
    reader.faults += [
        f"{name}: has quotes around it: remove them (docker --env-file keeps them)"
        for name, value in values.items()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    ]
    reader.faults += _missing(values)
    read = reader.read
    host, access = _access(reader)
    positive = "a number above 0"
    minutes = Settings.dead_letter_seconds / 60
    settings = Settings(
        queue_name=values.get("IRIS_QUEUE_NAME", ""),
        topic=read("PUBSUB_TOPIC", "", forms.topic, "of the form projects/P/topics/T"),
        host=host,
        access=access,
        endpoint=reader.address_of("IRIS_ENDPOINT"),
        ca_file=read("IRIS_CA_FILE", None, forms.certificates, "a file of certificates (PEM)"),
        secret_expires=read(
            "IRIS_CLIENT_SECRET_EXPIRES", None, date.fromisoformat, "a date YYYY-MM-DD"
        ),
        emulator=reader.address_of("PUBSUB_EMULATOR_HOST"),
        monitoring=_monitoring(reader),
        http=read("BRIDGE_HTTP", Settings.http, forms.listening, "HOST:PORT or none"),
        dead_letter_seconds=60
        * read("BRIDGE_DEAD_LETTER_MINUTES", minutes, forms.positive, positive),
        silence_seconds=read(
            "BRIDGE_SILENCE_SECONDS", Settings.silence_seconds, forms.positive, positive
        ),
        log_level=read("BRIDGE_LOG_LEVEL", Settings.log_level, forms.level, "a level of logging"),
    )
    if reader.faults:
        raise SettingsError("\n".join(reader.faults))
    return settings


def _access(reader: forms.Reader) -> tuple[str, Login | Secret]:
    """The host, and how to get in."""
    values, faults = reader.values, reader.faults
    host = reader.read(
        "IRIS_SERVICE_BUS_NAMESPACE",
        forms.namespace(IRIS_NAMESPACE),
        forms.namespace,
        "a namespace: NAME, or NAME.servicebus.windows.net",
    )
    secret = _secret(reader)
    if "IRIS_CONNECTION_STRING" not in values:
        return host, Login(
            tenant_id=reader.read("IRIS_TENANT_ID", IRIS_TENANT, forms.tenant, "a tenant's id"),
            client_id=values.get("IRIS_CLIENT_ID", ""),
            client_secret=secret,
            authority=reader.read(
                "AZURE_AUTHORITY_HOST", MICROSOFT, forms.authority, "https://HOST"
            ),
        )
    text = values["IRIS_CONNECTION_STRING"]
    try:
        host = parse_connection_string(text).fully_qualified_namespace
    except ValueError as error:  # tells what is wrong, not what is written
        faults.append(f"IRIS_CONNECTION_STRING: {error}")
    if "IRIS_ENDPOINT" in values:
        faults.append("IRIS_ENDPOINT: remove it: the connection string says where to connect")
    if "IRIS_CLIENT_SECRET_NAME" in values:
        faults.append("IRIS_CLIENT_SECRET_NAME: remove it: the connection string is a login itself")
    return host, Secret(text)


def _secret(reader: forms.Reader) -> Secret | SecretVersion:
    name, given = "IRIS_CLIENT_SECRET_NAME", "IRIS_CLIENT_SECRET"
    emulator = reader.address_of("BRIDGE_SECRET_MANAGER_EMULATOR")
    if name not in reader.values:
        return Secret(reader.values.get(given, ""))
    if given in reader.values:
        reader.faults.append(f"{given} and {name}: both are set: remove one of them")
    try:
        return SecretVersion(forms.secret_version(reader.values[name]), emulator)
    except ValueError:  # what is there instead may be the secret itself
        reader.faults.append(
            f"{name}: not of the form projects/P/secrets/S or projects/P/secrets/S/versions/V"
        )
        return Secret("")


def _monitoring(reader: forms.Reader) -> Monitoring | None:
    project = reader.read("BRIDGE_MONITORING_PROJECT", "", forms.project, "the id of a project")
    name = reader.read(
        "BRIDGE_MONITORING_NAME",
        Monitoring.installation,
        forms.installation,
        "a name of up to 63 letters, digits, dots, - and _",
    )
    emulator = reader.address_of("BRIDGE_MONITORING_EMULATOR")
    return Monitoring(project, name, emulator) if project else None


def _missing(values: Mapping[str, str]) -> list[str]:
    """What must be set and is not."""
    place = "set it in the environment or in .env"
    faults = [
        f"{name}: missing ({MEANING[name]}); {place}"
        for name in ("IRIS_QUEUE_NAME", "PUBSUB_TOPIC")
        if name not in values
    ]
    secrets = [n for n in ("IRIS_CLIENT_SECRET", "IRIS_CLIENT_SECRET_NAME") if n in values]
    if "IRIS_CONNECTION_STRING" in values or (secrets and "IRIS_CLIENT_ID" in values):
        return faults
    if not secrets and "IRIS_CLIENT_ID" not in values:
        return [*faults, f"IRIS_CLIENT_ID and IRIS_CLIENT_SECRET: missing; {place}"]
    absent, other = (
        ("IRIS_CLIENT_ID", secrets[0]) if secrets else ("IRIS_CLIENT_SECRET", "IRIS_CLIENT_ID")
    )
    return [*faults, f"{absent}: missing, but {other} is set: both are needed; {place}"]
