"""Learning in learned dynamics on a table: exact with full coverage; with a hole, what the penalty keeps from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")


from telic.errors import DataError, SettingsError  # noqa: E402
from telic.neural.driver import train  # noqa: E402
from telic.neural.dynamics_fit import DynamicsSettings, fit_dynamics  # noqa: E402
from telic.neural.transitions import Transitions  # noqa: E402
from telic.planning.rl.model_based import ModelBased, learn_in_dynamics  # noqa: E402
from telic.planning.rl.promise import promise  # noqa: E402
from telic.policies.heads import CategoricalHead, GaussianHead  # noqa: E402

S, A, GAMMA, HORIZON = 6, 2, 0.9, 60
KEYS = (0, 1, 2, 3, 4)
AFTER, R = np.zeros((S, A), int), np.zeros((S, A))
for s in range(5):  # walk on by one for .1, or jump by two for 1
    AFTER[s], R[s] = ((s + 1) % 5, (s + 2) % 5), (0.1, 1.0)
AFTER[3, 1] = AFTER[5] = 5  # from 3 the jump ends in a pit
R[3, 1] = R[5] = -2.0
HOLE = (3, 1)
ONE = np.eye(S, dtype=np.float32)
STARTS = ONE[:5]


def recorded(key: int, *, has_hole: bool) -> Transitions:
    """1,000 rows of pairs drawn evenly, none of the hole."""
    rng = np.random.default_rng(key)
    pairs = [(s, a) for s in range(S) for a in range(A) if not (has_hole and (s, a) == HOLE)]
    s, a = np.array(pairs)[rng.integers(0, len(pairs), 1_000)].T
    head = CategoricalHead(n_actions=A)
    return Transitions.from_arrays(ONE[s], a, R[s, a], ONE[AFTER[s, a]], np.zeros(len(s), bool), head)


def collects(actions: np.ndarray) -> float:
    """What a policy collects in truth, exactly, over the horizon, from the five starts alike."""
    V = np.zeros(S)
    for _ in range(HORIZON):
        V = R[np.arange(S), actions] + GAMMA * V[AFTER[np.arange(S), actions]]
    return float(V[:5].mean())


def best() -> float:
    """The most that a policy collects, by trying all 2^6."""
    return max(collects(np.array(list(f"{i:06b}"), int)) for i in range(2**S))


def fit(data: Transitions, key: int):
    settings = DynamicsSettings(hidden=(32,), n_members=4, n_updates=1_500, learning_rate=5e-3)
    return fit_dynamics(data, settings=settings, key=key)


def learn(dynamics, data: Transitions, penalty: float | None, key: int):
    learner = ModelBased.of(
        dynamics, data, penalty=penalty, discount=GAMMA, hidden=(), n_envs=16, n_steps=50, capacity=16_000,
        n_random=20, batch=64, learning_rate=0.03, explore_steps=300.0, share=0.05,
        is_prioritised=False, is_duelling=False,
    )  # fmt: skip
    return learner.policy(train(learner, key, 12).answer())


@pytest.mark.slow
def test_with_full_coverage_it_is_exact_and_with_a_hole_the_penalty_keeps_out_of_it() -> None:
    """On 1 and 5 keys. Fixed before the first run: exact to 2 % of the best; a promise 30 % of it too high or more."""
    top, lost, held = best(), [], []
    for key in KEYS:
        if key == 0:
            data = recorded(key, has_hole=False)
            whole = fit(data, key).dynamics
            assert collects(learn(whole, data, None, key).mode(ONE)) > 0.98 * top
        data = recorded(key, has_hole=True)
        gappy = fit(data, key).dynamics
        for penalty, kept in ((0.0, lost), (None, held)):
            policy = learn(gappy, data, penalty, key)
            told = promise(gappy, policy, data, STARTS, horizon=HORIZON, discount=GAMMA, key=key)
            kept.append((told.mean, collects(policy.mode(ONE)), told.beyond))
    promised, true, gone = np.array(lost).T
    is_exploited = promised - true > 0.3 * top
    assert is_exploited.sum() >= 4, lost
    promised, true, beyond = np.array(held).T
    assert (true > 0.98 * top).all(), held
    assert np.abs(promised - true).max() < 0.1 * top, held
    assert beyond.max() < gone[is_exploited].min()


def pushed(n: int = 200, key: int = 0) -> Transitions:
    """One number, pushed by an amount in [-1, 3]; the reward is for being near 50, so scaling matters."""
    rng = np.random.default_rng(key)
    x, a = 50.0 + 5.0 * rng.normal(size=(n, 1)), rng.uniform(-1, 3, (n, 1))
    after = x + (a - 1.0)
    return Transitions.from_arrays(
        x, a, -np.abs(after[:, 0] - 50.0), after, np.zeros(n, bool), GaussianHead(low=(-1.0,), high=(3.0,))
    )


@pytest.fixture(scope="module")
def learned():
    data = pushed()
    return data, learn_in_dynamics(
        data, starts=data.observations[:20], horizon=5, discount=0.9, n_rounds=2, length=3,
        dynamics=DynamicsSettings(hidden=(16,), n_members=2, n_updates=250),
        hidden=(8,), n_envs=4, n_steps=10, batch=16, capacity=400, n_random=5,
    )  # fmt: skip


@pytest.mark.slow
def test_amounts_are_learned_by_soft_actor_critic_in_units_of_the_record(learned) -> None:
    data, found = learned
    assert found.policy.head == GaussianHead(low=(-1.0,), high=(3.0,), is_squashed=True)
    np.testing.assert_allclose(found.policy.shift, data.observations.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found.policy.scale, data.observations.std(axis=0), rtol=1e-5)
    assert set(found.trained.history) >= {"critic_loss", "mean_return"}


@pytest.mark.slow
def test_what_is_promised_is_what_the_policy_collects_in_the_dynamics_by_hand(learned) -> None:
    """Means of the dynamics rolled on in numpy, without their noise; 5 standard errors and what noise adds."""
    data, found = learned
    dynamics, x = found.fitted.dynamics, data.observations[:20]
    ask = jax.jit(lambda x, a: dynamics.predict(x, a))
    each = []
    for member in range(2):
        state, total = x.copy(), np.zeros(20)
        for t in range(5):
            told = ask(state, found.policy.mode(state).astype(np.float32))
            total += 0.9**t * np.asarray(told.mean)[member, :, -1]
            state = state + np.asarray(told.mean)[member, :, :-1]
        each.append(total.mean())
    told = found.promise
    noise = 5 * float(np.asarray(ask(x, found.policy.mode(x)).sd).max())
    assert told.mean == pytest.approx(np.mean(each), abs=5 * told.error + noise)
    assert told.least <= told.mean <= told.most
    assert 0 <= told.beyond <= 1
    assert f"promise {told.mean:.4g}" in told.finding.message
    assert "its true return is not known" in told.finding.message
    assert told.finding in found.findings
    assert "its true return is -7" in replace(told, true=-7.0).finding.message
    assert replace(told, beyond=0.5).finding.severity.name == "WARNING"


@pytest.mark.slow
def test_what_does_not_fit_is_refused(learned) -> None:
    data, found = learned
    other = replace(data, head=GaussianHead(low=(-2.0,), high=(3.0,)))
    with pytest.raises(SettingsError, match=r"The dynamics are of 1 observations and .*low=\(-2.0,\)"):
        ModelBased.of(found.fitted.dynamics, other)
    for wrong in ({"penalty": -1.0}, {"length": 0}):
        with pytest.raises(SettingsError, match="`length` must be at least 1 and `penalty` at least 0"):
            ModelBased.of(found.fitted.dynamics, data, **wrong)
    for starts, said in (
        (np.zeros((3, 2)), r"shape \(n, 1\), got \(3, 2\)"),
        (np.full((1, 1), np.nan), "finite"),
    ):
        with pytest.raises(DataError, match=said):
            promise(found.fitted.dynamics, found.policy, data, starts, horizon=5, discount=0.9)
    assert ModelBased.of(found.fitted.dynamics, data, discount=0.95).penalty == pytest.approx(20.0)
