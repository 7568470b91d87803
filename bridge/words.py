"""What an error of Service Bus, of the login or of Pub/Sub means, and what to do about it."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from typing import Final

from azure.core.exceptions import ClientAuthenticationError
from azure.servicebus.exceptions import (
    MessagingEntityDisabledError,
    MessagingEntityNotFoundError,
    OperationTimeoutError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusServerBusyError,
)
from google.api_core import exceptions as api
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError

#: Error codes of the login service (Microsoft Entra ID) that a wrong setting causes.
_LOGIN: Final = {
    "AADSTS7000215": "IRIS_CLIENT_SECRET is wrong: paste the secret's value, not its id",
    "AADSTS7000222": "IRIS_CLIENT_SECRET has expired: make a new one on the IRIS page",
    "AADSTS700016": "IRIS_CLIENT_ID is unknown in the tenant: check it, and IRIS_TENANT_ID",
    "AADSTS900023": "IRIS_TENANT_ID is no tenant id: leave it out for Elexon's",
    "AADSTS90002": "IRIS_TENANT_ID is no tenant: leave it out for Elexon's",
}


def of_queue(error: BaseException, queue: str, host: str) -> str:
    """A line on an error met while connecting to, or reading from, a queue."""
    texts = " ".join(str(one) for one in _chain(error))
    for code, meaning in _LOGIN.items():
        if re.search(rf"\b{code}\b", texts):
            return f"the login is refused: {meaning} ({code})"
    kinds = tuple(type(one) for one in _chain(error))
    if _any(kinds, ClientAuthenticationError):
        return f"the login is refused: check IRIS_CLIENT_ID and IRIS_CLIENT_SECRET ({_line(error)})"
    if _any(kinds, MessagingEntityNotFoundError):
        return f"there is no queue {queue} in {host}: check IRIS_QUEUE_NAME"
    if _any(kinds, MessagingEntityDisabledError):
        return f"the queue {queue} is disabled: see the IRIS page"
    if _any(kinds, ServiceBusAuthorizationError):
        return (
            f"no permission on the queue {queue}: check IRIS_QUEUE_NAME, and that the client id "
            f"belongs to the same account ({_line(error)})"
        )
    if _any(kinds, ServiceBusAuthenticationError):
        return (
            f"{host} refuses the token: check the login and this machine's clock ({_line(error)})"
        )
    if _any(kinds, socket.gaierror) or "Name or service not known" in texts:
        return f"{host} is unknown to the name service: check IRIS_SERVICE_BUS_NAMESPACE and DNS"
    if _any(kinds, ServiceBusServerBusyError):
        return f"{host} asks to slow down ({_line(error)})"
    if "certificate verify failed" in texts.lower():
        return f"the certificate of {host} is not trusted: a proxy? IRIS_CA_FILE ({_line(error)})"
    if _any(kinds, OperationTimeoutError, TimeoutError):
        return f"{host} does not answer"
    return f"{host}: {_line(error)}"


def of_topic(error: BaseException, topic: str) -> str:
    """A line on an error met while publishing to, or looking at, a topic."""
    if isinstance(error, api.NotFound):
        return f"there is no topic {topic}: create it, or check PUBSUB_TOPIC"
    if isinstance(error, api.PermissionDenied):
        return no_permission(topic)
    if isinstance(error, DefaultCredentialsError):
        return "no Google credentials: run gcloud auth application-default login, or set them up"
    if isinstance(error, (GoogleAuthError, api.Unauthenticated)):
        return f"Google refuses the credentials ({_line(error)})"
    if isinstance(error, api.InvalidArgument):
        return f"{topic} takes no message: a schema on the topic? ({_line(error)})"
    if isinstance(error, (api.DeadlineExceeded, TimeoutError)):
        return f"Pub/Sub does not answer ({topic})"
    return f"{topic}: {_line(error)}"


def no_permission(topic: str) -> str:
    """A line on a topic that this account may not publish to."""
    return f"no permission to publish to {topic}: grant roles/pubsub.publisher on it"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and everything that it came from; the SDK keeps causes in several places."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and not any(one is other for other in seen):
            seen.append(one)
            waiting += [one.__cause__, one.__context__, getattr(one, "inner_exception", None)]
            waiting += [getattr(one, "error", None)]
    return iter(seen)


def _any(kinds: tuple[type[BaseException], ...], *wanted: type[BaseException]) -> bool:
    return any(issubclass(kind, wanted) for kind in kinds)


def _line(error: BaseException) -> str:
    """The error's own text on one line, without the trace ids that make every line differ."""
    text = " ".join(str(error).split()) or type(error).__name__
    text = re.split(r"\s*(?:Trace ID:|TrackingId:|Tracking ID:|Correlation ID:)", text)[0]
    return text if len(text) <= 300 else text[:297] + "..."
