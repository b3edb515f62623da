"""AVRIL: closed forms against integration, gradients against differences, the answer against exact ones, and words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from telic.errors import DataError, FeatureError, SettingsError
from telic.features import FeatureMap, MeasuredFeatureMap, PolynomialBasis
from telic.inference.likelihood import DiscountedLikelihood
from telic.inference.posterior import VariationalSettings, laplace_posterior, variational_posterior
from telic.inference.posterior.variational import variational_fit
from telic.inference.posterior.variational_bound import (
    VariationalBound,
    expected_log_normal,
    normal_divergence,
)
from telic.inference.posterior.variational_fourier import FourierBasis
from telic.inference.posterior.variational_rows import read_rows
from telic.mdp import TabularMDP
from telic.planning import solve_soft
from telic.reports import Outcome, Severity
from telic.rewards import NormalPrior
from telic.trajectories import Demonstrations

GAMMA, S, A, K = 0.8, 5, 3, 2
KEY = 660_100
PRIOR = NormalPrior.of(("a", "b"), {"a": 1.0, "b": 1.0})
MEASURED = MeasuredFeatureMap(
    names=("far", "push"),
    n_actions=3,
    function=lambda c, a: np.stack([-np.abs(c["x"]), -np.abs(a - 1.0)], axis=1),
    units=("m", "push"),
)


def world_of(*, is_random: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Transitions ``(S, A, S)`` and features ``(S, A, K)``."""
    rng = np.random.default_rng(1)
    P, phi = rng.dirichlet(np.full(S, 0.5), size=(S, A)), rng.normal(size=(S, A, K))
    return (P if is_random else np.eye(S)[rng.integers(S, size=(S, A))]), phi


def log_of(P: np.ndarray, reward: np.ndarray, n: int, key: int, rationality: float = 1.0) -> Demonstrations:
    """Trajectories of 20 decisions of the soft-optimal policy, by 300 sweeps written out here."""
    V = np.zeros(S)
    for _ in range(300):
        Q = reward + GAMMA * P @ V
        V = np.log(np.exp(rationality * Q).sum(axis=1)) / rationality
    pi = np.exp(rationality * (Q - V[:, None]))
    rng, m = np.random.default_rng(key), n // 20
    s, a = np.empty((m, 21), dtype=int), np.empty((m, 20), dtype=int)
    s[:, 0] = rng.integers(S, size=m)
    for t in range(20):
        a[:, t] = (rng.random(m)[:, None] > pi[s[:, t]].cumsum(axis=1)[:, :-1]).sum(axis=1)
        s[:, t + 1] = (rng.random(m)[:, None] > P[s[:, t], a[:, t]].cumsum(axis=1)[:, :-1]).sum(axis=1)
    return Demonstrations.from_arrays(
        s[:, :-1].ravel(),
        a.ravel(),
        next_states=s[:, 1:].ravel(),
        offsets=np.arange(0, 20 * m + 1, 20),
        action_labels=("left", "stay", "right"),
    )


def tabular(demos: Demonstrations, phi: np.ndarray, prior: NormalPrior = PRIOR, **settings):
    eye = np.eye(S)
    return variational_fit(
        demos,
        phi[demos.states],
        prior,
        discount=GAMMA,
        basis=(eye[demos.states], eye[demos.next_states]),
        settings=VariationalSettings(**settings),
    )


def walk(n: int = 300, key: int = 0, **changes) -> Demonstrations:
    """One measurement that drifts with the action; choices at random, so that any of them is explained."""
    rng = np.random.default_rng(key)
    a = rng.integers(0, 3, n).astype(np.int32)
    x = np.zeros(n + 1)
    for t in range(n):
        x[t + 1] = 0.8 * x[t] + 0.5 * (a[t] - 1) + 0.2 * rng.normal()
    made = Demonstrations(
        actions=a,
        offsets=np.array([0, n], dtype=np.int64),
        action_labels=("left", "stay", "right"),
        observations={"x": x[:-1]},
        next_observations={"x": x[1:]},
        next_known=np.ones(n, dtype=bool),
        trajectory_ids=np.array(["0"], dtype=object),
        demonstrators=np.zeros(1, dtype=np.int32),
        terminated=np.zeros(1, dtype=bool),
        truncated=np.ones(1, dtype=bool),
    )
    return replace(made, **changes)


