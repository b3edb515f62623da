"""The fit by exact likelihood: penalties, findings, resumption, and what it refuses."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from telic.errors import DataError, FeatureError, GaugeError, ImpossibleDemonstrationsError, SettingsError
from telic.features import FeatureMap
from telic.inference import FitSettings, fit_likelihood, max_causal_entropy
from telic.inference.counterfactual import counterfactual
from telic.inference.likelihood import (
    DiscountedLikelihood,
    FiniteHorizonLikelihood,
    GoalLikelihood,
    JointLikelihood,
    from_policy_table,
)
from telic.inference.tradeoffs import tradeoff
from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
from telic.planning import solve_soft
from telic.reports import Outcome, Severity
from telic.trajectories import Demonstrations

S, A, K = 8, 3, 4
NAMES = ("travel", "load", "risk", "noise")


def world(key: int = 1, discount: float = 0.9) -> TabularMDP:
    rng = np.random.default_rng(key)
    return TabularMDP.from_transition(rng.dirichlet(np.full(S, 0.5), size=(S, A)), discount=discount)


def features(key: int = 2) -> FeatureMap:
    return FeatureMap(
        values=np.random.default_rng(key).normal(size=(S, A, K)), names=NAMES, units=("km", "box", "", "dB")
    )


def sample(
    mdp: TabularMDP, reward: np.ndarray, *, key: int, n_trajectories: int = 60, length: int = 20
) -> Demonstrations:
    """Decisions of a soft expert; the policy comes from plain sweeps, not from the planner under test."""
    rng = np.random.default_rng(key)
    P = mdp.transition.toarray().reshape(S, A, S)
    V = np.zeros(S)
    for _ in range(400):
        Q = reward + mdp.discount * P @ V
        V = np.log(np.exp(Q).sum(axis=1))
    pi = np.exp(reward + mdp.discount * P @ V - V[:, None])
    pi /= pi.sum(axis=1, keepdims=True)
    states, actions, following = [], [], []
    for _ in range(n_trajectories):
        s = int(rng.integers(S))
        for _ in range(length):
            a = int(rng.choice(A, p=pi[s]))
            t = int(rng.choice(S, p=P[s, a]))
            states.append(s), actions.append(a), following.append(t)
            s = t
    return Demonstrations.from_arrays(
        states,
        actions,
        next_states=following,
        offsets=np.arange(n_trajectories + 1) * length,
        action_labels=("left", "stay", "right"),
    )


TRUTH = np.array([0.8, -0.5, 0.3, 0.0])


@pytest.fixture(scope="module")
def problem() -> tuple[TabularMDP, FeatureMap, Demonstrations]:
    mdp, phi = world(), features()
    return mdp, phi, sample(mdp, phi.values @ TRUTH, key=3)


def test_recovers_the_truth_within_its_errors(problem) -> None:
    mdp, phi, demos = problem
    estimate = max_causal_entropy(demos, mdp, phi)
    assert estimate.outcome.ok
    assert estimate.nullity == 0
    z = (estimate.weights - TRUTH) / estimate.standard_errors("hessian")
    assert np.abs(z).max() < 4
    assert estimate.n_decisions == 1200
    assert estimate.n_trajectories == 60
    assert set(estimate.covariances) == {"hessian", "outer_product", "sandwich", "sandwich_clustered"}
    ratio = estimate.standard_errors("sandwich") / estimate.standard_errors("hessian")
    assert np.all((ratio > 0.8) & (ratio < 1.25))  # the model is right, so the kinds agree roughly


def test_scaling_a_feature_scales_its_weight_and_its_error(problem) -> None:
    mdp, phi, demos = problem
    factor = np.array([1e-4, 1.0, 3e3, 1.0])
    scaled = FeatureMap(values=phi.values * factor, names=NAMES)
    plain, other = max_causal_entropy(demos, mdp, phi), max_causal_entropy(demos, mdp, scaled)
    np.testing.assert_allclose(other.weights * factor, plain.weights, rtol=1e-7)
    np.testing.assert_allclose(
        other.standard_errors("sandwich") * factor, plain.standard_errors("sandwich"), rtol=1e-6
    )
    assert other.choice_log_likelihood == pytest.approx(plain.choice_log_likelihood, abs=1e-8)


def test_squared_penalty_is_on_the_sum_of_log_likelihoods(problem) -> None:
    from scipy.optimize import minimize

    mdp, phi, demos = problem
    likelihood = DiscountedLikelihood(mdp, phi, demos)
    estimate = fit_likelihood(likelihood, FitSettings(l2=30.0))
    found = minimize(lambda w: -likelihood.evaluate(w).value + 30.0 * w @ w, np.zeros(K), method="BFGS")
    np.testing.assert_allclose(estimate.weights, found.x, atol=1e-5)
    assert estimate.fixed_by_assumption["l2"] == 30.0
    assert any(f.code == "penalised-errors" for f in estimate.findings)


@pytest.mark.parametrize("l1", [5.0, 40.0, 1e4])
def test_absolute_penalty_against_all_orthants(problem, l1: float) -> None:
    """Brute force: the smooth optimum on every orthant, zeros at its bounds; keep the best."""
    from scipy.optimize import minimize

    mdp, phi, demos = problem
    likelihood = DiscountedLikelihood(mdp, phi, demos)
    estimate = fit_likelihood(likelihood, FitSettings(l1=l1))
    assert estimate.outcome.ok

    def objective(w: np.ndarray) -> float:
        return likelihood.evaluate(w).value - l1 * np.abs(w).sum()

    best = objective(np.zeros(K))
    for signs in itertools.product([-1.0, 1.0], repeat=K):
        orthant = np.array(signs)

        def loss(w: np.ndarray, orthant=orthant) -> tuple[float, np.ndarray]:
            e = likelihood.evaluate(w, order=1)
            return -e.value + l1 * float(orthant @ w), -e.score + l1 * orthant

        found = minimize(
            loss,
            1e-3 * orthant,
            jac=True,
            method="L-BFGS-B",
            bounds=[(0, None) if x > 0 else (None, 0) for x in signs],
            options={"ftol": 1e-14, "gtol": 1e-7},
        )
        best = max(best, -float(found.fun))
    assert objective(estimate.weights) >= best - 1e-7
    assert objective(estimate.weights) == pytest.approx(best, abs=1e-6)
    if l1 == 1e4:
        assert np.all(estimate.weights == 0.0)
    if l1 == 40.0:
        zero = estimate.weights == 0.0
        assert zero.any()  # exactly zero, not small
        assert np.all(np.isinf(estimate.standard_errors("hessian")[zero]))


def test_rationality_scales_weights(problem) -> None:
    mdp, phi, demos = problem
    one = max_causal_entropy(demos, mdp, phi)
    four = max_causal_entropy(demos, mdp, phi, settings=FitSettings(rationality=4.0))
    np.testing.assert_allclose(four.weights * 4.0, one.weights, rtol=1e-7)
    assert four.gauge.rationality == 4.0
    assert four.fixed_by_assumption["rationality"] == 4.0
    with pytest.raises(GaugeError, match="rationality"):
        one.gauge.require_match(four.gauge)


def test_free_rationality_needs_the_scale_of_one_weight(problem) -> None:
    mdp, phi, demos = problem
    with pytest.raises(SettingsError, match="only on the product of rationality and weights"):
        FitSettings(rationality="free")
    plain = max_causal_entropy(demos, mdp, phi)
    settings = FitSettings(rationality="free", fixed_weights={"travel": 2.0})
    free = max_causal_entropy(demos, mdp, phi, settings=settings)
    beta = plain.weights[0] / 2.0
    np.testing.assert_allclose(free.weights, plain.weights / beta, rtol=1e-6)
    assert free.gauge.rationality == pytest.approx(beta, rel=1e-6)
    assert free.choice_log_likelihood == pytest.approx(plain.choice_log_likelihood, abs=1e-7)
    finding = next(f for f in free.findings if f.code == "rationality-estimated")
    assert finding.evidence["standard_errors"]["hessian"] == pytest.approx(
        plain.standard_errors("hessian")[0] / 2, rel=1e-5
    )
    # Delta method for a ratio of weights, by hand.
    C = plain.covariance("hessian")
    g = np.array([-plain.weights[1] / plain.weights[0] ** 2, 1 / plain.weights[0]]) * 2.0
    expected = np.sqrt(g @ C[:2, :2] @ g)
    assert free.standard_errors("hessian")[1] == pytest.approx(expected, rel=1e-5)
    assert free.standard_errors("hessian")[0] == 0.0


def test_a_free_rationality_changes_no_ratio_and_no_prediction(problem) -> None:
    """It is the same model in other words: intervals and errors must be those of the fit without it."""
    mdp, phi, demos = problem
    plain = max_causal_entropy(demos, mdp, phi)
    settings = FitSettings(rationality="free", fixed_weights={"travel": 2.0 * np.sign(plain.weights[0])})
    free = max_causal_entropy(demos, mdp, phi, settings=settings)
    start = np.full(mdp.n_states, 1 / mdp.n_states)
    for kind in plain.covariances:
        for pair in (("load", "travel"), ("travel", "load"), ("noise", "travel")):
            a, b = (tradeoff(fit, *pair, kind=kind) for fit in (plain, free))
            assert (a.status, a.shape) == (b.status, b.shape)
            assert b.value == pytest.approx(a.value, rel=1e-5)
            assert (b.interval or b.gap) == pytest.approx(a.interval or a.gap, rel=1e-4)
        a, b = (
            counterfactual(fit, mdp, scale={"load": 2.0}, initial=start, kind=kind) for fit in (plain, free)
        )
        np.testing.assert_allclose(b.after.standard_errors, a.after.standard_errors, rtol=1e-4)
        assert [r.difference_error for r in b.rates] == pytest.approx(
            [r.difference_error for r in a.rates], rel=1e-4
        )


def test_two_fixed_weights_leave_the_ray(problem) -> None:
    """With two weights fixed, rationality is a free multiple of both: the optimum on that ray, by search."""
    from scipy.optimize import minimize

    mdp, phi, demos = problem
    settings = FitSettings(rationality="free", fixed_weights={"travel": 1.0, "load": -1.0})
    estimate = max_causal_entropy(demos, mdp, phi, settings=settings)
    likelihood = DiscountedLikelihood(mdp, phi, demos)
    found = minimize(
        lambda v: -likelihood.evaluate(np.array([v[0], -v[0], v[1], v[2]])).value,
        [0.5, 0, 0],
        method="Nelder-Mead",
        options={"xatol": 1e-8, "fatol": 1e-10, "maxiter": 4000},
    )
    assert estimate.gauge.rationality == pytest.approx(found.x[0], abs=1e-5)
    np.testing.assert_allclose(
        estimate.weights, [1, -1, found.x[1] / found.x[0], found.x[2] / found.x[0]], atol=1e-4
    )


def test_fixed_weights_are_kept(problem) -> None:
    mdp, phi, demos = problem
    estimate = max_causal_entropy(demos, mdp, phi, settings=FitSettings(fixed_weights={"noise": 0.25}))
    assert estimate.weights[3] == 0.25
    assert estimate.standard_errors("hessian")[3] == 0.0
    assert estimate.gauge.kind == "fixed-weights"
    assert estimate.fixed_by_assumption["weight of noise"] == 0.25
    with pytest.raises(SettingsError, match="colour"):
        max_causal_entropy(demos, mdp, phi, settings=FitSettings(fixed_weights={"colour": 1.0}))


def test_constant_and_duplicate_features_are_named(problem) -> None:
    mdp, phi, demos = problem
    values = np.concatenate([phi.values, np.full((S, A, 1), 7.0), 2.0 * phi.values[:, :, :1]], axis=2)
    wide = FeatureMap(values=values, names=(*NAMES, "always seven", "twice travel"))
    plain, estimate = max_causal_entropy(demos, mdp, phi), max_causal_entropy(demos, mdp, wide)
    assert estimate.outcome.ok
    assert estimate.nullity == 2
    constant = next(f for f in estimate.findings if f.code == "feature-without-effect")
    assert "always seven" in constant.message
    twins = next(f for f in estimate.findings if f.code == "collinear-features")
    assert set(twins.evidence["features"]) == {"travel", "twice travel"}
    np.testing.assert_allclose(np.linalg.norm(estimate.null_directions, axis=1), 1.0)
    # Minimum norm: of all (a, b) with a + 2 b the plain weight, the one orthogonal to (2, -1); no weight on
    # the constant.
    np.testing.assert_allclose(estimate.weights[[0, 5]], plain.weights[0] * np.array([0.2, 0.4]), rtol=1e-6)
    assert estimate.weights[4] == pytest.approx(0.0, abs=1e-9)
    errors = estimate.standard_errors("hessian")
    assert np.all(np.isinf(errors[[0, 4, 5]]))
    np.testing.assert_allclose(errors[1:4], plain.standard_errors("hessian")[1:4], rtol=1e-5)
    assert estimate.choice_log_likelihood == pytest.approx(plain.choice_log_likelihood, abs=1e-8)


def test_shaping_is_a_null_direction() -> None:
    """A potential's shaping reward f(s) - gamma P f(s, a) moves no choice."""
    mdp = world(5)
    f = np.random.default_rng(6).normal(size=S)
    shaping = f[:, None] - mdp.discount * (mdp.transition @ f).reshape(S, A)
    values = np.concatenate([features().values[:, :, :2], shaping[:, :, None]], axis=2)
    phi = FeatureMap(values=values, names=("travel", "load", "shaping"))
    demos = sample(mdp, phi.values @ np.array([1.0, -1.0, 0.0]), key=7, n_trajectories=20)
    estimate = max_causal_entropy(demos, mdp, phi)
    assert estimate.nullity == 1
    np.testing.assert_allclose(np.abs(estimate.null_directions[0]), [0, 0, 1], atol=1e-6)


