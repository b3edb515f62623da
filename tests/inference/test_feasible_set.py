from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from telic.errors import FeatureError, NumericalError, SettingsError
from telic.features import FeatureMap, trajectory_features
from telic.inference import fit_likelihood
from telic.inference.claims import Statement, Verdict, prefers, prefers_policy, worth_more
from telic.inference.feasible_set import feasible_set
from telic.inference.likelihood import DiscountedLikelihood, from_policy_table
from telic.inference.settings import FitSettings
from telic.mdp import TabularMDP
from telic.planning import policy_value, solve_soft
from telic.policies import TabularPolicy
from telic.reports import Outcome
from telic.rewards import LinearReward
from telic.trajectories import Demonstrations

S, A = 5, 3
P = np.random.default_rng(0).dirichlet(np.ones(S), size=(S, A))
PHI = np.random.default_rng(1).normal(size=(S, A, 2))
ONE = Statement(words="in_one is good", coefficients=np.array([1.0]))


def chain(n: int, k: int) -> DiscountedLikelihood:
    """Two states; k of n decisions lead to state 1. LL = -k log(1 + e^-.9t) - (n - k) log(1 + e^.9t)."""
    world = TabularMDP.from_transition(np.array([[[1.0, 0], [0, 1]], [[0, 1], [1, 0]]]), discount=0.9)
    features = FeatureMap(values=np.array([[0.0], [1.0]]), names=("in_one",), form="S")
    states = np.arange(n) % 2
    arrivals = (np.arange(n) < k).astype(int)
    demos = Demonstrations.from_arrays(
        states, (arrivals != states).astype(int), next_states=arrivals, offsets=np.arange(n + 1)
    )
    return DiscountedLikelihood(world, features, demos)


def closed_form(n: int, k: int, tolerance: float, best: float) -> tuple[float, float]:
    """Both roots of LL(t) = LL(best) - tolerance."""

    def short(t: float) -> float:
        at = [-k * np.log1p(np.exp(-0.9 * x)) - (n - k) * np.log1p(np.exp(0.9 * x)) for x in (t, best)]
        return float(at[0] - at[1] + tolerance)

    return brentq(short, best - 40, best, xtol=1e-13), brentq(short, best, best + 40, xtol=1e-13)


def likelihood(n: int = 300, extra: np.ndarray | None = None) -> DiscountedLikelihood:
    values = PHI if extra is None else np.concatenate([PHI, extra], axis=-1)
    features = FeatureMap(values=values, names=("wait", "cost", "third")[: values.shape[-1]])
    rng = np.random.default_rng(2)
    demos = Demonstrations.from_arrays(
        rng.integers(0, S, n),
        rng.choice(A, n, p=[0.5, 0.3, 0.2]),
        next_states=np.full(n, -1),
        offsets=np.arange(0, n + 1, 10),
    )
    return DiscountedLikelihood(TabularMDP.from_transition(P, discount=0.9), features, demos)


@pytest.mark.parametrize(("n", "k"), [(20, 15), (1_000, 711), (200, 199), (100, 50)])
@pytest.mark.parametrize("tolerance", [0.01, 1.920729, 10.0])
def test_chain_ends_are_the_roots_of_the_closed_form(n: int, k: int, tolerance: float) -> None:
    found = feasible_set(chain(n, k), tolerance=tolerance).claim(ONE)
    low, high = closed_form(n, k, tolerance, math.log(k / (n - k)) / 0.9)
    assert found.outcome.ok
    assert found.lowest == pytest.approx(low, abs=3e-9 * (high - low))
    assert found.highest == pytest.approx(high, abs=3e-9 * (high - low))
    assert found.gap < 1e-8 * (high - low)


def test_default_tolerance_is_that_of_one_claim_and_may_be_stated_per_decision() -> None:
    L = chain(20, 15)
    assert feasible_set(L).tolerance == pytest.approx(3.841458820694124 / 2)
    assert feasible_set(L, level=0.9).tolerance == pytest.approx(2.705543454095404 / 2)
    assert feasible_set(L, tolerance_per_decision=0.05).tolerance == pytest.approx(1.0)


