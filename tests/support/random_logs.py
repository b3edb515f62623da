"""Random logs with contracts that fit them, and all that an ingest of one leaves."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from telic.contract import TaskContract
from telic.datasets import DatasetStore, ingest
from telic.datasets.partitions.sizes import Sizes
from telic.errors import DataError

NAMES = ["a", "a#2", "a!", "b", "b#x", "b/c", "é", "a#2#3", "zz", "q%"]


def contract_of(g, **blocks):
    """A random contract; blocks replace what it says."""
    trajectory = [["name"], ["name", "day"], []][g.choice(3, p=[0.6, 0.25, 0.15])]
    offered = {"column": "could", "separator": ";", "evidence": "rule"} if g.random() < 0.4 else None
    stated = {
        "identity": {"task": "both-ways"},
        "observations": [
            {"name": "load", "low": 0, "high": 100, "missing": str(g.choice(["carry", "drop", "error"]))},
            {"name": "pods", "type": "integer", "missing": "carry"},
            {"name": "kind", "type": "category", "missing": str(g.choice(["label", "carry", "drop"]))},
            {"name": "tier", "type": "category", "values": ["gold", "silver"], "missing": "label"},
            {"name": "up", "type": "boolean"},
        ],
        "actions": {"column": "action", "values": ["less", "hold", "more"]}
        | ({"offered": offered} if offered else {}),
        "timing": {"control_period_seconds": 60},
        "data": {
            "trajectory": trajectory,
            "duplicates": str(g.choice(["keep", "drop", "error"], p=[0.6, 0.3, 0.1])),
        },
        "outcomes": {},
    }
    if g.random() < 0.85:
        stated["data"]["time"] = "ts"
        stated["timing"]["max_gap_seconds"] = float(g.choice([90, 1e6]))
        if g.random() < 0.3:
            stated["data"]["cut_seconds"] = float(g.choice([86_400, 600]))
    for field, column, p in (
        ("demonstrator", "who", 0.7),
        ("weight", "weight", 0.3),
        ("origin_column", "maker", 0.3),
    ):
        if g.random() < p:
            stated["data"][field] = column
    if g.random() < 0.5:
        stated["data"]["labels"] = ["session"]
    for field, column in (("terminated", "done"), ("succeeded", "ok")):
        if g.random() < 0.4:
            stated["outcomes"][field] = column
    for block, fields in blocks.items():
        stated[block] = stated.get(block, {}) | fields
    return TaskContract.from_mapping(stated)


def table_of(g, contract):
    """10 to 120 random rows."""
    n = int(g.integers(10, 120))
    gone = {"error": 0.0, "carry": 0.1, "drop": 0.15, "label": 0.2}
    policy = {o.name: gone[o.missing] for o in contract.observations}
    names = g.choice(NAMES, n)
    ts = 1.7e9 + 30 * g.integers(0, 400, n)
    order = np.argsort(ts, kind="stable") if g.random() < 0.6 else np.arange(n)

    def some(values, p):
        return [None if g.random() < p else v for v in values]

    table = pa.table(
        {
            "ts": ts[order].astype(float),
            "name": names,
            "day": g.choice(["1", "2", "10"], n),
            "load": pa.array(some(np.round(g.uniform(0, 100, n), 2).tolist(), policy["load"]), pa.float64()),
            "pods": pa.array(some(g.integers(0, 9, n).tolist(), policy["pods"]), pa.int64()),
            "kind": pa.array(
                some(g.choice(["x", "y", "missing", "z z"], n).tolist(), policy["kind"]), pa.string()
            ),
            "tier": pa.array(some(g.choice(["gold", "silver"], n).tolist(), 0.1), pa.string()),
            "up": g.random(n) < 0.5,
            "action": g.choice(["less", "hold", "more"], n),
            "who": pa.array(some(g.choice(["Ann", "Bob", "Cy"], n).tolist(), 0.05), pa.string()),
            "weight": g.integers(0, 4, n).astype(float),
            "maker": pa.array(some(g.choice(["human", "rule"], n, p=[0.9, 0.1]).tolist(), 0.05), pa.string()),
            "done": g.random(n) < 0.08,
            "ok": pa.array(some((g.random(n) < 0.5).tolist(), 0.5), pa.bool_()),
            "could": pa.array(
                some(g.choice(["less;hold", "hold;more", "hold"], n).tolist(), 0.1), pa.string()
            ),
            "session": pa.array(some(g.choice(["s1", "s2", "s3"], n).tolist(), 0.1), pa.string()),
        }
    )
    if g.random() < 0.5:  # copies of rows
        table = pa.concat_tables([table, table.take(g.integers(0, n, 3))])
    return table


def carried_from_the_start(table, contract):
    """The table with known values where nothing could be carried: the first row of each trajectory in every order."""
    for o in contract.observations:
        if o.missing == "carry":
            column = table[o.column].to_pylist()
            for i in {table["name"].to_pylist().index(x) for x in set(table["name"].to_pylist())} | {0}:
                column[i] = 1 if o.type != "category" else "x"
            place = table.column_names.index(o.column)
            table = table.set_column(place, o.column, pa.array(column, table[o.column].type))
    return table


def written(table, folder, g):
    """The table in 1 to 3 files of three formats."""
    folder.mkdir()
    cuts = sorted(g.integers(0, table.num_rows, int(g.integers(0, 3))).tolist())
    paths = []
    for i, (a, b) in enumerate(zip([0, *cuts], [*cuts, table.num_rows], strict=True)):
        if b == a and i:
            continue
        form = str(g.choice(["parquet", "csv", "jsonl"]))
        path = folder / f"log-{i}.{form}"
        piece = table.slice(a, b - a)
        if form == "parquet":
            pq.write_table(piece, path)
        elif form == "csv":
            pacsv.write_csv(piece, path)
        else:
            path.write_text("".join(json.dumps(row) + "\n" for row in piece.to_pylist()))
        paths.append(path)
    return paths


def outcome(contract, paths, folder, sizes):
    """Everything that an ingest leaves: the manifest without its files, and the loaded digest; or the error."""
    store = DatasetStore(folder)
    try:
        made = ingest(contract, paths, store, sizes=sizes)
    except DataError as error:
        assert store.latest is None
        assert not list(folder.glob(".[bp]*"))  # nothing half made is left
        return error.code, error.message, error.hint, error.data
    manifest = {k: v for k, v in store.manifest(made).items() if k != "files"}
    assert store.load().digest == made.digest
    assert store.load().column_digests == manifest["columns"]
    assert not list(folder.glob(".[bp]*"))
    return manifest, [f.to_json() for f in made.findings], made.n_trajectories


def tiny(g):
    """Sizes at which a few rows are too many."""
    return Sizes(in_memory=1, run=int(g.choice([1, 900, 4000])), part=int(g.choice([1, 600, 3000])), keys=3)


def tell(manifest_or_error):
    """As text, so that a difference is shown line by line."""
    return json.dumps(manifest_or_error, indent=1, sort_keys=True, default=str)
