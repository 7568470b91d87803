"""A client secret that Google's Secret Manager keeps."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import grpc.aio
from google.api_core import exceptions as api
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError

from bridge import words
from bridge.login import Secret, SecretVersion
from bridge.logs import hide

#: Seconds within which Secret Manager answers, or counts as silent.
ANSWER_SECONDS: Final = 10.0
#: Errors that waiting does not mend.
_LASTING: Final = (
    api.NotFound,
    api.Forbidden,
    api.BadRequest,
    api.Unauthenticated,
    DefaultCredentialsError,
)
_FAULTS: Final = (api.GoogleAPICallError, GoogleAuthError, grpc.RpcError, TimeoutError)
#: Where the client writes answers, secrets included, if GOOGLE_SDK_PYTHON_LOGGING_SCOPE says so.
_TALKATIVE: Final = (
    "google.cloud.secretmanager_v1.services.secret_manager_service.transports.grpc_asyncio"
)


class SecretError(Exception):
    """The secret cannot be read; the text says why and what to do.

    Attributes:
        lasts: waiting does not mend it.
    """

    def __init__(self, text: str, *, lasts: bool) -> None:
        super().__init__(text)
        self.lasts = lasts


class StoredSecret:
    """A secret in Secret Manager, read as often as asked, over a connection of its own.

    Attributes:
        version: where it is.
        value: as last read; None before.
    """

    def __init__(self, version: SecretVersion) -> None:
        self.version = version
        self.value: Secret | None = None

    async def read(self) -> bool:
        """Reads it, once; whether ``value`` is another than before.

        From here on the logs hide it.

        Raises:
            SecretError: it cannot be read, or is no text.
        """
        try:
            data = await self._data()
        except _FAULTS as error:
            said = words.of_secret(error, self.version.name)
            raise SecretError(said, lasts=isinstance(error, _LASTING)) from None
        text = _text(data)
        if not text:
            said = words.no_secret(self.version.name, is_empty=text is not None)
            raise SecretError(said, lasts=True)
        hide(text)
        before, self.value = self.value, Secret(text)
        return self.value != before

    async def _data(self) -> bytes:
        # Here, for the few who keep their secret there: the library takes time and memory.
        from google.cloud.secretmanager_v1 import SecretManagerServiceAsyncClient as Client
        from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
            SecretManagerServiceGrpcAsyncIOTransport as Transport,
        )

        logging.getLogger(_TALKATIVE).setLevel(logging.WARNING)
        emulator = self.version.emulator
        transport = Transport(channel=grpc.aio.insecure_channel(emulator) if emulator else None)
        try:
            async with asyncio.timeout(ANSWER_SECONDS + 1):
                answer = await Client(transport=transport).access_secret_version(
                    name=self.version.name, retry=None, timeout=ANSWER_SECONDS
                )
        finally:
            await transport.close()  # type: ignore[no-untyped-call]
        data: bytes = answer.payload.data
        return data


def _text(data: bytes) -> str | None:
    """Without the line's end that ``echo`` adds; None where it is no text.

    An error of decoding would carry the secret along, so it ends here.
    """
    try:
        return data.decode().strip()
    except UnicodeDecodeError:
        return None
