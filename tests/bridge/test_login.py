"""The login as in production: TLS, a client secret, tokens that the queue's server checks.

What goes wrong is told in words, by ``--check`` and by a bridge that runs, which goes on and
heals. The scenarios run at once, for nearly all of the time is waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from bridge.check import check
from bridge.settings import parse
from local.servicebus import Certificates
from tests.bridge.namespace import CLIENT, SECRET, Namespace, namespace
from tests.bridge.stack import QUEUE, AtOnce, stacked

GOOD = "queue: connected, it is empty"


@pytest.fixture(scope="module", autouse=True)
def _patience_with_the_login() -> Iterator[None]:
    """The login's client repeats what fails, for some five seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bridge.tokens.LOGIN_SECONDS", 10.0)
        yield


Scenario = Callable[[Namespace], None]
SCENARIOS: dict[str, Scenario] = {}


def scenario(function: Scenario) -> Scenario:
    SCENARIOS[function.__name__] = function
    return function


@pytest.fixture(scope="module")
def results(certificates: Certificates) -> Iterator[AtOnce[None]]:
    def run(function: Scenario) -> None:
        with namespace(certificates) as space:
            function(space)

    with AtOnce({name: partial(run, one) for name, one in SCENARIOS.items()}) as results:
        yield results


@scenario
def all_is_well(space: Namespace) -> None:
    assert space.checked() == GOOD
    space.stack.send(1)
    assert space.checked() == "queue: connected, messages are waiting"
    assert space.stack.queue.counts() == (1, 0, 0, 0), "none is taken"


@scenario
def wrong_settings(space: Namespace) -> None:
    refused = "queue: the login is refused: "
    assert space.checked(IRIS_CLIENT_SECRET="another") == (
        f"{refused}IRIS_CLIENT_SECRET is wrong: paste the secret's value, not its id "
        "(AADSTS7000215)"
    )
    assert space.checked(IRIS_CLIENT_ID="another") == (
        f"{refused}IRIS_CLIENT_ID is unknown in the tenant: check it, and IRIS_TENANT_ID "
        "(AADSTS700016)"
    )
    assert space.checked(IRIS_TENANT_ID="another") == (
        f"{refused}IRIS_TENANT_ID is no tenant: leave it out for Elexon's (AADSTS90002)"
    )
    address = space.stack.servicebus.address
    assert space.checked(IRIS_QUEUE_NAME="iris.another") == (
        f"queue: there is no queue iris.another in {address}: check IRIS_QUEUE_NAME"
    )
    host = "no-such-host.invalid"
    assert space.checked(IRIS_ENDPOINT=f"{host}:5671") == (
        f"queue: {host}:5671 is unknown to the name service: check IRIS_SERVICE_BUS_NAMESPACE "
        "(or IRIS_ENDPOINT, IRIS_CONNECTION_STRING) and DNS"
    )


@scenario
def an_unknown_namespace(space: Namespace) -> None:
    host = "no-such-namespace.invalid"
    assert space.checked(IRIS_ENDPOINT=None, IRIS_SERVICE_BUS_NAMESPACE=host) == (
        f"queue: {host} is unknown to the name service: check IRIS_SERVICE_BUS_NAMESPACE "
        "(or IRIS_ENDPOINT, IRIS_CONNECTION_STRING) and DNS"
    )


@scenario
def an_unknown_login_service(space: Namespace) -> None:
    assert space.checked(AZURE_AUTHORITY_HOST="https://no-such-login.invalid") == (
        "queue: https://no-such-login.invalid is unknown to the name service: check "
        "AZURE_AUTHORITY_HOST and DNS"
    )


@scenario
def a_certificate_that_is_not_trusted(space: Namespace) -> None:
    assert space.checked(IRIS_CA_FILE=None) == (
        f"queue: the certificate of {space.logins.authority} is not trusted: a proxy? IRIS_CA_FILE"
    )


@scenario
def a_secret_that_has_expired(space: Namespace) -> None:
    space.logins.expire_secret(CLIENT)
    assert space.checked() == (
        "queue: the login is refused: IRIS_CLIENT_SECRET has expired: make a new one on the IRIS "
        "page (AADSTS7000222)"
    )


@scenario
def a_login_service_that_fails(space: Namespace) -> None:
    space.logins.fail(500, "server_error", "It broke. Trace ID: 1234")
    assert space.checked() == (
        f"queue: the login service {space.logins.authority} is out of order "
        "(Microsoft Entra ID error '(server_error) It broke)"
    )


@scenario
def a_login_service_that_hangs(space: Namespace) -> None:
    space.logins.hang()
    assert space.checked() == f"queue: the login service {space.logins.authority} does not answer"


@scenario
def a_login_service_that_is_down(space: Namespace) -> None:
    space.logins.down()
    found = space.checked()
    port = space.logins.authority.rpartition(":")[2]
    assert found == (
        f"queue: the login service {space.logins.authority} cannot be reached (Cannot connect to "
        f"host localhost:{port} [Connect call failed ('127.0.0.1', {port})])"
    )


@scenario
def a_token_that_the_queue_does_not_take(space: Namespace) -> None:
    space.stack.servicebus.faults.refuse_tokens()
    assert space.checked() == (
        f"queue: {space.stack.servicebus.address} refuses the token: check the login and this "
        "machine's clock (401 InvalidSignature)"
    )


