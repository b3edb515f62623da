"""Demonstrators side by side: shared weights with a rationality each, own weights, tests and contradictions."""

from __future__ import annotations

import numpy as np
import pytest

from telic.errors import DataError
from telic.features import FeatureMap
from telic.inference import compare_demonstrators, max_causal_entropy
from telic.inference.likelihood import choice_likelihood
from telic.mdp.library import random_mdp
from telic.planning import simulate, solve_soft
from telic.reports import Outcome, Severity
from telic.trajectories import Demonstrations

pytestmark = pytest.mark.slow

WEIGHTS = np.array([1.0, -1.0, 0.5])
WORLD = random_mdp(8, 3, key=7, n_successors=3, discount=0.9, n_features=3)
FEATURES = FeatureMap(values=WORLD.features, names=WORLD.feature_names)


def people(thetas: list[np.ndarray], *, key: int, trajectories: int = 10) -> Demonstrations:
    """Demonstrators with these rationalities times weights, trajectories of 20 decisions."""
    parts = []
    for i, theta in enumerate(thetas):
        policy = np.exp(solve_soft(WORLD.mdp, FEATURES.values @ theta).log_policy)
        parts.append(simulate(WORLD.mdp, policy, trajectories, 20, key=key + i))
    return Demonstrations.from_arrays(
        np.concatenate([p.states for p in parts]),
        np.concatenate([p.actions for p in parts]),
        next_states=np.concatenate([p.next_states for p in parts]),
        offsets=np.arange(len(thetas) * trajectories + 1) * 20,
        demonstrators=[f"d{i}" for i in range(len(thetas)) for _ in range(trajectories)],
    )


def test_rationalities_are_found_in_their_gauge() -> None:
    beta = np.array([0.5, 1.0, 1.5])
    demos = people([b * WEIGHTS for b in beta], key=10, trajectories=30)
    found = compare_demonstrators(demos, WORLD.mdp, FEATURES)
    fit = found.rationalities
    assert found.outcome.ok
    assert fit is not None
    assert fit.values.mean() == pytest.approx(1.0, abs=1e-9)
    assert fit.score_norm < 1e-6
    for kind in ("hessian", "sandwich_clustered"):
        assert np.all(np.abs(fit.values - beta) < 4 * fit.errors[kind])
        assert np.all(fit.errors[kind] < 0.1)
    assert found.shared is not None
    assert np.all(np.abs(found.shared.weights - WEIGHTS) < 4 * found.shared.standard_errors())
    assert found.shared.gauge.kind == "mean-rationality"
    total = sum(
        choice_likelihood(WORLD.mdp, FEATURES, demos.of(f"d{d}")).evaluate(fit.values[d] * fit.weights).value
        for d in range(3)
    )
    assert fit.log_likelihood == pytest.approx(total, abs=1e-8)
    assert found.tests["same rationality"][2] < 1e-6
    assert found.tests["same taste"][2] > 0.001
    assert "do not act on it as steadily" in found.summary().headline


def test_nobody_gains_by_moving() -> None:
    """The maximum against a grid around it: no neighbour in the gauge is more likely."""
    demos = people([0.6 * WEIGHTS, 1.4 * WEIGHTS], key=30, trajectories=5)
    fit = compare_demonstrators(demos, WORLD.mdp, FEATURES).rationalities
    assert fit is not None
    parts = [choice_likelihood(WORLD.mdp, FEATURES, demos.of(n)) for n in ("d0", "d1")]

    def value(theta: np.ndarray, beta: np.ndarray) -> float:
        return sum(p.evaluate(b * theta).value for p, b in zip(parts, beta, strict=True))

    best = value(fit.weights, fit.values)
    for k in range(3):
        for h in (-1e-3, 1e-3):
            assert value(fit.weights + h * np.eye(3)[k], fit.values) < best
            assert value(fit.weights, fit.values + h * np.array([1, -1])) < best


def test_own_weights_are_those_of_each_alone_and_alike_people_are_not_told_apart() -> None:
    demos = people([WEIGHTS, WEIGHTS, WEIGHTS], key=50)
    found = compare_demonstrators(demos, WORLD.mdp, FEATURES)
    for d in range(3):
        alone = max_causal_entropy(demos.of(f"d{d}"), WORLD.mdp, FEATURES)
        assert np.allclose(found.own[d].weights, alone.weights, atol=1e-8)
    assert found.tests["same taste and rationality"][1] == 6
    assert found.tests["same rationality"][1] + found.tests["same taste"][1] == 6
    assert all(p > 0.001 for _, _, p in found.tests.values())
    assert not found.findings


