"""Planning by sampling against the exact plan of a linear-quadratic world, sums by hand, and what is promised of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
import jax.numpy as jnp  # noqa: E402

from telic.errors import DataError, SettingsError  # noqa: E402
from telic.neural.dynamics_fit import DynamicsSettings, fit_dynamics  # noqa: E402
from telic.neural.learned_world import learned_world  # noqa: E402
from telic.neural.simulators import cartpole  # noqa: E402
from telic.neural.simulators.simulator import Amounts, Simulator, Step  # noqa: E402
from telic.neural.transitions import Transitions  # noqa: E402
from telic.planning.lqr import solve_lqr  # noqa: E402
from telic.planning.rl.mpc import Mpc, MpcPolicy  # noqa: E402
from telic.policies.heads import GaussianHead  # noqa: E402

A, B = np.array([[1.0, 0.1], [-0.2, 0.95]]), np.array([[0.0], [0.3]])
Q, R = np.diag([1.0, 0.1]), np.array([[0.5]])
EXACT = solve_lqr(A, B, Q, R)
X = np.random.default_rng(0).uniform(-1, 1, (20, 2))


def quadratic() -> Simulator:
    a, b, q, r = (jnp.asarray(m, jnp.float32) for m in (A, B, Q, R))

    def step(x, u, key):
        after = a @ x + b @ u
        reward = -(x @ q @ x) - u @ r @ u
        return Step(state=after, observation=after, reward=reward, terminated=jnp.bool_(False))

    return Simulator(
        name="quadratic",
        n_observations=2,
        actions=Amounts(low=(-3.0,), high=(3.0,)),
        horizon=50,
        reset=lambda key: (jnp.ones(2), jnp.ones(2)),
        step=step,
    )


def beyond(x):
    """What is to come is exact, so that the best plan of any length begins with the exact action."""
    return -(x @ jnp.asarray(EXACT.value, jnp.float32) @ x)


def planner(**changes) -> Mpc:
    return Mpc(**{"simulator": quadratic(), "beyond": beyond, "horizon": 4, "n_rounds": 8, **changes})


def error(n_samples: int, n_best: int, key: int) -> float:
    """Root mean square distance of the first actions from the exact ones, in half ranges."""
    policy = MpcPolicy(planner=planner(n_samples=n_samples, n_best=n_best))
    return float(np.sqrt(np.mean((policy.sample(X, key) + X @ EXACT.gain.T) ** 2)) / 3.0)


def test_the_first_action_comes_to_the_exact_one_as_samples_grow() -> None:
    few, more, many = (error(n, n // 8, key=0) for n in (64, 512, 4096))
    assert many < more < few
    assert many < 0.01


def test_a_row_does_not_depend_on_its_batch_and_a_key_decides_all() -> None:
    policy = MpcPolicy(planner=planner(n_samples=64, n_best=8), key=3)
    whole = policy.mode(X)
    np.testing.assert_allclose(policy.mode(X[4:5]), whole[4:5], atol=1e-5)
    np.testing.assert_array_equal(policy.mode(X), whole)
    np.testing.assert_array_equal(policy.sample(X, 3), whole)
    assert np.abs(policy.sample(X, 4) - whole).max() > 1e-4
    assert policy.head.n_dimensions == 1
    assert policy.n_observations == 2


def test_the_next_plan_begins_with_what_is_left_of_the_last() -> None:
    """Along the exact closed loop, warm plans of 2 rounds are nearer to the exact actions than cold ones of 2."""
    policy = MpcPolicy(planner=planner(n_samples=128, n_best=16, n_rounds=2))
    x, memory, warm, cold = X, policy.begin(X), 0.0, 0.0
    for t in range(6):
        exact = -x @ EXACT.gain.T
        plans = np.asarray(policy.plans(x, memory, t).actions)
        action, after = policy.act(memory, x, t)
        np.testing.assert_allclose(action, 3.0 * plans[:, 0], atol=1e-6)
        np.testing.assert_array_equal(after.actions[:, :-1], plans[:, 1:])
        np.testing.assert_array_equal(after.actions[:, -1], plans[:, -1])
        if t:
            warm += np.mean((action - exact) ** 2)
            cold += np.mean((policy.sample(x, t) - exact) ** 2)
        x, memory = x @ A.T + exact @ B.T, after
    assert warm < cold


def test_amounts_stay_within_bounds_that_the_exact_action_crosses() -> None:
    """From far away the best of a one-step plan is the bound itself."""
    tight = replace(quadratic(), actions=Amounts(low=(-0.1,), high=(0.3,)))
    policy = MpcPolicy(planner=planner(simulator=tight, horizon=1, n_samples=64, n_best=8))
    np.testing.assert_allclose(policy.mode(np.array([[0.0, 9.0], [0.0, -9.0]])), [[-0.1], [0.3]], atol=1e-3)


def test_what_a_plan_is_worth_by_hand_ends_with_the_task() -> None:
    """A counter: the reward is the action, the task ends at 2, and what comes after is worth 10 times the count."""

    def step(count, u, key):
        return Step(state=count + 1, observation=jnp.zeros(1), reward=u[0], terminated=count + 1 >= 2)

    counter = Simulator(
        name="counter", n_observations=1, actions=Amounts(low=(-2.0,), high=(4.0,)), horizon=9,
        reset=lambda key: (jnp.int32(0), jnp.zeros(1)), step=step,
    )  # fmt: skip
    made = Mpc(simulator=counter, beyond=lambda count: 10.0 * count, horizon=3, discount=0.5)
    chances = jax.random.split(jax.random.key(0), (1, 3))
    scaled = jnp.array([[-1.0], [0.0], [1.0]])  # -2, 1 and 4
    worth = jax.jit(lambda m, count: m.worth(count, scaled, chances))
    assert float(worth(made, jnp.int32(0))) == pytest.approx(-2 + 0.5 * 1)
    assert float(worth(made, jnp.int32(-9))) == pytest.approx(-2 + 0.5 + 0.25 * 4 + 0.125 * 10 * -6)


def test_what_cannot_be_planned_is_refused() -> None:
    with pytest.raises(SettingsError, match="are of amounts, and CartPole-v1 has choices"):
        Mpc(simulator=cartpole())
    with pytest.raises(SettingsError, match="`n_best` must lie between 2 and `n_samples`, got 300 of 256"):
        planner(n_best=300)
    with pytest.raises(SettingsError, match="`horizon` must be at least 1, got 0"):
        planner(horizon=0)
    policy = MpcPolicy(planner=planner(n_samples=64, n_best=8))
    with pytest.raises(DataError, match=r"must have shape \(n, 2\), got \(3, 5\)"):
        policy.mode(np.zeros((3, 5)))
    with pytest.raises(DataError, match=r"must be finite; 1 are not \(first: row 2\)"):
        policy.mode(np.array([[0.0, 0], [0, 0], [np.nan, 0]]))
    with pytest.raises(DataError, match=r"memory must have shape \(2, 4, 1\), got \(3, 4, 1\)"):
        policy.act(policy.begin(np.zeros((3, 2))), np.zeros((2, 2)))


@pytest.mark.slow
def test_plans_in_learned_dynamics_come_to_the_exact_action() -> None:
    """Dynamics from 1,500 random decisions; to .05 of half a range, five times what the true world is held to."""
    rng = np.random.default_rng(1)
    x, u = rng.uniform(-2, 2, (1_500, 2)), rng.uniform(-3, 3, (1_500, 1))
    reward = -np.einsum("ni,ij,nj->n", x, Q, x) - R[0, 0] * u[:, 0] ** 2
    data = Transitions.from_arrays(
        x, u, reward, x @ A.T + u @ B.T, np.zeros(len(x), bool), GaussianHead(low=(-3.0,), high=(3.0,))
    )
    settings = DynamicsSettings(hidden=(32, 32), n_members=3, n_updates=4_000)
    world = learned_world(fit_dynamics(data, settings=settings).dynamics, x, horizon=50, is_drawn=False)
    policy = MpcPolicy(planner=planner(simulator=world, n_samples=512, n_best=64))
    exact = -X @ EXACT.gain.T
    assert np.sqrt(np.mean((policy.mode(X) - exact) ** 2)) / 3.0 < 0.05