@scenario
def no_right_to_listen(space: Namespace) -> None:
    space.stack.servicebus.faults.deny(QUEUE)
    assert space.checked() == (
        "queue: no permission on the queue iris: check IRIS_QUEUE_NAME, and that the client id "
        "belongs to the same account (Unauthorized access. 'Listen' claim(s) are required to "
        "perform this operation. Resource: "
        "'sb://some-namespace.servicebus.windows.net/iris')"
    )


@scenario
def another_reader(space: Namespace) -> None:
    with space.bridge() as bridge:
        bridge.await_ready()
        found = space.checked()
    assert found == (
        f"queue: a quota of {space.stack.servicebus.address} is used up: does another client read "
        "iris? (The queue 'iris' has 1 connections, the most that it may have)"
    )


@scenario
def a_queue_that_nobody_serves(space: Namespace) -> None:
    space.stack.servicebus.faults.down()
    port = space.stack.servicebus.port
    assert space.checked() == (
        f"queue: 127.0.0.1:{port}: [Errno 111] Connect call failed ('127.0.0.1', {port})"
    )


@scenario
def a_queue_that_does_not_answer(space: Namespace) -> None:
    space.stack.servicebus.faults.hang()
    assert space.checked() == f"queue: {space.stack.servicebus.address} does not answer"


def test_of_a_connection_string() -> None:
    with stacked() as stack:
        [(well, line)] = [
            one
            for one in asyncio.run(_found(stack.settings(IRIS_QUEUE_NAME="another")))
            if one[1].startswith("queue")
        ]
    assert not well
    address = stack.servicebus.address
    assert line == f"queue: there is no queue another in {address}: check IRIS_QUEUE_NAME"


async def _found(settings: dict[str, str]) -> list[tuple[bool, str]]:
    return [one async for one in check(parse(settings))]


# A bridge that runs


def run_through(
    space: Namespace, begin: Callable[[], None], line: str, end: Callable[[], None]
) -> None:
    """Something goes wrong while the bridge runs; it says so once, and heals when it is over."""
    with space.bridge() as bridge:
        bridge.await_ready()
        bridge.lines.clear()
        begin()
        space.stack.servicebus.faults.drop_connections()
        bridge.await_line(line)
        bridge.await_page("/readyz", (503, "queue unavailable, topic available"))
        assert bridge.pages.get("/healthz") == (200, "alive")
        wanted = space.stack.send(3)
        end()
        space.stack.topic.await_ids(wanted)
        bridge.await_ready()
        assert len(bridge.matching(line)) == 1, bridge.lines
        assert SECRET not in str(bridge.lines)
    assert space.stack.servicebus.peak_connections == 1


@scenario
def the_secret_expires_while_it_runs(space: Namespace) -> None:
    def begin() -> None:
        space.logins.expire_secret(CLIENT)
        space.logins.revoke_tokens()

    line = "WARNING queue unavailable: the login is refused: IRIS_CLIENT_SECRET has expired"
    run_through(space, begin, line, space.logins.clear)


@scenario
def a_token_is_revoked_while_it_runs(space: Namespace) -> None:
    # The login's own cache would hand it out for an hour.
    line = "WARNING queue unavailable: .* refuses the token: .*401 InvalidToken"
    run_through(space, space.logins.revoke_tokens, line, lambda: None)


@scenario
def tokens_are_refused_for_a_while(space: Namespace) -> None:
    faults = space.stack.servicebus.faults
    line = "WARNING queue unavailable: .* refuses the token: .*401 InvalidSignature"
    run_through(space, faults.refuse_tokens, line, faults.clear)


@scenario
def the_right_to_listen_is_lost_for_a_while(space: Namespace) -> None:
    faults = space.stack.servicebus.faults
    line = "WARNING queue unavailable: no permission on the queue iris"
    run_through(space, lambda: faults.deny(QUEUE), line, faults.clear)


@scenario
def the_queue_is_gone_for_a_while(space: Namespace) -> None:
    faults = space.stack.servicebus.faults
    line = "WARNING queue unavailable: there is no queue iris in"
    run_through(space, lambda: faults.remove(QUEUE), line, faults.clear)


@scenario
def the_login_is_down_while_a_token_is_good(space: Namespace) -> None:
    with space.bridge() as bridge:
        bridge.await_ready()
        space.logins.down()
        space.stack.servicebus.faults.drop_connections()
        bridge.await_line("queue receiving", times=2)
        assert space.logins.requests == 1


@scenario
def tokens_are_refreshed_while_it_runs(space: Namespace) -> None:
    space.logins.lifetime = 4.0
    with space.bridge() as bridge:
        bridge.await_ready()
        while space.logins.requests < 3:
            space.stack.topic.await_ids(space.stack.send(1))
        space.stack.await_empty()
    assert space.stack.servicebus.peak_connections == 1


@scenario
def no_login_at_the_start(space: Namespace) -> None:
    space.logins.expire_secret(CLIENT)
    with space.bridge() as bridge:
        bridge.await_line("WARNING queue unavailable: the login is refused: IRIS_CLIENT_SECRET")
        bridge.await_page("/readyz", (503, "queue unavailable, topic available"))
        space.logins.clear()
        bridge.await_ready()


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_the_login(results: AtOnce[None], name: str) -> None:
    results[name]
