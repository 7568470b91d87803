"""``python -m local.pubsub``: the server as a process, until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence

from local.arguments import port
from local.pubsub.backlog import MemoryBacklog
from local.pubsub.disk import DiskBacklog
from local.pubsub.model import PubSubError
from local.pubsub.server import PubSubServer
from local.stopping import Stop


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.pubsub",
        description="A Pub/Sub server on this machine.",
    )
    parser.add_argument(
        "--data",
        metavar="FOLDER",
        help="keep topics, subscriptions and messages there (default: in memory, until the end)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="interface (default: %(default)s)")
    parser.add_argument("--port", type=port, default=8085, help="0: any (default: %(default)s)")
    parser.add_argument(
        "--project",
        default="local-project",
        help="of the names below; Beam wants six characters or more (default: %(default)s)",
    )
    parser.add_argument(
        "--topic", action="append", default=[], help="a topic to create; repeat for more"
    )
    parser.add_argument(
        "--subscription",
        action="append",
        default=[],
        metavar="NAME[@TOPIC]",
        help="a subscription to create, by default on the first --topic; repeat for more",
    )
    arguments = parser.parse_args(argv)
    if not arguments.topic and any("@" not in name for name in arguments.subscription):
        parser.error("--subscription needs a --topic")
    return arguments


def _create(server: PubSubServer, arguments: argparse.Namespace) -> None:
    topics = f"projects/{arguments.project}/topics"
    for topic in arguments.topic:
        server.ensure_topic(f"{topics}/{topic}")
    for subscription in arguments.subscription:
        name, _, topic = subscription.partition("@")
        server.ensure_subscription(
            f"projects/{arguments.project}/subscriptions/{name}",
            f"{topics}/{topic or arguments.topic[0]}",
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Serves until a signal comes; returns the process's exit code."""
    arguments = _arguments(argv)
    try:
        backlog = DiskBacklog(arguments.data) if arguments.data else MemoryBacklog()
        with Stop() as stop, PubSubServer(arguments.port, arguments.host, backlog) as server:
            _create(server, arguments)
            print(
                f"Pub/Sub on {server.address}: export PUBSUB_EMULATOR_HOST={server.address}",
                flush=True,
            )
            stop.wait(math.inf)
    except (OSError, PubSubError) as error:
        print(f"local.pubsub: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
