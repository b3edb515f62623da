"""What ingest makes of good files: the same content in any format and partition is the same dataset."""

import bz2
import gzip
import json
import lzma

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from telic.contract import TaskContract
from telic.datasets import DatasetStore, ingest, read_demonstrations
from telic.errors import PermanentError

CONTRACT = {
    "identity": {"task": "boiler"},
    "observations": [
        {"name": "heat", "column": "temp_c", "unit": "degC", "low": -20, "high": 120, "bins": 6},
        {"name": "load", "type": "integer"},
        {"name": "tier", "type": "category"},
        {"name": "night", "type": "boolean"},
    ],
    "actions": {"column": "act", "values": ["off", "low", "high"]},
    "timing": {"control_period_seconds": 60, "max_gap_seconds": 300},
    "outcomes": {"terminated": "done"},
    "data": {"trajectory": ["site", "day"], "demonstrator": "who", "time": "ts", "weight": "w"},
}
HEADER = ["temp_c", "load", "tier", "night", "act", "site", "day", "who", "ts", "w", "done"]


def rows_of(n=60, key=3):
    g = np.random.default_rng(key)
    rows = []
    for i in range(n):
        site, day, step = "ab"[i % 2], 1 + (i // 2) % 3, i // 6
        rows.append(
            {
                "temp_c": round(float(g.normal(40, 20)), 2),
                "load": int(g.integers(0, 9)),
                "tier": ["gold", "tin", "lead"][int(g.integers(3))],
                "night": bool(g.integers(2)),
                "act": ["off", "low", "high"][int(g.integers(3))],
                "site": site,
                "day": day,
                "who": {"a": "Ann", "b": "Bob"}[site],
                "ts": 1_700_000_000.25 + 60 * step + (600 if step > 6 else 0),
                "w": 1.0 + (i % 2) / 2,
                "done": step == 4 and site == "b",
            }
        )
    return rows


def as_csv(rows, delimiter=",", decimal="."):
    def text(value):
        if isinstance(value, bool):
            return "true" if value else "false"
        return repr(value).replace(".", decimal) if isinstance(value, float) else str(value)

    lines = [delimiter.join(HEADER)] + [delimiter.join(text(r[h]) for h in HEADER) for r in rows]
    return "\n".join(lines) + "\n"


def as_json(rows):
    return "".join(json.dumps(r) + "\n" for r in rows)


def contract(**blocks):
    merged = {k: dict(v) if isinstance(v, dict) else v for k, v in CONTRACT.items()}
    for name, block in blocks.items():
        merged[name] = {**merged.get(name, {}), **block} if isinstance(block, dict) else block
    return TaskContract.from_mapping(merged)


@pytest.fixture
def csv_file(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(as_csv(rows_of()))
    return path


def test_rows_become_decisions_by_hand(tmp_path):
    """Two sites, one gap, one ended task, written out by hand."""
    path = tmp_path / "log.csv"
    path.write_text(
        "ts,site,x,act,done,who\n"
        "60,b,2.5,go,false,Zoe\n"
        "0,b,1.5,stay,false,Zoe\n"
        "120,b,3.5,go,true,Zoe\n"
        "180,b,4.5,go,false,Zoe\n"
        "0,a,9.0,stay,false,Al\n"
        "1000,a,8.0,go,false,Al\n"
        "1060,a,7.0,go,false,Zoe\n"
    )
    made = TaskContract.from_mapping(
        {
            "identity": {"task": "t"},
            "observations": [{"name": "x"}],
            "actions": {"column": "act", "values": ["stay", "go"]},
            "timing": {"max_gap_seconds": 600},
            "outcomes": {"terminated": "done"},
            "data": {"trajectory": "site", "time": "ts", "demonstrator": "who"},
        }
    )
    demos = read_demonstrations(made, path)
    np.testing.assert_array_equal(demos.observations["x"], [9.0, 8.0, 7.0, 1.5, 2.5, 3.5, 4.5])
    np.testing.assert_array_equal(demos.actions, [0, 1, 1, 0, 1, 1, 1])
    np.testing.assert_array_equal(demos.times, [0, 1000, 1060, 0, 60, 120, 180])
    np.testing.assert_array_equal(demos.offsets, [0, 1, 2, 3, 6, 7])
    assert list(demos.trajectory_ids) == ["a", "a#2", "a#3", "b", "b#2"]
    # What follows is known before the hand-over in row 1, not over the gap (row 0) nor after the end (row 5).
    np.testing.assert_array_equal(demos.next_known, [False, True, False, True, True, False, False])
    np.testing.assert_array_equal(demos.next_observations["x"][demos.next_known], [7.0, 2.5, 3.5])
    np.testing.assert_array_equal(demos.terminated, [False, False, False, True, False])
    np.testing.assert_array_equal(demos.truncated, ~demos.terminated)
    who = [demos.demonstrator_names[i] for i in demos.demonstrators]
    assert who[0] == who[1] != who[2] == who[3] == who[4]
    assert {f.code for f in demos.findings} == {
        "file-order",
        "split-at-gap",
        "split-at-termination",
        "split-at-handover",
        "weak-pseudonyms",
    }


def test_pseudonyms_are_keyed_and_hold_no_name(csv_file):
    import hashlib
    import hmac

    demos = read_demonstrations(contract(), csv_file)
    expected = {
        "demonstrator-" + hmac.new(b"boiler", n, hashlib.sha256).hexdigest()[:6] for n in (b"Ann", b"Bob")
    }
    assert set(demos.demonstrator_names) == expected
    other = read_demonstrations(contract(identity={"task": "kiln"}), csv_file)
    assert not set(other.demonstrator_names) & expected


def test_every_format_and_partition_is_the_same_dataset(tmp_path, csv_file):
    rows = rows_of()
    (tmp_path / "log.jsonl").write_text(as_json(rows))
    (tmp_path / "semicolon.csv").write_text(as_csv(rows, ";", ","))
    (tmp_path / "log.csv.gz").write_bytes(gzip.compress(as_csv(rows).encode()))
    (tmp_path / "log.csv.xz").write_bytes(lzma.compress(as_csv(rows).encode()))
    (tmp_path / "log.jsonl.bz2").write_bytes(bz2.compress(as_json(rows).encode()))
    (tmp_path / "bom.csv").write_bytes(b"\xef\xbb\xbf" + as_csv(rows).encode())
    (tmp_path / "dos.csv").write_bytes(as_csv(rows).replace("\n", "\r\n").encode())
    (tmp_path / "nested.jsonl").write_text(
        as_json([{**r, "extra": {"deep": [1, 2]}, "note": None} for r in rows])
    )
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, tmp_path / "log.parquet", row_group_size=7)
    stamps = pa.array([int(r["ts"] * 4) * 250_000_000 for r in rows], pa.timestamp("ns", "Europe/Paris"))
    narrow = table.set_column(HEADER.index("ts"), "ts", stamps).set_column(
        1, "load", table["load"].cast(pa.int8())
    )
    narrow = narrow.set_column(2, "tier", table["tier"].dictionary_encode())
    pq.write_table(narrow, tmp_path / "narrow.parquet")
    (tmp_path / "one.csv").write_text(as_csv(rows[:25]))
    (tmp_path / "two.jsonl").write_text(as_json(rows[25:]))
    expected = read_demonstrations(contract(), csv_file).digest
    for names in (
        ["log.jsonl"],
        ["log.parquet"],
        ["narrow.parquet"],
        ["log.csv.gz"],
        ["log.csv.xz"],
        ["log.jsonl.bz2"],
        ["bom.csv"],
        ["dos.csv"],
        ["nested.jsonl"],
        ["one.csv", "two.jsonl"],
        ["two.jsonl", "one.csv"],
    ):
        assert read_demonstrations(contract(), [tmp_path / n for n in names]).digest == expected, names
    german = contract(data={"decimal": ","})
    assert read_demonstrations(german, tmp_path / "semicolon.csv").digest == expected


@pytest.mark.parametrize(
    ("form", "texts"),
    [
        (
            None,
            [
                "2023-11-14T22:13:20Z",
                "2023-11-14 23:14:20+01:00",
                "2023-11-14T22:15:20",
                "2023-11-14T22:16:20.000Z",
            ],
        ),
        (None, ["1700000000", "1700000060.0", "1.70000012e9", "1700000180"]),
        ("milliseconds", ["1700000000000", "1700000060000", "1700000120000", "1700000180000"]),
        *(
            (unit, [f"{second}{zeros}" for second in range(1700000000, 1700000200, 60)])
            for unit, zeros in (("microseconds", "000000"), ("nanoseconds", "000000000"))
        ),
        (
            "%d-%m-%Y %H:%M:%S",
            ["14-11-2023 22:13:20", "14-11-2023 22:14:20", "14-11-2023 22:15:20", "14-11-2023 22:16:20"],
        ),
    ],
)
def test_every_way_of_writing_a_time(tmp_path, form, texts):
    path = tmp_path / "t.csv"
    path.write_text("ts,x,act\n" + "".join(f"{t},1,{a}\n" for t, a in zip(texts, "abab", strict=True)))
    made = TaskContract.from_mapping(
        {
            "identity": {"task": "t"},
            "observations": [{"name": "x"}],
            "actions": {"column": "act", "values": ["a", "b"]},
            "data": {"time": "ts", "time_format": form},
        }
    )
    demos = read_demonstrations(made, path)
    np.testing.assert_array_equal(demos.times, [1_700_000_000, 1_700_000_060, 1_700_000_120, 1_700_000_180])


@pytest.mark.parametrize("value", [0.123, 0.5, 0.000001, 0.999999])
def test_fractions_of_seconds_agree_between_formats(tmp_path, value):
    micro = round(value * 1e6)
    table = pa.table(
        {
            "ts": pa.array([1_700_000_000_000_000 + micro, 1_700_000_001_000_000], pa.timestamp("us")),
            "x": [1.0, 2.0],
            "act": ["a", "b"],
        }
    )
    pq.write_table(table, tmp_path / "us.parquet")
    pq.write_table(table.set_column(0, "ts", table["ts"].cast(pa.timestamp("ns"))), tmp_path / "ns.parquet")
    (tmp_path / "iso.csv").write_text(
        f"ts,x,act\n2023-11-14T22:13:20.{micro:06d}Z,1,a\n2023-11-14T22:13:21Z,2,b\n"
    )
    made = TaskContract.from_mapping(
        {
            "identity": {"task": "t"},
            "observations": [{"name": "x"}],
            "actions": {"column": "act", "values": ["a", "b"]},
            "data": {"time": "ts"},
        }
    )
    digests = {
        read_demonstrations(made, tmp_path / n).digest for n in ("us.parquet", "ns.parquet", "iso.csv")
    }
    assert len(digests) == 1


def test_same_content_twice_is_done_once(tmp_path, csv_file):
    store = DatasetStore(tmp_path / "data")
    first = ingest(contract(), csv_file, store)
    again = ingest(contract(), csv_file, store)
    (tmp_path / "log.jsonl").write_text(as_json(rows_of()))
    other_format = ingest(contract(), tmp_path / "log.jsonl", store)
    assert (first.is_new, again.is_new, other_format.is_new) == (True, False, False)
    assert first.digest == again.digest == other_format.digest
    assert len(store.versions()) == 1
    assert store.load().digest == first.digest
    # A feature is not part of reading: nothing is read again, even with the file gone.
    bytes_before = csv_file.read_bytes()
    richer = contract(features=[{"name": "f", "expression": "heat"}])
    assert ingest(richer, csv_file, store).digest == first.digest
    csv_file.write_bytes(bytes_before + b"1,2,gold,true,off,a,1,Ann,1700009999,1,false\n")
    changed = ingest(contract(), csv_file, store)
    assert changed.is_new and changed.digest != first.digest
    assert store.latest is not None and store.latest.digest == changed.digest
    assert [v.digest for v in store.versions()] == [first.digest, changed.digest]


def test_what_was_noticed_is_kept(tmp_path, csv_file):
    store = DatasetStore(tmp_path / "data")
    version = ingest(contract(), csv_file, store)
    demos = store.load(version)
    assert demos.findings == version.findings
    assert "split-at-gap" in {f.code for f in version.findings}
    assert demos.provenance.inputs == {"0:log.csv": version.sources["0:log.csv"]}
    assert version.contract_digest == contract().digest
    assert (version.n_decisions, version.n_trajectories, version.n_demonstrators) == (
        60,
        demos.n_trajectories,
        2,
    )


def test_measured_actions(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("x,dose\n1,0\n2,2.49\n3,5.0\n4,2.5\n")
    made = {
        "identity": {"task": "t"},
        "observations": [{"name": "x"}],
        "actions": {"column": "dose", "type": "number", "values": [5, 0, 2.5], "tolerance": 0.02},
    }
    demos = read_demonstrations(TaskContract.from_mapping(made), path)
    np.testing.assert_array_equal(demos.actions, [1, 2, 0, 2])
    assert demos.action_labels == ("5", "0", "2.5")


@pytest.mark.parametrize(
    ("policy", "expected", "known"),
    [
        ("carry", [1, 1, 3, 5, 5], [True, True, False, True, False]),
        ("drop", [1, 3, 5], [False, False, False]),
    ],
)
def test_missing_values_by_policy(tmp_path, policy, expected, known):
    path = tmp_path / "m.csv"
    path.write_text("id,x,act\np,1,a\np,NA,b\np,3,a\nq,5,b\nq,,a\n")
    made = {
        "identity": {"task": "t"},
        "observations": [{"name": "x", "missing": policy}],
        "actions": {"column": "act", "values": ["a", "b"]},
        "data": {"trajectory": "id"},
    }
    demos = read_demonstrations(TaskContract.from_mapping(made), path)
    np.testing.assert_array_equal(demos.observations["x"], expected)
    np.testing.assert_array_equal(demos.next_known, known)
    assert any(f.code.endswith("-missing") and f.evidence["count"] == 2 for f in demos.findings)


def test_missing_labels_get_a_name(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("x,act\nred,a\n?,b\nblue,a\n")
    made = {
        "identity": {"task": "t"},
        "observations": [{"name": "x", "type": "category", "missing": "label"}],
        "actions": {"column": "act", "values": ["a", "b"]},
        "data": {"missing_values": ["?"]},
    }
    demos = read_demonstrations(TaskContract.from_mapping(made), path)
    assert demos.categories["x"] == ("blue", "red", "missing")
    np.testing.assert_array_equal(demos.observations["x"], [1, 2, 0])


def test_duplicates_by_policy(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("ts,x,act\n0,1,a\n60,2,b\n60,2,b\n120,3,a\n")
    made = {
        "identity": {"task": "t"},
        "observations": [{"name": "x"}],
        "actions": {"column": "act", "values": ["a", "b"]},
    }
    dropped = read_demonstrations(
        TaskContract.from_mapping({**made, "data": {"time": "ts", "duplicates": "drop"}}), path
    )
    np.testing.assert_array_equal(dropped.observations["x"], [1, 2, 3])
    np.testing.assert_array_equal(dropped.next_known, [True, True, False])
    kept = read_demonstrations(
        TaskContract.from_mapping({**made, "data": {"time": "ts", "duplicates": "keep"}}), path
    )
    np.testing.assert_array_equal(kept.observations["x"], [1, 2, 2, 3])


def test_files_are_trajectories_without_a_trajectory_column(tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.csv").write_text("x,act\n1,a\n2,b\n")
    made = {
        "identity": {"task": "t"},
        "observations": [{"name": "x"}],
        "actions": {"column": "act", "values": ["a", "b"]},
    }
    demos = read_demonstrations(TaskContract.from_mapping(made), [tmp_path / "one.csv", tmp_path / "two.csv"])
    assert list(demos.trajectory_ids) == ["file-1", "file-2"]
    np.testing.assert_array_equal(demos.next_known, [True, False, True, False])


def test_names_of_trajectories_cannot_collide(tmp_path):
    path = tmp_path / "n.csv"
    path.write_text("p,q,x,act\na/b,c,1,a\na,b/c,2,b\n")
    made = {
        "identity": {"task": "t"},
        "observations": [{"name": "x"}],
        "actions": {"column": "act", "values": ["a", "b"]},
        "data": {"trajectory": ["p", "q"]},
    }
    assert list(read_demonstrations(TaskContract.from_mapping(made), path).trajectory_ids) == [
        "a/b%2Fc",
        "a%2Fb/c",
    ]


def test_a_missing_file_is_a_world_failure(tmp_path):
    with pytest.raises(PermanentError, match=r"nothing\.csv"):
        read_demonstrations(contract(), tmp_path / "nothing.csv")


def test_pieces_and_names_with_numbers_cannot_collide(tmp_path):
    path = tmp_path / "n.csv"
    path.write_text("id,ts,x,act\na,0,1,a\na,999,1,b\na#2,0,1,a\nb#7,0,1,b\n")
    made = {
        "identity": {"task": "t"},
        "observations": [{"name": "x"}],
        "actions": {"column": "act", "values": ["a", "b"]},
        "timing": {"max_gap_seconds": 10},
        "data": {"trajectory": "id", "time": "ts"},
    }
    ids = list(read_demonstrations(TaskContract.from_mapping(made), path).trajectory_ids)
    assert ids == ["a", "a#2", "a%232", "b%237"]


def test_a_record_that_never_ends_is_cut_at_midnight(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text(
        "id,ts,x,act\nb,2024-05-02T01:00:00Z,4,a\na,2024-05-01T23:00:00Z,1,a\n"
        "a,2024-05-01T23:30:00Z,2,b\na,2024-05-02T00:00:00Z,3,a\n"
    )
    made = {
        "identity": {"task": "t"},
        "observations": [{"name": "x"}],
        "actions": {"column": "act", "values": ["a", "b"]},
        "data": {"trajectory": "id", "time": "ts", "cut_seconds": 86400},
    }
    demos = read_demonstrations(TaskContract.from_mapping(made), path)
    assert list(demos.trajectory_ids) == ["a@2024-05-01", "a@2024-05-02", "b@2024-05-02"]
    np.testing.assert_array_equal(demos.observations["x"], [1, 2, 3, 4])
    np.testing.assert_array_equal(demos.next_known, [True, False, False, False])
    hours = {**made, "data": {**made["data"], "cut_seconds": 3600}}
    demos = read_demonstrations(TaskContract.from_mapping(hours), path)
    assert list(demos.trajectory_ids)[:2] == ["a@2024-05-01T23:00:00Z", "a@2024-05-02T00:00:00Z"]


def test_a_value_is_carried_over_a_cut_of_the_clock(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text(
        "ward,day,x,act\n"
        "p,2024-01-01,1,a\np,2024-01-02,NA,b\np,2024-01-03,3,a\n"
        "q,2024-01-01,7,a\nq,2024-01-03,NA,b\n"
    )
    made = {
        "identity": {"task": "t"},
        "observations": [{"name": "x", "missing": "carry"}],
        "actions": {"column": "act", "values": ["a", "b"]},
        "data": {"trajectory": "ward", "time": "day", "cut_seconds": 86_400},
    }
    demos = read_demonstrations(TaskContract.from_mapping(made), path)
    assert demos.n_trajectories == 5
    np.testing.assert_array_equal(demos.observations["x"], [1, 1, 3, 7, 7])


def test_a_key_with_a_dot_in_it_is_read_like_a_nested_one(tmp_path):
    """Exporters of traces write ``{"pod.cpu": 1}``; others nest."""
    import json

    from telic.contract import TaskContract
    from telic.datasets import read_demonstrations
    from telic.errors import DataError

    contract = TaskContract.from_mapping(
        {
            "identity": {"task": "t"},
            "observations": [
                {"name": "cpu", "column": "attributes.pod.cpu", "type": "number", "low": 0, "high": 9}
            ],
            "actions": {"column": "action", "values": ["a", "b"]},
        }
    )
    nested = [{"attributes": {"pod": {"cpu": i / 2}}, "action": "a"} for i in range(3)]
    inside = [{"attributes": {"pod.cpu": i / 2}, "action": "a"} for i in range(3)]
    outside = [{"attributes.pod.cpu": i / 2, "action": "a"} for i in range(3)]
    found = []
    for i, rows in enumerate((nested, inside, outside)):
        path = tmp_path / f"{i}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        found.append(read_demonstrations(contract, path).observations["cpu"].tolist())
    assert found == [[0.0, 0.5, 1.0]] * 3
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_text("".join(json.dumps(row) + "\n" for row in (nested[0], outside[1])))
    with pytest.raises(DataError, match=r"line 2: `attributes\.pod\.cpu` stands for two ways of nesting"):
        read_demonstrations(contract, mixed)
