"""Bad files of every format: each is refused with an error that names the file, and nothing is stored.

What a format must do is the same for all, so a new one is tried by having an entry in ``format_samples.SAMPLES``.
"""

from __future__ import annotations

import functools
import gzip
import io
import pickle
import tempfile
import zipfile
from pathlib import Path

import pytest
from format_samples import SAMPLES, contract_for, missing_package, write_sample

from telic.contract import TaskContract
from telic.datasets import DatasetStore, ingest
from telic.datasets.sources import files, json_records
from telic.datasets.sources.formats import MODULES
from telic.errors import DataError, PermanentError

READABLE = tuple(name for name in SAMPLES if not missing_package(name))
FOLDERS = tuple(name for name in READABLE if isinstance(SAMPLES[name][1], Path) and SAMPLES[name][1].is_dir())
SINGLE = tuple(name for name in READABLE if name not in FOLDERS)
TEXT = tuple(name for name in SINGLE if isinstance(SAMPLES[name][1], str | Path))
"""Formats of text, which may be compressed."""

LONGEST = 1 << 12
"""Bytes of a line in these tests; 64 MiB otherwise."""

SIZE = 1 << 16
"""Bytes that a compressed file may unpack to in these tests; 64 MiB otherwise."""


def zipped() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("log.json", b"0" * (1 << 20))
    return held.getvalue()


class Runs:
    """What a pickle can do to whoever loads it: call anything."""

    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("loaded"),))


BAD = {
    "nothing": b"",
    "a newline": b"\n",
    "invalid UTF-8": b'{"a": "\xff\xfe"}\n' * 3,
    "zeros": b"\x00" * 5_000,
    "a gigantic line": b'{"a": "' + b"x" * (1 << 20),
    "a bomb of lists": b"[" * 100_000,
    "a bomb of objects": b'{"a":' * 100_000,
    "a bomb of elements": b"<?xml version='1.0'?>" + b"<a>" * 100_000,
    "a bomb of entities": b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'bb'><!ENTITY c '&b;&b;&b;'>]><a>&c;</a>",
    "a ZIP bomb": zipped(),
    "a pickle": pickle.dumps(Runs(), protocol=4),
    "a pickle of text": pickle.dumps(Runs(), protocol=0),
    "half a character": b'{"a": "\\ud83d"}\n',
    "half a character in a list": b'{"version": 2, "width": 80}\n[1.0, "o", "\\ud83d"]\n',
    "a number of 5,000 digits": b'{"a": ' + b"9" * 5_000 + b"}\n",
    "an error": b'{"status": "error", "errorType": "bad_data", "error": "parse error"}\n',
    "a page": b"<!DOCTYPE html><html><body>503 Service Unavailable</body></html>\n",
}


def refused(name: str, path: Path, tmp_path: Path) -> str:
    store = DatasetStore(tmp_path / "data")
    with pytest.raises((DataError, PermanentError)) as caught:
        ingest(contract_of(name), path, store)
    assert store.versions() == ()
    inside = [p.name for p in path.rglob("*")] if path.is_dir() else []
    assert any(called in str(caught.value) for called in (path.name, *inside))
    assert caught.value.hint
    return str(caught.value)


@functools.cache
def contract_of(name: str) -> TaskContract:
    """The contract that reads the sample of a format."""
    with tempfile.TemporaryDirectory() as folder:
        return contract_for(name, write_sample(name, Path(folder)))


def test_every_format_has_a_sample_that_is_read(tmp_path):
    by_their_own_libraries = {
        "delta",
        "iceberg",
    }  # folders of tables, with bad input of their own in their tests
    assert {name.partition(":")[0] for name in SAMPLES} == set(MODULES) - by_their_own_libraries
    for name in READABLE:
        folder = tmp_path / name.replace(":", "-")
        folder.mkdir()
        store = DatasetStore(folder / "data")
        assert ingest(contract_of(name), write_sample(name, folder), store).n_decisions >= 2
        assert len(store.versions()) == 1


def test_no_format_is_left_out_for_want_of_a_package():
    missing = {missing_package(name): name for name in SAMPLES if missing_package(name)}
    if missing:
        pytest.skip(
            f"not tried: {', '.join(f'{name} (install {package})' for package, name in missing.items())}"
        )
    assert set(READABLE) == set(SAMPLES)


@pytest.mark.parametrize("name", SINGLE)
def test_bad_bytes_are_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(json_records, "LONGEST_LINE", LONGEST)
    path = tmp_path / SAMPLES[name][0]
    for bad in BAD.values():
        path.write_bytes(bad)
        refused(name, path, tmp_path)
    assert not (tmp_path / "loaded").exists()


@pytest.mark.parametrize("name", SINGLE)
def test_a_sample_cut_in_the_middle_of_a_record_is_refused(tmp_path, name):
    path = write_sample(name, tmp_path)
    whole = path.read_bytes().rstrip()
    last = whole.rfind(b"\n")
    path.write_bytes(whole[: last + (len(whole) - last) // 3])
    refused(name, path, tmp_path)


@pytest.mark.parametrize("name", TEXT)
def test_a_sample_that_unpacks_to_far_more_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.setattr(files, "UNPACKED_BYTES", SIZE)
    called = SAMPLES[name][0]
    path = tmp_path / f"{called}.gz"
    good = write_sample(name, tmp_path).read_bytes()
    path.write_bytes(gzip.compress(good + b"\n" * (1 << 20)))
    assert "unpacks to more than" in refused(name, path, tmp_path)


@pytest.mark.parametrize("name", TEXT)
def test_a_compressed_sample_that_was_cut_off_is_refused(tmp_path, name):
    path = tmp_path / f"{SAMPLES[name][0]}.gz"
    packed = gzip.compress(write_sample(name, tmp_path).read_bytes())
    path.write_bytes(packed[: len(packed) // 2])
    refused(name, path, tmp_path)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_of_which_a_needed_file_is_broken_is_refused(tmp_path, name):
    path, needed = write_sample(name, tmp_path), 0
    for inside in sorted(p for p in path.rglob("*") if p.is_file()):
        whole = inside.read_bytes()
        inside.unlink()
        if not is_refused(name, path, tmp_path):
            inside.write_bytes(whole)
            continue
        needed += 1
        for bad in (whole[: len(whole) // 2], b"", BAD["a pickle"], BAD["invalid UTF-8"]):
            inside.write_bytes(bad)
            refused(name, path, tmp_path)
        inside.write_bytes(whole)
    assert needed >= 2


def is_refused(name: str, path: Path, tmp_path: Path) -> bool:
    try:
        ingest(contract_of(name), path, DatasetStore(tmp_path / "other"))
    except (DataError, PermanentError):
        return True
    return False


@pytest.mark.parametrize("name", FOLDERS)
def test_a_file_in_place_of_a_folder_is_refused(tmp_path, name):
    path = tmp_path / SAMPLES[name][0]
    path.write_bytes(b"{}")
    refused(name, path, tmp_path)
