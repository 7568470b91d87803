"""``python -m bridge``: the process."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import threading
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
ENV_FILE: Final = Path(".env")
OFFICIAL_FILE: Final = Path("settings.json")
#: Seconds after which a bridge that was told to stop ends, come what may.
CUT_OFF_SECONDS: Final = 9.0

log = logging.getLogger("bridge")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the bridge; 0: told to stop, or all is well; 1: a failure; 2: bad settings."""
    arguments = _arguments(argv)
    try:
        settings = parse(collect(os.environ, *_places(arguments)))
    except SettingsError as error:
        print(f"bridge: settings\n{_indented(str(error))}", file=sys.stderr)
        return BAD_INPUT
    if arguments.check:
        logging.disable(logging.CRITICAL)
        return asyncio.run(_check(settings))
    set_up(settings.log_level, settings.secrets)
    try:
        asyncio.run(_serve(settings))
    except (SettingsError, TopicError) as error:
        log.error("%s", error)
        return BAD_INPUT
    except Exception:
        log.exception("the bridge ends by a fault of its own")
        return FAILED
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
    parser.add_argument("--env-file", type=Path, help=f"default: {ENV_FILE}, if it is there")
    parser.add_argument(
        "--settings",
        type=Path,
        help=f"the official client's settings (default: {OFFICIAL_FILE}, if it is there)",
    )
    return parser.parse_args(argv)


def _places(arguments: argparse.Namespace) -> tuple[Path, Path]:
    """The two files. Raises SettingsError for one that is asked for and not there."""
    for given in (arguments.env_file, arguments.settings):
        if given is not None and not given.is_file():
            raise SettingsError(f"{given}: there is no such file")
    return arguments.env_file or ENV_FILE, arguments.settings or OFFICIAL_FILE


async def _check(settings: Settings) -> int:
    code = 0
    async for well, line in check(settings):
        print(("ok    " if well else "FAIL  ") + line, flush=True)
        code = code if well else FAILED
    return code


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told_to_stop() -> None:
        if not stop.is_set():
            stop.set()
            last = threading.Timer(CUT_OFF_SECONDS, _cut_off)
            last.daemon = True
            last.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told_to_stop)
    await serve(settings, stop)


def _cut_off() -> None:
    """Ends the process where Python waits for a thread, such as one that asks a silent DNS.

    Nothing is lost with it: what is not completed comes again.
    """
    log.warning("cut off: something did not end in time")
    os._exit(0)


def _indented(text: str) -> str:
    return "\n".join("  " + line for line in text.splitlines())


if __name__ == "__main__":
    sys.exit(main())
