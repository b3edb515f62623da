"""Streams joined at once, and the same streams joined bucket by bucket on the disk: one digest, findings and errors.

Sample sizes: 5 random projects without and 5 with faults, 15 more of each where slow tests run, 195 with TELIC_FULL=1
(20 to 150 acts, states, outcomes with and without keys, prices for all, two streams of decisions, overlapping
fragments, clocks that are off, moments at which nothing was done), with buckets, runs and merges of a few rows.
"""

import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from telic.contract import TaskContract
from telic.datasets import DatasetStore, ingest
from telic.datasets.decisions import clock_correction, in_order, leakage, slices
from telic.datasets.decisions.disk import Writing
from telic.datasets.partitions.sizes import Sizes
from telic.datasets.sources import parquet_files
from telic.errors import DataError

AT_ONCE = Sizes(in_memory=1 << 40)
N = 200 if os.environ.get("TELIC_FULL") == "1" else 20
SEEDS = [pytest.param(i, marks=[pytest.mark.slow] if i >= 5 else []) for i in range(N)]
HOSTS, SITES = ["a", "b", "é", "b/c", "zz", "A"], ["north", "south"]
START = 1.7e9


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(parquet_files, "PIECE_ROWS", 17)
    monkeypatch.setattr(clock_correction, "MOST_EVENTS", 24)
    monkeypatch.setattr(leakage, "MOST_PAIRS", 5)
    monkeypatch.setattr(in_order, "BATCH_ROWS", 32)
    monkeypatch.setattr(in_order, "FEWEST_ROWS", 2)
    monkeypatch.setattr(slices, "STRIDE", 1)


def some(g, values, p):
    return [None if g.random() < p else v for v in values]


def moments(g, n, *, whole=True):
    times = START + g.uniform(0, 4000, n)
    return np.round(times / 20) * 20 if whole else np.round(times, 3)


def entities_of(g):
    return [("host",), ("host", "site"), ("site",), ()][g.choice(4, p=[0.4, 0.3, 0.15, 0.15])]


