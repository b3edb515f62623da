"""Quotation marks in CSV: values over several lines and lone marks are let through, an open one is not."""

from __future__ import annotations

import pytest

from telic.contract import Data
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.quotes import refuse_open_quote
from telic.errors import DataError


def source(tmp_path, text):
    path = tmp_path / "log.csv"
    path.write_bytes(text.encode())
    return SourceFile(path=path, name="log.csv", format="csv", digest="sha256:0")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b\n1,2\n3,4\n", 2),
        ('a,b\n1,"two\nlines"\n3,4\n', 2),  # closed, over two lines
        ('a,b\n1,5" pipe\n3,4\n', 2),  # a lone mark inside a value
        ('a,b\n1,5" pipe\n3,4\n\n\n', 2),  # and blank lines at the end
        ('a,b\n1,"say ""no"""\n3,4', 2),
    ],
)
def test_whole_files_are_let_through(tmp_path, text, rows, end):
    refuse_open_quote(source(tmp_path, text.replace("\n", end)), rows, Data(trajectory=("a",)))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_open_mark_is_refused_with_its_line(tmp_path, end):
    text = 'a,b\n1,2\n3,"4\n5,6\n7,8\n'.replace("\n", end)
    with pytest.raises(DataError, match=r"2 rows were read from 5 lines, and line 3 is the first"):
        refuse_open_quote(source(tmp_path, text), 2, Data(trajectory=("a",)))
