"""What an error of Service Bus, of the login or of Google Cloud means, and what to do about it."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from typing import Final

from azure.core.exceptions import (
    ClientAuthenticationError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.servicebus.exceptions import (
    MessagingEntityDisabledError,
    MessagingEntityNotFoundError,
    OperationTimeoutError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusQuotaExceededError,
    ServiceBusServerBusyError,
)
from google.api_core import exceptions as api
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError

from bridge.login import Login

#: Error codes of the login service (Microsoft Entra ID) that a wrong setting causes; ``{secret}``
#: stands for where the client secret is set.
_LOGIN: Final = {
    "AADSTS7000215": "{secret} is wrong: paste the secret's value, not its id",
    "AADSTS7000222": "{secret} has expired: make a new one on the IRIS page",
    "AADSTS700016": "IRIS_CLIENT_ID is unknown in the tenant: check it, and IRIS_TENANT_ID",
    "AADSTS900023": "IRIS_TENANT_ID is no tenant id: leave it out for Elexon's",
    "AADSTS90002": "IRIS_TENANT_ID is no tenant: leave it out for Elexon's",
}


#: Where the part of an error's text begins that helps nobody.
_NOISE: Final = re.compile(
    r"\s*(?:Trace ID:|TrackingId:|Tracking ID:|Correlation ID:|Content: \{|Error condition: )"
)
#: An object that an error's text shows by its address.
_ADDRESS: Final = re.compile(r" \w+:<[^>]* at 0x[0-9a-f]+>")
#: How the SDK introduces an error that it met.
_LEAD: Final = re.compile(r"^(?:Handler failed: |[A-Z][\w ]+ due to exception: )+")
#: What the SDK says of a token that the namespace did not take.
_REFUSED_TOKEN: Final = re.compile(
    r"Token authentication failed\.\s+Status code: (\d+)(?:\s+Description: (.*))?"
)


def of_login(error: BaseException, login: Login) -> str:
    """A line on an error met while fetching a token."""
    texts = _texts(error)
    authority = login.authority
    for code, meaning in _LOGIN.items():
        if re.search(rf"\b{code}\b", texts):
            meaning = meaning.format(secret=login.secret_words)
            return f"the login is refused: {meaning} ({code})"
    if _any(error, TimeoutError):
        return f"the login service {authority} does not answer"
    if _is_unknown_host(error, texts):
        return f"{authority} is unknown to the name service: check AZURE_AUTHORITY_HOST and DNS"
    if "certificate verify failed" in texts.lower():
        return f"the certificate of {authority} is not trusted: a proxy? IRIS_CA_FILE"
    if refusal := _refusal(error):
        return (
            f"the login is refused: check IRIS_CLIENT_ID and {login.secret_words} "
            f"({_line(refusal)})"
        )
    if _any(error, ServiceRequestError):
        return f"the login service {authority} cannot be reached ({_line(error)})"
    return f"the login service {authority} is out of order ({_line(error)})"


def is_refused_login(error: BaseException) -> bool:
    """True where the login service has answered, and not given a token."""
    return _refusal(error) is not None


def is_refused_token(error: BaseException) -> bool:
    """True where a token was not taken, though the login had given it."""
    refused = _any(error, ServiceBusAuthenticationError, ServiceBusAuthorizationError)
    return refused or _REFUSED_TOKEN.search(_texts(error)) is not None


def of_queue(error: BaseException, queue: str, host: str, login: Login | None = None) -> str:
    """A line on an error met while connecting to, or reading from, a queue.

    Args:
        login: None where there is none, but a connection string.
    """
    tokens = (ClientAuthenticationError, ServiceRequestError, ServiceResponseError)
    if login is not None and _any(error, *tokens):
        return of_login(error, login)  # a token that was to be refreshed
    texts = _texts(error)
    if _any(error, MessagingEntityNotFoundError):
        return f"there is no queue {queue} in {host}: check IRIS_QUEUE_NAME"
    if _any(error, MessagingEntityDisabledError):
        return f"the queue {queue} is disabled: see the IRIS page"
    if _any(error, ServiceBusAuthorizationError):
        return (
            f"no permission on the queue {queue}: check IRIS_QUEUE_NAME, and that the client id "
            f"belongs to the same account ({_line(error)})"
        )
    if refused := _REFUSED_TOKEN.search(texts):
        what = " ".join(part for part in refused.groups() if part)
        return f"{host} refuses the token: check the login and this machine's clock ({what})"
    if _any(error, ServiceBusAuthenticationError):
        return (
            f"{host} refuses the token: check the login and this machine's clock ({_line(error)})"
        )
    if _is_unknown_host(error, texts):
        return (
            f"{host} is unknown to the name service: check IRIS_SERVICE_BUS_NAMESPACE (or "
            "IRIS_ENDPOINT, IRIS_CONNECTION_STRING) and DNS"
        )
    if _any(error, ServiceBusServerBusyError):
        return f"{host} asks to slow down ({_line(error)})"
    if _any(error, ServiceBusQuotaExceededError):
        return f"a quota of {host} is used up: does another client read {queue}? ({_line(error)})"
    if "certificate verify failed" in texts.lower():
        return f"the certificate of {host} is not trusted: a proxy? IRIS_CA_FILE ({_line(error)})"
    if _any(error, OperationTimeoutError, TimeoutError):
        return f"{host} does not answer"
    if _any(error, AttributeError, RuntimeError, ValueError):  # of the SDK, on what is broken
        return f"{host}: the connection is lost ({_line(error)})"
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
    return (
        f"no permission to publish to {topic}, or there is no such topic: create it, grant "
        "roles/pubsub.publisher on it, or check PUBSUB_TOPIC"
    )


def of_secret(error: BaseException, name: str) -> str:
    """A line on an error met while reading a version of a secret."""
    setting = "IRIS_CLIENT_SECRET_NAME"
    role = "roles/secretmanager.secretAccessor"
    if isinstance(error, api.NotFound):
        return f"{setting}: there is no {name}: create the secret and a version, or check the name"
    if isinstance(error, api.Forbidden):
        return (
            f"{setting}: no permission to read {name}: grant {role} on the secret to the account "
            f"that the bridge runs as ({_line(error)})"
        )
    if isinstance(error, api.FailedPrecondition):
        return f"{setting}: {name} is disabled or destroyed: enable it, or add a version"
    if isinstance(error, DefaultCredentialsError):
        return (
            f"{setting}: no Google credentials to read {name}: run gcloud auth "
            f"application-default login, or run it as an account that has {role} on the secret"
        )
    if isinstance(error, (GoogleAuthError, api.Unauthenticated)):
        return f"{setting}: Google refuses the credentials to read {name} ({_line(error)})"
    if isinstance(error, api.BadRequest):
        return f"{setting}: {name} is refused: check the name ({_line(error)})"
    if isinstance(error, (api.GatewayTimeout, TimeoutError)):
        return f"{setting}: Secret Manager does not answer ({name})"
    return f"{setting}: {name} cannot be read ({_line(error)})"


def no_secret(name: str, *, is_empty: bool) -> str:
    """A line on a secret that is empty, or no text."""
    what = "is empty" if is_empty else "is no text in UTF-8"
    return f"IRIS_CLIENT_SECRET_NAME: {name} {what}: add a version with the client secret's value"


def of_monitoring(error: BaseException, project: str) -> str:
    """A line on an error met while writing metrics."""
    role = "roles/monitoring.metricWriter"
    if isinstance(error, api.NotFound):
        return f"there is no project {project}: check BRIDGE_MONITORING_PROJECT"
    if isinstance(error, api.Forbidden):
        return (
            f"no permission to write metrics to {project}: grant {role} in it to the account that "
            f"the bridge runs as ({_line(error)})"
        )
    if isinstance(error, DefaultCredentialsError):
        return (
            "no Google credentials: run gcloud auth application-default login, or run it as an "
            f"account that has {role}"
        )
    if isinstance(error, (GoogleAuthError, api.Unauthenticated)):
        return f"Google refuses the credentials ({_line(error)})"
    if isinstance(error, api.GatewayTimeout):
        return "Cloud Monitoring does not answer"
    return _line(error)


def _refusal(error: BaseException) -> ClientAuthenticationError | None:
    for one in _chain(error):
        if isinstance(one, ClientAuthenticationError):
            return one if 400 <= (one.status_code or 400) < 500 else None
    return None


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


def _texts(error: BaseException) -> str:
    return " ".join(str(one) for one in _chain(error))


def _any(error: BaseException, *wanted: type[BaseException]) -> bool:
    return any(isinstance(one, wanted) for one in _chain(error))


def _is_unknown_host(error: BaseException, texts: str) -> bool:
    return _any(error, socket.gaierror) or "Name or service not known" in texts


def _line(error: BaseException) -> str:
    """The error's own text on one line, without what makes every line differ or says nothing."""
    text = " ".join(str(error).split()) or type(error).__name__
    text = _ADDRESS.sub("", _NOISE.split(text)[0])
    text = _LEAD.sub("", text).rstrip(" .")
    return text if len(text) <= 300 else text[:297] + "..."
