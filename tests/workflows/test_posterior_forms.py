"""`infer` with a posterior in every form of world: fixed horizon, undiscounted until it ends, and with destinations.

The normal approximation, under a prior that decides next to nothing: its means and spreads are the fit's, whose errors
are certified elsewhere. Of 400 draws a mean is off by more than .25 of a standard deviation, or a spread by more than
15 %, less than once in 5,000 times.
"""

from __future__ import annotations

import numpy as np
import pytest
from machines import CONTRACT, keeper_log, write_project

from telic.errors import SettingsError
from telic.features import FeatureMap
from telic.mdp import GoalConditionedMDP, TabularMDP
from telic.planning import simulate_goals, solve_soft_goals
from telic.workflows import InferSettings, infer, ingest
from telic.workflows.posterior import PosteriorSettings

LAPLACE = PosteriorSettings(method="laplace", n_draws=400)
QUICK = InferSettings(with_profiles=False, with_dynamics_errors=False, posterior=LAPLACE)
HORIZON = CONTRACT.replace("discount: 0.9}", "discount: 1.0, horizon: 20}")
ENDS = CONTRACT.replace("limits:", "outcomes: {terminated: ended}\nlimits:").replace("0.9}", "1.0}")


def ended_log() -> str:
    """Machines that are taken out of service after 9 to 20 days, which a column says."""
    first, *rows = keeper_log(30, 20).splitlines()
    lines = [f"{first},ended"]
    for row in rows:
        machine, day, _, _ = row.split(",")
        left = 8 + int(machine[1:]) % 12 - int(day) // 86400
        if left >= 0:
            lines.append(f"{row},{'true' if left == 0 else 'false'}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("contract", "log"),
    [(HORIZON, keeper_log(20, 20)), (ENDS, ended_log())],
    ids=["horizon", "until it ends"],
)
def test_a_project_without_discount_has_a_posterior(tmp_path, contract, log):
    folder = write_project(tmp_path / "machines", contract, log)
    ingest(folder)
    told = infer(folder, settings=QUICK)
    assert told.outcome.ok
    found, errors = told.report.data["posterior"], told.report.data["standard_errors"]["hessian"]
    assert found["result"] == "success"
    for name, weight in told.report.data["weights"].items():
        belief = found["weights"][name]
        assert belief["mean"] == pytest.approx(weight, abs=0.25 * errors[name])
        assert belief["standard_deviation"] == pytest.approx(errors[name], rel=0.15)
        assert belief["prior_share"] < 0.01
    assert found["tradeoffs"][0]["interval"][0] > 0


@pytest.fixture(scope="module")
def journeys():
    """Twelve places on a ring with a shortcut that asks a toll, and journeys to two of them."""
    S, rng = 12, np.random.default_rng(0)
    P = np.zeros((S, 2, S))
    P[np.arange(S), 0, (np.arange(S) + 1) % S] = 1.0
    P[np.arange(S), 1, (np.arange(S) + 5) % S] = 1.0
    goals = np.array([0, 6], dtype=np.int32)
    world = GoalConditionedMDP(
        transition=TabularMDP.from_transition(P, discount=0.0).transition, n_actions=2, goals=goals
    )
    phi = np.zeros((S, 2, 2))
    phi[:, :, 0] = -1.0
    phi[:, 1, 1] = -rng.random(S)
    solution = solve_soft_goals(world, phi @ np.array([1.0, 1.5]))
    starts = rng.integers(1, 6, 150).astype(np.int32)
    demos = simulate_goals(world, solution, starts, rng.choice(goals, 150), key=3)
    return demos, world, FeatureMap(values=phi, names=("steps", "toll"))


def test_journeys_have_a_posterior_under_a_stated_prior(journeys):
    stated = PosteriorSettings(method="laplace", n_draws=400, prior={"steps": 10.0, "toll": 10.0})
    fit = infer(*journeys, settings=InferSettings(posterior=stated))
    assert fit.posterior is not None
    errors = fit.estimate.standard_errors("hessian")
    draws = fit.posterior.answer()
    np.testing.assert_allclose(draws.mean(axis=0), fit.estimate.weights, atol=0.25 * errors.min())
    np.testing.assert_allclose(draws.std(axis=0), errors, rtol=0.15)


def test_journeys_without_a_prior_are_refused_in_words(journeys):
    """Where steps cost nothing, wandering on is worth more than arriving: no default can be scaled there."""
    with pytest.raises(SettingsError, match="weights of zero have no finite value") as error:
        infer(*journeys, settings=InferSettings(posterior=LAPLACE))
    assert "State one" in error.value.hint
