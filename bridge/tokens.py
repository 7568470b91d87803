"""Tokens for the namespace: the login, and a client secret that may be replaced."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from azure.identity.aio import ClientSecretCredential

from bridge import words
from bridge.login import MICROSOFT, Login, Secret
from bridge.secret_manager import SecretError, StoredSecret

log = logging.getLogger(__name__)

#: Seconds within which the login service answers, its own repetitions included.
LOGIN_SECONDS: Final = 20.0

#: What a token is for; the SDK asks for the same, so that the login's cache serves both.
_SCOPE: Final = "https://servicebus.azure.net//.default"


class LoginError(Exception):
    """There is no token; the text tells why in words."""


class Tokens:
    """Logs in, and holds the credential, which hands out the same token while it is good.

    Args:
        login: who logs in.
        ca_file: certificate authorities to trust instead of the usual ones.

    Attributes:
        login: as given.
        credential: for the SDK; None before ``fetch``.
    """

    def __init__(self, login: Login, ca_file: str | None) -> None:
        self.login = login
        self.credential: ClientSecretCredential | None = None
        self._ca_file = ca_file
        secret = login.client_secret
        self._given = secret if isinstance(secret, Secret) else None
        self._stored = None if isinstance(secret, Secret) else StoredSecret(secret)
        self._refused = False

    async def learn_secret(self) -> None:
        """Reads a secret that Secret Manager keeps. Raises SecretError."""
        if self._stored is not None:
            await self._stored.read()

    async def fetch(self) -> None:
        """Fetches a token, unless one is at hand that is good for some minutes.

        After a login that was refused, a stored secret is read again first: there may be a newer
        version. Where it cannot be read, the one at hand is tried.

        Raises:
            LoginError: the login is refused, or nobody answers.
        """
        unread = await self._read_again()
        if self.credential is None:
            self.credential = self._credential()
        try:
            async with asyncio.timeout(LOGIN_SECONDS):
                await self.credential.get_token(_SCOPE)
        except Exception as error:  # of the SDK, its transport, or the parsing of an answer
            self._refused = words.is_refused_login(error)
            said = words.of_login(error, self.login)
            raise LoginError(f"{said}; {unread}" if unread else said) from error
        self._refused = False

    async def forget(self) -> None:
        """Forgets the token and closes the login's own connections; ``fetch`` starts over."""
        credential, self.credential = self.credential, None
        if credential is not None:
            await credential.close()

    async def _read_again(self) -> str:
        """Looks whether a secret that was refused has been replaced; why it cannot, else empty."""
        stored = self._stored
        if stored is None or not self._refused or stored.version.is_fixed:
            return ""
        try:
            changed = await stored.read()
        except SecretError as error:
            return str(error)
        if changed:
            log.info("there is a newer secret in %s: logging in with it", stored.version.name)
            await self.forget()
        return ""

    def _credential(self) -> ClientSecretCredential:
        secret = self._given if self._stored is None else self._stored.value
        assert secret is not None, "learn_secret comes first"
        login = self.login
        options: dict[str, Any] = {"authority": login.authority}
        if login.authority != MICROSOFT:  # there is nobody to confirm it
            options["disable_instance_discovery"] = True
        if self._ca_file:
            options["connection_verify"] = self._ca_file
        return ClientSecretCredential(login.tenant_id, login.client_id, secret.reveal(), **options)