def test_false_alarms_of_the_tests() -> None:
    """Reduced: 20 clean logs, three tests at 5 % each; the chance of more than 5 of 20 in one is 3e-4."""
    wrong = {"same rationality": 0, "same taste": 0, "same taste and rationality": 0}
    for key in range(20):
        demos = people([WEIGHTS] * 3, key=1000 + 10 * key, trajectories=5)
        for name, (_, _, p) in compare_demonstrators(demos, WORLD.mdp, FEATURES).tests.items():
            wrong[name] += p < 0.05
    assert max(wrong.values()) <= 5, wrong


def test_contradictions_name_both_sides() -> None:
    flipped = WEIGHTS * [-1, 1, 1]
    found = compare_demonstrators(people([WEIGHTS, WEIGHTS, flipped], key=70), WORLD.mdp, FEATURES)
    contradicting = [f for f in found.findings if f.code == "contradictory-demonstrators"]
    assert "contradict each other about feature_0: d0 and d1 seek it, d2 avoid it" in contradicting[0].message
    assert found.tests["same taste"][2] < 1e-6
    assert "do not want the same" in found.summary().headline
    assert found.to_json()["demonstrators"][2]["own"]["weights"]["feature_0"] < 0


def test_one_who_acts_against_the_others_has_a_rationality_below_zero() -> None:
    found = compare_demonstrators(people([WEIGHTS, WEIGHTS, WEIGHTS, -WEIGHTS], key=80), WORLD.mdp, FEATURES)
    assert found.outcome.ok
    negative = [f for f in found.findings if f.code == "negative-rationality"]
    assert [f.evidence["demonstrator"] for f in negative] == ["d3"]
    assert "acts against the shared weights" in negative[0].message
    assert found.summary().headline == "Of the 4 demonstrators 1 acts against what the others want."


@pytest.mark.parametrize("key", [90, 91, 95])
def test_as_many_against_as_for_do_not_tell_who_is_right(key: int) -> None:
    found = compare_demonstrators(
        people([WEIGHTS, -WEIGHTS, -WEIGHTS, WEIGHTS], key=key), WORLD.mdp, FEATURES
    )
    assert found.outcome is Outcome.NO_MAJORITY
    assert np.all(np.isnan(found.rationalities.weights))
    assert [f.code for f in found.findings if f.severity is Severity.ERROR] == ["no-majority"]
    assert "same rationality" not in found.tests
    assert found.tests["same taste and rationality"][2] < 1e-6
    assert found.summary().headline.startswith("Not an answer (no-majority).")


def test_a_temperature_that_runs_away_is_named() -> None:
    """The third demonstrator always takes the best action by the others' weights."""
    demos = people([WEIGHTS, WEIGHTS, 60.0 * WEIGHTS], key=110, trajectories=3)
    found = compare_demonstrators(demos, WORLD.mdp, FEATURES)
    away = [f for f in found.findings if f.code == "rationality-runs-away"]
    assert "The rationality of d2 runs to infinity (temperature 0)" in away[0].message
    assert "left out of the shared weights" in away[0].hint
    assert found.rationalities is not None
    assert np.isinf(found.rationalities.values[2])
    assert np.isinf(found.rationalities.errors["hessian"][2])
    assert found.rationalities.values[:2].mean() == pytest.approx(1.0)
    assert "same rationality" not in found.tests
    assert found.to_json()["demonstrators"][2]["rationality"] is None


def test_one_demonstrator_is_refused() -> None:
    with pytest.raises(DataError, match="One demonstrator has nobody to be compared with"):
        compare_demonstrators(people([WEIGHTS], key=1), WORLD.mdp, FEATURES)


def test_a_pooled_fit_without_answer_is_passed_on() -> None:
    demos = Demonstrations.from_arrays(
        [0, 0], [0, 0], next_states=[-1, -1], offsets=[0, 1, 2], demonstrators=["a", "b"], action_labels=("x", "y", "z")
    )  # fmt: skip
    found = compare_demonstrators(demos, WORLD.mdp, FEATURES)
    assert found.outcome is Outcome.SEPARATION
    assert found.shared is None
    assert "Not an answer (separation)" in found.summary().headline
