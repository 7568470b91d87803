"""``python -m bridge``: the process."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bridge.check import check
from bridge.logs import set_up
from bridge.service import serve
from bridge.settings import MEANING, Settings, SettingsError, collect, parse
from bridge.topic import TopicError

BAD_INPUT: Final = 2
FAILED: Final = 1

log = logging.getLogger("bridge")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the bridge; 0: told to stop, or all is well; 1: the check failed; 2: bad settings."""
    arguments = _arguments(argv)
    try:
        values = collect(os.environ, arguments.env_file, arguments.settings)
        settings = parse(values)
    except SettingsError as error:
        print(f"bridge: settings\n{_indented(str(error))}", file=sys.stderr)
        return BAD_INPUT
    if "PUBSUB_EMULATOR_HOST" in values:  # Google's libraries know it from the environment alone
        os.environ["PUBSUB_EMULATOR_HOST"] = values["PUBSUB_EMULATOR_HOST"]
    if arguments.check:
        logging.disable(logging.CRITICAL)
        return asyncio.run(_check(settings))
    set_up(settings.log_level, [settings.secret])
    try:
        asyncio.run(_serve(settings))
    except (SettingsError, TopicError) as error:
        log.error("%s", error)
        return BAD_INPUT
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    width = max(map(len, MEANING))
    parser = argparse.ArgumentParser(
        prog="python -m bridge",
        description="Relays messages of an IRIS queue to a Pub/Sub topic, until SIGTERM or Ctrl-C.",
        epilog="Settings, from the environment, else from .env, else from the official client's "
        "settings.json:\n" + "\n".join(f"  {name:{width}}  {MEANING[name]}" for name in MEANING),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--check", action="store_true", help="look at the queue and the topic, move nothing"
    )
    parser.add_argument("--env-file", type=Path, default=Path(".env"), help="default: %(default)s")
    parser.add_argument(
        "--settings",
        type=Path,
        default=Path("settings.json"),
        help="the official client's settings (default: %(default)s)",
    )
    return parser.parse_args(argv)


async def _check(settings: Settings) -> int:
    code = 0
    async for well, line in check(settings):
        print(("ok    " if well else "FAIL  ") + line, flush=True)
        code = code if well else FAILED
    return code


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(settings, stop)


def _indented(text: str) -> str:
    return "\n".join("  " + line for line in text.splitlines())


if __name__ == "__main__":
    sys.exit(main())
