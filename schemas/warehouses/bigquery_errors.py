"""Google's errors in words, and how long an answer is waited for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar

from google.api_core import exceptions as api
from google.auth.exceptions import GoogleAuthError, TransportError
from google.cloud import bigquery
from requests.exceptions import RequestException

from schemas.warehouses.base import WarehouseError

_SECONDS: Final = 60.0
#: For every call of Google's client, which would else try for ten minutes without a word.
PATIENCE: Final[dict[str, Any]] = {
    "retry": bigquery.DEFAULT_RETRY.with_timeout(_SECONDS),
    "timeout": _SECONDS,
}
#: Reasons of a 403 that roles mend; others are quotas, billing and policies.
#: https://cloud.google.com/bigquery/docs/error-messages
_ROLES: Final = frozenset({"accessDenied", "forbidden", ""})

P = ParamSpec("P")
T = TypeVar("T")


def told(method: Callable[P, T]) -> Callable[P, T]:
    """Google's errors become WarehouseError."""

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except api.Forbidden as error:
            raise WarehouseError(_forbidden(error)) from error
        except api.GoogleAPICallError as error:
            raise WarehouseError(str(error.message)) from error
        except (api.RetryError, RequestException, TransportError) as error:
            cause = getattr(error, "cause", None) or error
            raise WarehouseError(
                f"BigQuery does not answer, tried for up to {_SECONDS:.0f} seconds: see to the "
                f"network, and run it again ({_line(cause)})"
            ) from error
        except GoogleAuthError as error:
            raise WarehouseError(
                f"no Google credentials: run gcloud auth application-default login ({error})"
            ) from error

    return call


def _forbidden(error: api.Forbidden) -> str:
    reasons = {str(one.get("reason", "")) for one in error.errors if isinstance(one, dict)}
    if reasons and not reasons & _ROLES:
        return str(error.message)
    return (
        f"{error.message}\nroles/bigquery.dataEditor on the dataset and roles/bigquery.jobUser on "
        "the project are needed; to make the dataset, roles/bigquery.user on the project"
    )


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
