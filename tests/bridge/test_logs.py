"""What a log line looks like, and what is never in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from bridge.logs import NOISY, hide, set_up


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    names = ("bridge", *NOISY)
    levels = {name: logging.getLogger(name).level for name in names}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, one in levels.items():
        logging.getLogger(name).setLevel(one)


def written(level: str = "INFO", *secrets: str) -> tuple[io.StringIO, logging.Logger]:
    stream = io.StringIO()
    set_up(level, secrets, stream)
    return stream, logging.getLogger("bridge.test")


def test_a_line_is_a_json_object() -> None:
    stream, log = written()
    log.warning("topic %s", "gone", extra={"part": "topic", "count": 3})
    [line] = stream.getvalue().splitlines()
    found = json.loads(line)
    assert found.pop("time").endswith("+00:00")
    assert found == {
        "severity": "WARNING",
        "message": "topic gone",
        "logger": "bridge.test",
        "part": "topic",
        "count": 3,
    }


def test_a_secret_is_hidden_wherever_it_is() -> None:
    stream, log = written("INFO", "s3cr=t", "")
    try:
        raise ValueError("with s3cr=t inside")
    except ValueError:
        log.exception("text s3cr=t", extra={"detail": ["s3cr=t"]})
    assert "s3cr=t" not in stream.getvalue()
    found = json.loads(stream.getvalue())
    assert found["message"] == "text ***"
    assert found["detail"] == "['***']"
    assert found["exception"].endswith("ValueError: with *** inside")


def test_a_secret_that_becomes_known_later_is_hidden_too() -> None:
    stream, log = written("INFO", "s3cr=t")
    hide("n3xt=0ne")
    log.warning("s3cr=t and n3xt=0ne")
    assert json.loads(stream.getvalue())["message"] == "*** and ***"


@pytest.mark.parametrize("padding", range(9_960, 10_010))
def test_a_secret_that_a_cut_would_go_through_is_hidden(padding: int) -> None:
    stream, log = written("INFO", "#1234567")
    log.error("many", exc_info=ValueError("#1234567" + "." * padding))
    exception = json.loads(stream.getvalue())["exception"]
    assert not set("#1234567") & set(exception)


def test_libraries_are_silent_unless_asked() -> None:
    stream, _ = written()
    logging.getLogger("azure.servicebus").error("a traceback of its own")
    assert stream.getvalue() == ""
    stream, log = written("DEBUG")
    logging.getLogger("azure.servicebus").error("a traceback of its own")
    logging.getLogger("msal.token_cache").debug("a token")
    logging.getLogger("another").info("a detail")
    log.debug("a detail of ours")
    found = [json.loads(line)["message"] for line in stream.getvalue().splitlines()]
    assert found == ["a traceback of its own", "a detail of ours"]


def test_a_level_holds_for_the_bridge() -> None:
    stream, log = written("ERROR")
    log.warning("not shown")
    log.error("shown")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["shown"]


def test_a_long_traceback_is_cut_at_its_beginning() -> None:
    stream, log = written()
    error: Exception | None = None
    for at in range(500):
        new = ValueError(f"number {at}")
        new.__cause__, error = error, new
    log.error("many", exc_info=error)
    exception = json.loads(stream.getvalue())["exception"]
    assert len(exception) == 10_000
    assert exception.endswith("ValueError: number 499")
