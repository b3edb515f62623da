"""Ends in the middle: killed (SIGKILL) at each stage, interrupted, disk full, a file read twice, or read whole."""

import errno
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from telic.contract import TaskContract
from telic.datasets import DatasetStore, ingest
from telic.datasets.partitions import bounded, parts, runs, trajectories
from telic.datasets.partitions.sizes import Sizes
from telic.datasets.partitions.spilling import NeedsWhole
from telic.datasets.sources import json_lines
from telic.errors import DataError, TemporaryError

TINY = Sizes(in_memory=1, run=20_000, part=8_000, keys=5)
AT_ONCE = Sizes(in_memory=1 << 40)
CONTRACT = {
    "identity": {"task": "interrupted"},
    "observations": [{"name": "load"}, {"name": "note", "type": "category"}],
    "actions": {"column": "action", "values": ["less", "more"]},
    "data": {"trajectory": ["name"], "time": "ts", "demonstrator": "who"},
}
STAGES = ("reading logs", "making decisions", "computing digests")


def contract():
    return TaskContract.from_mapping(CONTRACT)


def log(folder, n=3000):
    g = np.random.default_rng(n)
    table = pa.table(
        {
            "ts": np.arange(n) * 7.0,
            "name": [f"t{i}" for i in g.integers(0, 40, n)],
            "load": np.round(g.normal(size=n), 3),
            "note": [f"note {i}" for i in g.integers(0, 9, n)],
            "action": g.choice(["less", "more"], n),
            "who": g.choice(["Ann", "Bob"], n),
        }
    )
    path = folder / "log.parquet"
    pq.write_table(table, path)
    return path


CHILD = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {here!r})
from test_interrupted import TINY, contract
from telic.datasets import DatasetStore, ingest

