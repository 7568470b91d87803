"""What the user sets: from the environment, a ``.env`` file, or the official client's settings."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, TypeVar

from dotenv import dotenv_values

#: Elexon's tenant and namespace, as in the official clients (GitHub elexon-data/iris-clients).
IRIS_TENANT: Final = "4203b7a0-7773-4de5-b830-8b263a20426e"
IRIS_NAMESPACE: Final = "elexon-insights-iris"

_DOMAIN: Final = ".servicebus.windows.net"
_TOPIC: Final = re.compile(r"projects/[^/\s]+/topics/[A-Za-z][\w.~+%-]{2,254}", re.ASCII)

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
    "IRIS_QUEUE_NAME": "your queue, iris.<guid>",
    "IRIS_TENANT_ID": f"tenant (default: Elexon's, {IRIS_TENANT})",
    "IRIS_SERVICE_BUS_NAMESPACE": f"namespace (default: {IRIS_NAMESPACE})",
    "IRIS_CONNECTION_STRING": "instead of client id and secret: an emulator",
    "IRIS_CLIENT_SECRET_EXPIRES": "the day when the secret ends, YYYY-MM-DD: metric and warning",
    "IRIS_ENDPOINT": "HOST:PORT to connect to instead of the namespace's own (private endpoint)",
    "IRIS_CA_FILE": "PEM file of a certificate authority to trust (private endpoint, proxy)",
    "AZURE_AUTHORITY_HOST": "where to log in instead of login.microsoftonline.com",
    "PUBSUB_TOPIC": "projects/P/topics/T",
    "PUBSUB_EMULATOR_HOST": "HOST:PORT of a Pub/Sub emulator",
    "BRIDGE_HTTP": "HOST:PORT of /metrics, /healthz, /readyz (default: 127.0.0.1:8080; off: none)",
    "BRIDGE_DEAD_LETTER_MINUTES": "how often the queue's dead letters are relayed (default: 15)",
    "BRIDGE_SILENCE_SECONDS": "without a message for so long, the queue is probed (default: 60)",
    "BRIDGE_LOG_LEVEL": "DEBUG, INFO, WARNING or ERROR (default: INFO)",
}

_T = TypeVar("_T")


class SettingsError(Exception):
    """Settings that are missing or wrong: a line for each, which names the setting."""


@dataclass(frozen=True)
class Secret:
    """A text that is shown nowhere by accident."""

    _text: str

    def reveal(self) -> str:
        """The text itself, for the one call that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__


@dataclass(frozen=True)
class Login:
    """An application registration: the OAuth client-credentials grant."""

    tenant_id: str
    client_id: str
    client_secret: Secret
    authority: str | None = None


