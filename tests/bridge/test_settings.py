"""What the user sets, and what is said when it is wrong."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.login import Login, Secret
from bridge.settings import MEANING, Monitoring, Settings, SettingsError, collect, parse
from local.servicebus import Certificates
from tests.bridge.values import LOGIN, faults


def test_a_login_alone_gets_elexons_tenant_and_namespace() -> None:
    assert parse(LOGIN) == Settings(
        queue_name="iris.0001",
        topic="projects/my-project/topics/iris",
        host="elexon-insights-iris.servicebus.windows.net",
        access=Login(
            "4203b7a0-7773-4de5-b830-8b263a20426e",
            "the-id",
            Secret("the-secret"),
            "https://login.microsoftonline.com",
        ),
        endpoint=None,
        ca_file=None,
        secret_expires=None,
        emulator=None,
        monitoring=None,
        http=("127.0.0.1", 8080),
        dead_letter_seconds=900.0,
        silence_seconds=60.0,
        log_level="INFO",
    )


def test_everything_set(certificates: Certificates) -> None:
    authority = certificates.authority
    values = {
        **LOGIN,
        "IRIS_TENANT_ID": "another",
        "IRIS_SERVICE_BUS_NAMESPACE": "sb://elsewhere.servicebus.chinacloudapi.cn/",
        "IRIS_CLIENT_SECRET_EXPIRES": "2027-10-02",
        "IRIS_ENDPOINT": "10.0.0.4:5671",
        "IRIS_CA_FILE": str(authority),
        "AZURE_AUTHORITY_HOST": "login.example/",
        "PUBSUB_EMULATOR_HOST": "localhost:8085",
        "BRIDGE_MONITORING_PROJECT": "a-project",
        "BRIDGE_MONITORING_NAME": "home",
        "BRIDGE_MONITORING_EMULATOR": "localhost:8086",
        "BRIDGE_HTTP": "0.0.0.0:9000",
        "BRIDGE_DEAD_LETTER_MINUTES": "0.5",
        "BRIDGE_SILENCE_SECONDS": "10",
        "BRIDGE_LOG_LEVEL": "debug",
    }
    assert parse(values) == Settings(
        queue_name="iris.0001",
        topic="projects/my-project/topics/iris",
        host="elsewhere.servicebus.chinacloudapi.cn",
        access=Login("another", "the-id", Secret("the-secret"), "https://login.example"),
        endpoint="10.0.0.4:5671",
        ca_file=str(authority),
        secret_expires=date(2027, 10, 2),
        emulator="localhost:8085",
        monitoring=Monitoring("a-project", "home", "localhost:8086"),
        http=("0.0.0.0", 9000),
        dead_letter_seconds=30.0,
        silence_seconds=10.0,
        log_level="DEBUG",
    )


def test_a_connection_string_is_enough() -> None:
    text = "Endpoint=sb://127.0.0.1:5672;SharedAccessKeyName=a;SharedAccessKey=b"
    values = {
        "IRIS_CONNECTION_STRING": text,
        "IRIS_QUEUE_NAME": "iris",
        "PUBSUB_TOPIC": "projects/p/topics/iris",
    }
    assert parse(values).access == Secret(text)
    assert parse(values).host == "127.0.0.1:5672", "not the namespace that it is not used for"
    assert parse({**LOGIN, **values}).access == Secret(text), "it goes before a login"


def test_nothing_set() -> None:
    assert faults({}) == [
        "IRIS_QUEUE_NAME: missing (your queue, iris.<guid>); set it in the environment or in .env",
        "PUBSUB_TOPIC: missing (projects/P/topics/T); set it in the environment or in .env",
        "IRIS_CLIENT_ID and IRIS_CLIENT_SECRET: missing; set it in the environment or in .env",
    ]


@pytest.mark.parametrize(
    ("absent", "present"),
    [
        ("IRIS_CLIENT_ID", "IRIS_CLIENT_SECRET"),
        ("IRIS_CLIENT_SECRET", "IRIS_CLIENT_ID"),
    ],
)
def test_half_a_login(absent: str, present: str) -> None:
    values = {name: value for name, value in LOGIN.items() if name != absent}
    assert faults(values) == [
        f"{absent}: missing, but {present} is set: both are needed; "
        "set it in the environment or in .env"
    ]


def test_a_connection_string_has_its_own_endpoint() -> None:
    values = {
        "IRIS_CONNECTION_STRING": "Endpoint=sb://host;SharedAccessKeyName=n;SharedAccessKey=k",
        "IRIS_ENDPOINT": "10.0.0.4:5671",
        "IRIS_QUEUE_NAME": "iris.1",
        "PUBSUB_TOPIC": "projects/project/topics/iris",
    }
    assert faults(values) == [
        "IRIS_ENDPOINT: remove it: the connection string says where to connect"
    ]


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("PUBSUB_TOPIC", "iris", "'iris' is not of the form projects/P/topics/T"),
        ("PUBSUB_TOPIC", "projects/p/subscriptions/s", None),
        ("PUBSUB_TOPIC", "projects/p/topics/1x", None),
        ("IRIS_SERVICE_BUS_NAMESPACE", "a b", None),
        ("IRIS_ENDPOINT", "localhost", "'localhost' is not HOST:PORT"),
        ("IRIS_ENDPOINT", "localhost:99999", None),
        ("IRIS_ENDPOINT", "https://host:5671", None),
        ("IRIS_TENANT_ID", "a tenant", "'a tenant' is not a tenant's id"),
        ("IRIS_CA_FILE", "/no/such.pem", "'/no/such.pem' is not a file of certificates (PEM)"),
        ("IRIS_CA_FILE", __file__, None),
        ("AZURE_AUTHORITY_HOST", "http://login", "'http://login' is not https://HOST"),
        ("AZURE_AUTHORITY_HOST", "https://login:x", None),
        ("PUBSUB_EMULATOR_HOST", "http://host:1", "'http://host:1' is not HOST:PORT"),
        (
            "IRIS_CONNECTION_STRING",
            "Endpoint=sb://host;SharedAccessKey=KEY",
            "Connection string must have both SharedAccessKeyName and SharedAccessKey.",
        ),
        ("IRIS_CLIENT_SECRET_EXPIRES", "2 Oct", "'2 Oct' is not a date YYYY-MM-DD"),
        (
            "BRIDGE_MONITORING_PROJECT",
            "projects/p",
            "'projects/p' is not the id of a project",
        ),
        (
            "BRIDGE_MONITORING_NAME",
            "a name",
            "'a name' is not a name of up to 63 letters, digits, dots, - and _",
        ),
        ("BRIDGE_MONITORING_NAME", "n" * 64, None),
        ("BRIDGE_MONITORING_EMULATOR", "8086", "'8086' is not HOST:PORT"),
        ("BRIDGE_SECRET_MANAGER_EMULATOR", "8087", "'8087' is not HOST:PORT"),
        ("BRIDGE_HTTP", "8080", "'8080' is not HOST:PORT or none"),
        ("BRIDGE_DEAD_LETTER_MINUTES", "0", "'0' is not a number above 0"),
        ("BRIDGE_SILENCE_SECONDS", "inf", "'inf' is not a number above 0"),
        ("BRIDGE_SILENCE_SECONDS", "nan", None),
        ("BRIDGE_LOG_LEVEL", "loud", "'loud' is not a level of logging"),
        (
            "IRIS_QUEUE_NAME",
            '"iris.1"',
            "has quotes around it: remove them (docker --env-file keeps them)",
        ),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str, fault: str | None) -> None:
    [line] = faults({**LOGIN, name: value})
    assert line == f"{name}: {fault}" if fault else line.startswith(f"{name}: ")


def test_all_faults_are_told_at_once() -> None:
    values = {**LOGIN, "PUBSUB_TOPIC": "x", "BRIDGE_HTTP": "x"}
    assert [line.partition(":")[0] for line in faults(values)] == ["PUBSUB_TOPIC", "BRIDGE_HTTP"]


@pytest.mark.parametrize("text", ["none", "off", "OFF"])
def test_the_metrics_server_can_be_turned_off(text: str) -> None:
    assert parse({**LOGIN, "BRIDGE_HTTP": text}).http is None


def test_the_environment_wins_over_the_file_and_that_over_the_official_settings(
    tmp_path: Path,
) -> None:
    env_file, official = tmp_path / ".env", tmp_path / "settings.json"
    env_file.write_text(
        '\ufeffIRIS_CLIENT_ID="from .env"\nIRIS_CLIENT_SECRET=s#1${HOME}\nHOME=/x\n'
        "IRIS_TENANT_ID= \n"
    )
    official.write_text(
        "\ufeff"
        + json.dumps(
            {
                "ClientId": "from settings.json",
                "QueueName": " iris.9 ",
                "ServiceBusNamespace": "elexon-insights-iris",
                "Secret": "from settings.json",
                "TenantId": "from settings.json",
                "RelativeFileDownloadDirectory": "./data",
            }
        )
    )
    environment = {"IRIS_QUEUE_NAME": "  ", "PUBSUB_TOPIC": " the topic ", "PATH": "/bin"}
    assert collect(environment, env_file, official) == {
        "IRIS_CLIENT_ID": "from .env",
        "IRIS_CLIENT_SECRET": "s#1${HOME}",
        "IRIS_QUEUE_NAME": "iris.9",
        "IRIS_TENANT_ID": "from settings.json",
        "IRIS_SERVICE_BUS_NAMESPACE": "elexon-insights-iris",
        "PUBSUB_TOPIC": "the topic",
    }
    environment["IRIS_CLIENT_SECRET"] = "from the environment"
    found = collect(environment, env_file, official)
    assert found["IRIS_CLIENT_SECRET"] == "from the environment"
    assert collect({"IRIS_QUEUE_NAME": "  "}, tmp_path / "no", tmp_path / "no") == {}


@pytest.mark.parametrize("content", [b"IRIS_CLIENT_ID=\xff", None])
def test_an_env_file_that_cannot_be_read(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"\.env: cannot be read: "):
        collect({}, path, tmp_path / "no")


@pytest.mark.parametrize(
    ("content", "fault"),
    [("{", "cannot be read as JSON"), ("[]", "must hold an object like the official client's")],
)
def test_official_settings_that_cannot_be_read(content: str, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(content)
    with pytest.raises(SettingsError, match=f"settings.json: {fault}"):
        collect({}, tmp_path / "no", path)


def test_a_secret_shows_itself_to_nobody() -> None:
    settings = parse(LOGIN)
    assert "the-secret" not in repr(settings) + str(settings)
    assert settings.secrets == ["the-secret"]


@pytest.mark.parametrize(
    ("rest", "hidden"),
    [
        ("SharedAccessKeyName=a;SharedAccessKey=" + "k" * 43 + "=", ["k" * 43 + "="]),
        ("SharedAccessSignature=SharedAccessSignature sr=x", ["SharedAccessSignature sr=x"]),
        ("SharedAccessKeyName=local;SharedAccessKey=local", []),  # an emulator's: a word
    ],
)
def test_the_secrets_of_a_connection_string(rest: str, hidden: list[str]) -> None:
    text = f"Endpoint=sb://host;{rest}"
    assert parse({**LOGIN, "IRIS_CONNECTION_STRING": text}).secrets == [text, *hidden]


@given(st.dictionaries(st.sampled_from(sorted(MEANING)), st.text(min_size=1, max_size=40)))
def test_whatever_is_set_is_taken_or_named(values: dict[str, str]) -> None:
    try:
        settings = parse(values)
    except SettingsError as error:
        for line in str(error).split("\n"):
            name = line.partition(":")[0].partition(" and ")[0]
            assert name in MEANING, line
    else:
        assert settings.queue_name == values["IRIS_QUEUE_NAME"]


@given(st.text(st.characters(exclude_characters=";=")), st.integers(1, 65_535))
def test_a_secret_is_in_no_fault(host: str, port: int) -> None:
    secret = "the key that nobody may see"
    for values in (
        {"IRIS_CONNECTION_STRING": f"Endpoint=sb://{host}:{port};SharedAccessKey={secret}"},
        {"IRIS_CLIENT_SECRET": f"'{secret}'"},
    ):
        assert secret not in "".join(faults(values))
