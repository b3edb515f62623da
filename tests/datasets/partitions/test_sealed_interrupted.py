"""What an ingest that is killed leaves of people who can be erased, or were: nothing that says anything."""

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
from telic.datasets.partitions.sizes import Sizes
from telic.datasets.privacy import scratch
from telic.datasets.privacy.erasure import erase_person
from telic.datasets.privacy.erasure_subjects import erase_subject
from telic.errors import SettingsError, TemporaryError

pytest.importorskip("cryptography", reason="the extra `privacy` is not installed")

TINY = Sizes(in_memory=1, run=30_000, part=20_000, keys=5)
AT_ONCE = Sizes(in_memory=1 << 40)
CONTRACT = {
    "identity": {"task": "left-behind"},
    "observations": [{"name": "load"}, {"name": "customer", "type": "category"}],
    "actions": {"column": "action", "values": ["less", "more"]},
    "timing": {"control_period_seconds": 7},
    "data": {"trajectory": ["ticket"], "time": "ts", "demonstrator": "who", "labels": ["team"]},
    "privacy": {"key": "left-behind", "rules": [{"column": "customer", "rule": "pseudonym"}]},
}
LOADS = {"Acme": 31337.0078125, "Borealis": 27182.0859375, "Corvus": 14142.0234375}
"""A load of each customer that no other number looks like."""
STAGES = (
    "reading logs",
    "making decisions",
    "computing digests",
    "sorting rows by person",
    "sealing rows by person",
)


@pytest.fixture(autouse=True)
def private(tmp_path, monkeypatch):
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("TELIC_PRIVATE", str(folder))
    (folder / "left-behind.key").write_text("5c" * 32 + "\n")
    (folder / "left-behind.key").chmod(0o600)


def contract(**privacy):
    return TaskContract.from_mapping({**CONTRACT, "privacy": {**CONTRACT["privacy"], **privacy}})


def log(folder, n=1500, seed=1):
    g = np.random.default_rng(seed)
    customer = g.integers(0, 3, 60)
    ticket = g.integers(0, 60, n)
    table = pa.table(
        {
            "ts": np.cumsum(g.integers(1, 9, n)) * 1.0,
            "ticket": [f"ticket-{list(LOADS)[customer[i]]}-{i}" for i in ticket],
            "load": [list(LOADS.values())[customer[i]] for i in ticket],
            "customer": [list(LOADS)[customer[i]] for i in ticket],
            "action": g.choice(["less", "more"], n),
            "who": [("Ann Ash", "Bob Birch")[i % 2] for i in ticket],
            "team": [f"team {customer[i]} of {i % 7}" for i in ticket],
        }
    )
    path = folder / f"log-{seed}.parquet"
    pq.write_table(table, path)
    return path


def texts_of(demos):
    """What says something about a person: pseudonyms, names, labels, and loads as they lie in memory."""
    words = [*demos.demonstrator_names, *demos.trajectory_ids.tolist(), *demos.categories["customer"]]
    words += ["Ann", "Bob", *LOADS, *set(demos.labels["team"].tolist())]
    return [w.encode() for w in words] + [np.float64(v).tobytes() for v in LOADS.values()]


def tables_in(path):
    """The content of a file that Arrow can read, as far as it can."""
    raw = path.read_bytes()
    if raw[:4] == b"PAR1":
        return [repr(pq.read_table(path).to_pydict()).encode()]
    if raw[:6] == b"ARROW1":
        with pa.OSFile(str(path)) as file:
            return [repr(pa.ipc.open_file(file).read_all().to_pydict()).encode()]
    return []


def said(folder, words):
    """Words that can be read in any file below a folder."""
    found = set()
    for path in folder.rglob("*"):
        if path.is_file():
            raw = [path.read_bytes(), path.name.encode()]
            if raw[0].endswith((b"PAR1", b"ARROW1")):
                raw += tables_in(path)
            found |= {word for word in words if any(word in r for r in raw)}
    return found


def looking(folder, words, seen):
    """Told how far an ingest is, notes what a kill would leave now: the stage, bytes beside the versions, and words."""

    def look(stage, done, total, note=""):
        beside = [p for place in folder.glob(".parts-*") for p in place.rglob("*") if p.is_file()]
        seen.append((stage, sum(p.stat().st_size for p in beside), said(folder, words)))

    return look


