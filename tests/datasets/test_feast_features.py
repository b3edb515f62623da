"""Observations from a Feast repository: offline equals online bit for bit, ages are right, and nothing in it runs."""

from __future__ import annotations

import datetime as dt
import sys
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.errors import DataError, PermanentError, SettingsError
from telic.features import RequestReader

CONTRACT = {
    "identity": {"task": "service"},
    "observations": [
        {"name": "load", "column": "state:load", "type": "number", "unit": "requests/s", "low": 0},
        {"name": "pods", "column": "state:pods", "type": "integer", "low": 1, "high": 12, "missing": "carry"},
        {
            "name": "tier",
            "column": "plan:tier",
            "type": "category",
            "values": ["gold", "silver"],
            "missing": "label",
        },
        {"name": "canary", "column": "plan:canary", "type": "boolean", "missing": "carry"},
        {"name": "hour", "type": "integer", "low": 0, "high": 23},
    ],
    "actions": {"column": "action", "type": "integer", "values": [-1, 0, 1]},
    "features": [
        {"name": "cost", "expression": "(pods + action) / 6"},
        {"name": "pressure", "expression": "clip(load / (120 * pods) - 0.75, 0, 1) * 10"},
        {"name": "gold_changes", "expression": "(tier == 'gold') * (action != 0)"},
        {"name": "canary_load", "expression": "canary * load"},
        {"name": "night", "expression": "(hour < 6) * (action != 0)"},
    ],
    "data": {"trajectory": ["service"], "time": "t", "time_format": "seconds"},
}
START = 1_767_225_600  # 2026-01-01T00:00:00Z
DECISIONS = [  # service, seconds after START, hour, action
    ("a", 30.0, 0, 0),
    ("b", 30.0, 0, 1),
    ("a", 60.0, 0, 1),  # at the moment of a row: that row counts
    ("b", 89.999999, 0, 0),
    ("a", 90.000001, 0, -1),
    ("b", 150.25, 0, 0),
    ("a", 1000.0, 7, 0),  # state's last row (180) is past its ttl of 600 s, plan's never ends
]


@pytest.fixture(scope="module")
def feast():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(
            "feast", reason="feast is not installed (extra `feast`): nothing was served", exc_type=ImportError
        )


@pytest.fixture(scope="module")
def repository(feast, tmp_path_factory):
    """Two views of a service, made and applied by Feast itself; ``Float32`` over a file of 64 bits."""
    types = sys.modules["feast.types"]
    place = tmp_path_factory.mktemp("feast")
    (place / "data").mkdir()
    (place / "feature_store.yaml").write_text(
        "project: scaling\nregistry: data/registry.db\nprovider: local\nentity_key_serialization_version: 3\n"
        "online_store: {type: sqlite, path: data/online.db}\noffline_store: {type: file}\n"
    )
    at = [0, 0, 60, 60, 90, 120, 180]
    state = pa.table({
        "service": ["a", "b", "a", "b", "b", "a", "a"],
        "event_timestamp": pa.array([(START + t) * 10**6 for t in at], pa.timestamp("us", "UTC")),
        "load": [100 / 3, 250.1, 1e5 / 7, 0.1, 333.3, 77.7, 1.0 / 3],
        "pods": pa.array([2, 3, 4, None, 5, 6, 7], pa.int64()),
    })  # fmt: skip
    plan = pa.table({
        "service": ["a", "b"],
        "event_timestamp": pa.array([(START + 10) * 10**6, (START + 100) * 10**6], pa.timestamp("us", "UTC")),
        "tier": ["gold", "silver"],
        "canary": [True, False],
    })  # fmt: skip
    pq.write_table(state, place / "data" / "state.parquet")
    pq.write_table(plan, place / "data" / "plan.parquet")
    service = feast.Entity(name="service", join_keys=["service"], value_type=feast.ValueType.STRING)
    source = {
        n: feast.FileSource(path=f"data/{n}.parquet", timestamp_field="event_timestamp")
        for n in ("state", "plan")
    }
    fields = {
        "state": {"load": types.Float32, "pods": types.Int64},
        "plan": {"tier": types.String, "canary": types.Bool},
    }
    views = [
        feast.FeatureView(
            name=name,
            entities=[service],
            ttl=dt.timedelta(seconds=600 if name == "state" else 0),
            schema=[feast.Field(name=f, dtype=t) for f, t in fields[name].items()],
            source=source[name],
        )
        for name in ("state", "plan")
    ]
    store = feast.FeatureStore(repo_path=str(place))
    store.apply([service, *views])
    return place


def opened(repository, mapping=CONTRACT, **limits):
    from telic.datasets.feast_features import FeastFeatures

    return FeastFeatures.open(
        RequestReader(contract=TaskContract.from_mapping(mapping), **limits), repository
    )


