"""The store: whole versions or none, whatever stops the writer; what is read is what was published."""

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from telic.datasets import DatasetStore
from telic.datasets import layout as layout_module
from telic.datasets import store as store_module
from telic.errors import DataError, PermanentError, TemporaryError
from telic.reports import Finding, Provenance, Severity
from telic.storage import FileLock
from telic.trajectories import Demonstrations


def demos_of(key=0, n=40, **changes):
    g = np.random.default_rng(key)
    offsets = np.array([0, n // 2, n])
    known = np.ones(n, dtype=bool)
    known[offsets[1:] - 1] = False
    shared = np.append(g.normal(size=n), 0.0)
    codes = np.append(g.integers(0, 3, n).astype(np.int32), np.int32(0))
    values = {
        "actions": g.integers(0, 2, n).astype(np.int32),
        "offsets": offsets,
        "action_labels": ("hold", "add"),
        "observations": {"x": shared[:-1], "tier": codes[:-1]},
        "next_observations": {"x": shared[1:], "tier": codes[1:]},
        "next_known": known,
        "times": np.arange(n, dtype=np.float64),
        "trajectory_ids": np.array(["a", "é"], dtype=object),
        "demonstrators": np.array([1, 0], dtype=np.int32),
        "demonstrator_names": ("demonstrator-1", "demonstrator-2"),
        "terminated": np.array([True, False]),
        "truncated": np.array([False, True]),
        "categories": {"tier": ("a", "b", "c")},
        "findings": (Finding(code="x", severity=Severity.NOTICE, message="m", hint="h", evidence={"n": 3}),),
        "provenance": Provenance(inputs={"0:a.csv": "sha256:00"}, settings={"k": 1}, code="1", key=4),
    }
    return Demonstrations(**{**values, **changes})


def same(a, b):
    assert a.digest == b.digest
    assert a.findings == b.findings
    assert a.provenance == b.provenance
    assert a.action_labels == b.action_labels
    assert a.demonstrator_names == b.demonstrator_names
    assert a.categories == b.categories
    for name in ("observations", "next_observations"):
        left, right = getattr(a, name), getattr(b, name)
        assert left.keys() == right.keys()
        for key in left:
            assert left[key].dtype == right[key].dtype


def test_what_is_loaded_is_what_was_published(tmp_path):
    store = DatasetStore(tmp_path / "data")
    demos = demos_of()
    version = store.publish(demos, contract_digest="sha256:aa")
    assert version.is_new
    same(store.load(), demos)
    same(store.load(version), demos)
    same(store.load(demos.digest), demos)
    same(store.load(demos.digest[7:15]), demos)
    manifest = json.loads((version.folder / "manifest.json").read_text())
    assert manifest["schema_version"] == 1
    assert manifest["contract"] == "sha256:aa"
    assert manifest["counts"] == {"decisions": 40, "trajectories": 2, "demonstrators": 2}
    assert manifest["columns"] == demos.column_digests
    assert set(manifest["files"]) == {"rows-00000.parquet", "trajectories.parquet"}


def test_following_values_are_stored_only_where_they_are_not_the_next_row(tmp_path):
    import pyarrow.parquet as pq

    store = DatasetStore(tmp_path / "data")
    plain = store.publish(demos_of())
    names = pq.read_schema(plain.folder / "rows-00000.parquet").names
    assert not [n for n in names if n.startswith("next_observation:")]
    other = demos_of(next_observations={"x": np.zeros(40), "tier": demos_of().next_observations["tier"]})
    version = store.publish(other)
    names = pq.read_schema(version.folder / "rows-00000.parquet").names
    assert [n for n in names if n.startswith("next_observation:")] == ["next_observation:x"]
    same(store.load(version), other)


def test_states_goals_and_weights_survive(tmp_path):
    demos = Demonstrations.from_arrays(
        [0, 1, 2, 1],
        [0, 1, 0, 1],
        offsets=[0, 2, 4],
        goals=[2, 1],
        weights=[1, 2, 0, 0.5],
        demonstrators=["p", "q"],
    )
    store = DatasetStore(tmp_path)
    store.publish(demos)
    loaded = store.load()
    same(loaded, demos)
    np.testing.assert_array_equal(loaded.next_states, demos.next_states)
    np.testing.assert_array_equal(loaded.goals, [2, 1])


def test_choice_sets_origins_successes_and_labels_survive(tmp_path):
    offered = np.ones((40, 2), dtype=bool)
    demos = demos_of()
    offered[3, 1 - demos.actions[3]] = False
    demos = demos_of(
        offered=offered,
        origins=np.array([0, 2], dtype=np.int32),
        succeeded=np.array([1, -1], dtype=np.int32),
        labels={"scenario": np.array(["peak", "night"], dtype=object)},
    )
    store = DatasetStore(tmp_path)
    store.publish(demos)
    back = store.load()
    assert back.digest == demos.digest
    assert back.offered is not None
    assert back.offered.tolist() == offered.tolist()
    assert back.origins.tolist() == [0, 2]
    assert back.succeeded.tolist() == [1, -1]
    assert back.labels["scenario"].tolist() == ["peak", "night"]


def test_many_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(layout_module, "PART_ROWS", 7)
    store = DatasetStore(tmp_path)
    version = store.publish(demos_of())
    assert len(list(version.folder.glob("rows-*.parquet"))) == 6
    same(store.load(), demos_of())


def test_same_content_is_written_once(tmp_path):
    store = DatasetStore(tmp_path)
    first = store.publish(demos_of())
    before = {p: p.stat().st_mtime_ns for p in first.folder.iterdir()}
    second = store.publish(demos_of())
    assert not second.is_new
    assert {p: p.stat().st_mtime_ns for p in first.folder.iterdir()} == before
    third = store.publish(demos_of(key=1))
    assert [v.digest for v in store.versions()] == [first.digest, third.digest]
    assert store.latest is not None and store.latest.digest == third.digest
    assert store.adopt(first.digest).digest == first.digest
    assert store.latest.digest == first.digest


def test_an_empty_store_says_so(tmp_path):
    store = DatasetStore(tmp_path / "data")
    assert store.latest is None
    assert store.versions() == ()
    with pytest.raises(DataError, match=r"There is no dataset in .*data yet"):
        store.load()
    store.publish(demos_of())
    with pytest.raises(DataError, match="No dataset version begins with 'ffff'"):
        store.load("ffff")


@pytest.mark.parametrize("name", ["rows-00000.parquet", "trajectories.parquet", "manifest.json"])
@pytest.mark.parametrize("place", [0.0, 0.3, 0.7, 1.0])
def test_one_changed_byte_is_found_and_named(tmp_path, name, place):
    store = DatasetStore(tmp_path)
    version = store.publish(demos_of())
    path = version.folder / name
    raw = bytearray(path.read_bytes())
    raw[int(place * (len(raw) - 1))] ^= 1
    path.write_bytes(bytes(raw))
    with pytest.raises(PermanentError, match=f"{name} is corrupt") as caught:
        store.load()
    assert caught.value.data["file"] == name


def test_a_missing_file_is_named_and_publishing_again_repairs(tmp_path):
    store = DatasetStore(tmp_path)
    version = store.publish(demos_of())
    (version.folder / "trajectories.parquet").unlink()
    with pytest.raises(PermanentError, match=r"trajectories\.parquet is missing"):
        store.load()
    assert store.publish(demos_of()).is_new
    same(store.load(), demos_of())


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema_version": 1}'])
def test_a_broken_index_is_named(tmp_path, text):
    store = DatasetStore(tmp_path)
    store.publish(demos_of())
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(PermanentError, match=r"index\.json is corrupt"):
        store.load()


def test_without_its_index_a_store_finds_its_versions_again(tmp_path):
    store = DatasetStore(tmp_path)
    first, second, damaged = (store.publish(demos_of(key=i)) for i in range(3))
    (damaged.folder / "manifest.json").write_text("{")
    (tmp_path / "index.json").unlink()
    assert [v.digest for v in store.versions()] == [first.digest, second.digest]
    assert store.latest is None  # which one was the latest is not known, so it is not guessed
    same(store.load(first.digest), demos_of(key=0))
    assert not store.publish(demos_of(key=1)).is_new
    assert store.latest is not None and store.latest.digest == second.digest
    same(store.load(first.digest), demos_of(key=0))
    assert store.publish(demos_of(key=2)).is_new  # and the damaged one is mended
    same(store.load(), demos_of(key=2))


def test_a_newer_layout_is_refused(tmp_path):
    store = DatasetStore(tmp_path)
    store.publish(demos_of())
    index = json.loads((tmp_path / "index.json").read_text())
    (tmp_path / "index.json").write_text(json.dumps({**index, "schema_version": 2}))
    with pytest.raises(PermanentError, match="has layout 2; this telic reads 1"):
        store.load()


def test_two_writers(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "LOCK_SECONDS", 0.0)
    store = DatasetStore(tmp_path)
    with FileLock(tmp_path / ".lock"), pytest.raises(TemporaryError, match="locked by process"):
        store.publish(demos_of())


STEPS = [
    (store_module, "write_files"),
    (layout_module, "write_table"),
    (store_module, "file_digest"),
    (store_module, "atomic_write"),
    (store_module, "sync_folder"),
    (store_module, "written"),
]


def instrument(patch, stop):
    """Call ``stop(i)`` before and after every step of publishing; returns the running count."""
    count = [0]

    def wrap(module, name):
        original = getattr(module, name)

        def stepped(*args, **kwargs):
            count[0] += 1
            stop(count[0])
            made = original(*args, **kwargs)
            count[0] += 1
            stop(count[0])
            return made

        patch.setattr(module, name, stepped)

    for module, name in STEPS:
        wrap(module, name)
    return count


def old_is_whole_and_new_can_be_published(folder, old):
    store = DatasetStore(folder)
    latest = store.latest
    assert latest is not None
    same(store.load(old.digest), old)
    if latest.digest != old.digest:  # the index was replaced before the stop
        same(store.load(), demos_of(key=1))
    store.publish(demos_of(key=1))
    same(store.load(), demos_of(key=1))
    same(store.load(old.digest), old)
    assert not list(folder.glob(".building-*"))
    assert not list(folder.rglob("*.partial"))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_killed_between_any_two_steps(tmp_path):
    """A child process dies without a chance to tidy up, at every step in turn."""
    base = tmp_path / "base"
    old = demos_of()
    DatasetStore(base).publish(old)
    with pytest.MonkeyPatch.context() as patch:
        shutil.copytree(base, tmp_path / "count")
        count = instrument(patch, lambda i: None)
        DatasetStore(tmp_path / "count").publish(demos_of(key=1))
    assert count[0] > 20
    for step in range(1, count[0] + 1):
        folder = tmp_path / f"at-{step}"
        shutil.copytree(base, folder)
        child = os.fork()
        if child == 0:
            patch = pytest.MonkeyPatch()
            instrument(patch, lambda i, step=step: os._exit(9) if i == step else None)
            try:
                DatasetStore(folder).publish(demos_of(key=1))
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 9
        partials = list(folder.rglob("*.partial"))
        for partial in partials:  # a temporary file of an atomic write, never a name that is read
            partial.unlink()
        old_is_whole_and_new_can_be_published(folder, old)


def test_a_full_disk_at_any_step(tmp_path):
    base = tmp_path / "base"
    old = demos_of()
    DatasetStore(base).publish(old)

    def full_at(step):
        def stop(i):
            if i == step:
                raise OSError(errno.ENOSPC, "No space left on device")

        return stop

    def publish(folder, step):
        with pytest.MonkeyPatch.context() as patch:
            count = instrument(patch, full_at(step))
            DatasetStore(folder).publish(demos_of(key=1))
            return count[0]

    shutil.copytree(base, tmp_path / "count")
    for step in range(1, publish(tmp_path / "count", -1) + 1):
        folder = tmp_path / f"at-{step}"
        shutil.copytree(base, folder)
        with pytest.raises(TemporaryError, match="the disk is full") as caught:
            publish(folder, step)
        assert "Free some space" in caught.value.hint
        old_is_whole_and_new_can_be_published(folder, old)


def test_a_disk_that_fills_while_parquet_is_written(tmp_path):
    """``/dev/full`` accepts nothing: the real error of the real writer."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    old = demos_of()
    store = DatasetStore(tmp_path / "data")
    store.publish(old)
    original = Path.open

    def open_full(self, mode="r", *args, **kwargs):
        place = Path("/dev/full") if self.suffix == ".parquet" and mode == "wb" else self
        return original(place, mode, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", open_full)
        with pytest.raises(TemporaryError, match="the disk is full"):
            store.publish(demos_of(key=1))
    old_is_whole_and_new_can_be_published(tmp_path / "data", old)
