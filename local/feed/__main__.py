"""``python -m local.feed``: what a run holds, as a table or as files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import schemas
from local.feed.folder import Folder
from local.feed.message import FeedMessage
from local.feed.profile import ProfileError, bundled, parse
from local.feed.schedule import day
from local.feed.summary import Summary
from local.sample_messages import samples


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write 2026-05-06T03:00") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.feed",
        description="Simulated IRIS traffic, made from the bundled samples.",
    )
    parser.add_argument("--minutes", type=float, default=1_440.0, help="simulated; default a day")
    parser.add_argument("--seed", type=int, default=1, help="which traffic (default: %(default)s)")
    parser.add_argument(
        "--start",
        type=_moment,
        metavar="TIME",
        help="simulated start, ISO, UTC unless it has an offset (default: this minute)",
    )
    parser.add_argument(
        "--speed", type=float, default=1.0, help="simulated seconds a second (default: 1)"
    )
    parser.add_argument(
        "--odd", type=float, default=0.0, metavar="SHARE", help="of messages that are odd, 0 to 1"
    )
    parser.add_argument("--profile", type=Path, metavar="FILE", help="in place of the bundled one")
    parser.add_argument("--summary", action="store_true", help="print a table of what there is")
    parser.add_argument(
        "--write", type=Path, metavar="FOLDER", help="write files <DATASET>/<message_id>"
    )
    arguments = parser.parse_args(argv)
    if not arguments.summary and arguments.write is None:
        parser.error("give --summary, --write FOLDER or both")
    if not arguments.minutes > 0:
        parser.error(f"--minutes: {arguments.minutes:g} must be greater than 0")
    if not arguments.speed > 0:
        parser.error(f"--speed: {arguments.speed:g} must be greater than 0")
    return arguments


def _messages(arguments: argparse.Namespace, start: datetime) -> Iterator[FeedMessage]:
    path = arguments.profile
    profile = bundled() if path is None else parse(path.read_bytes(), str(path))
    return day(
        profile,
        schemas.load(),
        dict(samples()),
        arguments.seed,
        start,
        timedelta(minutes=arguments.minutes),
        arguments.odd,
    )


def _run(arguments: argparse.Namespace) -> None:
    start = arguments.start or datetime.now(UTC).replace(second=0, microsecond=0)
    folder = None if arguments.write is None else Folder(arguments.write)
    summary = Summary()
    for message in _messages(arguments, start):
        summary.add(message)
        if folder is not None:
            folder.write(message)
    if arguments.summary:
        print("\n".join(summary.lines()))
        print(
            f"{arguments.minutes:g} minutes from {start:%Y-%m-%dT%H:%M:%SZ}, seed {arguments.seed};"
            f" sent at speed {arguments.speed:g} they take"
            f" {timedelta(minutes=arguments.minutes) / arguments.speed}"
        )
    if folder is not None:
        print(f"written to {arguments.write}/<DATASET>/<message_id>")


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the process's exit code: 2 where an argument, a file or the profile is wrong."""
    arguments = _arguments(argv)
    try:
        _run(arguments)
    except (OSError, ProfileError, ValueError) as error:
        print(f"local.feed: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
