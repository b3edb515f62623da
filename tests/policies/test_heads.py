"""Families of actions against SciPy's distributions, integration, and the library that trains."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from telic.errors import SettingsError
from telic.policies import CategoricalHead, GaussianHead, MultiCategoricalHead

RNG = np.random.default_rng(0)
HEADS = [
    CategoricalHead(n_actions=4),
    MultiCategoricalHead(counts=(2, 3)),
    GaussianHead(low=(-2.0, 0.0), high=(2.0, 5.0)),
    GaussianHead(low=(-2.0, 0.0), high=(2.0, 5.0), is_squashed=True),
    GaussianHead(low=(-1.0,), high=(3.0,), n_components=3),
]


def drawn(head, outputs, key=1):
    rng = np.random.default_rng(key)
    noise = head.noise(outputs.shape[:-1], lambda s: rng.gumbel(size=s), lambda s: rng.normal(size=s))
    return np.asarray(head.sample(outputs, noise))


def test_choices_have_the_probabilities_of_their_log_odds() -> None:
    outputs = RNG.normal(size=(7, 4)) * 3
    p = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    head = CategoricalHead(n_actions=4)
    for a in range(4):
        np.testing.assert_allclose(head.log_prob(outputs, np.full(7, a)), np.log(p[:, a]))
    np.testing.assert_allclose(head.entropy(outputs), stats.entropy(p, axis=1))
    many = drawn(head, np.broadcast_to(outputs[0], (40_000, 4)))
    shares = np.bincount(many, minlength=4) / 40_000
    np.testing.assert_array_less(np.abs(shares - p[0]), 4.5 * np.sqrt(p[0] * (1 - p[0]) / 40_000) + 1e-9)


def test_several_choices_are_independent() -> None:
    outputs = RNG.normal(size=(5, 5))
    head, one, two = (
        MultiCategoricalHead(counts=(2, 3)),
        CategoricalHead(n_actions=2),
        CategoricalHead(n_actions=3),
    )
    actions = np.array([[0, 2], [1, 1], [0, 0], [1, 2], [1, 0]])
    expected = one.log_prob(outputs[:, :2], actions[:, 0]) + two.log_prob(outputs[:, 2:], actions[:, 1])
    np.testing.assert_allclose(head.log_prob(outputs, actions), expected)
    np.testing.assert_allclose(
        head.entropy(outputs), one.entropy(outputs[:, :2]) + two.entropy(outputs[:, 2:])
    )
    assert drawn(head, outputs).shape == (5, 2)


def test_amounts_have_the_density_of_a_mixture_of_normals_in_their_unit() -> None:
    head = GaussianHead(low=(-1.0,), high=(3.0,), n_components=2)
    outputs = np.array([0.3, -0.5, 0.2, -0.4, -1.0, 0.1])  # log-odds, means, log standard deviations
    share = np.exp(outputs[:2]) / np.exp(outputs[:2]).sum()
    for a in (-1.5, 0.0, 2.2):
        each = stats.norm.pdf(a, 1.0 + 2.0 * outputs[2:4], 2.0 * np.exp(outputs[4:]))
        assert head.log_prob(outputs, np.array([a])) == pytest.approx(np.log(share @ each))


@pytest.mark.parametrize("head", [h for h in HEADS if isinstance(h, GaussianHead) and h.n_dimensions == 1])
def test_densities_of_amounts_integrate_to_one(head) -> None:
    outputs = RNG.normal(size=head.n_outputs) * 0.5
    total, _ = integrate.quad(
        lambda a: float(np.exp(head.log_prob(outputs, np.array([a])))), -40, 40, limit=400
    )
    assert total == pytest.approx(1.0, abs=1e-6)


def test_squashed_amounts_have_the_density_of_their_draws() -> None:
    """Kolmogorov and Smirnov's distance of 20,000 draws to the integrated density; .0138 has probability .001."""
    head = GaussianHead(low=(0.0,), high=(5.0,), is_squashed=True)
    outputs = np.array([0.4, -0.3])
    edges = np.linspace(0.0005, 4.9995, 4_001)
    density = np.exp(head.log_prob(np.broadcast_to(outputs, (4_001, 2)), edges[:, None]))
    mass = integrate.cumulative_trapezoid(density, edges, initial=0.0)
    assert mass[-1] == pytest.approx(1.0, abs=1e-3)
    found = drawn(head, np.broadcast_to(outputs, (20_000, 2)))[:, 0]
    assert found.min() > 0.0 and found.max() < 5.0
    assert stats.kstest(found, lambda a: np.interp(a, edges, mass)).statistic < 0.0138


def test_bounds_hold_whatever_is_drawn() -> None:
    head = GaussianHead(low=(-2.0, 0.0), high=(2.0, 5.0))
    found = drawn(head, np.full((1_000, 4), 2.0))
    assert found[:, 0].max() == 2.0 and found[:, 1].min() >= 0.0
    np.testing.assert_allclose(head.mode(np.array([9.0, -9.0, 0.0, 0.0])), [2.0, 0.0])


@pytest.mark.parametrize("head", HEADS)
def test_what_trains_and_what_acts_use_one_formula(head) -> None:
    jnp = pytest.importorskip("jax.numpy", reason="NOT RUN: the extra `neural` is not installed")
    outputs = RNG.normal(size=(6, head.n_outputs)).astype(np.float32)
    actions = drawn(head, outputs)
    one, other = (
        head.log_prob(outputs, actions),
        head.log_prob(jnp.asarray(outputs), jnp.asarray(actions), jnp),
    )
    np.testing.assert_allclose(np.asarray(other), one, rtol=2e-4, atol=1e-5)
    np.testing.assert_allclose(
        np.asarray(head.mode(jnp.asarray(outputs), jnp)), head.mode(outputs), atol=1e-6
    )


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: CategoricalHead(n_actions=1), "at least 2 alternatives, got 1"),
        (lambda: MultiCategoricalHead(counts=(2, 1)), "each of several choices needs at least 2"),
        (
            lambda: GaussianHead(low=(0.0,), high=(0.0,)),
            "Dimension 0 of the action must lie between finite bounds",
        ),
        (lambda: GaussianHead(low=(0.0,), high=(np.inf,)), "between finite bounds, got 0.0 and inf"),
        (lambda: GaussianHead(low=(0.0, 1.0), high=(2.0,)), "of the same dimensions, got 2 and 1"),
        (
            lambda: GaussianHead(low=(0.0,), high=(2.0,), n_components=0),
            "`n_components` must be at least 1, got 0",
        ),
    ],
)
def test_families_that_are_none(make, said) -> None:
    with pytest.raises(SettingsError, match=f"(?i){said}"):
        make()
