"""The forms that the values of settings have: text in, value out, ValueError for another form."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

_DOMAIN: Final = ".servicebus.windows.net"
_TOPIC: Final = re.compile(r"projects/[^/\s]+/topics/[A-Za-z][\w.~+%-]{2,254}", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*", re.ASCII)
_SECRET: Final = re.compile(r"projects/[^/\s]+/secrets/[\w-]{1,255}", re.ASCII)
_VERSION: Final = re.compile(r"[\w-]{1,63}", re.ASCII)
_PROJECT: Final = re.compile(r"[a-z0-9][a-z0-9.:-]*", re.ASCII)
_INSTALLATION: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,62}", re.ASCII)
_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")

_T = TypeVar("_T")


def topic(text: str) -> str:
    """``projects/P/topics/T``."""
    return _matching(_TOPIC, text)


def secret_version(text: str) -> str:
    """``projects/P/secrets/S/versions/V``, from that or, for the latest, without the version."""
    secret, _, version = text.partition("/versions/")
    if not _VERSION.fullmatch(version) and text != secret:
        raise ValueError(text)
    return f"{_matching(_SECRET, secret)}/versions/{version or 'latest'}"


def project(text: str) -> str:
    """The id of a Google Cloud project."""
    return _matching(_PROJECT, text)


def installation(text: str) -> str:
    """A name that tells one installation from another."""
    return _matching(_INSTALLATION, text)


def namespace(text: str) -> str:
    """A Service Bus namespace's full name, from that or from its first part."""
    name = _matching(_NAME, text.removeprefix("sb://").rstrip("/"))
    return name if "." in name else name + _DOMAIN


def tenant(text: str) -> str:
    """A tenant's id, or its domain."""
    return _matching(_NAME, text)


def authority(text: str) -> str:
    """``https://HOST`` or ``https://HOST:PORT``, from that or without the scheme."""
    host = text.removeprefix("https://").rstrip("/")
    name, colon, _ = host.partition(":")
    _matching(_NAME, name)
    return "https://" + (address(host) if colon else name)


def host_and_port(text: str) -> tuple[str, int]:
    """``HOST:PORT``."""
    host, colon, port = text.rpartition(":")
    right = colon and re.fullmatch(r"[^\s/]+", host) and re.fullmatch(r"[0-9]{1,5}", port)
    if not right or int(port) > 65_535:
        raise ValueError(text)
    return host, int(port)


def address(text: str) -> str:
    """``HOST:PORT``, as it is."""
    host, port = host_and_port(text)
    return f"{host}:{port}"


def listening(text: str) -> tuple[str, int] | None:
    """``HOST:PORT``, or None for ``none``."""
    return None if text.lower() in ("none", "off") else host_and_port(text)


def positive(text: str) -> float:
    """A finite number above 0."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise ValueError(text)
    return number


def level(text: str) -> str:
    """A level of ``logging``."""
    if text.upper() not in _LEVELS:
        raise ValueError(text)
    return text.upper()


def certificates(text: str) -> str:
    """The name of a file with certificates, in PEM."""
    if not Path(text).is_file():
        raise ValueError(text)
    try:
        ssl.create_default_context(cafile=text)
    except OSError as error:  # ssl.SSLError is one
        raise ValueError(text) from error
    return text


def _matching(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(text)
    return text


class Reader:
    """Values by name, and what is wrong with them.

    Attributes:
        faults: a line each.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values
        self.faults: list[str] = []

    def read(self, name: str, default: _T, convert: Callable[[str], _T], form: str) -> _T:
        """A value; the default where it is not set, and where it is not of the form."""
        try:
            return convert(self.values[name]) if name in self.values else default
        except ValueError:
            self.faults.append(f"{name}: {self.values[name]!r} is not {form}")
            return default

    def address_of(self, name: str) -> str | None:
        """``HOST:PORT``, if it is set."""
        return self.read(name, None, address, "HOST:PORT")