def log():
    service, seconds, hour, action = (list(c) for c in zip(*DECISIONS, strict=True))
    return pa.table({"service": service, "t": [START + s for s in seconds], "hour": hour, "action": action})


def filled(feast, repository, until):
    """The online store, with all that Feast would have put into it by then."""
    moment = dt.datetime.fromtimestamp(START, dt.UTC) + dt.timedelta(seconds=until)
    store = feast.FeatureStore(repo_path=str(repository))
    store.materialize(dt.datetime.fromtimestamp(START - 1, dt.UTC), moment, disable_event_timestamp=False)


def test_what_the_historical_store_serves_is_what_stood_at_each_decision(repository):
    served = opened(repository).log(log()).table
    f32 = lambda x: float(np.float32(x))  # noqa: E731
    assert served["state:load"].to_pylist() == [
        f32(100 / 3), f32(250.1), f32(1e5 / 7), f32(0.1), f32(1e5 / 7), f32(333.3), None,
    ]  # fmt: skip
    assert served["state:pods"].to_pylist() == [2, 3, 4, None, 4, 5, None]
    assert served["plan:tier"].to_pylist() == ["gold", None, "gold", None, "gold", "silver", "gold"]
    assert served["plan:canary"].to_pylist() == [True, None, True, None, True, False, True]
    np.testing.assert_allclose(
        served["state.age_seconds"].to_numpy(), [30, 30, 0, 29.999999, 30.000001, 60.25, 820], atol=1e-6
    )
    plan = served["plan.age_seconds"].to_pylist()
    assert [plan[1], plan[3]] == [None, None]
    assert plan[5] == pytest.approx(50.25)


def test_what_was_missing_or_had_ended_is_said(repository):
    findings = {f.evidence["view"]: f for f in opened(repository).log(log()).findings}
    assert findings["state"].message == (
        "Feature view `state` knew nothing at 1 of 7 decisions, 1 of them because the last values were past its ttl"
        " of 600 s."
    )
    assert findings["plan"].evidence["rows"] == [1, 3]
    assert findings["plan"].evidence["n_ended"] == 0


def test_a_request_has_the_features_of_its_row_of_the_log(feast, repository, tmp_path):
    """Recorded requests: the log through the historical store and ``ingest``, each request through the online one."""
    source = opened(repository)
    kept = [
        i for i in range(len(DECISIONS)) if i not in (1, 3, 6)
    ]  # what is missing there has nothing before it
    table = source.log(log().take(kept)).table
    path = tmp_path / "log.parquet"
    pq.write_table(table, path)
    demos = read_demonstrations(source.reader.contract, path)
    labels = {name: np.asarray(texts) for name, texts in demos.categories.items()}
    columns = {n: labels[n][c] if n in labels else c for n, c in demos.observations.items()}
    logged = source.reader.map.every_action(columns, demos.n_decisions)
    names, times = [str(demos.trajectory_ids[i]) for i in demos.trajectory_index], demos.times
    rows = {(n.split("=")[-1], float(t)): i for i, (n, t) in enumerate(zip(names, times, strict=True))}
    assert len(rows) == len(kept)
    for i in kept:
        service, seconds, hour, _ = DECISIONS[i]
        filled(feast, repository, seconds)
        now = START + seconds
        online = source.read({"service": service, "hour": hour}, now=now)
        assert online.values.tobytes() == logged[rows[service, now]].tobytes()
        ages = (
            table["state.age_seconds"][kept.index(i)].as_py(),
            table["plan.age_seconds"][kept.index(i)].as_py(),
        )
        assert online.ages["load"] == pytest.approx(ages[0], abs=1e-6)
        assert online.ages["tier"] == pytest.approx(ages[1], abs=1e-6)


def test_the_online_store_serves_nothing_past_the_ttl_either(feast, repository):
    """Feast itself answers with the old value; the log of that moment has none."""
    filled(feast, repository, 1000)
    store = feast.FeatureStore(repo_path=str(repository))
    raw = store.get_online_features(features=["state:pods"], entity_rows=[{"service": "a"}]).to_dict()
    assert raw["pods"] == [7]
    source = opened(repository)
    row = {"service": "a", "hour": 7}
    served = source.request(row, now=START + 1000)
    assert served.expired == ("state:load", "state:pods")
    assert served.values["state:pods"] is None
    assert served.values["plan:tier"] == "gold"
    assert source.request(row, now=START + 780).values["state:pods"] == 7  # 600 s old: still in
    with pytest.raises(
        DataError, match=r"`state:load` is missing.*past the view's ttl of `state:load`, `state:pods`"
    ):
        source.read(row, now=START + 1000)
    unknown = source.request({"service": "z", "hour": 7}, now=START + 200)
    assert unknown.missing == ("state:load", "state:pods", "plan:tier", "plan:canary")