@dataclass(frozen=True)
class Settings:
    """Checked settings.

    Attributes:
        queue_name: the queue.
        topic: ``projects/P/topics/T``.
        host: the namespace's full name.
        access: a login, or a connection string.
        endpoint: ``HOST:PORT`` to connect to instead of ``host``.
        ca_file: a certificate authority to trust beside the usual ones.
        secret_expires: the day when the client secret ends.
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
    http: tuple[str, int] | None = ("127.0.0.1", 8080)
    dead_letter_seconds: float = 900.0
    silence_seconds: float = 60.0
    log_level: str = "INFO"

    @property
    def secret(self) -> str:
        """The text that must not appear in a log."""
        access = self.access
        return access.reveal() if isinstance(access, Secret) else access.client_secret.reveal()


def collect(environment: Mapping[str, str], env_file: Path, official_file: Path) -> dict[str, str]:
    """All settings by name; the environment wins over ``.env``, that over ``settings.json``.

    A file that is not there counts as empty, and so does a value of spaces.

    Raises:
        SettingsError: a file that is there cannot be read.
    """
    values = {
        **_official(official_file),
        **_env_file(env_file),
        **{name: environment[name] for name in MEANING if name in environment},
    }
    return {name: value.strip() for name, value in values.items() if value.strip()}


def _env_file(path: Path) -> dict[str, str]:
    try:
        found = dotenv_values(path, encoding="utf-8") if path.exists() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    return {name: value for name, value in found.items() if name in MEANING and value}


def _official(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text("utf-8-sig")) if path.exists() else {}
    except (OSError, ValueError) as error:
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
    faults = [
        f"{name}: has quotes around it: remove them (docker --env-file keeps them)"
        for name, value in values.items()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    ]

    def read(name: str, default: _T, convert: Callable[[str], _T], form: str) -> _T:
        try:
            return convert(values[name]) if name in values else default
        except ValueError:
            faults.append(f"{name}: {values[name]!r} is not {form}")
            return default

    faults += _missing(values)
    topic = read("PUBSUB_TOPIC", "", _topic, "of the form projects/P/topics/T")
    ca_file = values.get("IRIS_CA_FILE")
    if ca_file and not os.path.isfile(ca_file):
        faults.append(f"IRIS_CA_FILE: there is no file {ca_file}")
    positive = "a number above 0"
    settings = Settings(
        queue_name=values.get("IRIS_QUEUE_NAME", ""),
        topic=topic,
        host=read(
            "IRIS_SERVICE_BUS_NAMESPACE",
            IRIS_NAMESPACE + _DOMAIN,
            _host,
            f"a namespace: NAME, or NAME{_DOMAIN}",
        ),
        access=_access(values),
        endpoint=read("IRIS_ENDPOINT", None, _endpoint, "HOST:PORT"),
        ca_file=ca_file,
        secret_expires=read(
            "IRIS_CLIENT_SECRET_EXPIRES", None, date.fromisoformat, "a date YYYY-MM-DD"
        ),
        http=read("BRIDGE_HTTP", Settings.http, _http, "HOST:PORT or none"),
        dead_letter_seconds=60
        * read(
            "BRIDGE_DEAD_LETTER_MINUTES", Settings.dead_letter_seconds / 60, _positive, positive
        ),
        silence_seconds=read(
            "BRIDGE_SILENCE_SECONDS", Settings.silence_seconds, _positive, positive
        ),
        log_level=read("BRIDGE_LOG_LEVEL", Settings.log_level, _level, "a level of logging"),
    )
    if faults:
        raise SettingsError("\n".join(faults))
    return settings


def _missing(values: Mapping[str, str]) -> list[str]:
    """What must be set and is not."""
    place = "set it in the environment or in .env"
    faults = [
        f"{name}: missing ({MEANING[name]}); {place}"
        for name in ("IRIS_QUEUE_NAME", "PUBSUB_TOPIC")
        if name not in values
    ]
    login = [name for name in ("IRIS_CLIENT_ID", "IRIS_CLIENT_SECRET") if name not in values]
    if "IRIS_CONNECTION_STRING" in values or not login:
        return faults
    if len(login) == 2:
        return [*faults, f"IRIS_CLIENT_ID and IRIS_CLIENT_SECRET: missing; {place}"]
    other = ({"IRIS_CLIENT_ID", "IRIS_CLIENT_SECRET"} - set(login)).pop()
    return [*faults, f"{login[0]}: missing, but {other} is set: both are needed; {place}"]


def _access(values: Mapping[str, str]) -> Login | Secret:
    if "IRIS_CONNECTION_STRING" in values:
        return Secret(values["IRIS_CONNECTION_STRING"])
    return Login(
        tenant_id=values.get("IRIS_TENANT_ID", IRIS_TENANT),
        client_id=values.get("IRIS_CLIENT_ID", ""),
        client_secret=Secret(values.get("IRIS_CLIENT_SECRET", "")),
        authority=values.get("AZURE_AUTHORITY_HOST"),
    )


def _topic(text: str) -> str:
    if not _TOPIC.fullmatch(text):
        raise ValueError(text)
    return text


def _host(text: str) -> str:
    name = text.removeprefix("sb://").rstrip("/")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", name):
        raise ValueError(text)
    return name if "." in name else name + _DOMAIN


def _endpoint(text: str) -> str:
    host, port = _host_port(text)
    return f"{host}:{port}"


def _http(text: str) -> tuple[str, int] | None:
    return None if text.lower() in ("none", "off") else _host_port(text)


def _host_port(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not (host and colon and re.fullmatch(r"[0-9]{1,5}", port) and int(port) < 65_536):
        raise ValueError(text)
    return host, int(port)


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise ValueError(text)
    return number


def _level(text: str) -> str:
    if text.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise ValueError(text)
    return text.upper()
