"""Laws of datasets: content alone makes the digest, publishing and loading change nothing, splits and
selections agree."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telic.contract import TaskContract
from telic.datasets import DatasetStore, dump_contract, parse_contract, read_demonstrations
from telic.trajectories.checks.sameness import compact, signatures

CONTRACT = TaskContract.from_mapping(
    {
        "identity": {"task": "laws"},
        "observations": [{"name": "x"}, {"name": "k", "type": "integer"}, {"name": "c", "type": "category"}],
        "actions": {"column": "act", "values": ["a", "b"]},
        "timing": {"max_gap_seconds": 50},
        "data": {"trajectory": "id", "time": "t", "demonstrator": "who"},
    }
)

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "x": st.floats(-1e12, 1e12).map(lambda v: v + 0.0),
            "k": st.integers(-(2**53) + 1, 2**53 - 1),
            "c": st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=4).filter(
                lambda s: s not in CONTRACT.data.missing_values
            ),
            "act": st.sampled_from("ab"),
            "id": st.sampled_from(["p", "q/r", "s#2"]),
            "t": st.integers(0, 300),
            "who": st.sampled_from(["Ann", "Bob"]),
        }
    ),
    min_size=2,
    max_size=25,
    unique_by=lambda row: (row["id"], row["t"]),
)

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def digest_of(folder, parts):
    paths = []
    for i, (kind, rows) in enumerate(parts):
        path = folder / f"part{i}.{kind}"
        if kind == "parquet":
            pq.write_table(pa.Table.from_pylist(rows), path)
        else:
            path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
        paths.append(path)
    return read_demonstrations(CONTRACT, paths)


@given(ROWS, st.randoms(use_true_random=False), st.integers(0, 25))
@QUICK
def test_order_division_and_format_do_not_matter(tmp_path_factory, rows, random, cut):
    folder = tmp_path_factory.mktemp("law")
    first = digest_of(folder, [("parquet", rows)])
    shuffled = random.sample(rows, len(rows))
    parts = [part for part in (("jsonl", shuffled[:cut]), ("parquet", shuffled[cut:])) if part[1]]
    again = digest_of(folder, parts)
    assert again.digest == first.digest
    assert list(again.trajectory_ids) == list(first.trajectory_ids)
    changed = [dict(r) for r in rows]
    changed[-1]["act"] = "b" if changed[-1]["act"] == "a" else "a"
    assert digest_of(folder, [("parquet", changed)]).digest != first.digest


@given(ROWS)
@QUICK
def test_publishing_and_loading_change_nothing(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("law")
    demos = digest_of(folder, [("parquet", rows)])
    store = DatasetStore(folder / "data")
    version = store.publish(demos)
    loaded = store.load()
    assert loaded.digest == demos.digest == version.digest
    assert loaded.column_digests == demos.column_digests
    assert not store.publish(loaded).is_new


@given(ROWS)
@QUICK
def test_rows_of_the_source_are_all_there_once(tmp_path_factory, rows):
    demos = digest_of(tmp_path_factory.mktemp("law"), [("parquet", rows)])
    labels = demos.categories["c"]
    base = np.array([str(i).split("@")[0] for i in demos.trajectory_ids])[demos.trajectory_index]
    seen = sorted(
        zip(demos.times, demos.observations["x"], [labels[i] for i in demos.observations["c"]], strict=True)
    )
    assert seen == sorted((float(r["t"]), r["x"], r["c"]) for r in rows)
    assert len(base) == len(rows)
    inside = np.diff(demos.times)[np.diff(demos.trajectory_index) == 0]
    assert np.all(inside > 0)
    assert np.all(inside <= 50)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=60))
def test_compact_codes_keep_order_and_leave_no_gap(codes):
    array = np.array(codes, dtype=np.int64)
    np.testing.assert_array_equal(compact(array), np.unique(array, return_inverse=True)[1])


@given(ROWS)
@QUICK
def test_signatures_tell_exactly_the_same_rows_apart(tmp_path_factory, rows):
    demos = digest_of(tmp_path_factory.mktemp("law"), [("parquet", rows)])
    marks = signatures(demos)
    exact = [tuple(v[i].item() for v in demos.observations.values()) for i in range(demos.n_decisions)]
    for i in range(len(exact)):
        for j in range(i):
            assert (marks[i] == marks[j]) == (exact[i] == exact[j])


def test_a_contract_survives_its_file():
    assert parse_contract(dump_contract(CONTRACT)) == CONTRACT
