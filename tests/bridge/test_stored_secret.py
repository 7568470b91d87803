"""A bridge whose client secret lies in Secret Manager: its start, its logs, a rotation."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import grpc
import pytest

from bridge.settings import parse
from local.servicebus import Certificates
from tests.bridge.cloud import LATEST, NAME, SecretManager
from tests.bridge.namespace import CLIENT, SECRET, Namespace, namespace
from tests.bridge.process import Process, ran
from tests.bridge.stack import PATIENCE, AtOnce, Inside, eventually

NEXT = "nX~another.secret.as.long.as.the.first"
SETTING = "IRIS_CLIENT_SECRET_NAME"

Scenario = Callable[[Namespace, SecretManager, Path], None]
SCENARIOS: dict[str, Scenario] = {}


def scenario(function: Scenario) -> Scenario:
    SCENARIOS[function.__name__] = function
    return function


@pytest.fixture(scope="module", autouse=True)
def _patience_with_the_login() -> Iterator[None]:
    """The login's client repeats what fails, for some five seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bridge.tokens.LOGIN_SECONDS", 10.0)
        yield


@pytest.fixture(scope="module")
def results(
    certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AtOnce[None]]:
    def run(name: str) -> None:
        with (
            namespace(certificates) as space,
            SecretManager(f"{SECRET}\n".encode()) as secrets,
        ):
            SCENARIOS[name](space, secrets, tmp_path_factory.mktemp(name))

    with AtOnce({name: partial(run, name) for name in SCENARIOS}) as results:
        yield results


def running(space: Namespace, secrets: SecretManager, name: str = NAME) -> Inside:
    return Inside(parse(space.settings(**secrets.settings(name))))


def rotate(space: Namespace) -> None:
    """The login takes the next secret, and no longer the first; tokens end with it."""
    space.replace_secret(NEXT)
    space.end_login()


# The process


def checked(
    space: Namespace, secrets: SecretManager, folder: Path
) -> subprocess.CompletedProcess[str]:
    found = ran(space.settings(**secrets.settings()), folder, "--check")
    assert SECRET not in found.stdout + found.stderr
    return found


@scenario
def a_check_reads_it(space: Namespace, secrets: SecretManager, folder: Path) -> None:
    found = checked(space, secrets, folder)
    assert found.stdout.splitlines() == [
        "ok    settings: queue iris, login by client id and secret, topic "
        f"{space.stack.topic.name}",
        f"ok    secret: read from {LATEST}",
        "ok    queue: connected, it is empty",
        "ok    topic: there, and it may be published to",
    ]
    assert (found.returncode, found.stderr) == (0, "")


@scenario
def a_check_without_it(space: Namespace, secrets: SecretManager, folder: Path) -> None:
    secrets.refuse(grpc.StatusCode.PERMISSION_DENIED)
    found = checked(space, secrets, folder)
    assert found.stdout.splitlines()[1:] == [
        f"FAIL  secret: {SETTING}: no permission to read {LATEST}: grant "
        "roles/secretmanager.secretAccessor on the secret to the account that the bridge runs as "
        "(403 the details)",
        "FAIL  queue: not looked at, for want of the secret",
        "ok    topic: there, and it may be published to",
    ]
    assert (found.returncode, found.stderr) == (1, "")


def ended(space: Namespace, secrets: SecretManager, folder: Path) -> str:
    """The last line of a bridge that ends by itself for what it is told."""
    found = ran(space.settings(**secrets.settings()), folder)
    assert found.returncode == 2, found.stderr
    *before, last = map(json.loads, found.stderr.splitlines())
    assert [one["severity"] for one in before] == ["INFO"] * len(before)
    assert last["severity"] == "ERROR"
    return str(last["message"])


@scenario
def it_is_not_there(space: Namespace, secrets: SecretManager, folder: Path) -> None:
    secrets.versions.clear()
    assert ended(space, secrets, folder) == (
        f"{SETTING}: there is no {LATEST}: create the secret and a version, or check the name"
    )


@scenario
def it_is_no_text(space: Namespace, secrets: SecretManager, folder: Path) -> None:
    secrets.versions[LATEST] = b"\xff\xfe"
    assert ended(space, secrets, folder) == (
        f"{SETTING}: {LATEST} is no text in UTF-8: add a version with the client secret's value"
    )


@scenario
def no_google_credentials(space: Namespace, secrets: SecretManager, folder: Path) -> None:
    settings = space.settings(**secrets.settings())
    del settings["BRIDGE_SECRET_MANAGER_EMULATOR"]
    google = {
        "CLOUDSDK_CONFIG": str(folder),
        "GOOGLE_APPLICATION_CREDENTIALS": "",
        "NO_GCE_CHECK": "true",
    }
    found = ran({**settings, **google}, folder)
    assert found.returncode == 2
    told = json.loads(found.stderr.splitlines()[-1])["message"]
    assert told.startswith(f"{SETTING}: no Google credentials to read {LATEST}: run gcloud auth ")


def told_to_stop(
    fault: Callable[[SecretManager], None],
    number: int,
    space: Namespace,
    secrets: SecretManager,
    folder: Path,
) -> None:
    fault(secrets)
    with Process(space.settings(**secrets.settings()), folder) as bridge:
        bridge.await_message("metrics on port")
        eventually(lambda: secrets.requests or "unavailable" in bridge.text)
        bridge.popen.send_signal(number)
        assert bridge.ended(PATIENCE) == 0, bridge.text
        assert bridge.messages[-1] == "queue stopped", "it was not cut off"
        assert len(bridge.text.splitlines()) == len(bridge.records), "JSON, all of it"


