"""No proxy between two processes of this machine, and the user's for everything else."""

from __future__ import annotations

import pytest

from local.proxies import direct

HERE = "127.0.0.1,localhost"


@pytest.mark.parametrize(
    ("environment", "lower", "upper", "grpc"),
    [
        ({}, HERE, HERE, HERE),
        ({"no_proxy": "", "NO_PROXY": " , "}, HERE, HERE, HERE),
        ({"no_proxy": "a, b"}, f"a,b,{HERE}", f"a,b,{HERE}", f"a,b,{HERE}"),
        ({"NO_PROXY": "a"}, f"a,{HERE}", f"a,{HERE}", f"a,{HERE}"),
        ({"no_proxy": "a", "NO_PROXY": "b"}, f"a,{HERE}", f"b,{HERE}", f"a,{HERE}"),
        ({"no_proxy": "a", "no_grpc_proxy": "c"}, f"a,{HERE}", f"a,{HERE}", f"c,{HERE}"),
        (
            {"no_proxy": "localhost,127.0.0.1", "https_proxy": "http://proxy:3128"},
            "localhost,127.0.0.1",
            "localhost,127.0.0.1",
            "localhost,127.0.0.1",
        ),
        ({"no_proxy": "*"}, "*", "*", HERE),
    ],
)
def test_what_is_excepted(environment: dict[str, str], lower: str, upper: str, grpc: str) -> None:
    assert direct(environment) == {"no_proxy": lower, "NO_PROXY": upper, "no_grpc_proxy": grpc}
