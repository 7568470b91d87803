"""What the user reads, on a terminal and elsewhere."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import select
import struct
import termios
from collections.abc import Iterator

import pytest

from local.console import Console


class Terminal:
    """A terminal of 20 columns: a stream, and what it was sent."""

    def __init__(self) -> None:
        self._reader, writer = os.openpty()
        self.stream = open(writer, "w", encoding="utf-8")  # noqa: SIM115
        self.resize(20)

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self._reader, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def expect(self, text: str) -> None:
        """Fails unless this, and nothing else, was sent; waits where it is longer in coming."""
        received = ""
        while text.startswith(received) and received != text:
            # The terminal itself puts a return before each new line.
            received += os.read(self._reader, 10_000).decode().replace("\r\n", "\n")
        assert received == text
        assert select.select([self._reader], [], [], 0)[0] == []

    def hang_up(self) -> None:
        os.close(self._reader)
        self._reader = -1

    def close(self) -> None:
        if self._reader >= 0:
            self.hang_up()
        with contextlib.suppress(OSError):  # what was not received
            self.stream.close()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.close()


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_state_is_rewritten_and_cut_to_the_terminal(terminal: Terminal) -> None:
    console = Console(terminal.stream, now=lambda: "12:00:00")
    console.show("1,000 messages")
    terminal.expect("\r\033[K12:00:00 1,000 mess")
    terminal.resize(40)
    console.show("1,000 messages")
    terminal.expect("\r\033[K12:00:00 1,000 messages")


def test_what_is_said_stays_and_takes_the_place_of_a_state(terminal: Terminal) -> None:
    console = Console(terminal.stream, now=lambda: "12:00:00")
    console.show("a state")
    console.say("all of a line that is longer than the terminal")
    console.clear()
    terminal.expect(
        "\r\033[K12:00:00 a state"
        "\r\033[K12:00:00 all of a line that is longer than the terminal\n"
        "\r\033[K"
    )


def test_a_terminal_that_does_not_tell_its_width_is_taken_for_80(terminal: Terminal) -> None:
    terminal.resize(0)
    Console(terminal.stream, now=lambda: "12:00:00").show(100 * "x")
    terminal.expect("\r\033[K12:00:00 " + 70 * "x")


def test_a_terminal_that_is_closed_is_no_fault(terminal: Terminal) -> None:
    console = Console(terminal.stream)
    console.show("a state")
    terminal.hang_up()
    console.show("another one")
    console.say("ending")
    console.clear()


def test_elsewhere_a_state_is_a_line_now_and_then() -> None:
    stream, clock = io.StringIO(), Clock()
    console = Console(stream, clock, now=lambda: "12:00:00")
    console.show("first, " + 100 * "x")
    assert not console.wants_state
    clock.now += 9.9
    console.show("too early")
    console.say("said at once")
    clock.now += 0.1
    assert console.wants_state
    console.show("second")
    console.clear()
    assert stream.getvalue().splitlines() == [
        f"12:00:00 first, {100 * 'x'}",
        "12:00:00 said at once",
        "12:00:00 second",
    ]


def test_by_default_it_is_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    Console(now=lambda: "12:00:00").say("hello")
    assert capsys.readouterr() == ("", "12:00:00 hello\n")