def project(g):
    """The mapping of a contract and the tables of its streams."""
    about = entities_of(g)
    n = int(g.integers(20, 150))
    where = {"host": g.choice(HOSTS, n).tolist(), "site": g.choice(SITES, n).tolist()}
    acts = {
        "ts": moments(g, n, whole=g.random() < 0.7),
        **where,
        "id": [f"id-{i}" for i in range(n)],
        "act": g.choice(["less", "more"], n).tolist(),
        "who": g.choice(["Ann", "Bob", "Cy"], n).tolist(),
        "advice": some(g, g.choice(["less", "more"], n).tolist(), 0.4),
        "kind": g.choice(["change", "look"], n, p=[0.9, 0.1]).tolist(),
        "seen": np.round(g.uniform(0, 9, n), 1),
        "ticket": some(g, [f"t-{i // 2}" for i in range(n)], 0.1),
    }
    streams = [
        {
            "name": "acts",
            "files": "acts*",
            "role": "decisions",
            "time": "ts",
            "entities": {name: name for name in about},
            "where": {"kind": "change"},
        }
    ]
    tables = {"acts": acts}
    if g.random() < 0.5:
        streams[0]["identity"] = "id"
    observations = [{"name": "seen", "column": "seen"}]
    m = int(g.integers(20, 250))
    load = {
        "time": moments(g, m),
        "node": g.choice(HOSTS, m).tolist(),
        "site": g.choice(SITES, m).tolist(),
        "load": np.round(g.uniform(0, 9, m), 1),
        "mode": some(g, g.choice(["x", "y"], m).tolist(), 0.1),
    }
    entities = {name: {"host": "node"}.get(name, name) for name in about}
    streams.append(
        {
            "name": "load",
            "files": "load*",
            "role": "state",
            "time": "time",
            "entities": entities,
            "duplicates": "last",
            "same_time": str(g.choice(["include", "exclude"])),
            **({"max_age_seconds": 900.0} if g.random() < 0.5 else {}),
        }
    )
    tables["load"] = load
    observations += [
        {"name": "load", "column": "load.load", "missing": "drop"},
        {"name": "mode", "column": "load.mode", "type": "category", "missing": "label"},
        {"name": "age", "column": "load.age_seconds", "missing": "drop", "in_state": False},
    ]
    outcomes = []
    if g.random() < 0.5:  # a price for all, or for a site
        k = int(g.integers(5, 60))
        there = ("site",) if "site" in about and g.random() < 0.5 else ()
        tables["price"] = {
            "t": moments(g, k),
            "site": g.choice(SITES, k).tolist(),
            "price": np.round(g.uniform(0, 9, k), 1),
        }
        streams.append(
            {
                "name": "price",
                "files": "price*",
                "role": "state",
                "time": "t",
                "entities": {name: name for name in there},
                "duplicates": "last",
            }
        )
        observations.append({"name": "price", "column": "price.price", "missing": "drop"})
    if g.random() < 0.6:  # what came of it, by a ticket or by time
        k = int(g.integers(10, 120))
        tables["result"] = {
            "t": moments(g, k),
            "ref": some(g, [f"t-{i}" for i in g.integers(0, n // 2 + 2, k)], 0.1),
            "host": g.choice([*HOSTS, "nobody"], k).tolist(),
            "site": g.choice(SITES, k).tolist(),
            "good": (g.random(k) < 0.5).tolist(),
        }
        by_key = g.random() < 0.5
        there = about if g.random() < 0.6 else ()
        streams.append(
            {
                "name": "result",
                "files": "result*",
                "role": "outcomes",
                "time": "t",
                "entities": {name: name for name in there},
            }
        )
        rule = {"stream": "result", "keep": str(g.choice(["first", "last"]))}
        rule |= {"key": "ticket", "key_there": "ref"} if by_key else {}
        rule |= {} if by_key and g.random() < 0.5 else {"within_seconds": float(g.choice([100, 800]))}
        outcomes.append(rule)
    if g.random() < 0.3:  # a second stream of decisions
        k = int(g.integers(5, 40))
        tables["more"] = {
            "ts": moments(g, k),
            "host": g.choice(HOSTS, k).tolist(),
            "site": g.choice(SITES, k).tolist(),
            "done": g.choice(["less", "more"], k).tolist(),
            "who": g.choice(["Ann", "Dan"], k).tolist(),
            "seen": np.round(g.uniform(0, 9, k), 1),
            "ticket": [f"u-{i}" for i in range(k)],
        }
        streams.append(
            {
                "name": "more",
                "files": "more*",
                "role": "decisions",
                "time": "ts",
                "entities": {name: name for name in about},
                "columns": {"act": "done"},
                "origin": "rule",
            }
        )
    if g.random() < 0.35:  # a clock that is off
        ahead = float(g.choice([0.0, 7.0, 130.0]))
        k = n // 2
        tables["load"]["event"] = [f"id-{i}" for i in range(m)]
        tables["load"]["time"][: min(k, m)] = np.array(acts["ts"][: min(k, m)]) + ahead
        streams[1]["clock"] = {
            "estimate_against": "acts",
            "key": "event",
            "key_there": "id",
            "drift": bool(g.random() < 0.5),
        }
    elif g.random() < 0.3:
        streams[1]["clock"] = {"offset_seconds": 13.0}
    if g.random() < 0.3:  # an observation that foresees the state
        values = {}
        for t, host, site, v in sorted(
            zip(load["time"], load["node"], load["site"], load["load"], strict=True)
        ):
            values.setdefault(tuple({"host": host, "site": site}[a] for a in about), []).append((t, v))
        for i in range(n):
            key = tuple(acts[a][i] for a in about)
            later = [v for t, v in values.get(key, []) if t > acts["ts"][i]]
            acts["seen"][i] = later[0] if later else acts["seen"][i]
    decisions = {"outcomes": outcomes} if outcomes else {}
    values = ["less", "more"]
    if g.random() < 0.4:
        values.append("none")
        decisions["no_action"] = {
            "label": "none",
            "every_seconds": float(g.choice([200, 700])),
            "policy": str(g.choice(["grid", "after_act"])),
            "margin_seconds": float(g.choice([0, 30])),
        }
        observations[0]["missing"] = "drop"
    if g.random() < 0.3 and "more" not in tables:
        decisions["proposed"] = "advice"
    mapping = {
        "identity": {"task": "both-ways"},
        "observations": observations,
        "actions": {"column": "act", "values": values},
        "data": {
            "trajectory": list(about) or ["who"],
            "demonstrator": "who",
            "duplicates": "keep",
            "origin": "human",
            **({"labels": ["result.good"]} if outcomes and g.random() < 0.5 else {}),
        },
        "timing": {"max_gap_seconds": float(g.choice([600, 1e6]))},
        "streams": streams,
    }
    if decisions:
        mapping["decisions"] = decisions
    return mapping, {name: pa.table(columns) for name, columns in tables.items()}


def written(tables, folder, g):
    """The tables as files, some of them in fragments that overlap."""
    folder.mkdir()
    for name, table in tables.items():
        n = table.num_rows
        cuts = sorted(g.integers(0, n, int(g.integers(0, 3))).tolist())
        for i, (a, b) in enumerate(zip([0, *cuts], [*cuts, n], strict=True)):
            if g.random() < 0.4 and name in ("load", "result"):
                a = max(0, a - 4)
            if a == b:
                continue
            form, piece = str(g.choice(["parquet", "csv", "jsonl"])), table.slice(a, b - a)
            path = folder / f"{name}-{i}.{form}"
            if form == "parquet":
                pq.write_table(piece, path)
            elif form == "csv":
                pacsv.write_csv(piece, path)
            else:
                path.write_text("".join(json.dumps(row) + "\n" for row in piece.to_pylist()))


def outcome(contract, log, folder, sizes):
    """Everything that an ingest leaves: the manifest without its files, and the loaded digest; or the error."""
    store = DatasetStore(folder)
    try:
        made = ingest(contract, log, store, sizes=sizes)
    except DataError as error:
        assert store.latest is None
        assert not list(folder.glob(".[bp]*"))  # nothing half made is left
        told = error.code, error.message, error.hint, error.data
    else:
        assert store.load().digest == made.digest
        assert not list(folder.glob(".[bp]*"))
        manifest = {k: v for k, v in store.manifest(made).items() if k != "files"}
        told = manifest, [f.to_json() for f in made.findings], made.n_trajectories
    return json.dumps(told, indent=1, sort_keys=True, default=str)


def tiny(g):
    return Sizes(
        in_memory=1, run=int(g.choice([9000, 30_000])), part=int(g.choice([3000, 8000, 30_000])), keys=3
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_a_version_is_the_same(tmp_path, seed):
    g = np.random.default_rng([20261124, seed])
    mapping, tables = project(g)
    contract = TaskContract.from_mapping(mapping)
    written(tables, tmp_path / "log", g)
    at_once = outcome(contract, tmp_path / "log", tmp_path / "at-once", AT_ONCE)
    on_disk = outcome(contract, tmp_path / "log", tmp_path / "on-disk", tiny(g))
    assert on_disk == at_once


FAULTS = [
    ("acts", "ts", None),
    ("acts", "act", "most"),
    ("acts", "act", None),
    ("acts", "host", None),
    ("acts", "who", None),
    ("acts", "id", "id-0"),
    ("load", "load", 40.0),
    ("load", "time", None),
    ("load", "node", None),
    ("load", "site", "east"),
    ("result", "ref", "t-0"),
    ("price", "price", None),
    ("more", "done", "most"),
]


def broken(mapping, tables, g):
    for fault in g.choice(len(FAULTS), int(g.integers(1, 4)), replace=False):
        name, column, value = FAULTS[fault]
        if name in tables and column in tables[name].column_names:
            values = tables[name][column].to_pylist()
            for i in g.integers(0, len(values), int(g.integers(1, 6))).tolist():
                values[i] = value
            place = tables[name].column_names.index(column)
            kind = tables[name].schema.field(column).type
            tables[name] = tables[name].set_column(place, column, pa.array(values, kind))
    changed = {stream["name"]: stream for stream in mapping["streams"]}
    if g.random() < 0.3:
        changed["load"]["duplicates"] = "error"
    if g.random() < 0.1:
        changed["acts"]["where"] = {"kind": "nothing"}
    if g.random() < 0.1 and changed["load"]["entities"]:
        changed["load"]["entities"] = dict.fromkeys(changed["load"]["entities"], "mode")
    if g.random() < 0.1:
        mapping["observations"][0]["column"] = "absent"
    if g.random() < 0.1 and "no_action" in mapping.get("decisions", {}):
        mapping["decisions"]["no_action"]["every_seconds"] = 1e-5
    return mapping


@pytest.mark.parametrize("seed", SEEDS)
def test_an_error_is_the_same(tmp_path, seed):
    g = np.random.default_rng([20261125, seed])
    mapping, tables = project(g)
    contract = TaskContract.from_mapping(broken(mapping, tables, g))
    written(tables, tmp_path / "log", g)
    at_once = outcome(contract, tmp_path / "log", tmp_path / "at-once", AT_ONCE)
    on_disk = outcome(contract, tmp_path / "log", tmp_path / "on-disk", tiny(g))
    assert on_disk == at_once


def test_no_plain_name_is_on_the_disk_while_streams_are_joined(tmp_path, monkeypatch):
    """The folder holds what decisions are made of, and the name of nobody, even of whom decisions are about."""
    g = np.random.default_rng(5)
    n = 300
    people = [f"somebody-{i % 7}" for i in range(n)]
    (tmp_path / "log").mkdir()
    times = START + np.arange(n)
    acts = {"ts": times, "host": g.choice(HOSTS, n), "who": people, "act": g.choice(["less", "more"], n)}
    pq.write_table(pa.table(acts), tmp_path / "log" / "acts.parquet")
    pq.write_table(
        pa.table({"ts": times - 0.5, "person": people, "mood": g.choice(["calm", "wild"], n)}),
        tmp_path / "log" / "moods.parquet",
    )
    contract = TaskContract.from_mapping(
        {
            "identity": {"task": "names"},
            "observations": [
                {"name": "mood", "column": "moods.mood", "type": "category", "missing": "label"}
            ],
            "actions": {"column": "act", "values": ["less", "more"]},
            "data": {"trajectory": ["host"], "demonstrator": "who"},
            "streams": [
                {
                    "name": "acts",
                    "files": "acts*",
                    "role": "decisions",
                    "time": "ts",
                    "entities": {"who": "who"},
                },
                {
                    "name": "moods",
                    "files": "moods*",
                    "role": "state",
                    "time": "ts",
                    "entities": {"who": "person"},
                },
            ],
        }
    )
    seen = []
    write = Writing.close

    def looked_at(self):
        write(self)
        seen.append(self.path.read_bytes())

    monkeypatch.setattr(Writing, "close", looked_at)
    ingest(contract, tmp_path / "log", DatasetStore(tmp_path / "store"), sizes=tiny(g))
    assert len(seen) > 5
    assert any(b"calm" in file for file in seen)
    assert not any(b"somebody-" in file for file in seen)