def test_separation_names_the_feature_and_stops(problem) -> None:
    mdp, phi, demos = problem
    never = np.zeros((S, A, 1))
    rows = np.flatnonzero(demos.actions != 2)
    one_way = Demonstrations.from_arrays(
        demos.states[rows],
        demos.actions[rows],
        next_states=demos.next_states[rows],
        action_labels=("left", "stay", "right"),
    )
    never[:, 2, 0] = 1.0
    wide = FeatureMap(values=np.concatenate([phi.values, never], axis=2), names=(*NAMES, "turns right"))
    estimate = max_causal_entropy(one_way, mdp, wide)
    assert estimate.outcome is Outcome.SEPARATION
    finding = estimate.findings[0]
    assert finding.code == "separation"
    assert "turns right (down)" in finding.message
    assert finding.evidence["features"] == ["turns right"]
    assert np.all(np.isfinite(estimate.weights))
    assert estimate.covariances == {}
    assert estimate.summary().headline.startswith("Not an answer (separation)")
    held = max_causal_entropy(one_way, mdp, wide, settings=FitSettings(l2=0.1))
    assert held.outcome.ok


def test_a_rare_action_is_not_separation(problem) -> None:
    """One decision the other way makes the weight finite, however extreme."""
    mdp, _, _ = problem
    only = np.zeros((S, A, 1))
    only[:, 2, 0] = 1.0
    phi = FeatureMap(values=only, names=("turns right",))
    states = np.tile(np.arange(S), 500)
    actions = np.tile([0, 1], len(states) // 2)
    actions[17] = 2
    demos = Demonstrations.from_arrays(
        states, actions, next_states=np.full(len(states), -1), action_labels=("a", "b", "c")
    )
    estimate = max_causal_entropy(demos, mdp, phi)
    assert estimate.outcome.ok
    n = len(states)  # P(right) = e^w / (2 + e^w) = 1/n
    assert estimate.weights[0] == pytest.approx(np.log(2 / (n - 1)), abs=1e-6)


def test_resumed_fit_is_the_same_fit(problem) -> None:
    mdp, phi, demos = problem
    whole = max_causal_entropy(demos, mdp, phi)
    kept = []
    stopped = max_causal_entropy(
        demos,
        mdp,
        phi,
        settings=FitSettings(checkpoint_every=1),
        checkpoint=kept.append,
        progress=lambda p: p.iteration < 3,
    )
    assert stopped.outcome is Outcome.INTERRUPTED
    assert kept
    for state in (stopped.solver_state, kept[-1]):
        resumed = max_causal_entropy(demos, mdp, phi, solver_state=state)
        assert resumed.outcome.ok
        np.testing.assert_allclose(resumed.weights, whole.weights, rtol=0, atol=1e-12)
        assert resumed.certificate["iterations"] == whole.certificate["iterations"]


def test_progress_sees_the_score_fall(problem) -> None:
    mdp, phi, demos = problem
    seen = []
    max_causal_entropy(demos, mdp, phi, progress=seen.append)
    assert seen[-1].score_norm < 1e-8 < seen[0].score_norm
    assert seen[-1].log_likelihood > seen[0].log_likelihood


def test_iteration_limit_is_an_outcome(problem) -> None:
    mdp, phi, demos = problem
    estimate = max_causal_entropy(demos, mdp, phi, settings=FitSettings(max_iterations=1))
    assert estimate.outcome is Outcome.MAX_ITERATIONS
    assert not estimate.covariances
    assert any(f.code == "no-standard-errors" for f in estimate.findings)


def test_duplicated_trajectories_divide_errors_by_root_two(problem) -> None:
    mdp, phi, demos = problem
    twice = demos.select(np.tile(np.arange(demos.n_trajectories), 2))
    one, two = max_causal_entropy(demos, mdp, phi), max_causal_entropy(twice, mdp, phi)
    np.testing.assert_allclose(two.weights, one.weights, atol=1e-8)
    for kind in one.covariances:
        np.testing.assert_allclose(
            two.standard_errors(kind) * np.sqrt(2), one.standard_errors(kind), rtol=1e-6
        )


def test_weights_of_rows_count_like_repeats(problem) -> None:
    mdp, phi, demos = problem
    rng = np.random.default_rng(9)
    repeats = rng.integers(0, 3, demos.n_decisions)
    weighted = replace(demos, weights=repeats.astype(float))
    rows = np.repeat(np.arange(demos.n_decisions), repeats)
    repeated = Demonstrations.from_arrays(
        demos.states[rows],
        demos.actions[rows],
        next_states=demos.next_states[rows],
        action_labels=demos.action_labels,
    )
    np.testing.assert_allclose(
        max_causal_entropy(weighted, mdp, phi).weights,
        max_causal_entropy(repeated, mdp, phi).weights,
        atol=1e-8,
    )


def test_policy_table_gives_the_answer_of_its_own_rows(problem) -> None:
    """An exact soft policy as a table: the weights come back to the last digits; gaps are named."""
    mdp, phi, _ = problem
    table = np.exp(solve_soft(mdp, phi.values @ TRUTH).log_policy)
    estimate = fit_likelihood(from_policy_table(mdp, phi, table))
    np.testing.assert_allclose(estimate.weights, TRUTH, atol=1e-8)
    assert estimate.covariances == {}
    table[4] = 0.0
    gaps = fit_likelihood(from_policy_table(mdp, phi, table, n_decisions=1000))
    np.testing.assert_allclose(gaps.weights, TRUTH, atol=1e-7)
    named = next(f for f in gaps.findings if f.code == "states-without-support")
    assert named.evidence["states"] == [4]
    assert gaps.n_decisions == 1000
    assert set(gaps.covariances) == {"hessian", "outer_product", "sandwich"}
    table[5] *= 0.5
    with pytest.raises(DataError, match="sum to 1"):
        from_policy_table(mdp, phi, table)


def test_joint_worlds_identify_what_one_cannot() -> None:
    """A free reward per pair: one world leaves S directions, a second one with other dynamics leaves one."""
    free = FeatureMap(values=sp.csr_array(sp.eye_array(S * A)), names=tuple(f"r{i}" for i in range(S * A)))
    worlds = [world(21), world(22)]
    truth = np.random.default_rng(23).normal(size=(S, A))
    tables = [np.exp(solve_soft(w, truth).log_policy) for w in worlds]
    parts = [from_policy_table(w, free, t) for w, t in zip(worlds, tables, strict=True)]
    alone = fit_likelihood(parts[0])
    assert alone.nullity == S
    both = fit_likelihood(JointLikelihood(tuple(parts)))
    assert both.nullity == 1
    gap = both.weights - truth.ravel()
    np.testing.assert_allclose(gap, gap.mean(), atol=1e-6)


def test_conjugate_gradients_agree_with_newton(problem) -> None:
    mdp, _, demos = problem
    free = FeatureMap(values=sp.csr_array(sp.eye_array(S * A)), names=tuple(f"r{i}" for i in range(S * A)))
    newton = max_causal_entropy(demos, mdp, free, settings=FitSettings(l2=1.0))
    conjugate = max_causal_entropy(demos, mdp, free, settings=FitSettings(l2=1.0, max_dense_weights=5))
    assert conjugate.outcome.ok
    np.testing.assert_allclose(conjugate.weights, newton.weights, atol=1e-5)
    assert conjugate.covariances == {}
    assert any("too many for a covariance" in f.message for f in conjugate.findings)


def test_finite_horizon_with_long_trajectories_is_refused() -> None:
    mdp = FiniteHorizonMDP.from_transition(
        np.random.default_rng(0).dirichlet(np.ones(S), size=(S, A)), horizon=3
    )
    demos = Demonstrations.from_arrays(
        [0, 1, 2, 3], [0, 0, 0, 0], next_states=[1, 2, 3, 4], action_labels=("a", "b", "c")
    )
    with pytest.raises(DataError, match="at most 3 decisions"):
        FiniteHorizonLikelihood(mdp, features(), demos)


def test_exact_occupancy_of_a_finite_horizon_expert_gives_the_weights_back() -> None:
    from telic.planning import occupancy_finite, solve_soft_finite

    P = np.random.default_rng(31).dirichlet(np.ones(S), size=(S, A))
    initial = np.full(S, 1 / S)
    mdp = FiniteHorizonMDP.from_transition(P, horizon=12, initial=initial)
    phi = features(32)
    solution = solve_soft_finite(mdp, phi.values @ TRUTH)
    mu = occupancy_finite(mdp, solution.policy.table)
    estimate = fit_likelihood(FiniteHorizonLikelihood.from_occupancy(mdp, phi, mu))
    np.testing.assert_allclose(estimate.weights, TRUTH, atol=1e-8)


# ---- undiscounted and goal-conditioned worlds


def ring(n: int = 9) -> tuple[np.ndarray, int]:
    P = np.zeros((n, 2, n))
    for s in range(n):
        P[s, 0, (s + 1) % n] = P[s, 1, (s - 1) % n] = 1.0
    return P, n


def test_goal_conditioned_fit_starts_where_the_soft_value_is_finite() -> None:
    """At weight 0 wandering is free and the soft value infinite; the fit finds a start and never meets a
    NaN."""
    P, n = ring()
    rng = np.random.default_rng(41)
    cost = np.stack([np.ones((n, 2)), rng.uniform(0, 1, (n, 2))], axis=2)
    phi = FeatureMap(values=cost, names=("step", "slope"))
    mdp = GoalConditionedMDP(
        transition=TabularMDP.from_transition(P, discount=0.5).transition,
        n_actions=2,
        goals=np.array([0, 4], dtype=np.int32),
    )
    truth = np.array([-1.2, -0.8])
    states, actions, lengths, goals = [], [], [], []
    R = cost @ truth
    for _ in range(150):
        g = int(rng.choice([0, 4]))
        V = np.full(n, -50.0)
        for _ in range(400):
            V[g] = 0.0
            V = np.logaddexp(R[:, 0] + V[(np.arange(n) + 1) % n], R[:, 1] + V[(np.arange(n) - 1) % n])
        V[g] = 0.0
        s, count = int((g + rng.integers(1, n)) % n), 0
        while s != g:
            p = np.exp(R[s] + V[[(s + 1) % n, (s - 1) % n]] - V[s])
            a = int(rng.random() > p[0])
            states.append(s), actions.append(a)
            s, count = (s + 1) % n if a == 0 else (s - 1) % n, count + 1
        lengths.append(count), goals.append(g)
    demos = Demonstrations.from_arrays(
        states, actions, offsets=np.concatenate([[0], np.cumsum(lengths)]), goals=goals
    )
    assert GoalLikelihood(mdp, phi, demos).evaluate(np.zeros(2)).outcome is Outcome.SOFT_VALUE_DIVERGES
    estimate = max_causal_entropy(demos, mdp, phi)
    assert estimate.outcome.ok
    assert np.abs((estimate.weights - truth) / estimate.standard_errors("hessian")).max() < 4
    assert estimate.gauge.discount is None


def test_no_weights_can_make_a_step_cost_anything() -> None:
    """A feature that is zero on a cycle cannot end the wandering: an outcome, not a number."""
    P, n = ring(6)
    phi = FeatureMap(values=np.zeros((n, 2, 1)), names=("nothing",))
    mdp = GoalConditionedMDP(
        transition=TabularMDP.from_transition(P, discount=0.5).transition,
        n_actions=2,
        goals=np.array([0], dtype=np.int32),
    )
    demos = Demonstrations.from_arrays([2, 1], [1, 1], goals=[0], action_labels=("up", "down"))
    estimate = max_causal_entropy(demos, mdp, phi)
    assert estimate.outcome is Outcome.SOFT_VALUE_DIVERGES
    assert np.all(np.isnan(estimate.weights))
    assert "step cost more" in estimate.summary().headline
    assert estimate.to_json()["weights"] == {"nothing": None}


# ---- bad input


def test_impossible_transitions_are_listed() -> None:
    P, n = ring(5)
    mdp = TabularMDP.from_transition(P, discount=0.9)
    phi = FeatureMap(values=np.random.default_rng(0).normal(size=(n, 2, 1)), names=("x",))
    demos = Demonstrations.from_arrays(
        [0, 1, 2], [0, 0, 0], next_states=[1, 4, 3], action_labels=("up", "down")
    )
    with pytest.raises(
        ImpossibleDemonstrationsError, match="row 1: state 1, action up, next state 4"
    ) as caught:
        DiscountedLikelihood(mdp, phi, demos)
    assert caught.value.data["n_impossible"] == 1
    assert "smoothing" in caught.value.hint


def test_unavailable_actions_and_decisions_after_the_end_are_listed() -> None:
    P, n = ring(5)
    available = np.ones((n, 2), dtype=bool)
    available[2, 1] = False
    absorbing = np.zeros(n, dtype=bool)
    absorbing[4] = True
    P[2, 1] = 0.0
    mdp = TabularMDP.from_transition(P, discount=0.9, available=available, absorbing=absorbing)
    phi = FeatureMap(values=np.zeros((n, 2, 1)), names=("x",))
    demos = Demonstrations.from_arrays([2, 4], [1, 0], next_states=[-1, -1])
    with pytest.raises(ImpossibleDemonstrationsError, match="not available") as caught:
        DiscountedLikelihood(mdp, phi, demos)
    assert "absorbing state" in str(caught.value)


def test_states_and_actions_outside_the_world(problem) -> None:
    mdp, phi, _ = problem
    with pytest.raises(DataError, match=r"States must lie in \[0, 8\)"):
        DiscountedLikelihood(mdp, phi, Demonstrations.from_arrays([0, 9], [0, 0]))
    with pytest.raises(DataError, match=r"Actions must lie in \[0, 3\)"):
        DiscountedLikelihood(mdp, phi, Demonstrations.from_arrays([0, 1], [0, 5]))
    with pytest.raises(DataError, match="no decisions"):
        DiscountedLikelihood(mdp, phi, Demonstrations.from_arrays(np.array([], int), np.array([], int)))
    with pytest.raises(FeatureError, match="do not fit a world of 8 states"):
        DiscountedLikelihood(
            mdp,
            FeatureMap(values=np.zeros((3, 1)), names=("x",), form="S"),
            Demonstrations.from_arrays([0], [0]),
        )


def test_one_decision_is_enough_to_fail_honestly(problem) -> None:
    mdp, phi, _ = problem
    one = Demonstrations.from_arrays([3], [1], action_labels=("left", "stay", "right"))
    estimate = max_causal_entropy(one, mdp, phi)
    assert estimate.outcome is Outcome.SEPARATION
    assert estimate.nullity == 2  # four weights, one state with three actions: two differences can be told
    assert all(np.isfinite(estimate.weights))


def test_settings_are_checked_at_the_door() -> None:
    for bad in (
        {"l2": -1},
        {"l1": np.nan},
        {"tolerance": 0},
        {"max_iterations": 0},
        {"rationality": 0.0},
        {"rationality": "loose"},
    ):
        with pytest.raises(SettingsError):
            FitSettings(**bad)
    with pytest.raises(SettingsError, match="scaled"):
        FitSettings(rationality="free", fixed_weights={"x": 1.0}, l2=1.0)


def test_summary_and_json(problem) -> None:
    mdp, phi, demos = problem
    estimate = max_causal_entropy(demos, mdp, phi, transition_log_likelihood=-12.5)
    told = estimate.to_json()
    assert told["log_likelihood"] == pytest.approx(told["choice_log_likelihood"] - 12.5)
    assert set(told["weights"]) == set(NAMES)
    assert told["result"] == "success"
    assert told["nullity"] == 0
    assert set(told["certificate"]) >= {"score_norm", "bellman_residual"}
    assert told["provenance"]["inputs"]["world"].startswith("sha256:")
    report = estimate.summary()
    assert "1,200 decisions" in report.headline
    assert all(f.severity < Severity.ERROR for f in estimate.findings)


def test_free_rewards_without_a_penalty_are_separated_where_an_action_was_never_seen(problem) -> None:
    mdp, _, demos = problem
    rows = np.flatnonzero((demos.states != 2) | (demos.actions != 1))
    missing = Demonstrations.from_arrays(
        demos.states[rows],
        demos.actions[rows],
        next_states=demos.next_states[rows],
        action_labels=demos.action_labels,
    )
    names = tuple(f"s{i // A} a{i % A}" for i in range(S * A))
    free = FeatureMap(values=sp.csr_array(sp.eye_array(S * A)), names=names)
    for limit in (1000, 5):  # Newton, and conjugate gradients
        estimate = max_causal_entropy(missing, mdp, free, settings=FitSettings(max_dense_weights=limit))
        assert estimate.outcome is Outcome.SEPARATION
        assert "s2 a1 (down)" in estimate.findings[0].message
