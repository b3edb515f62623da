"""Learned dynamics where the noise is known: errors, spreads and coverage; the loss by hand; what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
import jax.numpy as jnp  # noqa: E402

from telic.errors import DataError, SettingsError  # noqa: E402
from telic.neural import driver  # noqa: E402
from telic.neural.driver import train  # noqa: E402
from telic.neural.dynamics_fit import DynamicsSettings, fit_dynamics, rows_needed  # noqa: E402
from telic.neural.dynamics_learner import DynamicsLearner, DynamicsRows  # noqa: E402
from telic.neural.learned_world import learned_world  # noqa: E402
from telic.neural.transitions import Transitions  # noqa: E402
from telic.policies.heads import CategoricalHead, GaussianHead  # noqa: E402

N, NOISE = 3_000, 0.1
PREDICT = jax.jit(lambda dynamics, x, a: dynamics.predict(x, a))
DIFFER = jax.jit(lambda dynamics, x, a: dynamics.disagreement(dynamics.predict(x, a)))
LOSSES = jax.jit(lambda learner, params, prior: learner.losses(params, prior, learner.held_out, 0.0))
INIT = jax.jit(lambda learner, key: learner.init(key))
TINY = DynamicsSettings(hidden=(32, 32), n_members=3, n_updates=3_000, every=250, patience=4, batch=64)


def recorded(n: int = N, key: int = 0) -> Transitions:
    """Two observations pushed by one amount; the noise of the second grows with the first. Ends beyond 1.5."""
    rng = np.random.default_rng(key)
    x, a = rng.uniform(-1, 1, (n, 2)), rng.uniform(-2, 2, (n, 1))
    sd = np.stack([np.full(n, NOISE), NOISE * (1.5 + x[:, 0])], axis=1)
    after = x + 0.3 * a * [1.0, -0.5] + 0.2 * np.sin(3 * x[:, ::-1]) + sd * rng.normal(size=(n, 2))
    reward = x[:, 0] * x[:, 1] + NOISE * rng.normal(size=n)
    return Transitions.from_arrays(
        x, a, reward, after, after[:, 0] > 1.2, GaussianHead(low=(-2.0,), high=(2.0,)), names=("x", "y")
    )


@pytest.fixture(scope="module")
def fitted():
    return fit_dynamics(recorded(), settings=TINY, key=1)


def test_errors_come_to_the_noise_and_are_below_the_baselines(fitted) -> None:
    """The noise is a floor, which 300 rows tell to 4 %."""
    told = fitted.told
    assert (told.n, told.names) == (300, ("x", "y", "reward"))
    floor = np.array([NOISE, NOISE * np.sqrt(1.5**2 + 1 / 3), NOISE])
    assert (told.error < 1.2 * floor).all()
    assert (told.error > 0.8 * floor).all()
    assert (told.error < told.error_linear).all()
    assert (told.error < 0.7 * told.error_nothing).all()
    # x y is nothing to a linear model, so its error is that of the mean: the spread of the product, 1/3, and noise.
    assert told.error_linear[2] == pytest.approx(np.hypot(1 / 3, NOISE), rel=0.12)
    assert told.error_nothing[2] == pytest.approx(np.hypot(1 / 3, NOISE), rel=0.12)


def test_spreads_are_those_of_the_noise_and_intervals_cover_what_they_say(fitted) -> None:
    grid = np.stack([np.linspace(-0.8, 0.8, 9), np.zeros(9)], axis=1)
    sd = np.asarray(PREDICT(fitted.dynamics, grid, np.zeros((9, 1))).sd).mean(axis=0)
    np.testing.assert_allclose(np.log(sd[:, 1] / (NOISE * (1.5 + grid[:, 0]))), 0.0, atol=0.3)
    np.testing.assert_allclose(np.log(sd[:, 2] / NOISE), 0.0, atol=0.3)
    for levels in fitted.told.coverage:
        for level, found in zip((0.5, 0.9), levels, strict=True):
            assert found.level == level
            assert 250 < found.n <= 300
            exact = stats.binomtest(found.n_inside, found.n).proportion_ci(0.95, method="exact")
            assert (found.low, found.high) == pytest.approx((exact.low, exact.high))
            assert stats.binomtest(found.n_inside, found.n, level).pvalue > 1e-3


def test_the_chance_of_an_end_is_learned_or_its_rule_is_followed(fitted) -> None:
    ours, share = fitted.told.end_error
    assert ours < 0.7 * share
    sure = np.asarray(
        fitted.dynamics.predict(np.array([[-0.9, 0.0], [0.9, 0.0]]), np.array([[-1.0], [2.0]])).end
    )
    assert sure[:, 0].max() < 0.05
    assert sure[:, 1].min() > 0.7  # after is normal(.9 + .6 + .., .1^2), far above 1.2
    ruled = replace(fitted.dynamics, ends=lambda x, a, after: after[1] > a[0])
    x, a = jnp.zeros((2, 2)), jnp.array([[-1.0], [1.0]])
    assert np.asarray(ruled.expect(ruled.predict(x, a), x, a).is_over).tolist() == [True, False]


def test_members_differ_where_nothing_was_recorded(fitted) -> None:
    rng = np.random.default_rng(5)
    at = lambda x: np.asarray(DIFFER(fitted.dynamics, x, np.zeros((200, 1))))  # noqa: E731
    assert np.median(at(6.0 * np.sign(rng.normal(size=(200, 2))))) > 5 * np.median(
        at(rng.uniform(-1, 1, (200, 2)))
    )


def test_outcomes_are_drawn_as_they_are_predicted(fitted) -> None:
    """4,000 draws of one decision: mean and variance of the mixture, within 5 standard errors."""
    x, a = jnp.full((4_000, 2), 0.2), jnp.full((4_000, 1), 0.5)

    @jax.jit
    def both(dynamics, x, a):
        told = dynamics.predict(x, a)
        return told, dynamics.draw(told, x, a, jax.random.key(0)), dynamics.expect(told, x, a)

    told, made, still = both(fitted.dynamics, x, a)
    mean, sd = np.asarray(told.mean[:, 0], float), np.asarray(told.sd[:, 0], float)
    spread = np.sqrt((sd**2).mean(axis=0) + mean.var(axis=0))
    seen = np.concatenate([np.asarray(made.after) - 0.2, np.asarray(made.reward)[:, None]], axis=1)
    np.testing.assert_allclose((seen.mean(axis=0) - mean.mean(axis=0)) / spread, 0.0, atol=5 / np.sqrt(4_000))
    np.testing.assert_allclose(seen.std(axis=0) / spread, 1.0, atol=5 / np.sqrt(2 * 4_000))
    np.testing.assert_allclose(still.after[0] - 0.2, mean.mean(axis=0)[:2], atol=1e-6)
    cut = both(fitted.dynamics, 50.0 + x, a)[2].after
    np.testing.assert_array_equal(cut[0], fitted.dynamics.high)


def test_the_world_pays_less_where_members_differ(fitted) -> None:
    starts = np.array([[0.1, -0.3], [5.0, 5.0]], np.float32)
    settings = {"horizon": 3, "is_drawn": False, "is_scaled": True}
    plain, held_back = (learned_world(fitted.dynamics, starts, penalty=lam, **settings) for lam in (0.0, 2.0))
    steps = [jax.jit(world.step) for world in (plain, held_back)]
    for x in starts:
        told = PREDICT(fitted.dynamics, x[None], np.zeros((1, 1)))
        means = np.asarray(told.mean[:, 0], float) / np.asarray(fitted.dynamics.target_scale)
        u = np.sqrt(np.mean(np.mean((means - means.mean(axis=0)) ** 2, axis=0)))
        free, paid = (step(jnp.asarray(x), jnp.zeros(1), jax.random.key(0)) for step in steps)
        cost = 2.0 * float(fitted.dynamics.target_scale[-1]) * u
        assert float(free.reward - paid.reward) == pytest.approx(cost, rel=1e-3)
    state, seen = plain.reset(jax.random.key(3))
    assert any(np.array_equal(state, x) for x in starts)
    np.testing.assert_allclose(seen, (state - fitted.dynamics.shift) / fitted.dynamics.scale, rtol=1e-6)


def small(**changes) -> DynamicsLearner:
    rng = np.random.default_rng(2)
    rows = DynamicsRows(
        x=jnp.asarray(rng.normal(size=(20, 3)), jnp.float32),
        y=jnp.asarray(rng.normal(size=(20, 2)), jnp.float32),
        goes_on=jnp.asarray(rng.random(20) < 0.7, jnp.float32),
    )
    sizes = {"hidden": (4,), "n_members": 2, "batch": 8, "n_gradients": 3, "has_ends": True}
    return DynamicsLearner(**{"rows": rows, "held_out": rows, **sizes, **changes})


def test_the_loss_by_hand() -> None:
    learner = small()
    state = INIT(learner, jax.random.key(0))
    wider = jax.tree.map(lambda w: w + 0.3, state.params)
    found = np.asarray(LOSSES(learner, wider, state.prior))
    x, y, on = (np.asarray(c, float) for c in learner.rows)
    for i in range(2):
        net = lambda p, i=i: (  # noqa: E731
            np.maximum(x @ np.asarray(p[0].weight[i], float) + np.asarray(p[0].bias[i], float), 0)
            @ np.asarray(p[1].weight[i], float)
            + np.asarray(p[1].bias[i], float)
        )
        out = net(wider)
        mean = out[:, :2] + 0.3 * net(state.prior)
        bend = lambda v: np.log1p(np.exp(v))  # noqa: E731
        log_sd = 1.0 - bend(1.0 - out[:, 2:4])
        log_sd = -7.0 + bend(log_sd + 7.0)
        nll = -stats.norm.logpdf(y, mean, np.exp(log_sd))
        p_end = 1 / (1 + np.exp(-out[:, 4]))
        nll_end = -np.where(on == 1, np.log(1 - p_end), np.log(p_end))
        assert found[i] == pytest.approx(np.mean(on * nll[:, 0] + nll[:, 1] + nll_end), rel=1e-4)


@pytest.mark.slow
def test_gradients_are_those_of_finite_differences() -> None:
    rng, learner = np.random.default_rng(3), small()
    state = INIT(learner, jax.random.key(1))
    with jax.enable_x64(True):
        learner, params, prior = jax.tree.map(
            lambda w: jnp.asarray(np.asarray(w, float)), (learner, state.params, state.prior)
        )
        slope = jax.jit(jax.grad(lambda p: jnp.sum(learner.losses(p, prior, learner.rows, 0.0))))(params)
        for _ in range(3):
            way = jax.tree.map(lambda w: rng.normal(size=w.shape), params)

            def moved(step, way=way):
                there = [
                    w + step * d for w, d in zip(jax.tree.leaves(params), jax.tree.leaves(way), strict=True)
                ]
                there = jax.tree.unflatten(jax.tree.structure(params), there)
                return float(LOSSES(learner, there, prior).sum())

            leaves = zip(jax.tree.leaves(slope), jax.tree.leaves(way), strict=True)
            along = sum(float(np.vdot(g, d)) for g, d in leaves)
            assert (moved(1e-6) - moved(-1e-6)) / 2e-6 == pytest.approx(along, rel=1e-5)


@pytest.mark.slow
def test_a_step_is_traced_once_keeps_each_members_best_and_goes_on_where_it_stopped(monkeypatch) -> None:
    traced, kept = [], {}
    real = driver._step
    monkeypatch.setattr(driver, "_step", lambda learner, state: (traced.append(1), real(learner, state))[1])
    learner = small(learning_rate=0.5)
    whole = train(learner, 5, 4, checkpoint=lambda n, state: kept.update({n: state}), every=1)
    assert len(traced) == 1
    again = train(learner, 5, 4, resume=(1, kept[1]))
    for a, b in zip(jax.tree.leaves(again.state.best), jax.tree.leaves(whole.state.best), strict=True):
        np.testing.assert_array_equal(a, b)
    # At such a rate weights get worse: what is kept is the best of what was looked at, member by member.
    each = np.stack(
        [learner.losses(kept[n].params, kept[n].prior, learner.held_out, 0.0) for n in (1, 2, 3, 4)]
    )
    np.testing.assert_allclose(whole.state.best_loss, each.min(axis=0), rtol=1e-5)
    best = LOSSES(learner, whole.state.best, whole.state.prior)
    np.testing.assert_allclose(best, each.min(axis=0), rtol=1e-5)


def test_too_few_rows_are_refused_with_how_many_are_needed() -> None:
    assert (rows_needed(2, 1), rows_needed(20, 3)) == (100, 240)
    with pytest.raises(
        DataError, match=r"2 observations and 1 columns of actions need at least 100 rows, got 99"
    ):
        fit_dynamics(recorded(99))
    with pytest.raises(SettingsError, match="`n_members` must be at least 2, got 1"):
        DynamicsSettings(n_members=1)
    with pytest.raises(SettingsError, match="`patience` must be at least 1, got 0"):
        DynamicsSettings(patience=0)
    with pytest.raises(SettingsError, match="`learning_rate` must be above 0"):
        DynamicsSettings(learning_rate=0.0)


@pytest.mark.slow
def test_what_a_reader_should_know_is_said() -> None:
    """Nothing to learn: noise around where it was, no end; the dynamics are no better than to say nothing changes."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 1))
    data = Transitions.from_arrays(
        x, rng.integers(0, 2, 200), rng.normal(size=200), x + rng.normal(size=(200, 1)), np.zeros(200, bool),
        CategoricalHead(n_actions=2),
    )  # fmt: skip
    found = fit_dynamics(data, settings=replace(TINY, n_updates=250, every=250))
    assert "no-ends-recorded" in {f.code for f in found.findings}
    assert found.told.end_error is None
    table = found.told.table()
    assert [row[0] for row in table.rows] == ["0", "reward"]
    assert [float(row[1]) for row in table.rows] == pytest.approx(found.told.error.tolist())