BELIEFS = NormalPrior.of(("far", "push"), {"far": 1.0, "push": 1.0})


def codes(posterior) -> dict[str, Severity]:
    return {f.code: f.severity for f in posterior.findings}


# Closed forms


def plane(mean: np.ndarray, L: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points ``(n, 2)`` of a fine grid of 8 standard deviations, and their share of a normal distribution."""
    z = np.linspace(-8.0, 8.0, 321)
    u = np.stack(np.meshgrid(z, z, indexing="ij"), axis=-1).reshape(-1, 2)
    density = np.exp(-0.5 * (u * u).sum(axis=1)) / (2 * np.pi)
    return mean + u @ L.T, density * (z[1] - z[0]) ** 2


def test_the_divergence_is_the_integral_of_the_log_ratio() -> None:
    mean, L = np.array([0.4, -0.3]), np.array([[0.5, 0.0], [0.2, 0.3]])
    centre, sd = np.array([0.1, 0.2]), np.array([0.8, 1.3])
    points, share = plane(mean, L)
    q = stats.multivariate_normal(mean, L @ L.T).logpdf(points)
    p = stats.norm.logpdf(points, centre, sd).sum(axis=1)
    assert normal_divergence(mean, L, centre, sd) == pytest.approx(float(share @ (q - p)), abs=1e-9)
    assert normal_divergence(centre, np.diag(sd), centre, sd) == pytest.approx(0.0, abs=1e-14)


def test_the_expected_log_density_is_its_integral() -> None:
    rng = np.random.default_rng(3)
    h, H, mean = rng.normal(size=4), rng.normal(size=(4, 2)), np.array([0.2, -0.5])
    L, noise = np.array([[0.4, 0.0], [-0.1, 0.3]]), 0.7
    points, share = plane(mean, L)
    told = stats.norm.logpdf(h, points @ H.T, noise).sum(axis=1)
    assert expected_log_normal(h, H, mean, L, noise) == pytest.approx(float(share @ told), abs=1e-9)


def bound_of(*, is_projected: bool, has_features: bool, rationality: float = 1.3) -> VariationalBound:
    """Rows with an end, one whose outcome is unknown, and weights that differ."""
    known = np.ones(60, dtype=bool)
    known[10] = False
    demos = walk(
        60,
        key=4,
        weights=np.random.default_rng(2).uniform(0.5, 2.0, 60),
        next_known=known,
        terminated=np.array([True]),
        truncated=np.array([False]),
    )
    basis = PolynomialBasis.fit(demos.observations, degree=2)
    if has_features:
        rows = read_rows(demos, MEASURED, basis, None)
    else:
        psi = basis.evaluate(demos.observations)
        phi = MEASURED.every_action(demos.observations, 60)
        rows = read_rows(demos, phi, (psi, basis.evaluate(demos.next_observations)), None)
    assert rows.ended.sum() == 1
    assert rows.n_unknown == 1
    return VariationalBound(
        rows=rows,
        prior=BELIEFS,
        discount=0.9,
        rationality=rationality,
        weight=1.7,
        spread=5.0,
        is_projected=is_projected,
    )


@pytest.mark.parametrize("is_projected", [True, False])
@pytest.mark.parametrize("has_features", [True, False])
@pytest.mark.parametrize("correction", [0.0, 3.0])
def test_the_gradient_is_the_limit_of_differences(
    is_projected: bool, has_features: bool, correction: float
) -> None:
    bound = bound_of(is_projected=is_projected, has_features=has_features)
    rng = np.random.default_rng(5)
    t, step = rng.normal(size=bound.size), 1e-6
    _, gradient = bound.profile(t, 0.6, correction)
    for j in range(bound.size):
        e = step * np.eye(bound.size)[j]
        slope = (bound.profile(t + e, 0.6, correction)[0] - bound.profile(t - e, 0.6, correction)[0]) / (
            2 * step
        )
        assert gradient[j] == pytest.approx(slope, rel=1e-5, abs=1e-5)


def test_the_best_distribution_of_weights_is_bayes_in_a_linear_model_and_no_other_is_better() -> None:
    bound = bound_of(is_projected=True, has_features=True)
    rng = np.random.default_rng(6)
    t = 0.3 * rng.normal(size=bound.size)
    h = bound.compared(bound.residual(t)[0])
    mean, L = bound.best(h, 0.6)
    # Conjugate regression with the prior as rows of data.
    rows = np.concatenate([np.sqrt(1.7) * bound.design / 0.6, np.eye(2)])
    aims = np.concatenate([np.sqrt(1.7) * h / 0.6, np.zeros(2)])
    solved, *_ = np.linalg.lstsq(rows, aims, rcond=None)
    assert mean == pytest.approx(solved, rel=1e-9)
    covariance = L @ L.T
    assert covariance == pytest.approx(np.linalg.inv(rows.T @ rows), rel=1e-9)
    top = bound.bound(t, mean, L, 0.6)
    assert top == pytest.approx(bound.profile(t, 0.6)[0], rel=1e-12)
    for _ in range(20):
        other = L + np.tril(0.02 * rng.normal(size=(2, 2)))
        assert bound.bound(t, mean + 0.02 * rng.normal(size=2), other, 0.6) < top


def test_the_projection_is_least_squares_on_the_functions_of_state_and_action() -> None:
    bound = bound_of(is_projected=True, has_features=True)
    rng = np.random.default_rng(7)
    values, w = rng.normal(size=len(bound.rows.known)), bound.root_weights
    X = bound.taken * w[:, None]
    fitted = X @ np.linalg.lstsq(X, values * w, rcond=None)[0]
    assert bound.frame @ bound.compared(values) == pytest.approx(fitted, abs=1e-8)
    t = rng.normal(size=bound.size)
    now, _ = bound.values(t)
    known = bound.rows.known
    assert bound.taken @ t == pytest.approx(now[known, bound.rows.actions[known]], rel=1e-12)


def test_the_curvature_is_the_second_difference_where_residuals_vanish() -> None:
    """Without discount nothing bends but the choices, so Gauss-Newton is exact."""
    bound = replace(bound_of(is_projected=True, has_features=True), discount=0.0)
    t, noise, step = 0.2 * np.random.default_rng(8).normal(size=bound.size), 0.6, 1e-5
    own, cross, mine = bound.curvature(t, noise)
    profiled = own - cross.T @ np.linalg.solve(mine, cross)
    for j in range(bound.size):
        e = step * np.eye(bound.size)[j]
        bend = (bound.profile(t + e, noise)[1] - bound.profile(t - e, noise)[1]) / (2 * step)
        assert profiled[j] == pytest.approx(-bend, rel=1e-4, abs=1e-4)


# Against exact answers


def test_in_a_world_without_chance_it_is_the_exact_posterior_at_its_mode() -> None:
    """Every pair is seen, so counted transitions are the true ones: mean and spread are those of Laplace."""
    P, phi = world_of(is_random=False)
    truth = np.array([0.4, -0.3])
    demos = log_of(P, phi @ truth, 2_000, KEY)
    world = TabularMDP.from_transition(P, discount=GAMMA)
    likelihood = DiscountedLikelihood(world, FeatureMap(values=phi, names=("a", "b")), demos)
    exact = laplace_posterior(likelihood, PRIOR, n_draws=2, n_checked=1)
    found = tabular(demos, phi)
    sd = np.sqrt(np.diag(exact.mode_covariance))
    assert found.posterior.outcome is Outcome.SUCCESS
    assert np.all(np.abs(found.optimum.mean - exact.mode) < 0.35 * sd)
    assert np.sqrt(np.diag(found.linear_response_covariance)) == pytest.approx(sd, rel=0.1)
    assert (
        np.sqrt(np.diag(found.variational_covariance)).max() < 0.1 * sd.min()
    )  # what takes Q as known is far off


def test_the_policy_and_the_weights_of_a_random_world() -> None:
    P, phi = world_of()
    truth = np.array([0.8, -0.5])
    demos = log_of(P, phi @ truth, 6_000, KEY + 1)
    found = tabular(demos, phi)
    error = np.abs(found.optimum.mean - truth) / np.sqrt(np.diag(found.linear_response_covariance))
    assert error.max() < 4.0  # chance of a false alarm .0001 a weight
    assert np.abs(found.optimum.mean - truth).max() < 0.12
    Q = found.action_values(np.eye(S))
    pi = np.exp(Q - np.log(np.exp(Q).sum(axis=1, keepdims=True)))
    world = TabularMDP.from_transition(P, discount=GAMMA)
    assert np.abs(pi - np.exp(solve_soft(world, phi @ truth).log_policy)).max() < 0.08


def test_sampled_residuals_pull_the_weights_to_zero_where_transitions_are_random() -> None:
    """The bias that projection takes out: half of the size of the weights and more."""
    P, phi = world_of()
    truth = np.array([1.2, -1.0])
    demos = log_of(P, phi @ truth, 3_000, KEY + 2)
    projected, sampled = tabular(demos, phi), tabular(demos, phi, residual="sampled")
    size = np.linalg.norm(truth)
    assert np.linalg.norm(projected.optimum.mean) > 0.85 * size
    assert np.linalg.norm(sampled.optimum.mean) < 0.5 * size


def test_the_correction_undoes_a_pull_to_zero_in_short_logs() -> None:
    """Slope of estimates on truths over 12 logs of 300 decisions, with and without; nearer to 1 with."""
    P, phi = world_of()
    slopes = {}
    for is_corrected in (True, False):
        top = bottom = 0.0
        for i in range(12):
            truth = np.random.default_rng(KEY + i).normal(size=K)
            demos = log_of(P, phi @ truth, 300, KEY + 100 + i)
            top += float(truth @ tabular(demos, phi, correct_noise=is_corrected).optimum.mean)
            bottom += float(truth @ truth)
        slopes[is_corrected] = top / bottom
    assert slopes[False] + 0.03 < slopes[True] < 1.1


@pytest.mark.slow
def test_intervals_by_linear_response_come_near_and_those_of_q_do_not() -> None:
    """60 experts of 1,000 decisions, 90 % intervals of 2 weights. Not calibrated: what is asked is that linear
    response is not below 80 % and that q is below 60 %, each by exact binomial at .001.
    """
    P, phi = world_of()
    held, of_q, n = np.zeros(K), np.zeros(K), 60
    for i in range(n):
        truth = np.random.default_rng(KEY + 500 + i).normal(size=K)
        found = tabular(log_of(P, phi @ truth, 1_000, KEY + 700 + i), phi)
        off = np.abs(found.optimum.mean - truth)
        held += off <= 1.645 * np.sqrt(np.diag(found.linear_response_covariance))
        of_q += off <= 1.645 * np.sqrt(np.diag(found.variational_covariance))
    assert np.all(held >= stats.binom.ppf(0.001, n, 0.8)), held
    assert np.all(of_q <= stats.binom.ppf(0.999, n, 0.6)), of_q


# What it says


def test_the_result_is_a_posterior_that_says_what_it_is() -> None:
    posterior = variational_posterior(walk(), MEASURED, BELIEFS, discount=0.9)
    assert posterior.method == "avril"
    assert posterior.outcome.ok
    assert posterior.names == ("far", "push")
    assert posterior.units == ("m", "push")
    assert (
        posterior.fixed_by_assumption["basis"]
        == "polynomials of degree 2 and 7 random Fourier features by key 0"
    )
    assert codes(posterior)["approximation"] is Severity.WARNING
    said = next(f.message for f in posterior.findings if f.code == "approximation")
    assert "not calibrated" in said
    assert "point estimate" in said
    assert "docs/methods/avril.md" in posterior.summary().to_text()
    again = variational_posterior(walk(), MEASURED, BELIEFS, discount=0.9)
    assert np.array_equal(again.draws, posterior.draws)
    other = variational_posterior(
        walk(), MEASURED, BELIEFS, discount=0.9, settings=VariationalSettings(key=1)
    )
    assert not np.array_equal(other.draws, posterior.draws)
    spread = np.sqrt(np.diag(posterior.mode_covariance))
    assert posterior.standard_deviations == pytest.approx(spread, rel=0.1)  # 1,000 draws: 2 % standard error
    assert posterior.prior_shares == pytest.approx(spread**2, rel=1e-9)


def test_choices_at_random_leave_the_weights_near_zero() -> None:
    posterior = variational_posterior(walk(2_000), MEASURED, BELIEFS, discount=0.9)
    assert np.all(np.abs(posterior.mean) < 4 * posterior.standard_deviations)
    assert np.all(np.abs(posterior.mean) < 0.25)


def test_a_feature_that_no_choice_depends_on_is_the_priors() -> None:
    P, phi = world_of()
    demos = log_of(P, phi @ [0.8, -0.5], 1_000, KEY + 3)
    prior = NormalPrior.of(("a", "b", "always"), {"a": 1.0, "b": 1.0, "always": (0.7, 2.0)})
    found = tabular(demos, np.concatenate([phi, np.ones((S, A, 1))], axis=2), prior).posterior
    assert found.nullity == 1
    assert found.null_directions == pytest.approx(np.array([[0.0, 0.0, 1.0]]))
    assert found.mean[2] == pytest.approx(0.7, abs=0.3)
    assert found.standard_deviations[2] == pytest.approx(2.0, rel=0.1)
    said = next(f.message for f in found.findings if f.code == "prior-alone")
    assert "always" in said


def test_choices_without_a_doubt_do_not_tell_the_size() -> None:
    P, phi = world_of()
    demos = log_of(P, phi @ [1.5, -1.5], 200, KEY + 4, rationality=60.0)
    wide = NormalPrior.of(("a", "b"), {"a": 20.0, "b": 20.0})
    assert "scale-from-prior" in codes(tabular(demos, phi, wide).posterior)
    plenty = log_of(P, phi @ [0.8, -0.5], 1_000, KEY + 5)
    assert "scale-from-prior" not in codes(tabular(plenty, phi, wide).posterior)


def test_a_missing_feature_shows_as_a_misfit_and_a_right_reward_does_not() -> None:
    """In 40 right fits of other keys no misfit was found; the feature left out here makes half of the differences."""
    P, phi = world_of()
    demos = log_of(P, phi @ [0.8, -1.5], 2_000, KEY + 6)
    misfits = {"choice-misfit", "temporal-difference-misfit"}

    def warned(posterior) -> set[str]:
        return {f.code for f in posterior.findings if f.severity is Severity.WARNING} & misfits

    assert warned(tabular(demos, phi).posterior) == set()
    one = NormalPrior.of(("a",), {"a": 1.0})
    assert warned(tabular(demos, phi[:, :, :1], one).posterior)


def test_rows_without_an_outcome_and_actions_never_taken_are_named() -> None:
    known = np.ones(300, dtype=bool)
    known[:60] = False
    actions = np.minimum(walk().actions, 1).astype(np.int32)
    posterior = variational_posterior(
        walk(next_known=known, actions=actions), MEASURED, BELIEFS, discount=0.9
    )
    found = {f.code: f for f in posterior.findings}
    assert found["next-unknown"].message.startswith("60 of 300 decisions")
    assert found["next-unknown"].severity is Severity.WARNING
    assert found["action-never-taken"].evidence["actions"] == ["right"]
    assert "next-unknown" not in codes(variational_posterior(walk(), MEASURED, BELIEFS, discount=0.9))


def test_next_rows_of_a_trajectory_stand_in_for_what_was_measured_after() -> None:
    """One trajectory: all outcomes but the last are the next row."""
    full, bare = walk(), walk(next_observations={}, next_known=None)
    known = np.ones(300, dtype=bool)
    known[-1] = False
    told = variational_posterior(replace(full, next_known=known), MEASURED, BELIEFS, discount=0.9)
    shifted = variational_posterior(bare, MEASURED, BELIEFS, discount=0.9)
    assert shifted.mean == pytest.approx(told.mean, rel=1e-12)


def test_arrays_and_functions_give_the_same_answer() -> None:
    demos = walk()
    basis = PolynomialBasis.fit(demos.observations, degree=3)
    by_function = variational_fit(demos, MEASURED, BELIEFS, discount=0.9, basis=basis)
    by_array = variational_fit(
        demos,
        MEASURED.every_action(demos.observations, 300),
        BELIEFS,
        discount=0.9,
        basis=(basis.evaluate(demos.observations), basis.evaluate(demos.next_observations)),
        next_features=MEASURED.every_action(demos.next_observations, 300),
    )
    assert by_array.posterior.mean == pytest.approx(by_function.posterior.mean, rel=1e-12)
    p = by_function.choice_probabilities(demos.observations)
    assert p.sum(axis=1) == pytest.approx(np.ones(300))
    freely = by_function.cloned().choice_probabilities(demos.observations)
    rows = np.arange(300), demos.actions
    assert np.log(freely[rows]).sum() > np.log(p[rows]).sum()
    with pytest.raises(SettingsError, match="made from arrays"):
        by_array.choice_probabilities(demos.observations)
    with pytest.raises(SettingsError, match="with features of their own"):
        by_array.action_values(basis.evaluate(demos.observations))


def test_repeated_functions_change_nothing() -> None:
    """Twice the same function halves the penalty on it, and nothing else."""
    demos = walk()
    psi = PolynomialBasis.fit(demos.observations, degree=2)
    before, after = psi.evaluate(demos.observations), psi.evaluate(demos.next_observations)
    phi = MEASURED.every_action(demos.observations, 300)
    once = variational_fit(demos, phi, BELIEFS, discount=0.9, basis=(before, after))
    twice = variational_fit(demos, phi, BELIEFS, discount=0.9, basis=(np.tile(before, 2), np.tile(after, 2)))
    assert twice.bound.frame.shape == once.bound.frame.shape
    assert twice.optimum.mean == pytest.approx(
        once.optimum.mean, abs=0.02 * np.sqrt(np.diag(once.linear_response_covariance)).min()
    )


def test_waves_approach_their_kernel() -> None:
    rng = np.random.default_rng(9)
    columns = {"x": rng.normal(size=50), "y": 10 * rng.normal(size=50)}
    basis = FourierBasis.fit(columns, n_functions=20_000, width=1.5, degree=0, key=3)
    psi = basis.evaluate(columns)[:, 1:]
    z = np.stack([(c - c.mean()) / c.std() for c in columns.values()], axis=1)
    kernel = np.exp(-((z[:, None] - z[None]) ** 2).sum(axis=2) / (2 * 1.5**2))
    assert psi @ psi.T == pytest.approx(kernel, abs=0.05)  # 7 standard errors of a mean of 20,000 terms


# At the door


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"rationality": 0.0}, "`rationality` must be finite and above 0"),
        ({"residual_weight": np.inf}, "`residual_weight` must be finite"),
        ({"noise": -1.0}, "`noise` must be finite"),
        ({"n_draws": 1}, "`n_draws` at least 2"),
    ],
)
def test_settings_out_of_range_are_refused(changes: dict, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        VariationalSettings(**changes)


@pytest.mark.parametrize(
    ("name", "told"),
    [("residual", "'projected' or 'sampled'"), ("covariance", "'linear-response' or 'variational'")],
)
def test_unknown_kinds_are_refused(name: str, told: str) -> None:
    """As where types are not checked at run time."""
    made = VariationalSettings()
    object.__setattr__(made, name, "another")
    with pytest.raises(SettingsError, match=told):
        made.__post_init__()


def test_an_improper_prior_and_one_of_other_weights_are_refused() -> None:
    with pytest.raises(SettingsError, match="improper"):
        NormalPrior.of(("far", "push"), {"far": np.inf, "push": 1.0})
    with pytest.raises(SettingsError, match="the features are far, push"):
        variational_posterior(walk(), MEASURED, PRIOR, discount=0.9)
    phi = MEASURED.every_action(walk().observations, 300)[:, :, :1]
    basis = PolynomialBasis.fit(walk().observations, degree=1)
    with pytest.raises(SettingsError, match="over 2 weights, the array of features has 1"):
        variational_posterior(walk(), phi, BELIEFS, discount=0.9, basis=basis)


@pytest.mark.parametrize("discount", [1.0, -0.1, np.nan])
def test_a_discount_out_of_range_is_refused(discount: float) -> None:
    with pytest.raises(SettingsError, match=r"`discount` must lie in \[0, 1\)"):
        variational_posterior(walk(), MEASURED, BELIEFS, discount=discount)


def test_data_that_cannot_support_an_answer_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(demos: Demonstrations, **more):
        return variational_posterior(demos, MEASURED, BELIEFS, discount=0.9, **more)

    with pytest.raises(DataError, match="no decisions"):
        ask(walk().select([]), basis=PolynomialBasis.fit(walk().observations, degree=1))
    with pytest.raises(DataError, match="No decision has a known outcome"):
        ask(walk(next_known=np.zeros(300, dtype=bool)))
    with pytest.raises(DataError, match="leave nothing from which the noise"):
        ask(walk(15), basis=PolynomialBasis.fit(walk(15).observations, degree=4))
    with pytest.raises(DataError, match="only states"):
        ask(Demonstrations.from_arrays([0, 1, 0], [0, 1, 0]), basis=(np.ones((3, 1)), np.ones((3, 1))))
    with pytest.raises(SettingsError, match="no default basis"):
        ask(Demonstrations.from_arrays([0, 1, 0], [0, 1, 0]))
    with pytest.raises(DataError, match="weight 0"):
        ask(walk(weights=np.zeros(300)))
    monkeypatch.setattr("telic.inference.posterior.variational.MOST_NUMBERS", 1_000)
    with pytest.raises(SettingsError, match="numbers at once"):
        ask(walk())


def test_what_is_not_a_number_is_refused_with_its_place() -> None:
    x = walk().observations["x"].copy()
    x[7] = np.nan
    with pytest.raises(FeatureError, match="'x' is not finite"):
        variational_posterior(walk(observations={"x": x}), MEASURED, BELIEFS, discount=0.9)
    basis = PolynomialBasis.fit(walk().observations, degree=1)
    with pytest.raises(FeatureError, match="'far' is nan in row 7"):
        variational_posterior(walk(observations={"x": x}), MEASURED, BELIEFS, discount=0.9, basis=basis)
    phi = MEASURED.every_action(walk().observations, 300)
    psi = basis.evaluate(walk().observations)
    psi[4, 1] = np.inf
    with pytest.raises(FeatureError, match=r"`basis \(before\)` is inf at \(4, 1\)"):
        variational_posterior(walk(), phi, BELIEFS, discount=0.9, basis=(psi, psi))
    with pytest.raises(DataError, match=r"must have shape \(300, any\), got \(299, 2\)"):
        variational_posterior(walk(), phi, BELIEFS, discount=0.9, basis=(psi[1:], psi))
