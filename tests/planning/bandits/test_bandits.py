"""Bandits: regret against closed forms and published bounds, and propensities that are the true probabilities."""

from __future__ import annotations

import csv
import lzma
import math

import numpy as np
import pytest
from scipy import integrate, special, stats

from telic.errors import DataError, SettingsError
from telic.planning.bandits import Bandit, EpsilonGreedy, LinUcb, Softmax, Thompson, choose, run_bandit
from telic.planning.bandits.bandit import Tally

MEANS = np.array([0.2, 0.5, 0.35])
SEEN = Tally(counts=np.array([10.0, 14.0, 3.0]), sums=np.array([4.0, 8.0, 1.0]))
X = np.array([0.6, -0.3])


def tried(bandit):
    state = bandit.init()
    rng = np.random.default_rng(0)
    for _ in range(30):
        state = bandit.learn(state, int(rng.integers(3)), float(rng.random() < 0.4), rng.normal(size=2))
    return state


BANDITS = {
    "epsilon-greedy": (EpsilonGreedy(n_actions=3, epsilon=0.3), SEEN, None),
    "softmax": (Softmax(n_actions=3, temperature=0.2), SEEN, None),
    "thompson": (Thompson(n_actions=3), SEEN, None),
    "lin-ucb": (LinUcb(n_actions=3, n_features=2, epsilon=0.4), tried(LinUcb(n_actions=3, n_features=2)), X),
}


@pytest.mark.parametrize(("bandit", "state", "context"), BANDITS.values(), ids=BANDITS)
def test_choices_are_drawn_with_the_probability_that_is_logged(bandit, state, context) -> None:
    """Chi-square over 4,000 draws; a right bandit fails once in a thousand keys, and the key is fixed."""
    rng = np.random.default_rng(7)
    drawn = [choose(bandit, state, rng, context) for _ in range(4_000)]
    p = bandit.probabilities(state, context)
    assert isinstance(bandit, Bandit)
    assert p.sum() == pytest.approx(1.0)
    assert all(c.propensity == p[c.action] for c in drawn)
    counts = np.bincount([c.action for c in drawn], minlength=3)
    assert stats.chisquare(counts, 4_000 * p).pvalue > 1e-3


def test_thompson_s_propensities_are_those_of_drawing_from_every_posterior() -> None:
    bandit = Thompson(n_actions=3, successes=0.5, failures=2.0)
    alpha, beta = 0.5 + SEEN.sums, 2.0 + SEEN.counts - SEEN.sums
    draws = np.random.default_rng(3).beta(alpha, beta, size=(100_000, 3)).argmax(axis=1)
    p = bandit.probabilities(SEEN)
    assert stats.chisquare(np.bincount(draws, minlength=3), 100_000 * p).pvalue > 1e-3
    # The test can tell: probabilities a hundredth off would be found.
    off = p + np.array([0.01, -0.01, 0.0])
    assert stats.chisquare(np.bincount(draws, minlength=3), 100_000 * off).pvalue < 1e-6


@pytest.mark.parametrize(("a", "b"), [((3, 8), (5, 5)), ((1, 1), (40, 900)), ((60, 940), (50, 950))])
def test_thompson_of_two_in_closed_form(a, b) -> None:
    """P(first > second) of Betas with whole parameters is a finite sum of Beta functions."""
    (a1, b1), (a2, b2) = a, b
    i = np.arange(a1)
    terms = (
        special.betaln(a2 + i, b1 + b2) - np.log(b1 + i) - special.betaln(1 + i, b1) - special.betaln(a2, b2)
    )
    bandit = Thompson(n_actions=2)
    state = Tally(np.array([a1 + b1 - 2.0, a2 + b2 - 2.0]), np.array([a1 - 1.0, a2 - 1.0]))
    assert bandit.probabilities(state)[0] == pytest.approx(np.exp(terms).sum(), abs=1e-8)


def test_thompson_of_many_against_an_integral_of_densities() -> None:
    counts, sums = np.array([10_000.0, 9_000.0, 8_000.0, 20.0]), np.array([400.0, 350.0, 300.0, 2.0])
    law = stats.beta(1 + sums, 1 + counts - sums)
    p = Thompson(n_actions=4).probabilities(Tally(counts, sums))
    for a in range(4):

        def density(x, a=a):
            below = law.cdf(x)
            return law.pdf(x)[a] * np.prod(np.delete(below, a))

        middle = float(law.mean()[a])
        wanted = integrate.quad(density, 0, 1, points=[middle, 2 * middle], epsabs=1e-12, limit=400)[0]
        assert p[a] == pytest.approx(wanted, abs=1e-8)


