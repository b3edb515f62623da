"""Logs of people who can be erased, and were: one version whether it is made at once or part by part.

Sample sizes: 4 random logs, 16 more where slow tests run, 196 with TELIC_FULL=1 (10 to 120 rows, three people, four
customers), each ingested into two stores, in which the same people are then erased, and then another log of the same
people; half of them with rows encrypted by person; runs, parts and sealed pieces of a few rows, digests in blocks of 16
rows.
"""

import dataclasses
import os

import numpy as np
import pytest
from random_logs import carried_from_the_start, contract_of, outcome, table_of, tell, tiny, written

from telic._core import hashing
from telic.datasets import DatasetStore, ingest
from telic.datasets.partitions import block_digests, parts, row_digests, sealed
from telic.datasets.partitions.sizes import Sizes
from telic.datasets.privacy import sealed_rows
from telic.datasets.privacy.erasure import erase_person
from telic.datasets.privacy.erasure_subjects import erase_subject
from telic.datasets.sources import parquet_files
from telic.errors import DataError, PermanentError

pytest.importorskip("cryptography", reason="the extra `privacy` is not installed")

AT_ONCE = Sizes(in_memory=1 << 40)
N = 200 if os.environ.get("TELIC_FULL") == "1" else 20
SEEDS = [pytest.param(i, marks=[pytest.mark.slow] if i >= 4 else []) for i in range(N)]
VALUES = {"kind": ["x", "y", "z z"], "name": ["a", "b", "a#2"], "session": ["s1", "s2"]}


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    monkeypatch.setenv("TELIC_PRIVATE", str(private))
    (private / "both-ways.key").write_text("5c" * 32 + "\n")
    (private / "both-ways.key").chmod(0o600)
    for module in (hashing, block_digests, row_digests):
        monkeypatch.setattr(module, "BLOCK_ROWS", 16)
    monkeypatch.setattr(parquet_files, "PIECE_ROWS", 23)
    monkeypatch.setattr(parts, "MOST_STEPS", 3)
    for module in (sealed, sealed_rows):
        monkeypatch.setattr(module, "PART_ROWS", 5)


def private_contract(g, column, *, encrypt):
    rules = [{"column": column, "rule": "pseudonym"}]
    privacy = {"key": "both-ways", "rules": rules, "encrypt": encrypt}
    return contract_of(g, privacy=privacy, data={"demonstrator": "who"})


def normal(made):
    """The outcome without what differs from store to store: keys, and how files are cut."""
    if len(made) == 4:
        return made  # an error
    about, findings, n = made
    about = {k: v for k, v in about.items() if k != "shifted"}
    if "sealed" in about:
        told = dict(about["sealed"]) | {"store": ""}
        told["parts"] = [{k: p[k] for k in ("subject", "rows", "trajectories")} for p in told["parts"]]
        about |= {"sealed": told}
    return about, findings, n


def erased(contract, store, column, choices):
    """What happens to a store when people are erased from it, as far as it is the same everywhere."""
    told = []
    for kind, name in choices:
        try:
            if kind == "person":
                done = erase_person(contract, store, name)
            else:
                done = erase_subject(contract, store, column, name)
            told.append((done.what, done.versions, done.n_rows, done.remaining))
        except (DataError, PermanentError) as error:
            told.append(error.message.replace(str(store.folder), "STORE"))
    return told


def log(g, contract, folder):
    return written(carried_from_the_start(table_of(g, contract), contract), folder, g)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_version_is_the_same(tmp_path, seed):
    g = np.random.default_rng([20261124, seed])
    column, encrypt = str(g.choice(list(VALUES))), seed % 2 == 0
    contract = private_contract(g, column, encrypt=encrypt)
    choices = [("value", v) for v in VALUES[column] if g.random() < 0.4]
    if encrypt:
        choices += [("person", v) for v in ("Ann", "Bob") if g.random() < 0.4]
    logs = [log(g, contract, tmp_path / f"log-{i}") for i in range(2)]
    sizes = tiny(g)
    told = []
    for how, folder in ((AT_ONCE, tmp_path / "at-once"), (sizes, tmp_path / "in-parts")):
        store = DatasetStore(folder)
        try:
            first = ingest(contract, logs[0], store, sizes=how).digest
        except DataError as error:
            first = error.message
        steps = [first, erased(contract, store, column, choices)]
        for i in (1, 0):
            if store.latest is None or store.versions():
                steps.append(normal(outcome_in(contract, logs[i], folder, how)))
        steps.append(erased(contract, store, column, [("person", "Cy")] if encrypt else []))
        steps += [state(store, v) for v in store.versions()]
        told.append(tell(steps))
    assert told[1] == told[0]


def outcome_in(contract, paths, folder, sizes):
    """As ``outcome``, in a store that has versions."""
    latest = DatasetStore(folder).latest
    try:
        made = ingest(contract, paths, DatasetStore(folder), sizes=sizes)
    except DataError as error:
        after = DatasetStore(folder).latest
        assert (after and after.digest) == (latest and latest.digest)
        assert not list(folder.glob(".[bp]*"))
        return error.code, error.message, error.hint, error.data
    store = DatasetStore(folder)
    manifest = {k: v for k, v in store.manifest(made).items() if k != "files"}
    assert store.load().column_digests == manifest["columns"]
    assert not list(folder.glob(".[bp]*"))
    return manifest, [f.to_json() for f in made.findings], made.n_trajectories


def state(store, version):
    """What a version gives back."""
    try:
        demos = store.load(version)
    except PermanentError as error:
        return error.message
    return demos.column_digests, [f.message for f in demos.findings], dataclasses.astuple(demos.provenance)


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_nobody_was_erased_yet(tmp_path, seed):
    g = np.random.default_rng([20261125, seed])
    contract = private_contract(g, "kind", encrypt=True)
    paths = log(g, contract, tmp_path / "log")
    at_once = outcome(contract, paths, tmp_path / "at-once", AT_ONCE)
    in_parts = outcome(contract, paths, tmp_path / "in-parts", tiny(g))
    assert tell(normal(in_parts)) == tell(normal(at_once))