SCENARIOS["told_to_stop_while_nobody_answers"] = partial(
    told_to_stop, SecretManager.hang, signal.SIGINT
)
SCENARIOS["told_to_stop_while_it_is_away"] = partial(
    told_to_stop, SecretManager.down, signal.SIGTERM
)


@scenario
def it_is_in_no_log(space: Namespace, secrets: SecretManager, folder: Path) -> None:
    """With all that there is to log, and the client's own lines, which show its answers."""
    settings = {
        **space.settings(**secrets.settings(), BRIDGE_LOG_LEVEL="DEBUG"),
        "GOOGLE_SDK_PYTHON_LOGGING_SCOPE": "google.cloud.secretmanager_v1",
    }
    program = (
        "-c",
        "import sys, bridge.tokens as tokens; made = tokens.ClientSecretCredential\n"
        "def telling(*given, **options):\n"
        "    tokens.log.warning('made of %s', given); return made(*given, **options)\n"
        "tokens.ClientSecretCredential = telling\n"
        "from bridge.__main__ import main; sys.exit(main())",
    )
    with Process(settings, folder, program) as bridge:
        bridge.await_message("queue receiving")
        secrets.versions[LATEST] = NEXT.encode()
        rotate(space)
        bridge.await_message("there is a newer secret")
        bridge.await_message("made of")
        space.stack.topic.await_ids(space.stack.send(3))
        text = bridge.text + bridge.pages.get("/metrics")[1]
    assert text.count("'***'") >= 2
    for secret in (SECRET, NEXT):
        assert secret not in text
        assert base64.b64encode(secret.encode())[:40].decode() not in text, "as in the answer"


# A bridge that runs


@scenario
def it_waits_for_secret_manager(space: Namespace, secrets: SecretManager, _: Path) -> None:
    secrets.refuse(grpc.StatusCode.UNAVAILABLE)
    line = f"WARNING queue unavailable: {SETTING}: {LATEST} cannot be read"
    with running(space, secrets) as bridge:
        bridge.await_line(line)
        eventually(lambda: secrets.requests >= 3)
        assert bridge.pages.get("/readyz") == (503, "queue unavailable, topic starting")
        assert bridge.pages.get("/healthz") == (200, "alive")
        secrets.clear()
        bridge.await_ready()
        assert len(bridge.matching("WARNING")) == 1, bridge.lines
        assert bridge.pages.metric("ready") == 1


@scenario
def the_secret_is_replaced(space: Namespace, secrets: SecretManager, _: Path) -> None:
    with running(space, secrets) as bridge:
        bridge.await_ready()
        assert secrets.requests == 1
        rotate(space)
        bridge.await_line(
            "WARNING queue unavailable: the login is refused: the secret of "
            "IRIS_CLIENT_SECRET_NAME is wrong: paste the secret's value, not its id"
        )
        eventually(lambda: secrets.requests >= 3)
        secrets.versions[LATEST] = f"{NEXT}\n".encode()
        bridge.await_line(f"INFO there is a newer secret in {LATEST}: logging in with it")
        space.stack.topic.await_ids(space.stack.send(3))
        bridge.await_ready()
        requests = secrets.requests
        space.stack.servicebus.faults.drop_connections()
        space.stack.topic.await_ids(space.stack.send(3))
        assert secrets.requests == requests, "it is read again only after a refusal"
        assert len(bridge.matching("login is refused")) == 1, bridge.lines
        assert not [one for one in bridge.lines if SECRET in one or NEXT in one]
    assert space.stack.servicebus.peak_connections == 1


@scenario
def a_version_by_its_number_is_read_once(space: Namespace, secrets: SecretManager, _: Path) -> None:
    name = f"{NAME}/versions/4"
    secrets.versions[name] = SECRET.encode()
    with running(space, secrets, name) as bridge:
        bridge.await_ready()
        asked = space.logins.requests
        space.logins.expire_secret(CLIENT)
        space.end_login()
        bridge.await_line("the secret of IRIS_CLIENT_SECRET_NAME has expired: make a new one")
        eventually(lambda: space.logins.requests >= asked + 3)
        space.logins.clear()
        bridge.await_ready()
    assert secrets.requests == 1


@scenario
def a_login_service_out_of_order_is_no_refusal(
    space: Namespace, secrets: SecretManager, _: Path
) -> None:
    with running(space, secrets) as bridge:
        bridge.await_ready()
        asked = space.logins.requests
        space.logins.fail(500, "server_error", "It broke.")
        space.end_login()
        bridge.await_line("WARNING queue unavailable: the login service .* is out of order")
        # Its client asks up to four times in a login.
        eventually(lambda: space.logins.requests >= asked + 9)
        space.logins.clear()
        bridge.await_ready()
    assert secrets.requests == 1


@scenario
def it_heals_though_the_secret_can_no_longer_be_read(
    space: Namespace, secrets: SecretManager, _: Path
) -> None:
    with running(space, secrets) as bridge:
        bridge.await_ready()
        secrets.refuse(grpc.StatusCode.FAILED_PRECONDITION)
        space.logins.expire_secret(CLIENT)
        space.end_login()
        bridge.await_line(
            r"WARNING queue unavailable: the login is refused: .*\(AADSTS7000222\); "
            f"{SETTING}: {LATEST} is disabled or destroyed: enable it, or add a version"
        )
        space.logins.clear()
        space.stack.topic.await_ids(space.stack.send(3))
        bridge.await_ready()


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_a_stored_secret(results: AtOnce[None], name: str) -> None:
    results[name]