def test_thompson_s_regret_over_uniform_priors_is_within_the_bound() -> None:
    """Russo and Van Roy: at most sqrt(A T log(A) / 2) on average over the prior; here A = 3, T = 100."""
    A, T, N = 3, 100, 24
    rng = np.random.default_rng(5)
    regret = [run_bandit(Thompson(n_actions=A), rng.random(A), T, key=k).regret[-1] for k in range(N)]
    bound = math.sqrt(A * T * math.log(A) / 2)
    mean, error = np.mean(regret), np.std(regret, ddof=1) / math.sqrt(N)
    assert mean + 3 * error < bound
    assert mean > 1.0  # nobody learns for nothing
    even = np.mean([T * (m.max() - m.mean()) for m in np.random.default_rng(5).random((N, A))])
    assert mean + 3 * error < even


@pytest.mark.parametrize("epsilon", [0.0, 0.2, 1.0])
def test_epsilon_greedy_without_noise_in_closed_form(epsilon) -> None:
    """After each was tried once, a step costs eps times the mean gap, exactly."""
    found = run_bandit(EpsilonGreedy(n_actions=3, epsilon=epsilon), MEANS, 400, key=1, sd=0.0)
    first = max(int(np.flatnonzero(found.actions == a)[0]) for a in range(3))
    gap = MEANS.max() - MEANS.mean()
    after = np.diff(found.regret)[first:]
    np.testing.assert_allclose(after, epsilon * gap, atol=1e-12)
    assert found.propensities.min() >= epsilon / 3 - 1e-12
    if epsilon == 1.0:
        assert found.regret[-1] == pytest.approx(400 * gap)


def test_softmax_without_noise_in_closed_form() -> None:
    tau = 0.15
    found = run_bandit(Softmax(n_actions=3, temperature=tau), MEANS, 200, key=1, sd=0.0)
    first = max(int(np.flatnonzero(found.actions == a)[0]) for a in range(3))
    p = np.exp(MEANS / tau) / np.exp(MEANS / tau).sum()
    np.testing.assert_allclose(np.diff(found.regret)[first:], p @ (MEANS.max() - MEANS))
    unseen = Softmax(n_actions=3, temperature=tau, initial=0.5).probabilities(Softmax(n_actions=3).init())
    np.testing.assert_allclose(unseen, 1 / 3)
    extreme = Softmax(n_actions=2, temperature=1e-3).probabilities(Tally(np.ones(2), np.array([0.0, 1e3])))
    np.testing.assert_array_equal(extreme, [0.0, 1.0])


def test_lin_ucb_against_ridge_regression_solved_anew() -> None:
    bandit = LinUcb(n_actions=2, n_features=3, alpha=0.7, ridge=2.0)
    rng = np.random.default_rng(2)
    state, seen = bandit.init(), {0: [], 1: []}
    for _ in range(60):
        x, a, r = rng.normal(size=3), int(rng.integers(2)), float(rng.normal())
        state = bandit.learn(state, a, r, x)
        seen[a].append((x, r))
    x = rng.normal(size=3)
    for a, rows in seen.items():
        F, r = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
        M = 2.0 * np.eye(3) + F.T @ F
        theta = np.linalg.solve(M, F.T @ r)
        wanted = theta @ x + 0.7 * math.sqrt(x @ np.linalg.solve(M, x))
        assert bandit.scores(state, x)[a] == pytest.approx(wanted)


