"""Several workers make the version that one process makes: plain processes always, Ray where it is installed.

Plain processes stand for any workers: what travels between them is pickled, as with Ray.
"""

import importlib.util
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from telic.contract import TaskContract
from telic.datasets import DatasetStore, ingest
from telic.datasets.partitions import bounded
from telic.datasets.partitions.sizes import Sizes
from telic.datasets.partitions.workers import AbstractWorkers, _attempt, _Failed
from telic.errors import DataError, SettingsError

SMALL = Sizes(in_memory=1 << 40, run=20_000, part=8_000, keys=5)
CONTRACT = {
    "identity": {"task": "workers"},
    "observations": [{"name": "load"}, {"name": "note", "type": "category"}],
    "actions": {"column": "action", "values": ["less", "more"]},
    "data": {"trajectory": ["name"], "time": "ts", "demonstrator": "who"},
}
PRIVATE = CONTRACT | {
    "privacy": {
        "key": "workers",
        "rules": [{"column": "note", "rule": "mask"}, {"column": "name", "rule": "pseudonym"}],
    },
}

has_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="NOT RUN: the extra `ray` is not installed"
)


class Processes(AbstractWorkers):
    """Two processes of this machine."""

    def __init__(self, n=2):
        self.n = n

    def __enter__(self):
        self.pool = ProcessPoolExecutor(self.n, multiprocessing.get_context("forkserver"))
        return self

    def __exit__(self, *_):
        self.pool.shutdown()

    def run(self, function, tasks):
        for made in [self.pool.submit(_attempt, function, task) for task in tasks]:
            result = made.result()
            if isinstance(result, _Failed):
                result.again()
            yield result


@pytest.fixture
def private(tmp_path, monkeypatch):
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("TELIC_PRIVATE", str(folder))
    (folder / "workers.key").write_text("5c" * 32 + "\n")
    (folder / "workers.key").chmod(0o600)


def left_behind(folder):
    return [p.name for p in folder.glob(".*") if p.name != ".lock"]


def logs(folder, n=600, files=5, bad=None):
    g = np.random.default_rng(n)
    paths = []
    for i in range(files):
        load = np.round(g.normal(size=n), 3)
        table = pa.table(
            {
                "ts": (np.arange(n) + i * n) * 7.0,
                "name": [f"t{k}" for k in g.integers(0, 40, n)],
                "load": pa.array([None if bad == (i, j) else v for j, v in enumerate(load.tolist())]),
                "note": [f"call +49 30 {5550000 + k}" for k in g.integers(0, 9, n)],
                "action": g.choice(["less", "more"], n),
                "who": g.choice(["Ann", "Bob", "Cy"], n),
            }
        )
        paths.append(folder / f"log-{i}.parquet")
        pq.write_table(table, paths[-1])
    return paths


def by(kind, monkeypatch):
    """The arguments of an ingest by two workers of a kind."""
    if kind == "processes":
        monkeypatch.setattr(bounded, "RayWorkers", Processes)
    return {"ray": 2, "sizes": SMALL}


KINDS = ["processes", pytest.param("ray", marks=[has_ray, pytest.mark.slow])]


@pytest.mark.parametrize("kind", KINDS)
def test_two_workers(tmp_path, monkeypatch, private, kind):
    contract = TaskContract.from_mapping(PRIVATE)
    paths = logs(tmp_path)
    at_once = ingest(contract, paths, DatasetStore(tmp_path / "once"))
    store = DatasetStore(tmp_path / "shared")
    made = ingest(contract, paths, store, **by(kind, monkeypatch))
    assert made.digest == at_once.digest
    assert made.findings == at_once.findings
    assert made.sources == at_once.sources
    assert store.load().digest == made.digest
    assert len(list(made.folder.glob("rows-*"))) > 1
    assert left_behind(store.folder) == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_of_a_worker(tmp_path, monkeypatch, kind):
    contract = TaskContract.from_mapping(CONTRACT)
    paths = logs(tmp_path, bad=(3, 17))
    told = []
    for name, how in (("once", {}), ("shared", by(kind, monkeypatch))):
        store = DatasetStore(tmp_path / name)
        with pytest.raises(DataError) as caught:
            ingest(contract, paths, store, **how)
        assert store.latest is None
        assert left_behind(store.folder) == []
        told.append((str(caught.value), caught.value.data))
    assert "log-3.parquet row 18" in told[0][0]
    assert told[0] == told[1]


def test_nothing_that_is_removed_lies_in_between(tmp_path, private):
    contract = TaskContract.from_mapping(PRIVATE)
    paths = logs(tmp_path)
    store = DatasetStore(tmp_path / "store")
    seen = []

    def look(stage, done, total, note=""):
        for path in store.folder.rglob("*"):
            if path.is_file():
                raw = path.read_bytes()
                seen.append(path.suffix)
                for secret in (b"5550", b"+49", b"Ann", b"Bob"):
                    assert secret not in raw, (path, secret)

    sizes = Sizes(in_memory=1, run=20_000, part=8_000)
    made = ingest(contract, paths, store, sizes=sizes, progress=look)
    assert {".rows", ".names", ".parquet"} <= set(seen)
    assert made.n_decisions == 3000
    assert "demonstrator-" in store.load().demonstrator_names[0]


def test_what_workers_cannot_share(tmp_path):
    contract = TaskContract.from_mapping(CONTRACT)
    if importlib.util.find_spec("ray") is None:
        with pytest.raises(SettingsError, match="telic\\[ray\\]"):
            ingest(contract, logs(tmp_path), DatasetStore(tmp_path / "store"), ray=2)
    sealed = CONTRACT | {"privacy": {"key": "workers", "encrypt": True}}
    with pytest.raises(SettingsError, match="is made by one process"):
        ingest(TaskContract.from_mapping(sealed), logs(tmp_path), DatasetStore(tmp_path / "store"), ray=2)
