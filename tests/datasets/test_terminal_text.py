"""The current line of a terminal after it was edited; expected lines are those that xterm shows."""

from __future__ import annotations

import pytest

from telic.datasets.sources.terminal_text import LONGEST, Sign, TerminalLine


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("abc\b\bX", "aXc"),
        ("abc\b\b\x1b[K", "a"),
        ("abc\rX", "Xbc"),
        ("a\tb", "a       b"),
        ("abcd\x1b[3DX", "aXcd"),
        ("abcd\x1b[2D\x1b[P", "abd"),
        ("abd\x1b[D\x1b[@c", "abcd"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("abc\x1b[2Kd", "   d"),
        ("abc\x1b[5GX", "abc X"),
        ("\x1b]0;title\x07abc\x1b(B\x1b=", "abc"),
    ],
)
@pytest.mark.parametrize("pieces", [1, 100])
def test_editing_within_a_line(written, shown, pieces):
    line = TerminalLine(0)
    for piece in [written] if pieces == 1 else list(written):  # sequences may be split anywhere
        assert not list(line.feed(piece))
    assert line.text == shown


def test_a_line_wraps_at_the_width_as_readline_writes_it():
    line = TerminalLine(10)
    list(line.feed("$ 12345678" + " \r" + "9abc"))
    assert line.text == "$ 123456789abc"


def test_lines_marks_and_editing_come_in_order():
    line = TerminalLine(80)
    signs = list(
        line.feed("\x1b]133;A\x07\x1b[?2004hone\r\ntwo\x1b[?1049hhidden\r\n\x1b[?1049l\x1b]133;D;1\x1b\\")
    )
    assert signs == [Sign("mark", "A"), Sign("editing", "on"), Sign("line", "one"), Sign("mark", "D;1")]
    assert line.text == "two"


def test_a_bomb_of_moves_and_an_endless_sequence_stay_small():
    line = TerminalLine(0)
    list(line.feed("\x1b[999999999Cx\x1b[999999999@" + "\x1b]" + "y" * 10_000))
    list(line.feed("z" * (2 * LONGEST)))
    assert len(line.text) <= LONGEST
