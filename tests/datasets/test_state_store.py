"""The store of logs without actions: what comes back, what refuses it, and what the verbs say."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest

from telic.contract import TaskContract
from telic.datasets import DatasetStore, ingest
from telic.datasets.state_only import read_state_only
from telic.datasets.state_store import NO_ACTION, StateStore, ingest_states
from telic.errors import ContractError, DataError, PermanentError

MAPPING = {
    "identity": {"task": "walk"},
    "observations": [
        {"name": "x", "type": "integer", "low": 0, "high": 2},
        {"name": "light", "type": "category"},
    ],
    "actions": {"column": None, "values": ["stay", "go"]},
    "data": {"trajectory": "place", "time": "t", "demonstrator": "who"},
}
ROWS = "place,who,t,x,light\na,Ann,1,0,red\na,Ann,2,1,green\na,Ann,3,1,red\nb,Bob,1,2,blue\nb,Bob,2,0,red\n"


@pytest.fixture
def contract():
    return TaskContract.from_mapping(MAPPING)


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "walk.csv"
    path.write_text(ROWS)
    return path


@pytest.fixture
def store(tmp_path):
    return StateStore(tmp_path / "data")


def test_what_was_published_comes_back(contract, log, store):
    seen = read_state_only(contract, log)
    version = ingest_states(contract, log, store)
    back = store.load()
    assert back.digest == seen.digest
    assert back.action_labels == ("stay", "go")
    assert [f.code for f in back.findings] == [f.code for f in seen.findings]
    assert back.provenance == seen.provenance
    np.testing.assert_array_equal(back.times, [1.0, 2.0, 3.0, 1.0, 2.0])
    assert (version.n_decisions, version.n_trajectories, version.is_new) == (5, 2, True)
    again = ingest_states(contract, log, store)
    assert (again.digest, again.is_new) == (version.digest, False)


def test_no_version_of_it_is_a_version_of_decisions(contract, log, tmp_path, store):
    states = ingest_states(contract, log, store)
    acts = tmp_path / "acts.csv"
    lines = ROWS.splitlines()
    acts.write_text("\n".join([f"{lines[0]},did", *(f"{line},stay" for line in lines[1:])]) + "\n")
    with_acts = TaskContract.from_mapping(MAPPING | {"actions": {"column": "did", "values": ["stay", "go"]}})
    decisions = DatasetStore(tmp_path / "data")
    assert decisions.latest is None  # the store of decisions does not see it
    assert ingest(with_acts, acts, decisions).digest != states.digest
    assert store.files.load().action_labels == (NO_ACTION,)
    for version in (tmp_path / "data" / "versions").iterdir():
        shutil.copytree(version, store.files.folder / "versions" / version.name)
    (store.files.folder / "index.json").unlink()
    with pytest.raises(DataError, match="holds decisions"):
        store.load(decisions.latest.digest)


def test_a_damaged_file_is_named(contract, log, store):
    version = ingest_states(contract, log, store)
    (version.folder / "rows-00000.parquet").write_bytes(b"PAR1")
    with pytest.raises(PermanentError, match=r"rows-00000\.parquet"):
        store.load()


def test_a_contract_with_actions_is_refused_and_nothing_is_written(log, store):
    with_acts = TaskContract.from_mapping(MAPPING | {"actions": {"column": "did", "values": ["stay", "go"]}})
    with pytest.raises(ContractError, match="names a column of actions"):
        ingest_states(with_acts, log, store)
    assert not store.folder.exists()


def test_rows_are_sealed_by_person_and_erased(log, store, tmp_path, monkeypatch):
    pytest.importorskip("cryptography")
    from telic.datasets.privacy.erasure import erase_person

    monkeypatch.setenv("TELIC_PRIVATE", str(tmp_path / "private"))
    sealed = TaskContract.from_mapping(MAPPING | {"privacy": {"key": "walk", "encrypt": True}})
    ingest_states(sealed, log, store)
    kept = [p.read_bytes() for p in store.files.folder.rglob("*") if p.is_file()]
    assert not any(b"blue" in content for content in kept)
    gone = erase_person(sealed, store.files, "Bob")
    assert gone.n_rows == 2
    left = store.load()
    assert (left.n_steps, left.action_labels) == (3, ("stay", "go"))
    assert "blue" not in left.categories["light"]
    again = ingest_states(sealed, log, store)
    assert "erased-left-out" in [f.code for f in again.findings]
    assert again.digest == gone.remaining


@pytest.fixture
def project(tmp_path, log):
    folder = tmp_path / "walk"
    folder.mkdir()
    cases = [
        {"name": "far", "expression": "x > 1", "at_least": 2},
        {"name": "gone", "expression": "action == 'go'", "at_least": 1},
    ]
    (folder / "contract.yaml").write_text(json.dumps({"schema_version": 1, **MAPPING, "coverage": cases}))
    shutil.copy(log, folder)
    return folder


def test_the_verbs_store_and_judge_it_and_learn_nothing_from_it(project, telic):
    stored = json.loads(telic("ingest", project, "--json").out)
    assert (stored["has_actions"], stored["n_steps"], stored["n_decisions"]) == (False, 5, 0)
    assert "states without actions" in stored["headline"]
    told = json.loads(telic("check", project, "--json").out)
    codes = {f["code"]: f for f in told["findings"]}
    assert codes["choices-not-checked"]["evidence"]["edge_cases"] == ["gone"]
    assert codes["edge-case-uncovered"]["evidence"]["decisions"] == 1
    assert told["dataset"] == stored["dataset"]
    assert "poisoning-suspected" not in codes
    for verb in ("infer", "train", "elicit", "ambiguity", "diff"):
        refused = telic(verb, project)
        assert refused.status != 0
        assert "has no actions" in refused.err, verb
    assert "states without actions" in telic("lineage", project).out
    assert json.loads(telic("check", project, "--json").out) == told
    version = stored["dataset"].removeprefix("sha256:")[:12]
    assert "5 rows" in telic("erase", project, "--version", version).out
    assert StateStore(project / "data").files.latest is None


def test_the_content_decides_and_not_the_file(contract, log, store):
    first = ingest_states(contract, log, store)
    log.write_text(ROWS.replace("2,blue", "1,blue"))
    second = ingest_states(contract, log, store)
    assert first.digest != second.digest
    assert [v.digest for v in store.files.versions()] == [first.digest, second.digest]
    assert dataclasses.asdict(store.load(first.digest))["observations"]["x"].tolist() == [0, 1, 1, 2, 0]
