"""Features of requests: those of the same rows of a log, bit for bit, and refused where they cannot be read."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.errors import DataError, SettingsError
from telic.features import FeatureScaler, RequestReader

CONTRACT = {
    "identity": {"task": "service"},
    "observations": [
        {
            "name": "load",
            "column": "metrics.load",
            "type": "number",
            "unit": "requests/s",
            "low": 0,
            "high": 1e6,
        },
        {"name": "pods", "type": "integer", "low": 1, "high": 12, "missing": "carry"},
        {"name": "tier", "type": "category", "values": ["gold", "silver", "7"], "missing": "label"},
        {"name": "canary", "type": "boolean"},
    ],
    "actions": {"column": "action", "type": "integer", "values": [-1, 0, 1]},
    "features": [
        {"name": "cost", "expression": "(pods + action) / 6"},
        {"name": "pressure", "expression": "clip(load / (120 * pods) - 0.75, 0, 1) * 10"},
        {"name": "gold_changes", "expression": "(tier == 'gold') * (action != 0)"},
        {"name": "canary_load", "expression": "canary * load"},
    ],
    "data": {"trajectory": ["service"], "time": "t", "time_format": "seconds"},
}


@pytest.fixture(scope="module")
def contract():
    return TaskContract.from_mapping(CONTRACT)


def written(value):
    """A value as it is or as a log may write it."""
    texts = (
        [value, str(value)]
        if not isinstance(value, bool)
        else [value, str(value).lower(), "yes" if value else "0"]
    )
    return st.sampled_from(texts)


rows = st.fixed_dictionaries(
    {
        "load": st.floats(0, 1e6).flatmap(lambda v: st.sampled_from([v, repr(v)])),
        "pods": st.integers(1, 12).flatmap(written),
        "tier": st.sampled_from(["gold", "silver", "7", None, "NA"]),
        "canary": st.booleans().flatmap(written),
        "action": st.sampled_from([-1, 0, 1]),
    }
)


@settings(max_examples=30, deadline=None)
@given(st.lists(rows, min_size=2, max_size=6))
def test_each_request_has_the_features_of_its_row_of_the_log(tmp_path_factory, contract, given_rows):
    """A recorded log of 2 to 6 requests, 30 logs: ingested in columns, and read one by one."""
    reader = RequestReader(contract=contract)
    requests = [
        {"metrics.load": r["load"], **{k: r[k] for k in ("pods", "tier", "canary", "action")}}
        for r in given_rows
    ]
    as_text = [  # a key keeps one kind in a log of JSON lines
        {k: None if v is None else str(v).lower() if isinstance(v, bool) else str(v) for k, v in r.items()}
        for r in requests
    ]
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    path.write_text("".join(json.dumps({"service": "a", "t": i, **r}) + "\n" for i, r in enumerate(as_text)))
    flat = contract.model_copy(
        update={
            "observations": tuple(
                o.model_copy(update={"column": "metrics.load"}) if o.name == "load" else o
                for o in contract.observations
            )
        }
    )
    demos = read_demonstrations(flat, path)
    labels = {name: np.asarray(texts) for name, texts in demos.categories.items()}
    columns = {
        name: labels[name][column] if name in labels else column
        for name, column in demos.observations.items()
    }
    logged = reader.map.every_action(columns, demos.n_decisions)
    for i, request in enumerate(requests):
        online = reader.read(request)
        assert online.values.tobytes() == logged[i].tobytes()


def request(**changes):
    return {"metrics.load": 300, "pods": 3, "tier": "gold", "canary": True} | changes


def test_everything_that_is_wrong_with_a_request_is_listed(contract):
    wrong = request(**{"metrics.load": -1, "pods": "many", "tier": "glod", "canary": "perhaps"})
    with pytest.raises(DataError) as caught:
        RequestReader(contract=contract).read(wrong)
    said = caught.value.data["problems"]
    assert len(said) == 4
    assert "`metrics.load` is -1 requests/s, below its bound 0." in said
    assert "`pods` must be a number, got 'many'." in said
    assert any("no label 'glod'" in s and "gold" in s for s in said)
    assert "`canary` must be true or false, got 'perhaps'." in said


def test_a_carried_value_is_that_of_the_row_before_and_is_told(contract):
    reader = RequestReader(contract=contract)
    before = reader.read(request(pods=5))
    now = reader.read(request(pods=None), previous=before.observations)
    assert now.observations["pods"] == 5
    assert now.carried == ("pods",)
    with pytest.raises(DataError, match="`pods` is missing"):
        reader.read(request(pods=None))


def test_what_is_too_old_or_of_unknown_age_stops_a_decision(contract):
    reader = RequestReader(contract=contract, max_age_seconds={"load": 30.0, "pods": 60.0})
    fresh = reader.read(request(), now=1000.0, measured_at={"load": 980.0, "pods": 940.0})
    assert fresh.stale == ()
    assert fresh.ages == {"load": 20.0, "pods": 60.0}
    assert fresh.require_fresh() is fresh
    old = reader.read(request(), now=1000.0, measured_at={"load": 969.0})
    assert old.stale == ("load", "pods")
    with pytest.raises(DataError, match=r"too old: load \(31 s old\), pods \(of unknown age\)"):
        old.require_fresh()
    with pytest.raises(DataError, match="`load` was measured 5 s after the decision"):
        reader.read(request(), now=1000.0, measured_at={"load": 1005.0, "pods": 990.0})


def test_ages_of_what_is_not_observed_are_refused(contract):
    with pytest.raises(SettingsError, match="names 'lod', which is not observed"):
        RequestReader(contract=contract, max_age_seconds={"lod": 3.0})
    with pytest.raises(SettingsError, match="must be finite and above 0"):
        RequestReader(contract=contract, max_age_seconds={"load": 0.0})


def test_a_scaler_knows_the_training_part_only():
    train = np.array([[1.0, 10.0], [3.0, 30.0]])
    scaler = FeatureScaler.fit(("a", "b"), train, fitted_on="sha256:1")
    assert scaler.apply(train).tolist() == [[-1.0, -1.0], [1.0, 1.0]]
    assert scaler.apply(np.array([5.0, 20.0])).tolist() == [3.0, 0.0]
    back = FeatureScaler.from_json(json.loads(json.dumps(scaler.to_json())))
    assert back.digest == scaler.digest
    with pytest.raises(DataError, match="layout 9"):
        FeatureScaler.from_json({**scaler.to_json(), "schema_version": 9})


@settings(max_examples=50, deadline=None)
@given(
    st.floats(-1e3, 1e3),
    st.floats(1e-3, 1e3),
    st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=3, max_size=8, unique=True),
)
def test_services_of_other_size_scale_alike(shift, size, points):
    """Shifting and scaling the units of one service changes none of its scaled features."""
    x = np.array(points, dtype=float)
    both = np.concatenate([x, shift + size * x])
    groups = ["small"] * len(x) + ["large"] * len(x)
    scaler = FeatureScaler.fit(("a", "b"), both, groups=groups)
    one, other = scaler.apply(both[: len(x)], "small"), scaler.apply(both[len(x) :], "large")
    moving = x.std(axis=0) > 0
    np.testing.assert_allclose(one[:, moving], other[:, moving], rtol=1e-6, atol=1e-6)
    with pytest.raises(DataError, match="No training decision was of 'new'"):
        scaler.apply(x, "new")
