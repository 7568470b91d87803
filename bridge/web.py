"""``/metrics``, ``/healthz`` and ``/readyz`` over HTTP."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bridge.metrics import Metrics
from bridge.settings import SettingsError
from bridge.state import State


@asynccontextmanager
async def serving(
    address: tuple[str, int] | None, metrics: Metrics, state: State
) -> AsyncIterator[int | None]:
    """Serves while the block runs; gives the port, None where ``address`` is None.

    Raises:
        SettingsError: the address cannot be listened on.
    """
    if address is None:
        yield None
        return
    runner = web.AppRunner(application(metrics, state), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, *address)
        try:
            await site.start()
        except OSError as error:
            number = error.errno or 0  # below 0 for an unknown host, with a text of its own
            why = os.strerror(number) if number > 0 else error.strerror
            raise SettingsError(
                f"BRIDGE_HTTP: cannot listen on {address[0]}:{address[1]}: {why}; "
                "choose another port, or none"
            ) from None
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def application(metrics: Metrics, state: State) -> web.Application:
    """The three pages.

    ``/healthz`` fails where the process should be restarted, ``/readyz`` where no message flows:
    an unavailable queue or topic is not mended by a restart.
    """

    async def show_metrics(_: web.Request) -> web.Response:
        body = generate_latest(metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def show_health(_: web.Request) -> web.Response:
        return _answer(not state.stuck, "stuck" if state.stuck else "alive")

    async def show_readiness(_: web.Request) -> web.Response:
        return _answer(state.ready, f"queue {state.queue}, topic {state.topic}")

    app = web.Application()
    app.router.add_get("/metrics", show_metrics)
    app.router.add_get("/healthz", show_health)
    app.router.add_get("/readyz", show_readiness)
    return app


def _answer(well: bool, text: str) -> web.Response:
    return web.Response(status=200 if well else 503, text=text + "\n")