def test_lin_ucb_s_regret_is_within_the_bound() -> None:
    """Theorem 3 of Abbasi-Yadkori and others, at delta .05, with the radius that it asks for; 3 keys of 3 hold."""
    A, D, T, s, delta = 3, 2, 600, 0.3, 0.05
    d = A * D
    rng = np.random.default_rng(9)
    theta = rng.normal(size=(A, D))
    S = float(np.linalg.norm(theta))
    contexts = rng.normal(size=(T, D))
    contexts /= np.maximum(np.linalg.norm(contexts, axis=1, keepdims=True), 1.0)
    radius = S + s * math.sqrt(2 * math.log(1 / delta) + d * math.log(1 + T / d))
    bound = 4 * math.sqrt(T * d * math.log(1 + T / d)) * radius
    bandit = LinUcb(n_actions=A, n_features=D, alpha=radius)
    means = contexts @ theta.T
    even = float(np.sum(means.max(axis=1) - means.mean(axis=1)))
    for key in range(3):
        found = run_bandit(bandit, means, T, key=key, contexts=contexts, sd=s)
        assert found.regret[-1] < bound
        assert found.regret[-1] < 0.8 * even
        assert set(found.propensities) <= {1.0, 0.5, 1 / 3}
        late = np.diff(found.regret)[T // 2 :].mean()
        assert late < 0.5 * np.diff(found.regret)[: T // 10].mean()


@pytest.mark.parametrize(
    "bandit", [EpsilonGreedy(n_actions=3), Softmax(n_actions=3), Thompson(n_actions=3)], ids=repr
)
def test_weighted_logs_tell_what_another_rule_would_have_earned(bandit) -> None:
    """Inverse propensity weighting of a log estimates the even rule's .35 within 4 standard errors."""
    found = run_bandit(bandit, MEANS, 400, key=4)
    terms = found.rewards / (3 * found.propensities)
    assert abs(terms.mean() - MEANS.mean()) < 4 * terms.std() / math.sqrt(400)
    again = run_bandit(bandit, MEANS, 400, key=4)
    np.testing.assert_array_equal(found.actions, again.actions)


@pytest.mark.parametrize("campaign", ["all", "men", "women"])
def test_the_propensities_of_a_real_uniform_log_are_what_they_say(campaign, data_dir) -> None:
    """Open Bandit's random policy: 1 / items, as an epsilon of 1 says, and items as often as that (chi-square)."""
    path = data_dir / "open_bandit" / "random" / campaign / f"{campaign}.csv.xz"
    with lzma.open(path, "rt") as file:
        rows = [(int(r["item_id"]), float(r["propensity_score"])) for r in csv.DictReader(file)]
    items, said = (np.array(column) for column in zip(*rows, strict=True))
    A = int(items.max()) + 1
    bandit = EpsilonGreedy(n_actions=A, epsilon=1.0)
    p = bandit.probabilities(bandit.init())
    np.testing.assert_allclose(said, p[items], rtol=1e-3)
    assert stats.chisquare(np.bincount(items, minlength=A), len(items) * p).pvalue > 1e-3


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: EpsilonGreedy(n_actions=1), "`n_actions` must be at least 2, got 1"),
        (lambda: EpsilonGreedy(n_actions=2, epsilon=1.5), r"`epsilon` must lie in \[0, 1\], got 1.5"),
        (lambda: Softmax(n_actions=2, temperature=0.0), "`temperature` must be finite and above 0"),
        (
            lambda: Thompson(n_actions=2, failures=0.0),
            "The prior must be finite and above 0, got 1.0 and 0.0",
        ),
        (lambda: LinUcb(n_actions=2, n_features=0), "`n_features` must be at least 1"),
        (lambda: run_bandit(Thompson(n_actions=2), MEANS, 5, key=0), "means of 2 alternatives are needed"),
        (lambda: run_bandit(Thompson(n_actions=3), 2 * MEANS + 1, 5, key=0), r"must lie in \[0, 1\]"),
    ],
)
def test_settings_out_of_range_are_refused(make, said) -> None:
    with pytest.raises(SettingsError, match=said):
        make()


def test_rewards_and_contexts_that_are_none_are_refused() -> None:
    thompson = Thompson(n_actions=2)
    with pytest.raises(DataError, match=r"must be 0 or 1, got 0\.5"):
        thompson.learn(thompson.init(), 0, 0.5)
    greedy = EpsilonGreedy(n_actions=2)
    with pytest.raises(DataError, match="must be finite, got nan"):
        greedy.learn(greedy.init(), 0, math.nan)
    linear = LinUcb(n_actions=2, n_features=2)
    with pytest.raises(DataError, match="must be finite, got inf"):
        linear.learn(linear.init(), 0, math.inf, X)
    for context in (None, np.ones(3), np.array([1.0, np.nan])):
        with pytest.raises(DataError, match="must be 2 finite numbers"):
            linear.probabilities(linear.init(), context)