def test_sealed_rows_never_lie_open(tmp_path):
    path = log(tmp_path)
    plain = DatasetStore(tmp_path / "plain")
    ingest(contract(), path, plain, sizes=AT_ONCE)
    words = texts_of(plain.load())
    seen: list = []
    store = DatasetStore(tmp_path / "sealed")
    made = ingest(
        contract(encrypt=True), path, store, sizes=TINY, progress=looking(store.folder, words, seen)
    )
    assert {stage for stage, *_ in seen} == set(STAGES)
    assert max(size for _, size, _ in seen) > 30_000
    assert [found for *_, found in seen if found] == []
    assert said(store.folder, words) == set()
    assert made.digest == plain.latest.digest
    assert store.load().digest == made.digest
    # The same look sees the rest where rows may lie open, so it would have seen it here.
    open_store, seen = DatasetStore(tmp_path / "open"), []
    ingest(contract(), path, open_store, sizes=TINY, progress=looking(open_store.folder, words, seen))
    missed = set(words).difference(*(found for *_, found in seen))
    assert {w for w in missed if not w.startswith((b"Ann", b"Bob", b"demonstrator-", b"customer-"))} == set()


@pytest.mark.parametrize("encrypt", [False, True])
def test_who_was_erased_does_not_come_back_on_the_way(tmp_path, encrypt):
    first, more = log(tmp_path, 200, 2), log(tmp_path)
    terms, store = contract(encrypt=encrypt), DatasetStore(tmp_path / "store")
    ingest(terms, first, store, sizes=AT_ONCE)
    (name,) = {
        label
        for label, load in zip(
            np.array(store.load().categories["customer"])[store.load().observations["customer"]],
            store.load().observations["load"],
            strict=True,
        )
        if load == LOADS["Acme"]
    }
    erase_subject(terms, store, "customer", "Acme")
    if encrypt:
        erase_person(terms, store, "Bob Birch")
    words = [name.encode(), b"Acme", np.float64(LOADS["Acme"]).tobytes(), repr(LOADS["Acme"]).encode()]
    seen: list = []
    made = ingest(terms, more, store, sizes=TINY, progress=looking(store.folder, words, seen))
    assert max(size for _, size, _ in seen) > 30_000
    assert [found for *_, found in seen if found] == []
    assert said(store.folder, words) == set()
    assert "erased-left-out" in {f.code for f in made.findings}
    demos = store.load()
    assert set(demos.observations["load"].tolist()) == {LOADS["Borealis"], LOADS["Corvus"]}
    assert len(demos.demonstrator_names) == (1 if encrypt else 2)


CHILD = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {here!r})
from test_sealed_interrupted import TINY, contract
from telic.datasets import DatasetStore, ingest

def end(stage, done, total, note=""):
    if stage == {stage!r} and done:
        os.kill(os.getpid(), signal.SIGKILL)

