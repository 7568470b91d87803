"""Servers on this machine are reached directly, whatever proxy the user has set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_HERE: Final = ("127.0.0.1", "localhost")


def direct(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that keep a program from asking a proxy for this machine's servers.

    What the user has excepted stays excepted, and everything else goes through the proxy as
    before: a login at the real service may need it.

    Args:
        environment: the user's.
    """
    lower, upper = environment.get("no_proxy"), environment.get("NO_PROXY")
    usual = lower or upper or ""
    return {
        # Most programs look at one of the two, in lower case first.
        "no_proxy": _with_here(usual),
        "NO_PROXY": _with_here(upper or usual),
        # gRPC does not look at no_proxy where this one is set, and compares a star as a letter.
        "no_grpc_proxy": _with_here(environment.get("no_grpc_proxy", usual).replace("*", "")),
    }


def _with_here(excepted: str) -> str:
    names = [name.strip() for name in excepted.split(",") if name.strip()]
    if names == ["*"]:  # all; among others it would mean nothing
        return "*"
    return ",".join([*names, *(name for name in _HERE if name not in names)])