def end(stage, done, total, note=""):
    if stage == {stage!r} and done:
        print("killed in", stage, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

ingest(contract(), {path!r}, DatasetStore(Path({folder!r})), sizes=TINY, progress=end)
"""


def left_behind(folder):
    return [p.name for p in folder.glob(".*") if p.name != ".lock"]


def test_killed_in_each_stage(tmp_path):
    path, folder = log(tmp_path), tmp_path / "store"
    store = DatasetStore(folder)
    here = os.path.dirname(__file__)  # noqa: PTH120
    for stage in STAGES:
        text = CHILD.format(here=here, stage=stage, path=str(path), folder=str(folder))
        done = subprocess.run([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True, check=False)
        assert done.returncode == -signal.SIGKILL
        assert done.stdout == f"killed in {stage}\n"
        assert store.latest is None
        assert store.versions() == ()
        assert len(left_behind(folder)) == 1  # what the one before left was removed
    made = ingest(contract(), path, store, sizes=TINY)
    assert made.is_new
    assert left_behind(folder) == []
    assert store.load().digest == made.digest
    assert made.digest == ingest(contract(), path, DatasetStore(tmp_path / "other"), sizes=AT_ONCE).digest
    assert not ingest(contract(), path, store, sizes=TINY).is_new


@pytest.mark.parametrize("stage", STAGES)
def test_interrupted(tmp_path, stage):
    path, store = log(tmp_path), DatasetStore(tmp_path / "store")

    def interrupt(now, done, total, note=""):
        if now == stage and done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest(contract(), path, store, sizes=TINY, progress=interrupt)
    assert store.latest is None
    assert left_behind(store.folder) == []


@pytest.mark.parametrize(
    ("module", "name"), [(runs, "write_texts"), (parts, "write_table"), (trajectories, "numbered")]
)
def test_a_full_disk(tmp_path, monkeypatch, module, name):
    path, store = log(tmp_path), DatasetStore(tmp_path / "store")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(module, name, full)
        with pytest.raises(TemporaryError, match="the disk is full"):
            ingest(contract(), path, store, sizes=TINY)
    assert store.latest is None
    assert left_behind(store.folder) == []
    assert ingest(contract(), path, store, sizes=TINY).is_new


@pytest.fixture
def small_disk(tmp_path):
    """A function that makes a real file system of some KiB; skips where this user may not mount one."""
    place = tmp_path / "disk"
    place.mkdir()

    def sized(kib, *, more=""):
        command = ["mount", "-t", "tmpfs", "-o", f"{more}size={kib}k", "tmpfs", str(place)]
        try:
            done = subprocess.run(command, check=False, capture_output=True)
        except FileNotFoundError:
            pytest.skip("no `mount` on this machine: the full disk is only tried by an injected error")
        if done.returncode:
            pytest.skip("this user may not mount: the full disk is only tried by an injected error")
        return place

    yield sized
    subprocess.run(["umount", str(place)], check=False, capture_output=True)


@pytest.mark.parametrize("kib", [8, 700, 2500])
def test_a_disk_that_is_really_full(tmp_path, small_disk, kib):
    path, disk = log(tmp_path, 60_000), small_disk(kib)
    store, sizes = DatasetStore(disk / "store"), Sizes(in_memory=1, run=200_000, part=100_000)
    with pytest.raises(TemporaryError, match="the disk is full"):
        ingest(contract(), path, store, sizes=sizes)
    assert store.latest is None
    assert left_behind(store.folder) == []
    small_disk(60_000, more="remount,")
    made = ingest(contract(), path, store, sizes=sizes)
    assert made.is_new
    assert store.load().digest == made.digest


def test_the_place_of_a_living_writer_stays(tmp_path):
    path, store = log(tmp_path), DatasetStore(tmp_path / "store")
    with store.workplace() as place:
        (place / "run").write_bytes(b"rows")
        assert ingest(contract(), path, store, sizes=TINY).is_new
        assert (place / "run").read_bytes() == b"rows"
    assert left_behind(store.folder) == []


def lines(folder, numbers):
    path = folder / "log.jsonl"
    rows = [
        {"ts": 7 * i, "name": f"j{i % 11}", "load": v, "note": "n", "action": "more", "who": "Ann"}
        for i, v in enumerate(numbers)
    ]
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return path


def test_a_file_that_is_read_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(json_lines, "PIECE_BYTES", 1 << 12)
    monkeypatch.setattr(json_lines, "PARSED_BYTES", 1 << 13)
    numbers = [1] * 900 + [2.5] + [3] * 900  # whole numbers, as it seems for hundreds of lines
    first, path = log(tmp_path, 500), lines(tmp_path, numbers)
    made = ingest(contract(), [first, path], DatasetStore(tmp_path / "parts"), sizes=TINY)
    at_once = ingest(contract(), [first, path], DatasetStore(tmp_path / "once"), sizes=AT_ONCE)
    assert made.n_decisions == 500 + len(numbers)
    assert made.digest == at_once.digest
    assert made.findings == at_once.findings


def test_an_error_late_in_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(json_lines, "PIECE_BYTES", 1 << 12)
    monkeypatch.setattr(json_lines, "PARSED_BYTES", 1 << 13)
    path = lines(tmp_path, [1] * 900 + ["many"] + [3] * 900)
    told = []
    for sizes, name in ((TINY, "parts"), (AT_ONCE, "once")):
        store = DatasetStore(tmp_path / name)
        with pytest.raises(DataError) as caught:
            ingest(contract(), path, store, sizes=sizes)
        assert store.latest is None
        assert left_behind(store.folder) == []
        told.append(str(caught.value))
    assert "line 901" in told[0]
    assert told[0] == told[1]


def test_a_file_that_must_be_whole(tmp_path, monkeypatch):
    def refuse(group):
        raise NeedsWhole

    path = log(tmp_path)
    at_once = ingest(contract(), path, DatasetStore(tmp_path / "once"), sizes=AT_ONCE)
    monkeypatch.setattr(bounded, "read_group", refuse)
    made = ingest(contract(), path, DatasetStore(tmp_path / "parts"), sizes=TINY)
    assert made.digest == at_once.digest
    assert made.findings == at_once.findings
