"""A stack as in production: TLS, and a login whose tokens the queue's server checks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bridge.check import check
from bridge.settings import parse
from local.servicebus import Certificates, TokenEndpoint
from tests.bridge.stack import Inside, Stack, stacked

TENANT = "0d8be6ba-7c4a-4a59-8a5c-2ab4a49f1e63"
CLIENT = "a-client-id"
SECRET = "sW~not.a.real.secret.but.as.long.as.one"


class Namespace:
    """A stack behind TLS and a login.

    Attributes:
        logins: where tokens come from.
    """

    def __init__(self, stack: Stack, logins: TokenEndpoint, authority: Path) -> None:
        self.stack = stack
        self.logins = logins
        self._authority = authority

    def settings(self, **changed: str | None) -> dict[str, str]:
        return self.stack.settings(
            **{
                "IRIS_CONNECTION_STRING": None,
                "IRIS_CLIENT_ID": CLIENT,
                "IRIS_CLIENT_SECRET": SECRET,
                "IRIS_TENANT_ID": TENANT,
                "IRIS_SERVICE_BUS_NAMESPACE": "some-namespace",
                "IRIS_ENDPOINT": self.stack.servicebus.address,
                "IRIS_CA_FILE": str(self._authority),
                "AZURE_AUTHORITY_HOST": self.logins.authority,
                **changed,
            }
        )

    def replace_secret(self, secret: str) -> None:
        """The login takes this client secret, and no longer the one before."""
        self.logins.replace_secret(CLIENT, secret)

    def end_login(self) -> None:
        """No token is good any more, and no connection is left: the bridge has to log in."""
        self.logins.revoke_tokens()
        self.stack.servicebus.faults.drop_connections()

    def bridge(self) -> Inside:
        return Inside(parse(self.settings()))

    def checked(self, **changed: str | None) -> str:
        """What ``--check`` says of the queue."""

        async def run() -> list[tuple[bool, str]]:
            return [found async for found in check(parse(self.settings(**changed)))]

        lines = asyncio.run(run())
        [(well, queue)] = [one for one in lines if one[1].startswith("queue")]
        assert well is queue.startswith("queue: connected")
        assert SECRET not in str(lines)
        return queue


@contextmanager
def namespace(certificates: Certificates, **options: Any) -> Iterator[Namespace]:
    """A namespace; takes options of the Service Bus server."""
    options = {"lock_seconds": 1.0, **options}
    with (
        TokenEndpoint(TENANT, {CLIENT: SECRET}, certificates.server) as logins,
        stacked(certificate=certificates.server, tokens=logins, **options) as stack,
    ):
        yield Namespace(stack, logins, certificates.authority)
