"""Drift between versions: what was moved is named, what was not is left alone; Holm over all questions."""

import numpy as np
from gate_service import N, T, contract, service
from scipy.stats import binom

from telic.datasets.quality import drift_findings, measure_drift
from telic.mdp import StateSpace


def encoded(*versions):
    space = StateSpace.from_contract(contract(), versions[0])
    return [space.encode(d) for d in versions], space


def named(prefix, demos):
    ids = np.array([f"{prefix}{i}" for i in range(N)], dtype=object)
    return type(demos)(**{**vars_of(demos), "trajectory_ids": ids})


def vars_of(demos):
    return {f: getattr(demos, f) for f in demos.__dataclass_fields__}


def test_equal_laws_do_not_drift():
    alarms = 0
    for key in range(12):
        (old, new), space = encoded(service(100 + key), service(900 + key))
        alarms += any(d.p_value < 0.01 for d in measure_drift(old, new, space, key=key))
    assert binom.sf(alarms - 1, 12, 0.01) > 0.001


def test_another_choice_in_the_same_states_is_told_apart_from_other_states():
    g = np.random.default_rng(5)
    turned = service(7)
    turned = named(
        "n", type(turned)(**{**vars_of(turned), "actions": (g.random(N * T) < 0.2).astype(np.int32)})
    )
    (old, new), space = encoded(service(6), turned)
    found = {d.what: d for d in measure_drift(old, new, space)}
    assert {what for what, d in found.items() if d.p_value < 0.01} == {"action", "choice"}
    # By construction: shares of "add" are .2 + load / 200 (.45 on average) against .2 everywhere.
    assert 0.2 < found["action"].distance < 0.3
    assert found["choice"].where.startswith("load 75")


def test_new_trajectories_are_held_against_the_older_version():
    old = service(8)
    more = type(old)(
        **{
            **vars_of(old),
            "observations": {"load": 50 + old.observations["load"] / 2, "tier": old.observations["tier"]},
        }
    )
    both = [old, named("n", more)]
    joined = type(old)(
        **{
            **vars_of(old),
            **{
                f: np.concatenate([getattr(d, f) for d in both])
                for f in ("actions", "times", "trajectory_ids", "demonstrators", "terminated", "truncated")
            },
            "offsets": np.arange(2 * N + 1) * T,
            "observations": {k: np.concatenate([d.observations[k] for d in both]) for k in old.observations},
        }
    )
    (before, after), space = encoded(old, joined)
    (found,) = drift_findings(before, after, space)
    assert found.code == "drift"
    assert found.evidence["trajectories"] == [N, N]
    assert found.evidence["compared"] == "new trajectories against the older version"
    # Loads are uniform on 0..100 before and on 50..100 after, so half of the mass moved.
    load = next(d for d in found.evidence["drifts"] if d["what"] == "load")
    assert abs(load["distance"] - 0.5) < 0.06


def test_the_same_version_has_nothing_to_say_and_labels_that_came_are_listed():
    (old, same), space = encoded(service(9), service(9))
    assert drift_findings(old, same, space) == []
    other = type(same)(**{**vars_of(same), "categories": {"tier": ("gold", "bronze")}})
    found = drift_findings(old, other, space)[0]
    assert found.code == "drift-of-labels"
    assert found.evidence == {"came": ["`tier` bronze"], "went": ["`tier` silver"]}
