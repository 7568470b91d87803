"""What the bridge logs in with, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: Where Microsoft's login is, but for national clouds.
MICROSOFT: Final = "https://login.microsoftonline.com"


@dataclass(frozen=True)
class Secret:
    """A text that is shown nowhere by accident."""

    _text: str

    def reveal(self) -> str:
        """The text itself, for the one call that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__


@dataclass(frozen=True)
class SecretVersion:
    """Where Google's Secret Manager keeps a secret.

    Attributes:
        name: ``projects/P/secrets/S/versions/V``; V is a number, ``latest`` or an alias.
        emulator: ``HOST:PORT`` of a Secret Manager emulator.
    """

    name: str
    emulator: str | None = None

    @property
    def is_fixed(self) -> bool:
        """True for a number: what it names never changes."""
        return self.name.rpartition("/")[2].isdecimal()


@dataclass(frozen=True)
class Login:
    """An application registration: the OAuth client-credentials grant."""

    tenant_id: str
    client_id: str
    client_secret: Secret | SecretVersion
    authority: str = MICROSOFT

    @property
    def secret_words(self) -> str:
        """The client secret, as a user knows it from the settings."""
        stored = isinstance(self.client_secret, SecretVersion)
        return "the secret of IRIS_CLIENT_SECRET_NAME" if stored else "IRIS_CLIENT_SECRET"
