"""Tests that are coroutines and run side by side, for what they do is mostly to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any

from tests.local.servicebus.sdk import Sdk

Scenario = Callable[[Sdk], Coroutine[Any, Any, None]]
#: The ends of a module's scenarios, by name.
Ends = dict[str, Future[None]]

#: Seconds that a scenario may take; all share one thread for clients.
PATIENCE = 90.0


class Scenarios:
    """The scenarios of a module, collected by using this as a decorator.

    Each starts servers of its own, so that none is in another's way. All scenarios of all modules
    are started at once; a module has a test for each of its own that waits for its end.
    """

    def __init__(self) -> None:
        self._functions: dict[str, Scenario] = {}

    def __call__(self, function: Scenario) -> Scenario:
        self._functions[function.__name__] = function
        return function

    @property
    def names(self) -> list[str]:
        """Of all scenarios, in the order in which they stand."""
        return list(self._functions)

    def start(self, sdk: Sdk) -> Ends:
        """Starts all scenarios."""
        return {
            name: sdk.start(asyncio.wait_for(function(sdk), PATIENCE))
            for name, function in self._functions.items()
        }
