"""Network cloning where the answer is known: counts, closed forms, planted spreads; and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
import jax.numpy as jnp  # noqa: E402

from telic.errors import DataError, SettingsError  # noqa: E402
from telic.imitation.calibration import calibration  # noqa: E402
from telic.imitation.cloning import CloneSettings, clone  # noqa: E402
from telic.imitation.examples import Examples  # noqa: E402
from telic.imitation.losses import negative_log_likelihood  # noqa: E402
from telic.policies.heads import CategoricalHead, GaussianHead, MultiCategoricalHead  # noqa: E402
from telic.trajectories import Demonstrations  # noqa: E402

SMALL = CloneSettings(hidden=(16,), n_updates=600, every=100, batch=128, learning_rate=5e-3)
BOUNDED = GaussianHead(low=(-1.0,), high=(1.0,))


def choices(key, n=400, n_trajectories=10):
    """Two measurements; the first decides, in the unit of the log-odds."""
    rng = np.random.default_rng(key)
    x = rng.normal(size=(n, 2))
    taken = (rng.random(n) < 1 / (1 + np.exp(-3 * x[:, 0]))).astype(int)
    return Examples.from_arrays(x, taken, offsets=np.linspace(0, n, n_trajectories + 1).astype(int))


def test_a_table_is_cloned_to_its_counts() -> None:
    """Five states as columns of 0 and 1: the likeliest network has the shares of the counts."""
    counts = np.array([[40, 40, 20], [90, 5, 5], [10, 60, 30], [33, 33, 34], [1, 1, 98]])
    state = np.repeat(np.arange(5), counts.sum(axis=1))
    taken = np.concatenate([np.repeat(np.arange(3), row) for row in counts])
    settings = replace(SMALL, held_out=0.0, n_updates=3_000, every=500, averaging=0.998)
    found = clone(Examples.from_arrays(np.eye(5)[state], taken), settings=settings)
    probs = np.exp(np.stack([found.policy.log_prob(np.eye(5), np.full(5, a)) for a in range(3)], axis=1))
    np.testing.assert_allclose(probs, counts / 100, atol=0.03)
    assert [f.code for f in found.findings if f.code == "nothing-held-out"] == ["nothing-held-out"]
    assert found.held_out is None


@pytest.mark.parametrize(
    ("head", "actions"),
    [
        (CategoricalHead(n_actions=3), np.array([0, 2, 1, 2])),
        (MultiCategoricalHead(counts=(2, 3)), np.array([[0, 2], [1, 1], [0, 0], [1, 2]])),
        (GaussianHead(low=(-2.0,), high=(4.0,)), np.array([[0.5], [4.0], [-2.0], [3.0]])),
        (
            GaussianHead(low=(-2.0, 0.0), high=(4.0, 1.0), n_components=3),
            np.array([[0.5, 1.0], [4.0, 0.2], [-2.0, 0.0], [3.0, 0.5]]),
        ),
    ],
)
def test_gradients_are_those_of_finite_differences(head, actions) -> None:
    """Double precision, central differences of 1e-6; amounts on their bounds among them."""
    with jax.enable_x64(True):
        outputs = np.random.default_rng(2).normal(0, 0.7, (4, head.n_outputs))

        def loss(o):
            return jnp.sum(negative_log_likelihood(head, o, jnp.asarray(actions)))

        gradient = np.asarray(jax.grad(loss)(jnp.asarray(outputs)))
        loss = jax.jit(loss)
        for i in np.ndindex(outputs.shape):
            step = np.zeros_like(outputs)
            step[i] = 1e-6
            numeric = (float(loss(outputs + step)) - float(loss(outputs - step))) / 2e-6
            assert gradient[i] == pytest.approx(numeric, rel=1e-5, abs=1e-6)


def test_mass_on_bounds_and_density_between_sum_to_one() -> None:
    outputs = jnp.array([0.4, -0.3], jnp.float32)
    head = GaussianHead(low=(-2.0,), high=(4.0,))
    inside = np.linspace(-2 + 1e-4, 4 - 1e-4, 20_001, dtype=np.float32)[:, None]
    density = np.exp(-np.asarray(negative_log_likelihood(head, jnp.tile(outputs, (20_001, 1)), inside)))
    ends = np.exp(
        -np.asarray(negative_log_likelihood(head, jnp.tile(outputs, (2, 1)), np.array([[-2.0], [4.0]])))
    )
    assert np.trapezoid(density, inside[:, 0]) + ends.sum() == pytest.approx(1.0, abs=2e-4)


@pytest.mark.parametrize("log_sd", [-4.0, -1.0, 1.0])
def test_evenness_makes_the_pull_of_a_mean_that_of_least_squares(log_sd) -> None:
    outputs = jnp.array([[0.4, log_sd]])
    taken = jnp.array([[0.1]])
    pull = jax.grad(lambda o: negative_log_likelihood(BOUNDED, o, taken, 1.0)[0])(outputs)[0, 0]
    assert float(pull) == pytest.approx(0.4 - 0.1, rel=1e-4)
    plain, even = (float(negative_log_likelihood(BOUNDED, outputs, taken, eta)[0]) for eta in (0.0, 1.0))
    assert plain == pytest.approx(even, rel=1e-6)


@pytest.mark.slow
def test_intervals_of_a_planted_heteroscedastic_expert_hold_their_share() -> None:
    """Spread .05 to .35 with the observation; shares of 4,000 fresh decisions in two intervals, at level .001.

    Their variance is that of a count, and that of the factor, fitted to 2,000 decisions: the logarithm of a spread has
    variance 1 / (2 n), and moves the share of an interval of z spreads by 2 z phi(z). The keys are fresh.
    """

    def draw(key, n):
        rng = np.random.default_rng(key)
        x = rng.uniform(-1, 1, (n, 1))
        done = np.clip(0.6 * x + (0.05 + 0.3 * np.abs(x)) * rng.normal(size=x.shape), -1, 1)
        return Examples.from_arrays(x, done, offsets=np.arange(0, n + 1, 100))

    settings = CloneSettings(hidden=(32, 32), n_updates=3_000, held_out=0.25)
    found = clone(draw(11, 8_000), head=BOUNDED, settings=settings, key=13)
    fresh = calibration(found.policy, draw(12, 4_000))
    for name, share in (("0.5", 0.5), ("0.9", 0.9)):
        z = norm.ppf(0.5 + share / 2)
        variance = share * (1 - share) / 4_000 + (2 * z * norm.pdf(z)) ** 2 / (2 * 2_000)
        assert abs(fresh.coverage[name] - share) < norm.ppf(0.9995) * np.sqrt(variance)
    spread = found.policy.head.parameters(found.policy.outputs(np.array([[0.3], [0.9]])))[2][:, 0, 0]
    assert np.exp(spread) == pytest.approx([0.14, 0.32], rel=0.25)


@pytest.mark.slow
def test_a_mixture_tells_both_ways_of_an_expert_who_passes_on_either_side() -> None:
    rng = np.random.default_rng(4)
    x = rng.uniform(-1, 1, (2_000, 1))
    done = 0.6 * rng.choice([-1.0, 1.0], (2_000, 1)) + 0.05 * rng.normal(size=(2_000, 1))
    examples = Examples.from_arrays(x, done, offsets=np.arange(0, 2_001, 100))
    settings = replace(SMALL, n_updates=2_000, hidden=(32,))
    one, two = (clone(examples, head=replace(BOUNDED, n_components=m), settings=settings) for m in (1, 2))
    assert one.held_out.log_loss - two.held_out.log_loss > 1.0
    assert abs(np.abs(two.policy.mode(np.array([[0.0]])))[0, 0] - 0.6) < 0.05
    assert abs(one.policy.mode(np.array([[0.0]]))[0, 0]) < 0.15
    drawn = two.policy.sample(np.zeros((400, 1)), key=1)
    assert 0.35 < float(np.mean(drawn > 0)) < 0.65


def test_several_choices_at_once_are_cloned_each() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(600, 2))
    taken = np.stack([(x[:, 0] > 0).astype(int), np.digitize(x[:, 1], [-0.5, 0.5])], axis=1)
    found = clone(Examples.from_arrays(x, taken, offsets=np.arange(0, 601, 60)), settings=SMALL)
    assert found.policy.head == MultiCategoricalHead(counts=(2, 3))
    assert found.policy.mode(np.array([[1.5, -1.5], [-1.5, 1.5]])).tolist() == [[1, 0], [0, 2]]
    assert found.held_out.accuracy > 0.85


def test_a_repeated_run_is_the_same_and_its_members_differ_more_off_the_data() -> None:
    examples = choices(0)
    settings = replace(SMALL, n_members=4)
    found = clone(examples, settings=settings, key=2)
    again = clone(examples, settings=settings, key=2)
    assert found.policy.digest == again.policy.digest
    near = found.policy.disagreement(examples.observations)
    far = found.policy.disagreement(examples.observations + np.array([0.0, 12.0]))
    assert np.median(far) > 3 * np.median(near)
    assert found.held_out.n_decisions == 40
    assert len({m.digest for m in found.policy.members}) == 4


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been() -> None:
    kept = {}
    whole = clone(
        choices(0), settings=SMALL, key=1, checkpoint=lambda n, s: kept.update({n: s}), checkpoint_every=2
    )
    again = clone(choices(0), settings=SMALL, key=1, resume=(2, kept[2]))
    assert again.policy.digest == whole.policy.digest
    told = []
    clone(
        choices(0), settings=replace(SMALL, patience=1), key=1, progress=lambda n, m, _: told.append((n, m))
    )
    assert told[0] == (1, 6)


def test_noise_stops_early_and_sureness_is_set_on_what_was_held_out() -> None:
    """Coin flips: more steps only learn them by heart."""
    rng = np.random.default_rng(1)
    x, flips = rng.normal(size=(200, 6)), rng.integers(0, 2, 200)
    settings = CloneSettings(
        hidden=(64,), n_updates=4_000, every=50, patience=5, learning_rate=5e-3, held_out=0.5
    )
    found = clone(Examples.from_arrays(x, flips, offsets=np.arange(0, 201, 10)), settings=settings)
    assert found.trained.n_steps < 40
    assert found.held_out.log_loss < np.log(2) + 0.05
    loose = clone(
        Examples.from_arrays(x, flips, offsets=np.arange(0, 201, 10)),
        settings=replace(settings, is_sharpened=False),
    )
    assert found.held_out.log_loss <= loose.held_out.log_loss + 1e-6
    assert loose.factor == 1.0


def test_weights_count_as_often_as_they_say() -> None:
    x = np.zeros((400, 1))
    taken = np.tile([0, 1], 200)
    examples = Examples.from_arrays(x, taken, weights=np.tile([3.0, 1.0], 200))
    found = clone(examples, settings=replace(SMALL, held_out=0.0, averaging=0.99))
    assert np.exp(found.policy.log_prob(np.zeros((1, 1)), np.array([0])))[0] == pytest.approx(0.75, abs=0.03)


def test_columns_of_demonstrations_become_a_matrix_in_the_order_stated() -> None:
    demos = replace(
        Demonstrations.from_arrays([0, 0, 0, 0], [0, 1, 1, 0], offsets=[0, 2, 4], weights=[1, 1, 2, 2]),
        observations={
            "load": np.array([1.0, 2.0, 3.0, 4.0]),
            "kind": np.array([0, 1, 1, 0], dtype=np.int32),
            "is_on": np.array([True, False, True, True]),
        },
        categories={"kind": ("a", "b")},
    )
    made = Examples.from_demonstrations(demos, columns=["kind", "load"])
    assert made.names == ("kind=a", "kind=b", "load")
    np.testing.assert_array_equal(made.observations, [[1, 0, 1], [0, 1, 2], [0, 1, 3], [1, 0, 4]])
    np.testing.assert_array_equal(made.weights, [1, 1, 2, 2])
    amounts = Examples.from_demonstrations(demos, amounts=["load"])
    assert amounts.names == ("kind=a", "kind=b", "is_on")
    assert amounts.actions.tolist() == [[1.0], [2.0], [3.0], [4.0]]
    with pytest.raises(DataError, match="no observed column speed; there are load, kind, is_on"):
        Examples.from_demonstrations(demos, columns=["speed"])


def test_scaling_is_that_of_the_rows_learned_from() -> None:
    examples = choices(0)
    learning, _ = examples.split(SMALL.held_out, 7)
    found = clone(examples, settings=replace(SMALL, n_updates=100), key=7)
    np.testing.assert_allclose(found.policy.shift, learning.observations.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(found.policy.scale, learning.observations.std(axis=0), rtol=1e-6)
    assert learning.n_decisions == 360


def test_what_cannot_be_cloned_is_refused() -> None:
    x, a = np.zeros((4, 2)), np.array([0, 1, 0, 1])
    with pytest.raises(DataError, match="at least one decision, got none"):
        Examples.from_arrays(np.zeros((0, 2)), [])
    broken = x.copy()
    broken[2, 1] = np.nan
    with pytest.raises(DataError, match=r"1 rows are not \(first: row 2, column speed, nan") as told:
        Examples.from_arrays(broken, a, names=["place", "speed"])
    assert told.value.data["rows"] == [2]
    with pytest.raises(DataError, match="took one action only"):
        clone(Examples.from_arrays(x, np.zeros(4, dtype=int)))
    with pytest.raises(DataError, match=r"1 actions lie beyond \[-1.0\] to \[1.0\] \(first: row 3, \[1.5\]"):
        clone(Examples.from_arrays(x, [0.0, 0.1, 0.2, 1.5]), head=BOUNDED)
    with pytest.raises(DataError, match=r"beyond \[0\] to \[1\] \(first: row 1, \[2\]"):
        clone(Examples.from_arrays(x, [0, 2, 1, 0]), head=CategoricalHead(n_actions=2))
    with pytest.raises(SettingsError, match="Amounts need their `bounds`"):
        clone(Examples.from_arrays(x, [0.0, 0.1, 0.2, 0.5]))
    with pytest.raises(DataError, match="Weights must be finite, at least 0, and not all 0"):
        Examples.from_arrays(x, a, weights=np.zeros(4))
    with pytest.raises(DataError, match="`offsets` must rise from 0 to 4"):
        Examples.from_arrays(x, a, offsets=[0, 3])
    with pytest.raises(SettingsError, match=r"`evenness` in \[0, 1\], got 0.99 and 2"):
        CloneSettings(evenness=2)
    with pytest.raises(SettingsError, match=r"`held_out` must lie in \[0, 1\), got 1"):
        clone(Examples.from_arrays(x, a), settings=CloneSettings(held_out=1))


def test_what_one_look_does_not_show_is_told_by_the_look_before() -> None:
    """The expert answers to the sign of the observation before; at the beginning to that of the first."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=(20, 30, 1))
    before = np.concatenate([x[:, :1], x[:, :-1]], axis=1)
    taken = (before[..., 0] > 0).astype(int)
    examples = Examples.from_arrays(x.reshape(-1, 1), taken.ravel(), offsets=np.arange(0, 601, 30))
    blind, seeing = (clone(examples, settings=replace(SMALL, n_back=n)) for n in (0, 1))
    assert blind.held_out.accuracy < 0.7
    assert seeing.held_out.accuracy > 0.93
    memory = seeing.policy.begin(np.array([[2.0]]))
    _, memory = seeing.policy.act(memory, np.array([[2.0]]))
    actions, memory = seeing.policy.act(memory, np.array([[-2.0]]))
    assert actions.tolist() == [1]
    assert seeing.policy.act(memory, np.array([[2.0]]))[0].tolist() == [0]
