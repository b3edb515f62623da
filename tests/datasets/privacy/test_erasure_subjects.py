"""People who decided nothing can be erased from the rows that they stand in; nothing of them is left in the store."""

from __future__ import annotations

import json
import re

import pytest

from telic.contract import TaskContract
from telic.datasets import DatasetStore, ingest
from telic.datasets.privacy.erasure_record import erased_values, erasures
from telic.datasets.privacy.erasure_subjects import erase_subject, subject_columns
from telic.errors import DataError, SettingsError

CUSTOMERS = ("Acme Ltd", "Borealis", "Corvus")
MAPPING = {
    "schema_version": 1,
    "identity": {"task": "desk"},
    "observations": [
        {"name": "load", "type": "integer", "low": 0, "high": 99},
        {"name": "customer", "type": "category", "in_state": False},
    ],
    "actions": {"column": "act", "values": ["stay", "go"]},
    "data": {"trajectory": ["ticket"], "time": "ts", "demonstrator": "who", "labels": ["team"]},
    "privacy": {"key": "desk", "rules": [{"column": "customer", "rule": "pseudonym"}]},
}


def contract(**privacy):
    return TaskContract.from_mapping({**MAPPING, "privacy": {**MAPPING["privacy"], **privacy}})


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("TELIC_PRIVATE", str(tmp_path / "private"))
    return tmp_path


def write(path, customers):
    """Two tickets a customer, four decisions each, by two people."""
    rows = [
        {
            "ticket": f"T{i}", "ts": t, "load": 5 * i + t, "customer": customers[i % len(customers)],
            "act": ("stay", "go")[(i + t) % 2], "who": ("ann", "bob")[i % 2], "team": "red",
        }
        for i in range(2 * len(customers))
        for t in range(4)
    ]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    return path


def everything(folder) -> bytes:
    """Every byte below a folder, names too, and what is inside Parquet files."""
    import pyarrow.parquet as pq

    found = []
    for path in sorted(folder.rglob("*")):
        found.append(str(path.relative_to(folder)).encode())
        if path.is_file():
            found.append(path.read_bytes())
            if path.suffix == ".parquet":
                found.append(repr(pq.read_table(path).to_pydict()).encode())
    return b"\n".join(found)


def pseudonyms(demos):
    return set(demos.categories["customer"])


@pytest.mark.parametrize("encrypt", [False, True])
def test_nothing_of_an_erased_customer_is_left_in_the_store(place, encrypt):
    if encrypt:
        pytest.importorskip("cryptography")
    terms, store = contract(encrypt=encrypt), DatasetStore(place / "data")
    first = ingest(terms, write(place / "a.jsonl", CUSTOMERS[:2]), store)
    second = ingest(terms, write(place / "b.jsonl", CUSTOMERS), store)
    only_others = ingest(terms, write(place / "c.jsonl", CUSTOMERS[1:]), store)
    store.adopt(second.digest)
    (of_acme,) = pseudonyms(store.load(second)) - pseudonyms(store.load(only_others))
    assert (of_acme.encode() in everything(place / "data")) is not encrypt
    gone = erase_subject(terms, store, "customer", "Acme Ltd")
    assert (gone.what, gone.n_rows) == ("subject", 16)
    assert set(gone.versions) == {first.digest, second.digest}
    assert {v.digest for v in store.versions()} == {only_others.digest, gone.remaining}
    for version in store.versions():
        assert of_acme not in pseudonyms(store.load(version))
    assert store.load(gone.remaining).n_trajectories == 4
    left = everything(place / "data")
    assert of_acme.encode() not in left
    assert b"Acme" not in left
    (entry,) = erasures(store.folder)
    assert {v["version"] for v in entry["versions"]} == {first.digest, second.digest}
    assert entry["subject"] in erased_values(store.folder)
    # The same source again: the rows stay out, and the content is that of what was left.
    again = ingest(terms, place / "b.jsonl", store)
    assert again.digest == gone.remaining
    assert of_acme.encode() not in everything(place / "data")
    with pytest.raises(DataError, match="erased before"):
        erase_subject(terms, store, "customer", "Acme Ltd")


def test_the_pseudonym_serves_too_and_the_name_of_a_trajectory_counts(place):
    terms = TaskContract.from_mapping(
        {**MAPPING, "data": {**MAPPING["data"], "trajectory": ["customer", "ticket"]}}
    )
    store = DatasetStore(place / "data")
    ingest(terms, write(place / "a.jsonl", CUSTOMERS), store)
    names = [str(name) for name in store.load().trajectory_ids]
    pseudonym = re.findall(r"customer-[0-9a-f]{12}", names[0])[0]
    gone = erase_subject(terms, store, "customer", pseudonym)
    assert pseudonym.encode() not in everything(place / "data")
    assert store.load(gone.remaining).n_trajectories == 4


def test_the_last_customer_takes_the_version_along(place):
    terms, store = contract(), DatasetStore(place / "data")
    ingest(terms, write(place / "a.jsonl", CUSTOMERS[:1]), store)
    gone = erase_subject(terms, store, "customer", "Acme Ltd")
    assert (gone.remaining, store.latest) == ("", None)
    with pytest.raises(DataError, match="Everybody in these files was erased"):
        ingest(terms, place / "a.jsonl", store)


def test_a_column_without_pseudonyms_is_refused_in_words(place):
    terms = contract()
    store = DatasetStore(place / "data")
    ingest(terms, write(place / "a.jsonl", CUSTOMERS), store)
    assert subject_columns(terms) == ("customer",)
    with pytest.raises(SettingsError, match=r"`team` cannot be erased by name.*`customer`"):
        erase_subject(terms, store, "team", "red")
    with pytest.raises(
        DataError, match="No version of this dataset holds rows with that person in `customer`"
    ):
        erase_subject(terms, store, "customer", "Nobody Inc")
    assert len(store.versions()) == 1


def test_the_verb_erases_and_says_what_it_did_not_reach(place, telic):
    folder = place / "desk"
    folder.mkdir()
    (folder / "contract.yaml").write_text(json.dumps(MAPPING))
    write(folder / "log.jsonl", CUSTOMERS)
    telic("ingest", folder)
    told = json.loads(telic("erase", folder, "--person", "Borealis", "--column", "customer", "--json").out)
    assert told["n_rows"] == 8
    (missed,) = [f for f in told["findings"] if f["code"] == "not-reached"]
    assert missed["evidence"] == {
        "columns_with_pseudonyms": ["customer", "who"],
        "columns_in_the_clear": ["ticket", "team"],
    }
    assert "nobody was named" in telic("erase", folder, "--column", "customer", "--expired").err