ingest(contract(encrypt=True), {path!r}, DatasetStore(Path({folder!r})), sizes=TINY, progress=end)
"""


def test_a_real_kill(tmp_path):
    path, folder = log(tmp_path), tmp_path / "store"
    plain = DatasetStore(tmp_path / "plain")
    ingest(contract(), path, plain, sizes=AT_ONCE)
    words = texts_of(plain.load())
    here = os.path.dirname(__file__)  # noqa: PTH120
    text = CHILD.format(here=here, stage="sealing rows by person", path=str(path), folder=str(folder))
    done = subprocess.run([sys.executable, "-c", text], check=False)
    assert done.returncode == -signal.SIGKILL
    (place,) = folder.glob(".parts-*")
    assert sum(p.stat().st_size for p in place.rglob("*") if p.is_file()) > 30_000
    assert said(folder, words) == set()
    assert DatasetStore(folder).latest is None
    made = ingest(contract(encrypt=True), path, DatasetStore(folder), sizes=TINY)
    assert (made.is_new, made.digest) == (True, plain.latest.digest)
    assert not list(folder.glob(".parts-*"))


def test_somebody_is_erased_meanwhile(tmp_path):
    first, more = log(tmp_path, 200, 2), log(tmp_path)
    terms, store = contract(encrypt=True), DatasetStore(tmp_path / "store")
    before = ingest(terms, first, store, sizes=AT_ONCE)

    def erase(stage, done, total, note=""):
        if stage == "computing digests" and not done:
            erase_person(terms, store, "Bob Birch")

    with pytest.raises(TemporaryError, match="was erased from this dataset while"):
        ingest(terms, more, store, sizes=TINY, progress=erase)
    assert store.latest is not None
    assert store.latest.n_decisions < before.n_decisions
    assert not list(store.folder.glob(".parts-*"))
    assert len(ingest(terms, more, store, sizes=TINY).findings) > 0
    assert len(store.load().demonstrator_names) == 1


def test_without_the_extra_nothing_goes_to_the_disk(tmp_path, monkeypatch):
    """A store that leaves people out needs no encryption; without it the log is in memory."""
    terms, store = contract(), DatasetStore(tmp_path / "store")
    ingest(terms, log(tmp_path, 200, 2), store, sizes=AT_ONCE)
    erase_subject(terms, store, "customer", "Acme")
    monkeypatch.setattr(scratch.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    seen: list = []
    made = ingest(terms, log(tmp_path), store, sizes=TINY, progress=looking(store.folder, [], seen))
    assert max(size for _, size, _ in seen) < 10  # the lock
    assert "erased-left-out" in {f.code for f in made.findings}
    with pytest.raises(SettingsError, match=r"telic\[privacy\]"):
        ingest(contract(encrypt=True), log(tmp_path), DatasetStore(tmp_path / "other"), sizes=TINY)


def test_the_same_content_is_not_sealed_twice_and_open_rows_are_replaced(tmp_path):
    path, store = log(tmp_path), DatasetStore(tmp_path / "store")
    opened = ingest(contract(), path, store, sizes=TINY)
    sealed = ingest(contract(encrypt=True), path, store, sizes=TINY)
    assert (sealed.digest, sealed.is_new) == (opened.digest, True)
    assert not list(sealed.folder.glob("*.parquet"))
    table = pq.read_table(path)
    pq.write_table(table, tmp_path / "same.parquet", compression="none", row_group_size=100)
    again = ingest(contract(encrypt=True), tmp_path / "same.parquet", store, sizes=TINY)
    assert (again.digest, again.is_new) == (opened.digest, False)
    assert list(again.sources) == ["0:same.parquet"]
    assert json.loads((sealed.folder / "manifest.json").read_text())["sealed"]["parts"][0]["rows"] > 0


def test_streams_are_joined_under_seal(tmp_path):
    g, n = np.random.default_rng(4), 600
    acts, load = tmp_path / "log" / "acts.parquet", tmp_path / "log" / "load.parquet"
    acts.parent.mkdir()
    host = [f"host-{i}" for i in g.integers(0, 40, n)]
    who, action = g.choice(["Ann Ash", "Bob Birch"], n), g.choice(["less", "more"], n)
    pq.write_table(pa.table({"ts": np.arange(n) * 9.0 + 9, "host": host, "who": who, "action": action}), acts)
    values = g.choice(list(LOADS.values()), n)
    pq.write_table(pa.table({"ts": np.arange(n) * 9.0, "host": host, "load": values}), load)
    mapping = {
        "identity": {"task": "left-behind"},
        "observations": [{"name": "load", "column": "load.load", "missing": "drop"}],
        "actions": {"column": "action", "values": ["less", "more"]},
        "data": {"trajectory": ["host"], "demonstrator": "who"},
        "streams": [
            {"name": name, "files": f"{name}*", "role": role, "time": "ts", "entities": {"host": "host"}}
            for name, role in (("acts", "decisions"), ("load", "state"))
        ],
        "privacy": {"key": "left-behind", "encrypt": True},
    }
    words = [b"Ann", b"Bob", b"host-", *(np.float64(v).tobytes() for v in LOADS.values())]
    terms, seen = TaskContract.from_mapping(mapping), []
    store, other = DatasetStore(tmp_path / "store"), DatasetStore(tmp_path / "other")
    made = ingest(
        terms,
        acts.parent,
        store,
        sizes=Sizes(in_memory=1, run=15_000, part=15_000, keys=5),
        progress=looking(store.folder, words, seen),
    )
    assert max(size for _, size, _ in seen) > 10_000
    assert [found for *_, found in seen if found] == []
    assert said(store.folder, words) == set()
    assert made.digest == ingest(terms, acts.parent, other, sizes=AT_ONCE).digest
    assert store.load().digest == made.digest
