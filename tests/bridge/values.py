"""Settings of a bridge as a mapping, and what it says of those that are wrong."""

from __future__ import annotations

import pytest

from bridge.settings import SettingsError, parse

LOGIN = {
    "IRIS_CLIENT_ID": "the-id",
    "IRIS_CLIENT_SECRET": "the-secret",
    "IRIS_QUEUE_NAME": "iris.0001",
    "PUBSUB_TOPIC": "projects/my-project/topics/iris",
}


def faults(values: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse(values)
    return str(caught.value).splitlines()
