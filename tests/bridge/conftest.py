"""A queue, a topic and short waits."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial

import pytest

import bridge.dead_letters
import bridge.publishing
import bridge.relay
import bridge.service
import bridge.source
import bridge.tokens
import bridge.topic
from bridge.backoff import Backoff
from bridge.logs import NOISY, quieten
from local.servicebus import Certificates, make_certificates
from tests.bridge.stack import Stack, stacked


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    """The libraries' logs as the bridge has them: a drop makes the SDK write for seconds."""
    levels = {name: logging.getLogger(name).level for name in NOISY}
    quieten("INFO")
    yield
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture(scope="module", autouse=True)
def _short_waits() -> Iterator[None]:
    """For the bridge in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bridge.relay, "WAIT_SECONDS", 0.2)
        patch.setattr(bridge.dead_letters, "WAIT_SECONDS", 0.2)
        patch.setattr(bridge.source, "ANSWER_SECONDS", 3.0)
        patch.setattr(bridge.source, "OPEN_SECONDS", 5.0)
        patch.setattr(bridge.tokens, "LOGIN_SECONDS", 2.0)
        patch.setattr(bridge.topic, "PUBLISH_SECONDS", 1.0)
        patch.setattr(bridge.service, "Backoff", partial(Backoff, 0.1))
        patch.setattr(bridge.publishing, "Backoff", lambda **_: Backoff(0.1, 0.5))
        yield


@pytest.fixture
def stack() -> Iterator[Stack]:
    with stacked() as stack:
        yield stack


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))
