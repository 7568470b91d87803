"""A client secret that Secret Manager keeps, read by its own client.

What the process does with it is in ``test_stored_secret.py``.
"""

from __future__ import annotations

import asyncio
import io
import logging
import traceback
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bridge.secret_manager
from bridge.login import Secret, SecretVersion
from bridge.logs import JsonFormatter
from bridge.secret_manager import SecretError, StoredSecret
from tests.bridge.cloud import LATEST, SecretManager

VALUE = "sW~the.value.of.the.secret"
SETTING = "IRIS_CLIENT_SECRET_NAME"


@pytest.fixture
def server() -> Iterator[SecretManager]:
    with SecretManager(VALUE.encode()) as server:
        yield server


def stored(server: SecretManager, name: str = LATEST) -> StoredSecret:
    return StoredSecret(SecretVersion(name, server.address))


def fault(server: SecretManager, name: str = LATEST) -> tuple[bool, str]:
    """Whether it lasts, and what is said."""
    secret = stored(server, name)
    with pytest.raises(SecretError) as caught:
        asyncio.run(secret.read())
    assert secret.value is None
    return caught.value.lasts, str(caught.value)


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n", " \n"])
def test_it_is_read_without_the_lines_end(end: str, server: SecretManager) -> None:
    server.versions[LATEST] = f"{VALUE}{end}".encode()
    secret = stored(server)
    assert asyncio.run(secret.read())
    assert secret.value == Secret(VALUE)


def test_it_says_whether_it_has_changed(server: SecretManager) -> None:
    secret = stored(server)
    assert asyncio.run(secret.read())
    assert not asyncio.run(secret.read())
    server.versions[LATEST] = b"another"
    assert asyncio.run(secret.read())
    assert secret.value == Secret("another")
    server.refuse(grpc.StatusCode.UNAVAILABLE)
    with pytest.raises(SecretError):
        asyncio.run(secret.read())
    assert secret.value == Secret("another"), "what is known is kept"


def test_a_version(server: SecretManager) -> None:
    name = "projects/p/secrets/s/versions/3"
    server.versions[name] = b"the third"
    secret = stored(server, name)
    asyncio.run(secret.read())
    assert secret.value == Secret("the third")


@pytest.mark.parametrize(
    ("version", "is_fixed"), [("latest", False), ("current", False), ("7", True), ("v7", False)]
)
def test_a_number_is_fixed(version: str, is_fixed: bool) -> None:
    assert SecretVersion(f"projects/p/secrets/1/versions/{version}").is_fixed is is_fixed


def test_there_is_none(server: SecretManager) -> None:
    name = "projects/p/secrets/none/versions/latest"
    assert fault(server, name) == (
        True,
        f"{SETTING}: there is no {name}: create the secret and a version, or check the name",
    )


@pytest.mark.parametrize(
    ("code", "lasts", "said"),
    [
        (
            grpc.StatusCode.PERMISSION_DENIED,
            True,
            f"no permission to read {LATEST}: grant roles/secretmanager.secretAccessor on the "
            "secret to the account that the bridge runs as (403 the details)",
        ),
        (
            grpc.StatusCode.FAILED_PRECONDITION,
            True,
            f"{LATEST} is disabled or destroyed: enable it, or add a version",
        ),
        (
            grpc.StatusCode.INVALID_ARGUMENT,
            True,
            f"{LATEST} is refused: check the name (400 the details)",
        ),
        (
            grpc.StatusCode.UNAUTHENTICATED,
            True,
            f"Google refuses the credentials to read {LATEST} (401 the details)",
        ),
        (grpc.StatusCode.UNAVAILABLE, False, f"{LATEST} cannot be read (503 the details)"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, False, f"{LATEST} cannot be read (429 the details)"),
        (grpc.StatusCode.INTERNAL, False, f"{LATEST} cannot be read (500 the details)"),
        (grpc.StatusCode.UNKNOWN, False, f"{LATEST} cannot be read (None the details)"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, False, f"Secret Manager does not answer ({LATEST})"),
    ],
)
def test_what_is_said(code: grpc.StatusCode, lasts: bool, said: str, server: SecretManager) -> None:
    server.refuse(code)
    assert fault(server) == (lasts, f"{SETTING}: {said}")
    assert server.requests == 1, "the caller tries again, not the client"


def test_nobody_serves(server: SecretManager) -> None:
    server.down()
    lasts, said = fault(server)
    assert not lasts
    assert said.startswith(f"{SETTING}: {LATEST} cannot be read (503 ")


def test_nobody_answers(server: SecretManager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge.secret_manager, "ANSWER_SECONDS", 0.3)
    server.hang()
    assert fault(server) == (False, f"{SETTING}: Secret Manager does not answer ({LATEST})")


def test_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(SecretError) as caught:
        asyncio.run(StoredSecret(SecretVersion(LATEST)).read())
    assert caught.value.lasts
    assert str(caught.value) == (
        f"{SETTING}: no Google credentials to read {LATEST}: run gcloud auth "
        "application-default login, or run it as an account that has "
        "roles/secretmanager.secretAccessor on the secret"
    )


@pytest.mark.parametrize("payload", [b"", b"\n", b" \r\n"])
def test_it_is_empty(payload: bytes, server: SecretManager) -> None:
    server.versions[LATEST] = payload
    assert fault(server) == (
        True,
        f"{SETTING}: {LATEST} is empty: add a version with the client secret's value",
    )


def test_it_is_no_text(server: SecretManager) -> None:
    server.versions[LATEST] = VALUE.encode() + b"\xff"
    with pytest.raises(SecretError) as caught:
        asyncio.run(stored(server).read())
    assert caught.value.lasts
    assert str(caught.value) == (
        f"{SETTING}: {LATEST} is no text in UTF-8: add a version with the client secret's value"
    )
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert VALUE not in "".join(traceback.format_exception(caught.value))


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1))
def test_it_shows_itself_to_nobody(text: str) -> None:
    with SecretManager(text.encode()) as server:
        secret = stored(server)
        asyncio.run(secret.read())
        assert secret.value is not None
        assert secret.value.reveal() == text
        assert (repr(secret.value), str(secret.value)) == ("Secret(***)", "Secret(***)")


def test_the_logs_hide_each_that_was_read(server: SecretManager) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logging.getLogger().addHandler(handler)
    try:
        secret = stored(server)
        asyncio.run(secret.read())
        server.versions[LATEST] = b"the.next~one"
        asyncio.run(secret.read())
        logging.getLogger("bridge").error("%s, then %s", VALUE, "the.next~one")
    finally:
        logging.getLogger().removeHandler(handler)
    assert '"*** then ***"'.replace(" then", ", then") in stream.getvalue()
