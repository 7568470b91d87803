"""The command line: settings and where they are found, ``--check``, exit codes.

The processes run at once; a test looks at what one of them has left.
"""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from bridge.settings import MEANING
from local.servicebus import Certificates
from tests.bridge.namespace import CLIENT, SECRET, namespace
from tests.bridge.process import Process, ran
from tests.bridge.stack import QUEUE, AtOnce, stacked

Result = subprocess.CompletedProcess[str]

RUNS: dict[str, Callable[[Path, Certificates], Result]] = {}


def run(function: Callable[[Path, Certificates], Result]) -> None:
    RUNS[function.__name__] = function


@pytest.fixture(scope="module")
def results(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> Iterator[AtOnce[Result]]:
    calls = {
        name: partial(function, tmp_path_factory.mktemp(name), certificates)
        for name, function in RUNS.items()
    }
    with AtOnce(calls) as results:
        yield results


@run
def helped(folder: Path, _: Certificates) -> Result:
    return ran({}, folder, "--help")


def test_help_names_every_setting(results: AtOnce[Result]) -> None:
    found = results["helped"]
    assert (found.returncode, found.stderr) == (0, "")
    for name, meaning in MEANING.items():
        assert f"{name} " in found.stdout
        assert meaning in found.stdout


@run
def half_given(folder: Path, _: Certificates) -> Result:
    return ran({"IRIS_CLIENT_ID": "x", "PUBSUB_TOPIC": "iris"}, folder)


def test_wrong_settings_end_it_with_a_line_for_each(results: AtOnce[Result]) -> None:
    found = results["half_given"]
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.splitlines() == [
        "bridge: settings",
        "  IRIS_QUEUE_NAME: missing (your queue, iris.<guid>); "
        "set it in the environment or in .env",
        "  IRIS_CLIENT_SECRET: missing, but IRIS_CLIENT_ID is set: both are needed; "
        "set it in the environment or in .env",
        "  PUBSUB_TOPIC: 'iris' is not of the form projects/P/topics/T",
    ]


@run
def no_such_file(folder: Path, _: Certificates) -> Result:
    return ran({}, folder, "--check", "--env-file", "no.env")


def test_a_file_that_is_asked_for_must_be_there(results: AtOnce[Result]) -> None:
    found = results["no_such_file"]
    assert found.returncode == 2
    assert found.stderr == "bridge: settings\n  no.env: there is no such file\n"


@run
def port_taken(folder: Path, _: Certificates) -> Result:
    with stacked() as stack, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = ran(stack.settings(BRIDGE_HTTP=f"127.0.0.1:{port}"), folder)
        found.args = port
        return found


def test_a_port_that_is_taken(results: AtOnce[Result]) -> None:
    found = results["port_taken"]
    assert found.returncode == 2
    [line] = map(json.loads, found.stderr.splitlines())
    assert (line["severity"], line["message"]) == (
        "ERROR",
        f"BRIDGE_HTTP: cannot listen on 127.0.0.1:{found.args}: Address already in use; "
        "choose another port, or none",
    )


def checked(folder: Path, certificates: Certificates, **changed: str) -> Result:
    """``--check`` over TLS, with a login, and settings that lie in the two files."""
    with namespace(certificates) as space:
        official = {"ClientId": CLIENT, "QueueName": QUEUE, "Secret": "overridden"}
        (folder / "settings.json").write_text(json.dumps(official))
        topic = changed.pop("PUBSUB_TOPIC", space.stack.topic.name)
        settings = space.settings(IRIS_CLIENT_ID=None, IRIS_QUEUE_NAME=None, PUBSUB_TOPIC=topic)
        lines = [f"{name}={value}\n" for name, value in settings.items()]
        (folder / ".env").write_text("".join(lines))
        found = ran({"IRIS_CLIENT_ID": "", **changed}, folder, "--check")
        found.args = topic
        return found


RUNS["checked_well"] = checked
RUNS["checked_with_a_wrong_secret"] = partial(checked, IRIS_CLIENT_SECRET="a.wrong~one")
RUNS["checked_with_an_expired_secret"] = partial(checked, IRIS_CLIENT_SECRET_EXPIRES="2026-01-31")
RUNS["checked_without_the_topic"] = partial(checked, PUBSUB_TOPIC="projects/p/topics/none")


def test_a_check_of_what_is_well(results: AtOnce[Result]) -> None:
    found = results["checked_well"]
    assert found.stdout.splitlines() == [
        f"ok    settings: queue iris, login by client id and secret, topic {found.args}",
        "ok    queue: connected, it is empty",
        "ok    topic: there, and it may be published to",
    ]
    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "checked_with_a_wrong_secret",
            "FAIL  queue: the login is refused: IRIS_CLIENT_SECRET is wrong: paste the secret's "
            "value, not its id (AADSTS7000215)",
        ),
        ("checked_with_an_expired_secret", "FAIL  secret: it ended on 2026-01-31"),
        (
            "checked_without_the_topic",
            "FAIL  topic: there is no topic projects/p/topics/none: create it, or check "
            "PUBSUB_TOPIC",
        ),
    ],
)
def test_a_check_of_what_is_not(results: AtOnce[Result], name: str, line: str) -> None:
    found = results[name]
    failures = [one for one in found.stdout.splitlines() if not one.startswith("ok")]
    assert (failures, found.returncode, found.stderr) == ([line], 1, "")
    for secret in (SECRET, "a.wrong~one"):
        assert secret not in found.stdout


@run
def no_google_credentials(folder: Path, _: Certificates) -> Result:
    with stacked() as stack:
        google = {
            "CLOUDSDK_CONFIG": str(folder),
            "GOOGLE_APPLICATION_CREDENTIALS": "",
            "NO_GCE_CHECK": "true",
        }
        return ran({**stack.settings(PUBSUB_EMULATOR_HOST=None), **google}, folder)


def test_without_google_credentials(results: AtOnce[Result]) -> None:
    found = results["no_google_credentials"]
    assert found.returncode == 2
    line = json.loads(found.stderr.splitlines()[-1])
    assert line["message"] == (
        "no Google credentials: run gcloud auth application-default login, or set them up"
    )


@run
def with_every_line(folder: Path, certificates: Certificates) -> Result:
    """Relays, and has its login refused, with all that there is to log."""
    settings = {"BRIDGE_LOG_LEVEL": "DEBUG"}
    with namespace(certificates) as space, Process(space.settings(**settings), folder) as bridge:
        bridge.await_message("queue receiving")
        space.stack.topic.await_ids(space.stack.send(10))
        space.logins.revoke_tokens()
        space.logins.expire_secret(CLIENT)
        space.stack.servicebus.faults.drop_connections()
        bridge.await_message("IRIS_CLIENT_SECRET has expired")
        return Result([], 0, bridge.pages.get("/metrics")[1], bridge.text)


def test_the_secret_is_in_no_log(results: AtOnce[Result]) -> None:
    found = results["with_every_line"]
    for one in (SECRET, "Bearer", "eyJ"):
        assert one not in found.stdout + found.stderr