def test_two_weights_agree_with_a_grid_of_the_region() -> None:
    L = likelihood()
    region = feasible_set(L, tolerance=2.0)
    best = region.best
    side = np.linspace(-0.6, 0.6, 161)
    grid = best + np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
    # By definition, apart from our likelihood: value iteration for all grid points at once.
    Q = np.einsum("sak,nk->nsa", PHI, grid)
    V = np.zeros((len(grid), S))
    for _ in range(140):
        full = Q + 0.9 * np.einsum("sat,nt->nsa", P, V)
        V = np.logaddexp.reduce(full, axis=2)
    counts = L.counts.totals.reshape(S, A)
    ll = np.einsum("sa,nsa->n", counts, full - V[:, :, None])
    inside = grid[ll >= ll.max() - 2.0]
    assert 1_000 < len(inside) < len(grid) / 2
    step = side[1] - side[0]
    for c in ([1.0, 0.0], [0.0, 1.0], [1.0, -1.0], [-0.3, 2.0]):
        found = region.claim(Statement(words="c", coefficients=np.array(c)))
        reach = step * np.abs(c).sum()
        assert found.lowest == pytest.approx((inside @ c).min(), abs=reach)
        assert found.highest == pytest.approx((inside @ c).max(), abs=reach)
    assert region.contains(best) and not region.contains(best + 0.8)


def test_verdicts_and_the_report() -> None:
    L = likelihood()
    table = feasible_set(L).decide(
        [
            worth_more(L.names, "cost", "wait"),
            worth_more(L.names, "wait", "cost", times=2),
            worth_more(L.names, "wait", "cost", times=-4),
        ]
    )
    assert [c.verdict for c in table.claims] == [Verdict.SETTLED, Verdict.REFUTED, Verdict.OPEN]
    assert table.claims[1].words == "wait is worth more than 2 times cost"
    assert table.outcome.ok
    text = table.summary().to_text()
    assert "Of 3 claims: 1 settled, 1 refuted, 1 open." in text
    told = table.to_json()
    assert [c["verdict"] for c in told["claims"]] == ["settled", "refuted", "open"]


def test_a_claim_along_a_null_direction_is_open_unless_weights_are_limited() -> None:
    """The third feature is twice the first: only w_0 + 2 w_2 is told."""
    L = likelihood(extra=2.0 * PHI[..., :1])
    alone = feasible_set(likelihood()).claim(Statement(words="wait", coefficients=np.array([1.0, 0.0])))
    told = Statement(words="sum", coefficients=np.array([1.0, 0.0, 2.0]))
    wait = Statement(words="wait is good", coefficients=np.array([1.0, 0.0, 0.0]))
    region = feasible_set(L)
    assert region.nullity == 1
    both = region.decide([told, wait])
    assert both.claims[0].lowest == pytest.approx(alone.lowest, abs=1e-8)
    assert both.claims[0].highest == pytest.approx(alone.highest, abs=1e-8)
    assert both.claims[1].lowest == -math.inf and both.claims[1].highest == math.inf
    assert both.claims[1].verdict is Verdict.OPEN and both.claims[1].outcome.ok
    assert "No decision depends on 0.894 wait - 0.447 third, and the claim does." in both.claims[1].sentence
    assert both.to_json()["claims"][1]["lowest"] is None
    # With |w| <= 5 the corner is reached: w_0 = sum - 2 w_2.
    limited = feasible_set(L, limits=5.0).decide([told, wait])
    assert limited.claims[0].highest == pytest.approx(alone.highest, abs=1e-7)
    assert (limited.claims[1].lowest, limited.claims[1].highest) == pytest.approx((-5.0, 5.0), abs=1e-6)
    one = feasible_set(L, limits={"third": 5.0}).claim(wait)
    assert (one.lowest, one.highest) == pytest.approx((alone.lowest - 10, alone.highest + 10), abs=1e-6)
    assert feasible_set(L, limits={"cost": 5.0}).claim(wait).lowest == -math.inf


def test_all_decisions_one_way_need_limits() -> None:
    L = chain(50, 50)
    with pytest.raises(NumericalError, match=r"no best reward to compare with \(separation\)"):
        feasible_set(L)
    region = feasible_set(L, limits=3.0, tolerance=1.0)
    found = region.claim(ONE)
    # LL rises to the limit; the lower end is where -50 log(1 + e^-.9t) has lost 1 nat from its value at 3.
    top = -50 * math.log1p(math.exp(-2.7))
    low = brentq(lambda t: -50 * math.log1p(math.exp(-0.9 * t)) - top + 1.0, 0, 3, xtol=1e-13)
    assert region.max_log_likelihood == pytest.approx(top, abs=1e-7)
    assert (found.lowest, found.highest) == pytest.approx((low, 3.0), abs=1e-6)
    assert any(f.code == "limits-bind" and "in_one at the limit" in f.message for f in region.findings)


def test_limits_inside_the_best_reward() -> None:
    """The best reward has t = 1.22; within |t| <= 0.5 the best is 0.5."""
    region = feasible_set(chain(20, 15), limits=0.5, tolerance=1.0)
    assert region.best[0] == pytest.approx(0.5, abs=1e-6)
    assert "The limits cost" in region.findings[-1].message


