"""What a researcher writes, from a log to a claim, works as it is told in docs and README."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="module")
def folder(project_root):
    return project_root / "examples" / "scaling"


def test_from_a_log_to_a_tradeoff_in_python(folder):
    import telic
    from telic.features import from_contract
    from telic.trajectories.splits import split_by_trajectory

    contract = telic.load_contract(folder / "contract.yaml")
    demos = telic.load(folder / "decisions.csv", contract=contract)
    space = telic.StateSpace.from_contract(contract, demos)
    train, held_out = split_by_trajectory(space.encode(demos), held_out=0.2, key=0)
    world = telic.estimate_dynamics(train, space, discount=contract.timing.discount).mdp

    fit = telic.infer(train, world, from_contract(contract, space.cells), held_out=held_out)

    assert isinstance(fit, telic.Fit)
    report = fit.summary()
    assert report.sections[0].title == "Trade-offs"
    text = str(report)
    for word in ("SE hessian", "clustered", "Gauge", "behavioural_cloning", "traffic"):
        assert word in text
    assert np.allclose(np.abs(fit.identifiability().null_directions), [[0, 0, 0, 1]])
    doubled = fit.counterfactual(scale={"pod_hours": 2.0})
    assert doubled.outcome.ok
    more = {rate.name: rate.difference for rate in doubled.rates}
    assert more["pod_hours"] < 0 < more["slo_minutes"]
    assert fit.policy.table.shape == (space.n_states, 3)
    assert "_repr_html_" in dir(report)


def test_the_verbs_are_there_and_cost_nothing_until_used():
    import telic

    for verb in ("init", "ingest", "check", "infer", "train", "report", "run", "advise", "load"):
        assert callable(getattr(telic, verb))
        assert verb in dir(telic)
