"""The store in a bucket: same digests as in a folder, one changed byte found, two writers lose nothing."""

import threading
from pathlib import Path

import pytest
from gate_service import service

from telic.datasets import DatasetStore
from telic.datasets.s3_store import S3DatasetStore, connect_s3
from telic.errors import DataError, PermanentError


@pytest.fixture
def client(monkeypatch):
    moto = pytest.importorskip(
        "moto", reason="moto and boto3 are not installed (extra `s3`): buckets were not tested"
    )
    for name, value in (("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    with moto.mock_aws():
        made = connect_s3()
        made.create_bucket(Bucket="lake")
        yield made


def test_what_is_loaded_elsewhere_is_what_was_published(client, tmp_path):
    here = S3DatasetStore(client, "lake", tmp_path / "here", "team")
    there = S3DatasetStore(client, "lake", tmp_path / "there", "team")
    demos = service()
    version = here.publish(demos)
    assert version.digest == DatasetStore(tmp_path / "plain").publish(demos).digest
    assert there.load().digest == demos.digest
    assert there.load(version.digest[7:17]).digest == demos.digest
    second = here.publish(service(2))
    assert there.load().digest == second.digest
    assert there.digests() == (version.digest, second.digest)
    here.publish(demos)
    assert there.load().digest == demos.digest
    assert not list(Path(tmp_path).rglob(".fetching-*"))
    with pytest.raises(DataError, match="begin with"):
        S3DatasetStore(client, "lake", tmp_path / "x", "other").load()


def test_a_changed_byte_is_found_and_nothing_is_left_behind(client, tmp_path):
    version = S3DatasetStore(client, "lake", tmp_path / "here").publish(service())
    key = f"versions/{version.digest[7:]}/trajectories.parquet"
    raw = bytearray(client.get_object(Bucket="lake", Key=key)["Body"].read())
    raw[40] ^= 1
    client.put_object(Bucket="lake", Key=key, Body=bytes(raw))
    with pytest.raises(PermanentError, match=r"trajectories\.parquet .* was changed"):
        S3DatasetStore(client, "lake", tmp_path / "there").load()
    client.delete_object(Bucket="lake", Key=key)
    with pytest.raises(PermanentError, match=r"trajectories\.parquet .* is missing"):
        S3DatasetStore(client, "lake", tmp_path / "there").load()
    assert [p.name for p in (tmp_path / "there").glob("*")] == []
    client.put_object(Bucket="lake", Key=key, Body=b"other bytes")
    with pytest.raises(PermanentError, match="holds other bytes"):
        S3DatasetStore(client, "lake", tmp_path / "third").publish(service())


def test_two_writers_at_once_lose_nothing(client, tmp_path):
    stores = [S3DatasetStore(client, "lake", tmp_path / str(i)) for i in range(3)]
    threads = [threading.Thread(target=s.publish, args=(service(10 + i),)) for i, s in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(stores[0].digests()) == {service(10 + i).digest for i in range(3)}


def test_a_writer_that_stops_before_the_index_is_not_seen(client, tmp_path, monkeypatch):
    store = S3DatasetStore(client, "lake", tmp_path / "here")
    first = store.publish(service())

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(S3DatasetStore, "_point", stop)
        with pytest.raises(KeyboardInterrupt):
            store.publish(service(2))
    there = S3DatasetStore(client, "lake", tmp_path / "there")
    assert there.load().digest == first.digest
    store.publish(service(2))
    assert there.load().digest == service(2).digest


def test_a_bucket_that_is_not_there_says_so(client, tmp_path):
    with pytest.raises(PermanentError, match="NoSuchBucket"):
        S3DatasetStore(client, "nowhere", tmp_path / "x").publish(service())
