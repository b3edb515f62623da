"""Learning which option to choose, against the exact choice; and what one option collects, against its model."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
import jax.numpy as jnp  # noqa: E402

from telic.errors import SettingsError  # noqa: E402
from telic.mdp.library import four_rooms  # noqa: E402
from telic.neural.driver import step_options, train  # noqa: E402
from telic.neural.simulators import tabular  # noqa: E402
from telic.neural.simulators.with_options import with_options  # noqa: E402
from telic.planning.option_models import option_models  # noqa: E402
from telic.planning.options import solve_options  # noqa: E402
from telic.policies import CategoricalHead, Dense, NetworkPolicy, Option, TreePolicy  # noqa: E402

WORLD = four_rooms(goal=(7, 9))
MADE = runpy.run_path(str(Path(__file__).resolve().parents[3] / "reproductions" / "options_mixtures.py"))


@pytest.fixture(scope="module")
def options():
    return MADE["two_ways"](WORLD)


@pytest.mark.slow
def test_which_option_to_choose_is_learned_to_the_exact_choice(options) -> None:
    """At least 97 % of the way from choosing evenly to the exact solution of the semi-Markov process, on 3 keys."""
    exact = solve_options(WORLD.mdp, WORLD.reward, options, throw=True)
    learner = MADE["options_learner"](WORLD, options, 80)
    for key in range(3):
        policy = learner.policy(train(learner, key, 80).answer())
        assert MADE["options_share"](WORLD, exact, policy) >= 0.97


def test_what_an_option_collects_and_where_it_stops_are_its_model(options) -> None:
    """20,000 runs of each from one corner: reward and discount within 4 standard errors."""
    model = option_models(WORLD.mdp, WORLD.reward, options)
    world = with_options(tabular(WORLD.mdp, WORLD.reward), options, discount=0.9, horizon=20)
    n, corner = 20_000, 103
    x = jnp.eye(104, dtype=jnp.float32)[corner]

    def run(action, key):
        made = world.step((jnp.int32(corner), x), action, key)
        return made.reward, made.discount * (1 - made.terminated), made.discount, jnp.argmax(made.observation)

    found = jax.jit(jax.vmap(run, (0, 0)), compiler_options=step_options())
    for o in range(2):
        reward, _, share, where = map(
            np.asarray, found(jnp.full(n, o, jnp.int32), jax.random.split(jax.random.key(o), n))
        )
        expected = model.transition.toarray()[corner * 2 + o]
        assert set(np.unique(where)) <= set(np.flatnonzero(expected))
        assert abs(reward.mean() - model.reward[corner, o]) <= 4 * reward.std() / np.sqrt(n)
        for s in np.flatnonzero(expected):
            each = share * (where == s)
            assert abs(each.mean() - expected[s]) < 4 * each.std() / np.sqrt(n)


def test_options_that_cannot_be_compiled_are_refused(options) -> None:
    world = tabular(WORLD.mdp, WORLD.reward)
    with pytest.raises(SettingsError, match="at least 2 options"):
        with_options(world, options[:1], discount=0.9, horizon=9)
    begins = Option(name="here", policy=options[0].policy, stops=1.0, begins=np.ones(104, bool))
    with pytest.raises(SettingsError, match="begin in some states only"):
        with_options(world, (begins, options[0]), discount=0.9, horizon=9)
    tree = TreePolicy(
        n_observations=104, feature=np.array([-1]), threshold=np.zeros(1), children=np.zeros((1, 2), int),
        probabilities=np.full((1, 4), 0.25), counts=np.ones(1, int),
    )  # fmt: skip
    with pytest.raises(SettingsError, match="'tree' follows a TreePolicy, which is not compiled"):
        with_options(
            world, (Option(name="tree", policy=tree, stops=1.0), options[0]), discount=0.9, horizon=9
        )
    stops = Option(name="tree", policy=options[0].policy, stops=tree)
    with pytest.raises(SettingsError, match="'tree' stops by a TreePolicy"):
        with_options(world, (stops, options[0]), discount=0.9, horizon=9)


def test_networks_act_and_stop_as_they_say() -> None:
    """An option whose network stops with probability 1/4 runs 4 decisions on average (20,000 runs, 4 errors)."""

    def constant(p):
        zeros, ones = np.zeros(104, np.float32), np.ones(104, np.float32)
        layer = Dense(weight=np.zeros((104, len(p)), np.float32), bias=np.log(p).astype(np.float32))
        head = CategoricalHead(n_actions=len(p))
        return NetworkPolicy(layers=(layer,), activation="tanh", head=head, shift=zeros, scale=ones)

    up, quarter = constant([0.97, 0.01, 0.01, 0.01]), constant([0.75, 0.25])
    told = (Option(name="a", policy=up, stops=quarter), Option(name="b", policy=up, stops=0.0, longest=3))
    never = four_rooms(goal=(11, 11))
    world = with_options(tabular(never.mdp, never.reward), told, discount=0.5, horizon=20)
    n = 20_000
    state = (jnp.int32(0), jnp.eye(104, dtype=jnp.float32)[0])
    run = jax.jit(jax.vmap(lambda a, k: world.step(state, a, k).discount), compiler_options=step_options())
    count = -np.log2(np.asarray(run(jnp.zeros(n, jnp.int32), jax.random.split(jax.random.key(0), n))))
    assert abs(count.mean() - 4.0) < 4 * np.sqrt(0.75) / 0.25 / np.sqrt(n)
    limited = run(jnp.ones(n, jnp.int32), jax.random.split(jax.random.key(1), n))
    np.testing.assert_array_equal(limited, 0.125)