def test_stale_values_stop_a_decision_and_later_ones_are_refused(feast, repository):
    filled(feast, repository, 200)
    source = opened(repository, max_age_seconds={"load": 15.0})
    row = {"service": "a", "hour": 0}
    assert source.read(row, now=START + 190).require_fresh().ages["load"] == 10.0
    with pytest.raises(DataError, match=r"too old: load \(20 s old\)"):
        source.read(row, now=START + 200).require_fresh()
    with pytest.raises(DataError, match="`load` was measured 30 s after the decision"):
        source.read(row, now=START + 150)
    with pytest.raises(DataError, match="has no `service`"):
        source.read({"hour": 0}, now=START + 200)


def test_what_a_contract_asks_for_wrongly_is_told(repository):
    def named(column, **more):
        first, *others = CONTRACT["observations"]
        return CONTRACT | {"observations": [first | {"column": column}, *others]} | more

    with pytest.raises(SettingsError, match=r"no feature view 'stat'.*Did you mean `state`"):
        opened(repository, named("stat:load"))
    with pytest.raises(SettingsError, match=r"no feature 'lod'.*Did you mean `load`"):
        opened(repository, named("state:lod"))
    with pytest.raises(SettingsError, match="looked up by 'service', which is no column"):
        opened(repository, CONTRACT | {"data": {"trajectory": ["app"], "time": "t"}})
    plain = [o | {"column": o["name"]} for o in CONTRACT["observations"]]
    with pytest.raises(SettingsError, match="No observation of the contract is served"):
        opened(repository, CONTRACT | {"observations": plain})
    with pytest.raises(DataError, match="Row 2 has no `service`"):
        opened(repository).log(pa.table({"service": ["a", None], "t": [1.0, 2.0]}))
    with pytest.raises(DataError, match="a column `state:load` already"):
        opened(repository).log(log().append_column("state:load", pa.array([1.0] * len(DECISIONS))))


def test_functions_in_a_registry_never_run(feast, repository, tmp_path):
    """An on-demand view whose stored source would leave a mark, and bytes that are no object: the view is left out."""
    protos = sys.modules["feast.protos.feast.core.Registry_pb2"]
    registry = protos.Registry()
    registry.ParseFromString((repository / "data" / "registry.db").read_bytes())
    spec = registry.on_demand_feature_views.add().spec
    spec.name, spec.project = "made", "scaling"
    function = spec.feature_transformation.user_defined_function
    mark = tmp_path / "mark"
    function.name, function.body, function.mode = "f", b"not an object", "pandas"
    function.body_text = f"open({str(mark)!r}, 'w').close()\ndef f(x): return x\n"
    spec.features.add().name = "load"
    place = tmp_path / "copy"
    (place / "data").mkdir(parents=True)
    (place / "feature_store.yaml").write_text((repository / "feature_store.yaml").read_text())
    (place / "data" / "registry.db").write_bytes(registry.SerializeToString())
    for name in ("state", "plan"):
        (place / "data" / f"{name}.parquet").write_bytes(
            (repository / "data" / f"{name}.parquet").read_bytes()
        )
    assert opened(place).log(log()).table["state:pods"].to_pylist() == [2, 3, 4, None, 4, 5, None]
    assert not mark.exists()
    first, *others = CONTRACT["observations"]
    with pytest.raises(SettingsError, match="`made:load` is made by a function"):
        opened(place, CONTRACT | {"observations": [first | {"column": "made:load"}, *others]})
    assert not mark.exists()


def test_broken_repositories_are_refused(feast, repository, tmp_path):
    with pytest.raises(PermanentError, match="No such file"):
        opened(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "feature_store.yaml").write_text((repository / "feature_store.yaml").read_text())
    (tmp_path / "data" / "registry.db").write_bytes(b"\xff\xfe not a registry")
    with pytest.raises(PermanentError, match="is damaged"):
        opened(tmp_path)
    (tmp_path / "feature_store.yaml").write_text("project: Not A Name!\n")
    with pytest.raises(PermanentError, match="is no Feast configuration"):
        opened(tmp_path)
    (tmp_path / "feature_store.yaml").write_text(
        "project: p\nregistry: s3://bucket/registry.db\nprovider: local\n"
    )
    with pytest.raises(SettingsError, match="only a registry that is a file of this machine"):
        opened(tmp_path)


def test_without_the_extra_the_error_names_it(monkeypatch, tmp_path):
    from telic.datasets.feast_repository import open_repository

    monkeypatch.setitem(sys.modules, "feast", None)
    with pytest.raises(PermanentError, match="needs the package feast") as caught:
        open_repository(tmp_path)
    assert "telic[feast]" in str(caught.value.hint)
