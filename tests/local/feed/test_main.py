"""The command."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local.feed import FeedMessage, Odd, Profile
from local.feed.__main__ import main
from local.feed.summary import Summary
from pipeline.message import from_file
from tests.local.feed.conftest import Feed
from tests.local.feed.moments import START

RUN = ["--minutes", "2", "--start", "2026-06-01T12:00", "--seed", "3"]


def expected(profile: Profile, feed: Feed, odd: float = 0.0) -> list[FeedMessage]:
    """What the command of ``RUN`` is about."""
    return list(feed(profile, 3, START, timedelta(minutes=2), odd=odd))


def test_the_summary(profile: Profile, feed: Feed, capsys: pytest.CaptureFixture[str]) -> None:
    summary = Summary()
    for message in expected(profile, feed):
        summary.add(message)
    assert main([*RUN, "--speed", "60", "--summary"]) == 0
    assert capsys.readouterr() == (
        "\n".join(summary.lines()) + "\n"
        "2 minutes from 2026-06-01T12:00:00Z, seed 3; sent at speed 60 they take 0:00:02\n",
        "",
    )


def test_the_files_are_those_that_the_pipeline_reads(
    tmp_path: Path, profile: Profile, feed: Feed, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "feed"
    assert main([*RUN, "--odd", "0.2", "--write", str(folder)]) == 0
    assert capsys.readouterr().out == f"written to {folder}/<DATASET>/<message_id>\n"
    files = {path: path.read_bytes() for path in folder.glob("*/*")}
    found = {from_file(str(path), data)[:3] for path, data in files.items()}
    messages = expected(profile, feed, odd=0.2)
    assert found == {(one.body, one.dataset or "unknown", one.message_id) for one in messages}
    kinds = Counter(one.odd for one in messages)
    assert len(files) == len(messages) - kinds[Odd.DUPLICATE]


def test_by_default_it_begins_with_this_minute(capsys: pytest.CaptureFixture[str]) -> None:
    before = datetime.now(UTC).replace(second=0, microsecond=0)
    assert main(["--minutes", "0.01", "--summary"]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    begun = datetime.fromisoformat(line.split(" from ")[1].split(",")[0])
    assert before <= begun <= datetime.now(UTC)
    assert begun.second == 0


def test_a_profile_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.json"
    file.write_text('{"about": [], "datasets": {"TEMP": [{"every_minutes": 1}]}}')
    assert main([*RUN, "--summary", "--profile", str(file)]) == 0
    assert capsys.readouterr().out.splitlines()[2].split()[:3] == ["TEMP", "2", "2"]


@pytest.mark.parametrize(
    ("argv", "fault"),
    [
        ([], "give --summary, --write FOLDER or both"),
        (["--summary", "--minutes", "0"], "--minutes: 0 must be greater than 0"),
        (["--summary", "--speed", "-1"], "--speed: -1 must be greater than 0"),
        (
            ["--summary", "--start", "noon"],
            "argument --start: 'noon' is no time; write 2026-05-06T",
        ),
    ],
)
def test_arguments_that_are_refused(
    argv: list[str], fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert fault in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "content", "fault"),
    [
        (["--odd", "2"], None, "odd: 2 is no share between 0 and 1"),
        (["--profile", "mine.json"], None, "[Errno 2] No such file or directory: 'mine.json'"),
        (["--profile", "mine.json"], "[]", "mine.json: Expected `object`, got `array`"),
        (["--write", "mine.json"], "", "[Errno 20] Not a directory: 'mine.json/"),
        (
            ["--start", "2026-06-01T12:00:00.5"],
            None,
            "start: 2026-06-01T12:00:00.500000+00:00 needs",
        ),
    ],
)
def test_what_cannot_be_done(
    options: list[str],
    content: str | None,
    fault: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "mine.json").write_text(content)
    assert main([*RUN, "--summary", *options]) == 2
    assert capsys.readouterr().err.startswith(f"local.feed: {fault}")
