"""Lines of a log: the same whatever pieces the file is read in, and a long one costs its length, not its square."""

from __future__ import annotations

import time

from telic.datasets.sources.files import source_file
from telic.datasets.sources.json_records import text_lines


def lines(tmp_path, content: bytes) -> list[tuple[int, str]]:
    path = tmp_path / "log.txt"
    path.write_bytes(content)
    return list(text_lines(source_file(path, "swf")))


def test_lines_over_the_edges_of_pieces_are_whole(tmp_path):
    piece = 1 << 20
    wanted = ["a" * (piece - 1), "b" * piece, "", "c" * (3 * piece + 5), "d", "e" * 7]
    found = lines(tmp_path, "\n".join(wanted).encode())
    assert found == [(i, text) for i, text in enumerate(wanted, start=1) if text]


def test_line_ends_of_windows_and_a_mark_at_the_beginning_are_no_text(tmp_path):
    assert lines(tmp_path, b"\xef\xbb\xbfa\r\n\r\nb\r\n") == [(1, "a"), (3, "b")]


def test_a_long_line_is_read_in_the_time_of_its_length(tmp_path):
    """Beside as many bytes in short lines: each piece joined to all before it would take some ten times as long."""
    took = []
    for content in (b"0" * 1023 + b"\n") * (56 << 10), b"0" * (56 << 20):
        begun = time.process_time()
        found = lines(tmp_path, content)
        took.append(time.process_time() - begun)
    assert len(found[0][1]) == 56 << 20
    assert took[1] < 4 * took[0]
