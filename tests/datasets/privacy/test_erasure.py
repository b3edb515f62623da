"""Rows of one person can be erased for good; the proof stays; what is left is a dataset that says so."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from telic._core.clock import manual_clock
from telic.contract import TaskContract
from telic.datasets import DatasetStore, ingest
from telic.datasets.privacy.erasure import erase_expired, erase_person, erase_version
from telic.datasets.privacy.erasure_record import erased_subjects, erasures
from telic.errors import DataError, PermanentError, SettingsError

pytest.importorskip("cryptography", reason="the extra `privacy` is not installed")

PEOPLE = ("Ann Ash", "Bob Birch", "Cyd Cedar")


def contract(**privacy):
    return TaskContract.from_mapping(
        {
            "identity": {"task": "boiler"},
            "observations": [
                {"name": "load", "type": "integer", "low": 0, "high": 99},
                {"name": "mood", "type": "category", "in_state": False},
            ],
            "actions": {"column": "act", "values": ["stay", "go"]},
            "data": {"trajectory": "site", "time": "ts", "demonstrator": "who", "labels": ["shift"]},
            "privacy": {"key": "boiler", "encrypt": True, **privacy},
        }
    )


def rows(n_sites: int = 9, people=PEOPLE) -> list[dict]:
    """Three sites a person; moods of one person occur with nobody else."""
    return [
        {
            "site": f"site{i}",
            "ts": t,
            "load": 7 * i + t,
            "mood": f"{people[i % len(people)].split()[0]}-{t % 2}",
            "act": ("stay", "go")[(i + t) % 2],
            "who": people[i % len(people)],
            "shift": ("early", "late")[i % 2],
        }
        for i in range(n_sites)
        for t in range(5)
    ]


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("TELIC_PRIVATE", str(tmp_path / "private"))
    return tmp_path


def ingested(place, **privacy):
    source = place / "log.jsonl"
    source.write_text("\n".join(map(json.dumps, rows())) + "\n")
    store = DatasetStore(place / "data")
    return contract(**privacy), store, ingest(contract(**privacy), source, store), source


def moods(demos):
    return [demos.categories["mood"][c] for c in demos.observations["mood"]]


def test_a_sealed_version_reads_like_a_plain_one(place):
    c, store, version, source = ingested(place)
    plain = DatasetStore(place / "plain")
    same = ingest(contract(encrypt=False), source, plain)
    assert version.digest == same.digest
    loaded, expected = store.load(), plain.load()
    assert loaded.digest == expected.digest == version.digest
    assert loaded.trajectory_ids.tolist() == [f"site{i}" for i in range(9)]
    np.testing.assert_array_equal(
        loaded.observations["load"], [7 * i + t for i in range(9) for t in range(5)]
    )
    assert moods(loaded) == [r["mood"] for r in rows()]
    assert loaded.labels["shift"].tolist() == ["early", "late"] * 4 + ["early"]
    assert ingest(c, source, store).is_new is False


def test_nothing_of_the_rows_lies_open(place):
    _, store, version, _ = ingested(place)
    assert not list(version.folder.glob("*.parquet"))
    everything = b"".join(p.read_bytes() for p in store.folder.rglob("*") if p.is_file())
    for word in ("Ann", "Ann-0", "site3", "demonstrator-", "early"):
        assert word.encode() not in everything
    keys = sorted((place / "private" / "subjects").rglob("*.key"))
    assert len(keys) == 3
    assert {oct(k.stat().st_mode & 0o777) for k in keys} == {"0o600"}
    assert all(k.read_bytes().strip() not in everything for k in keys)


def test_erasing_a_person_leaves_the_others_and_a_proof(place):
    c, store, version, _ = ingested(place)
    sealed_before = {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in version.folder.glob("sealed-*")
    }
    keys_before = {k.stem: k.read_text() for k in (place / "private" / "subjects").rglob("*.key")}
    done = erase_person(c, store, "Bob Birch", clock=manual_clock(1_700_000_000.0))
    keys_after = {k.stem for k in (place / "private" / "subjects").rglob("*.key")}
    (gone,) = set(keys_before) - keys_after
    assert done.n_rows == 15
    assert done.versions == (version.digest,)

    left = store.load(version)
    assert sorted(set(moods(left))) == ["Ann-0", "Ann-1", "Cyd-0", "Cyd-1"]
    assert left.categories["mood"] == ("Ann-0", "Ann-1", "Cyd-0", "Cyd-1")
    assert left.trajectory_ids.tolist() == [f"site{i}" for i in (0, 2, 3, 5, 6, 8)]
    assert len(left.demonstrator_names) == 2
    (finding,) = [f for f in left.findings if f.code == "erased"]
    assert "1 of 3 people were erased from this version: 15 of 45 rows are gone" in finding.message

    (entry,) = erasures(store.folder)
    assert entry["what"] == "person"
    assert entry["when"] == "2023-11-14T22:13:20Z"
    assert entry["subject"] == gone
    raw = bytes.fromhex(keys_before[gone])
    assert entry["key"] == hashlib.sha256(b"telic subject key" + raw).hexdigest()[:32]
    (of_version,) = entry["versions"]
    assert of_version["rows"] == 15
    assert of_version["sealed"] == {n: f"sha256:{d}" for n, d in sealed_before.items() if gone in n}
    assert "Bob" not in json.dumps(entry)
    newest = store.latest
    assert newest is not None
    assert newest.digest == done.remaining != version.digest
    assert newest.n_decisions == 30
    assert store.load().digest == newest.digest


def test_sealed_rows_cannot_be_read_with_any_other_key(place):
    from telic.datasets.privacy.sealing import unseal

    c, store, version, _ = ingested(place)
    erase_person(c, store, "Bob Birch")
    (gone,) = erased_subjects(store.folder)
    parts = sorted(version.folder.glob(f"sealed-{gone}-*.bin"))
    others = [bytes.fromhex(k.read_text()) for k in (place / "private" / "subjects").rglob("*.key")]
    assert len(parts) == 2
    assert len(others) == 2
    for j, part in enumerate(parts):
        for key in [*others, bytes(32)]:
            with pytest.raises(PermanentError, match="cannot be read"):
                unseal(part.read_bytes(), key, f"{version.digest}/{gone}/{j}")


def test_somebody_erased_does_not_come_back_by_the_next_ingest(place):
    c, store, _, source = ingested(place)
    done = erase_person(c, store, "Bob Birch")
    again = ingest(c, source, store)
    assert again.digest == done.remaining
    more = place / "more.jsonl"
    more.write_text("\n".join(map(json.dumps, rows(12))) + "\n")
    grown = ingest(c, more, store)
    assert grown.n_decisions == 40
    assert "erased-left-out" in {f.code for f in grown.findings}
    assert store.load().categories["mood"] == ("Ann-0", "Ann-1", "Cyd-0", "Cyd-1")
    with pytest.raises(DataError, match="erased before"):
        erase_person(c, store, "Bob Birch")


def test_a_pseudonym_names_the_person_too_and_a_stranger_is_refused_without_an_echo(place):
    c, store, _, _ = ingested(place)
    with pytest.raises(DataError) as caught:
        erase_person(c, store, "Dora Stranger")
    assert "Dora" not in str(caught.value)
    name = store.load().demonstrator_names[0]
    assert erase_person(c, store, name).n_rows == 15
    assert name not in store.load().demonstrator_names


def test_an_erasure_that_was_killed_is_finished_by_the_next(place):
    """Between the destruction of the key and the proof, the version cannot be read and says why."""
    c, store, version, _ = ingested(place)
    killed = next((place / "private" / "subjects").rglob("*.key"))
    name = None
    from telic.datasets.privacy.erasure import subject_keys

    keys = subject_keys(c, store)
    for person in store.load().demonstrator_names:
        name = person if keys.subject(person) == killed.stem else name
    killed.unlink()
    with pytest.raises(PermanentError, match="no erasure is on record"):
        store.load(version)
    assert erase_person(c, store, name).n_rows == 15
    assert store.load(version).n_decisions == 30


def test_when_everybody_is_gone_nothing_can_be_read(place):
    c, store, version, _ = ingested(place)
    for person in PEOPLE:
        done = erase_person(c, store, person)
    assert done.remaining == ""
    with pytest.raises(PermanentError, match="Everybody in this version was erased"):
        store.load(version)
    assert len(erasures(store.folder)) == 3


def test_a_changed_record_is_seen_and_a_changed_part_is_refused(place):
    c, store, version, _ = ingested(place)
    erase_person(c, store, "Bob Birch")
    erase_person(c, store, "Cyd Cedar")
    record = store.folder / "erasures.jsonl"
    lines = record.read_text().splitlines(keepends=True)
    for changed in (lines[1:], [lines[0].replace('"rows": 15', '"rows": 14'), lines[1]], lines[::-1]):
        record.write_text("".join(changed))
        with pytest.raises(PermanentError, match="was changed: line"):
            erasures(store.folder)
    record.write_text("".join(lines))
    part = next(version.folder.glob("sealed-*"))
    raw = bytearray(part.read_bytes())
    raw[-1] ^= 1
    part.write_bytes(bytes(raw))
    with pytest.raises(PermanentError, match="not those that were published"):
        store.load(version)


def test_a_version_past_its_time_is_removed_and_proved(place):
    c, store, version, source = ingested(place, retention_days=30.0)
    published = (version.folder / "manifest.json").stat().st_mtime
    assert erase_expired(c, store, clock=manual_clock(published + 29 * 86_400)) == ()
    files = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in version.folder.iterdir()}
    (done,) = erase_expired(c, store, clock=manual_clock(published + 31 * 86_400))
    assert done.n_rows == 45
    assert not version.folder.exists()
    assert store.latest is None
    (entry,) = erasures(store.folder)
    assert (entry["what"], entry["why"], entry["version"]) == ("version", "expired", version.digest)
    manifest = files.pop("manifest.json")
    assert entry["manifest"] == f"sha256:{manifest}"
    assert entry["files"] == {n: f"sha256:{d}" for n, d in files.items()}
    assert ingest(c, source, store).is_new is True  # the same files make it anew, with its time


def test_without_encryption_whole_versions_can_still_be_removed(place):
    c, store, version, _ = ingested(place, encrypt=False)
    assert pq.read_table(version.folder / "rows-00000.parquet").num_rows == 45
    with pytest.raises(SettingsError, match=r"privacy\.encrypt"):
        erase_person(c, store, "Bob Birch")
    with pytest.raises(SettingsError, match="how long"):
        erase_expired(c, store)
    assert erase_version(store, version).n_rows == 45
    assert store.versions() == ()


def test_encryption_asked_for_later_replaces_the_open_rows(place):
    _, store, version, source = ingested(place, encrypt=False)
    sealed = ingest(contract(), source, store)
    assert sealed.digest == version.digest
    assert sealed.is_new is True
    assert not list(version.folder.glob("*.parquet"))


def test_a_key_that_others_may_read_is_refused(place):
    c, _, _, source = ingested(place)
    (place / "private" / "boiler.key").chmod(0o644)
    with pytest.raises(PermanentError, match="may be read by others"):
        ingest(c, source, DatasetStore(place / "other"))
