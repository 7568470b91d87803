"""``python -m local.servicebus``: the server as a process, until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from local.arguments import port
from local.servicebus.server import ServiceBusServer
from local.stopping import Stop

_BAD_INPUT: Final = 2


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.servicebus",
        description="An Azure Service Bus namespace on this machine. Messages live in memory.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="interface (default: %(default)s)")
    parser.add_argument("--port", type=port, default=5672, help="0: any (default: %(default)s)")
    parser.add_argument(
        "--queue", action="append", default=[], help="a queue; repeat for more (default: iris)"
    )
    parser.add_argument(
        "--lock-seconds",
        type=float,
        default=60.0,
        help="how long a received message is locked (default: %(default)s)",
    )
    parser.add_argument("--certificate", type=Path, help="PEM file with the chain, for TLS")
    parser.add_argument("--key", type=Path, help="PEM file with the certificate's key")
    arguments = parser.parse_args(argv)
    if (arguments.certificate is None) != (arguments.key is None):
        parser.error("--certificate and --key go together")
    return arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Serves until a signal comes; returns the process's exit code."""
    arguments = _arguments(argv)
    certificate = (arguments.certificate, arguments.key) if arguments.certificate else None
    try:
        server = ServiceBusServer(
            arguments.queue or ["iris"],
            port=arguments.port,
            host=arguments.host,
            lock_seconds=arguments.lock_seconds,
            certificate=certificate,
        )
    except ValueError as error:
        print(f"local.servicebus: {error}", file=sys.stderr)
        return _BAD_INPUT
    try:
        with Stop() as stop, server:
            use = (
                f"custom_endpoint_address=sb://{server.address}"
                if certificate
                else f"the connection string is {server.connection_string}"
            )
            print(f"Service Bus on {server.address}: {use}", flush=True)
            stop.wait(math.inf)
    except OSError as error:
        print(f"local.servicebus: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
