"""Children: their start and end, what they say, and how they are asked to stop."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local import processes
from local.processes import Child, signal_name, stop_all
from tests.local.waiting import eventually, is_alive

MakeChild = Callable[..., Child]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[MakeChild]:
    """Makes children that do what ``tests.local.program`` is told."""
    children: list[Child] = []

    def make(*arguments: str, log: str = "log/child.log", **options: object) -> Child:
        environment = {"TOLD": "so"}
        child = Child("tests.local.program", arguments, environment, tmp_path / log, **options)
        children.append(child)
        return child

    yield make
    for child in children:
        if child.is_running:
            child.kill()


def started(child: Child) -> Child:
    """``child``, once it runs and is ready for signals."""
    child.start()
    eventually(lambda: "waiting" in child.output)
    return child


def ended(child: Child) -> Child:
    child.start()
    eventually(lambda: not child.is_running)
    return child


def test_a_quiet_child_writes_all_to_its_log(make: MakeChild) -> None:
    child = ended(make("tell", "one", "two", quiet=True))
    assert sorted(child.output.splitlines()) == ["('one', 'two') so", "and an error"]
    assert child.log.read_text() == child.output


def test_else_its_answer_is_on_standard_output(
    make: MakeChild, capfd: pytest.CaptureFixture[str]
) -> None:
    assert ended(make("tell", "one")).output == "and an error\n"
    assert capfd.readouterr() == ("('one',) so\n", "")


def test_code_and_fate(make: MakeChild) -> None:
    child = make("wait")
    assert not child.is_running
    started(child)
    assert (child.is_running, child.code, child.fate) == (True, None, "runs")
    assert is_alive(child.pid)
    assert child.kill() == -signal.SIGKILL
    assert (child.is_running, child.code) == (False, -signal.SIGKILL)
    assert child.fate == "was ended by SIGKILL"
    assert ended(make("end", "3", "bye")).fate == "ended with code 3"


def test_output_is_that_of_the_last_start(make: MakeChild) -> None:
    child = make("end", "1", "first\nsecond\nthird")
    assert child.output == ""
    ended(child)
    ended(child)
    assert child.output == "first\nsecond\nthird\n"
    assert child.last_words(2) == "second\nthird"
    assert child.log.read_text() == 2 * child.output


def test_a_log_that_has_become_long_is_put_aside(
    make: MakeChild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "MOST_LOG_BYTES", 10)
    child = ended(make("end", "1", "123456789"))
    ended(child)  # 10 bytes are not more than 10
    assert child.log.read_text() == "123456789\n123456789\n"
    ended(child)
    assert child.log.read_text() == child.output == "123456789\n"
    assert child.log.with_name("child.log.1").read_text() == "123456789\n123456789\n"


def test_so_is_one_that_becomes_long_while_the_child_runs(
    make: MakeChild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "MOST_LOG_BYTES", 10)
    child = ended(make("end", "1", "123456789"))
    child.limit_log()  # as long as it may be
    talker = started(make("echo"))
    talker.limit_log()
    aside = child.log.with_name("child.log.1")
    assert (aside.read_text(), child.log.read_text()) == ("123456789\nwaiting\n", "")
    os.kill(talker.pid, signal.SIGHUP)
    eventually(lambda: talker.output == "hung up\n")
    assert talker.last_words() == "hung up"
    assert child.log.read_text() == "hung up\n"


def test_of_a_long_output_the_end_is_read(make: MakeChild, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_TAIL_BYTES", 8)
    child = ended(make("end", "1", "first\nsecond"))
    assert child.output == "\nsecond\n"
    assert child.last_words(1) == "second"


def test_a_log_that_is_gone_has_no_words(make: MakeChild) -> None:
    child = started(make("wait"))
    shutil.rmtree(child.log.parent)
    child.limit_log()
    assert (child.output, child.last_words()) == ("", "")
    child.kill()
    started(child)
    assert child.last_words() == "waiting"


def test_a_child_that_is_asked_ends_by_itself(make: MakeChild) -> None:
    idle = make("wait", log="idle.log")
    first, second = (started(make("wait", log=f"{at}.log")) for at in range(2))
    stop_all([first, idle, second])
    assert (first.code, second.code) == (7, 7)
    stop_all([first])  # nobody is there to be asked


def test_a_child_that_does_not_end_is_killed(make: MakeChild) -> None:
    stubborn = started(make("stay", patience=0.2))
    stop_all([stubborn])
    assert stubborn.code == -signal.SIGKILL


def test_patience_is_each_childs_own(make: MakeChild) -> None:
    """By a clock that goes on by a second at each look at it."""
    now = iter(range(1_000_000))
    hasty = started(make("stay", log="hasty.log", patience=5.0))
    patient = started(make("stay", log="patient.log", patience=20.0))
    alive: list[bool] = []

    def is_urgent() -> bool:
        if not hasty.is_running:
            alive.append(patient.is_running)
        return False

    stop_all([hasty, patient], is_urgent, clock=lambda: float(next(now)))
    assert (hasty.code, patient.code) == (-signal.SIGKILL, -signal.SIGKILL)
    assert len(alive) > 10
    assert all(alive[:10])


def test_urgency_ends_all_patience(make: MakeChild) -> None:
    stubborn = started(make("stay", patience=1_000.0))
    looks = iter([False, False, True])
    stop_all([stubborn], lambda: next(looks))
    assert stubborn.code == -signal.SIGKILL
    assert next(looks, None) is None


def test_ctrl_c_is_for_the_parent(make: MakeChild) -> None:
    """A terminal sends it to the foreground's process group."""
    child = started(make("wait"))
    group = int(Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[2])
    assert group == child.pid


def test_names_of_signals() -> None:
    assert (signal_name(9), signal_name(250)) == ("SIGKILL", "signal 250")
