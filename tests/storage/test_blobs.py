"""A blob store gives back what was put, and nothing else."""

from __future__ import annotations

import hashlib

import pytest

from telic.errors import PermanentError
from telic.storage import BlobStore


@pytest.fixture
def store(tmp_path):
    return BlobStore(tmp_path / "blobs")


@pytest.mark.parametrize("content", [b"", b"x", b"\x00" * 70_000])
def test_what_was_put_comes_back_under_the_digest_of_its_bytes(store, content):
    digest = store.put(content)
    assert digest == "sha256:" + hashlib.sha256(content).hexdigest()
    assert store.get(digest) == content
    assert store.has(digest)
    assert store.verify(digest).read_bytes() == content


def test_a_writer_and_its_bytes_are_one_blob(store):
    first = store.put(b"abc")
    assert store.put(lambda file: file.write(b"abc")) == first
    assert list(store.digests()) == [first]
    assert len([path for path in store.folder.rglob("*") if path.is_file()]) == 1


def test_a_damaged_blob_is_refused_and_repaired_by_putting_it_again(store):
    digest = store.put(b"the truth")
    store.path(digest).write_bytes(b"the trutH")
    for read in (store.get, store.verify):
        with pytest.raises(PermanentError, match="is corrupt") as caught:
            read(digest)
        assert "Restore it from a backup" in str(caught.value)
        assert caught.value.data["digest"] == digest
    assert store.put(b"the truth") == digest
    assert store.get(digest) == b"the truth"


def test_a_truncated_blob_is_refused(store):
    digest = store.put(b"the whole truth")
    store.path(digest).write_bytes(b"the whole")
    with pytest.raises(PermanentError, match="is corrupt"):
        store.get(digest)


def test_a_missing_blob_and_a_thing_that_is_no_digest_are_named(store):
    missing = "sha256:" + "0" * 64
    for read in (store.get, store.verify):
        with pytest.raises(PermanentError, match="No blob sha256:0000"):
            read(missing)
    assert not store.has(missing)
    for text in ("../../etc/passwd", "sha256:../x", "sha256:" + "g" * 64, "md5:" + "0" * 64):
        with pytest.raises(PermanentError, match="Expected a digest"):
            store.get(text)


def test_a_store_without_a_folder_is_empty(tmp_path):
    assert list(BlobStore(tmp_path / "nothing").digests()) == []
