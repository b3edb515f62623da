"""Files are there whole or not at all, and a failure says whether to try again."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import subprocess
from pathlib import Path

import pytest

from telic.errors import PermanentError, TemporaryError
from telic.storage import BlobStore, atomic_write, file_digest


def failing_writer(code: int, written: bytes = b"half"):
    def write(file) -> None:
        file.write(written)
        file.flush()
        raise OSError(code, os.strerror(code))

    return write


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def tiny_disk(tmp_path):
    """A real file system of 64 KiB; skips where this user may not mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    try:
        done = subprocess.run(mount, check=False, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no `mount` on this machine: the full disk is only tried by an injected error")
    if done.returncode:
        pytest.skip("this user may not mount a file system: the full disk is only tried by an injected error")
    yield place
    subprocess.run(["umount", str(place)], check=True, capture_output=True)


def test_a_file_is_written_replaced_and_nothing_is_left_beside_it(tmp_path):
    target = tmp_path / "deep" / "a.json"
    assert atomic_write(target, b"one") == target
    atomic_write(target, lambda file: file.write(b"two"))
    assert target.read_bytes() == b"two"
    assert names(target.parent) == ["a.json"]


def test_a_new_file_has_the_rights_of_an_ordinary_one(tmp_path):
    before = os.umask(0o027)
    try:
        atomic_write(tmp_path / "a", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_a_real_full_disk_keeps_the_old_content_and_says_to_free_space(tiny_disk):
    target = tiny_disk / "dataset.parquet"
    atomic_write(target, b"old" * 1000)
    with pytest.raises(TemporaryError) as caught:
        atomic_write(target, b"new" * 100_000)
    assert "the disk is full" in str(caught.value)
    assert "What was there before is whole" in str(caught.value)
    assert "hint: Free some space" in str(caught.value)
    assert target.read_bytes() == b"old" * 1000
    assert names(tiny_disk) == ["dataset.parquet"]


def test_a_real_full_disk_leaves_a_blob_store_as_it_was(tiny_disk):
    store = BlobStore(tiny_disk / "blobs")
    kept = store.put(b"kept")
    with pytest.raises(TemporaryError, match="disk is full"):
        store.put(os.urandom(200_000))
    assert list(store.digests()) == [kept]
    assert store.get(kept) == b"kept"
    assert store.put(b"small again") in set(store.digests())


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (errno.ENOSPC, TemporaryError, "disk is full"),
        (errno.EDQUOT, TemporaryError, "disk is full"),
        (errno.EBUSY, TemporaryError, "Try again"),
        (errno.EROFS, PermanentError, "Check that the path exists"),
    ],
)
def test_a_failing_write_keeps_the_old_content_and_names_the_file(tmp_path, code, kind, words):
    target = tmp_path / "a.json"
    atomic_write(target, b"old")
    with pytest.raises(kind, match=words) as caught:
        atomic_write(target, failing_writer(code))
    assert str(target) in str(caught.value)
    assert caught.value.data["errno"] == code
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["a.json"]


def test_an_error_of_the_writer_itself_passes_through_and_keeps_the_old_content(tmp_path):
    target = tmp_path / "a.json"
    atomic_write(target, b"old")

    def write(file) -> None:
        file.write(b"half")
        raise KeyError("a bug, not a disk")

    with pytest.raises(KeyError):
        atomic_write(target, write)
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["a.json"]


def test_a_folder_in_the_way_of_the_file_is_a_permanent_error(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(PermanentError, match="Could not write"):
        atomic_write(tmp_path / "a", b"x")
    assert names(tmp_path) == ["a"]


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path):
    content = os.urandom(3 * (1 << 20) + 17)
    (tmp_path / "a").write_bytes(content)
    assert file_digest(tmp_path / "a") == "sha256:" + hashlib.sha256(content).hexdigest()
    with pytest.raises(PermanentError, match="Could not read"):
        file_digest(tmp_path / "missing")


def test_the_folder_is_forced_to_the_disk_after_the_rename(tmp_path, monkeypatch):
    events: list[str] = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(descriptor) -> None:
        events.append("sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        real_fsync(descriptor)

    def replace(self, target):
        events.append("rename")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    atomic_write(tmp_path / "a", b"x")
    assert events == ["sync file", "rename", "sync folder"]
