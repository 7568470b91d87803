"""Settings of what the bridge does with Google Cloud beside Pub/Sub."""

from __future__ import annotations

import pytest

from bridge.login import Login, SecretVersion
from bridge.settings import Monitoring, parse
from tests.bridge.values import LOGIN, faults


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("projects/p/secrets/s", "projects/p/secrets/s/versions/latest"),
        ("projects/12/secrets/s_-1/versions/7", "projects/12/secrets/s_-1/versions/7"),
        ("projects/p/secrets/s/versions/current", "projects/p/secrets/s/versions/current"),
    ],
)
def test_a_secret_of_secret_manager(text: str, name: str) -> None:
    values = {**LOGIN, "IRIS_CLIENT_SECRET_NAME": text}
    del values["IRIS_CLIENT_SECRET"]
    settings = parse(values)
    assert isinstance(settings.access, Login)
    assert settings.access.client_secret == SecretVersion(name)
    assert settings.secrets == [], "none is known so far"
    values["BRIDGE_SECRET_MANAGER_EMULATOR"] = "localhost:8087"
    access = parse(values).access
    assert isinstance(access, Login)
    assert access.client_secret == SecretVersion(name, "localhost:8087")


@pytest.mark.parametrize(
    "text",
    [
        "the-secret-itself",
        "projects/p/secrets",
        "projects/p/secrets/",
        "projects/p/secrets/s/",
        "projects/p/secrets/s/versions",
        "projects/p/secrets/s/versions/",
        "projects/p/secrets/s/versions/1/2",
        "projects/p/locations/europe-west2/secrets/s",
        "projects/p/secrets/s.t",
    ],
)
def test_what_is_no_secrets_name_is_not_shown(text: str) -> None:
    values = {**LOGIN, "IRIS_CLIENT_SECRET_NAME": text}
    del values["IRIS_CLIENT_SECRET"]
    assert faults(values) == [
        "IRIS_CLIENT_SECRET_NAME: not of the form projects/P/secrets/S or "
        "projects/P/secrets/S/versions/V"
    ]


def test_one_secret_is_enough() -> None:
    name = {"IRIS_CLIENT_SECRET_NAME": "projects/p/secrets/s"}
    assert faults({**LOGIN, **name}) == [
        "IRIS_CLIENT_SECRET and IRIS_CLIENT_SECRET_NAME: both are set: remove one of them"
    ]
    text = "Endpoint=sb://host;SharedAccessKeyName=a;SharedAccessKey=b"
    values = {
        "IRIS_CONNECTION_STRING": text,
        "IRIS_QUEUE_NAME": "iris",
        "PUBSUB_TOPIC": "projects/p/topics/iris",
        **name,
    }
    assert faults(values) == [
        "IRIS_CLIENT_SECRET_NAME: remove it: the connection string is a login itself"
    ]


def test_a_secrets_name_without_a_client_id() -> None:
    values = {**LOGIN, "IRIS_CLIENT_SECRET_NAME": "projects/p/secrets/s"}
    del values["IRIS_CLIENT_ID"], values["IRIS_CLIENT_SECRET"]
    assert faults(values) == [
        "IRIS_CLIENT_ID: missing, but IRIS_CLIENT_SECRET_NAME is set: both are needed; "
        "set it in the environment or in .env"
    ]


def test_monitoring_needs_a_project() -> None:
    assert parse({**LOGIN, "BRIDGE_MONITORING_PROJECT": "p"}).monitoring == Monitoring("p", "iris")
    assert parse({**LOGIN, "BRIDGE_MONITORING_NAME": "home"}).monitoring is None