def test_an_undiscounted_world_whose_value_is_infinite_beyond_the_region() -> None:
    """A corridor that ends: a cost of time near 0 has no finite soft value, and the path stays clear of it."""
    n = 5
    transition = np.zeros((n, 2, n))
    for s in range(n):
        transition[s, 0, min(s + 1, n - 1)] = transition[s, 1, max(s - 1, 0)] = 1.0
    absorbing = np.arange(n) == n - 1
    world = TabularMDP.from_transition(transition, discount=1.0, absorbing=absorbing)
    features = FeatureMap(values=-np.ones((n, 2, 1)), names=("step",))
    rng = np.random.default_rng(4)
    states = rng.integers(0, n - 1, 60)
    actions = (rng.random(60) < 0.42).astype(int)
    demos = Demonstrations.from_arrays(
        states, actions, next_states=np.full(60, -1), offsets=np.arange(0, 61, 6)
    )
    L = DiscountedLikelihood(world, features, demos)
    assert not L.evaluate(np.array([0.3])).outcome.ok
    region = feasible_set(L, tolerance=3.0)
    found = region.claim(Statement(words="steps cost", coefficients=np.array([1.0])))
    assert found.outcome.ok
    for end in (found.lowest, found.highest):
        assert L.evaluate(np.array([end])).value == pytest.approx(region.max_log_likelihood - 3.0, abs=1e-6)


def test_the_interval_is_the_wald_interval_for_many_decisions() -> None:
    L = chain(1_000_000, 711_000)
    found = feasible_set(L).claim(ONE)
    fit = fit_likelihood(L)
    half = 1.959963984540054 * fit.standard_errors("hessian")[0]
    assert found.highest - found.lowest == pytest.approx(2 * half, rel=1e-5)


def test_plans_and_policies_are_claims() -> None:
    L = likelihood()
    world = TabularMDP.from_transition(P, discount=0.9, initial=np.full(S, 0.2))
    demos = L.data
    assert isinstance(demos, Demonstrations)
    sums = trajectory_features(L.features, demos, discount=0.9)
    claim = prefers(sums[0], sums[1], words="the first day is preferred to the second")
    np.testing.assert_allclose(claim.coefficients, sums[0] - sums[1])
    w = np.array([0.4, -0.2])
    reward = LinearReward(features=L.features, weights=w).expected(world)
    soft = solve_soft(world, reward).policy
    even = TabularPolicy(table=np.full((S, A), 1 / A))
    statement = prefers_policy(world, L.features, soft, even)
    worth = [policy_value(world, p.table, reward).mean() for p in (soft, even)]
    assert statement.coefficients @ w == pytest.approx(worth[0] - worth[1])
    with pytest.raises(FeatureError, match="compares equals"):
        prefers_policy(world, L.features, soft, soft)


def test_bad_questions_have_messages() -> None:
    L = likelihood()
    with pytest.raises(FeatureError, match="'speed' is not one of the features wait, cost"):
        worth_more(L.names, "speed", "cost")
    with pytest.raises(FeatureError, match="'cost' is compared with itself"):
        worth_more(L.names, "cost", "cost")
    with pytest.raises(SettingsError, match="`times` must be a finite number"):
        worth_more(L.names, "wait", "cost", times=math.inf)
    with pytest.raises(FeatureError, match="not finite"):
        Statement(words="c", coefficients=np.array([math.nan, 1.0]))
    with pytest.raises(FeatureError, match="2 and 3 features"):
        prefers(np.zeros(2), np.ones(3))
    with pytest.raises(FeatureError, match="has 3 coefficients, the reward has 2 weights"):
        feasible_set(L).claim(Statement(words="c", coefficients=np.ones(3)))
    with pytest.raises(SettingsError, match="both given"):
        feasible_set(L, tolerance=1.0, tolerance_per_decision=0.1)
    for wrong in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(SettingsError, match="must be above 0 nats"):
            feasible_set(L, tolerance=wrong)
    with pytest.raises(SettingsError, match=r"`level` must lie in \(0, 1\)"):
        feasible_set(L, level=1.0)
    with pytest.raises(FeatureError, match="`limits` names speed"):
        feasible_set(L, limits={"speed": 1.0})
    with pytest.raises(SettingsError, match="`limits` must be finite and above 0"):
        feasible_set(L, limits=0.0)
    with pytest.raises(SettingsError, match="penalties, fixed weights and free rationality"):
        feasible_set(L, settings=FitSettings(l2=1.0))
    table = from_policy_table(L.mdp, L.features, np.full((S, A), 1 / A))
    with pytest.raises(SettingsError, match="No number of decisions stands behind"):
        feasible_set(table)
    assert feasible_set(table, tolerance=0.1).claim(
        Statement(words="wait", coefficients=np.array([1.0, 0.0]))
    ).outcome in (Outcome.SUCCESS,)
