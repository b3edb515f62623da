"""JSON of exports: values by line or one after the other, their parts by name, and bounded memory of repeats."""

from __future__ import annotations

import functools
import json

import pytest

from telic.datasets.sources import files, json_records
from telic.datasets.sources.event_format import event_pieces
from telic.datasets.sources.files import source_file, text_stream
from telic.datasets.sources.formats import event_format
from telic.datasets.sources.json_values import Place, child, children, json_values
from telic.datasets.sources.repeats import Repeats
from telic.errors import DataError


def values(tmp_path, text: str | bytes, name: str = "export.json") -> list[tuple[int, object]]:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [(place.line, value) for place, value in json_values(source_file(path, "pagerduty"))]


def test_lines_and_documents_are_told_apart(tmp_path):
    assert values(tmp_path, '{"a": 1}\n\n[2]\n') == [(1, {"a": 1}), (3, [2])]
    pretty = json.dumps({"a": [1, 2]}, indent=2)
    assert values(tmp_path, f"\n{pretty}\n{pretty}") == [(2, {"a": [1, 2]}), (8, {"a": [1, 2]})]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}\n{"a": ', r"export\.json line 2 is not JSON"),
        ('{"a": 1,\n "b": [\n', r"export\.json line 3 is not JSON"),
        ("[" * 100_000, "line 1 is not JSON: nested too deep"),
        ('{\n"a":' + "[" * 100_000, "is not JSON: nested too deep"),
        ('{"a": 1}\n{"a": ' + "9" * 5_000 + "}", "line 2 is not JSON: a number has too many digits"),
        ('{"a": 1}\n' + "[" * 66 + "]" * 66, "line 2 is nested more than 64 levels deep"),
        ('{"a": "\\ud83d"}', "line 1 holds half a character"),
        ('{"a":\n "\\uDE00"}', "line 1 holds half a character"),
        (b"\x80\x04\x95\x10\x00\x00\x00", "is a Python pickle"),
        (b"\x1f\x8b\x08\x00abc", "is compressed with gzip, though its name ends in .json"),
    ],
)
def test_what_is_no_json_is_refused_by_line(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        values(tmp_path, text)


def test_many_brackets_side_by_side_are_not_deep(tmp_path):
    assert values(tmp_path, json.dumps([[i] for i in range(100)])) == [(1, [[i] for i in range(100)])]
    assert values(tmp_path, "[" * 64 + "]" * 64)[0][0] == 1


def test_a_whole_character_of_two_halves_is_read(tmp_path):
    assert values(tmp_path, '{"a": "\\ud83d\\ude00"}') == [(1, {"a": "\N{GRINNING FACE}"})]


def test_a_line_over_the_limit_is_refused_and_one_at_the_limit_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(json_records, "LONGEST_LINE", 100)
    assert values(tmp_path, '{"a": 1}\n' + json.dumps("x" * 98) + "\n") == [(1, {"a": 1}), (2, "x" * 98)]
    with pytest.raises(DataError, match="line 2 is longer"):
        values(tmp_path, '{"a": 1}\n' + json.dumps("x" * 99) + "\n")


def test_parts_of_another_type_are_faults_of_the_file():
    place = Place(file="f.json", line=7)
    assert child({}, "metadata", place) == {}
    assert children({"items": None}, "items", place) == []
    with pytest.raises(DataError, match=r"f\.json line 7 has str for `metadata`"):
        child({"metadata": "x"}, "metadata", place)
    with pytest.raises(DataError, match=r"f\.json line 7 has no list of objects for `items`"):
        children({"items": [{}, 3]}, "items", place)


def test_repeats_are_known_as_long_as_they_are_remembered():
    repeats = Repeats(remembered=2)
    assert [repeats.seen(x) for x in ("a", "b", "a", "c", "a")] == [False, False, True, False, False]


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz"])
def test_a_file_that_unpacks_to_far_more_than_a_log_is_refused(tmp_path, monkeypatch, ending):
    import bz2
    import gzip
    import lzma

    pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}[ending]
    monkeypatch.setattr(files, "UNPACKED_BYTES", 1 << 20)
    path = tmp_path / f"log.csv{ending}"
    path.write_bytes(pack(b"0" * (1 << 20)))
    with text_stream(path) as stream:
        assert len(b"".join(iter(functools.partial(stream.read, 1 << 16), b""))) == 1 << 20
    path.write_bytes(pack(b"0" * (1 << 21)))
    with (
        text_stream(path) as stream,
        pytest.raises(DataError, match=rf"log\.csv{ending} .* unpacks to more"),
    ):
        list(iter(functools.partial(stream.read, 1 << 16), b""))


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ([1, 2.5, None], [1.0, 2.5, None]),
        ([1, 10**30, None], ["1", str(10**30), None]),
        ([0.5, 10**400, True], ["0.5", str(10**400), "true"]),
        ([2**63 - 1, -(2**63)], [2**63 - 1, -(2**63)]),
        ([2**63], [str(2**63)]),
    ],
)
def test_whole_numbers_beyond_64_bits_become_text_with_all_their_digits(tmp_path, given, read):
    path = tmp_path / "audit.log"
    event = {"kind": "Event", "apiVersion": "audit.k8s.io/v1", "stage": "Panic"}
    path.write_text("".join(json.dumps({**event, "x": value}) + "\n" for value in given))
    source, form = source_file(path, "kubernetes-audit"), event_format("kubernetes-audit")
    assert [value for piece in event_pieces(source, form, ["x"]) for value in piece["x"].to_pylist()] == read
