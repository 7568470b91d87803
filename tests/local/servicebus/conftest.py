"""The SDK and certificates, for all tests; a namespace and a client without sockets, for each."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest

from local.servicebus import Certificates, make_certificates
from tests.local.servicebus.peer import Bench, Peer
from tests.local.servicebus.scenarios import Ends, Scenarios
from tests.local.servicebus.sdk import Sdk


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def sdk(certificates: Certificates) -> Iterator[Sdk]:
    sdk = Sdk(certificates)
    yield sdk
    sdk.close()


@pytest.fixture(scope="session")
def _all_ends(request: pytest.FixtureRequest, sdk: Sdk) -> dict[ModuleType, Ends]:
    modules = dict.fromkeys(getattr(item, "module", None) for item in request.session.items)
    return {
        module: scenario.start(sdk)
        for module in modules
        if isinstance(scenario := getattr(module, "scenario", None), Scenarios)
    }


@pytest.fixture
def ends(request: pytest.FixtureRequest, _all_ends: dict[ModuleType, Ends]) -> Ends:
    """The ends of the test module's scenarios; with the first use, all modules' begin."""
    return _all_ends[request.module]


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def peer(bench: Bench) -> Peer:
    return Peer(bench).opened()
