"""Cloning of experts of two kinds: what was planted is found, within what sampling leaves open."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")

from telic.errors import SettingsError  # noqa: E402
from telic.imitation.cloning import CloneSettings, clone  # noqa: E402
from telic.imitation.examples import Examples  # noqa: E402
from telic.imitation.mixture_cloning import clone_mixture  # noqa: E402

MADE = runpy.run_path(str(Path(__file__).resolve().parents[2] / "reproductions" / "options_mixtures.py"))
N, T, SHARE, SLOPES = (MADE[name] for name in ("N", "T", "SHARE", "SLOPES"))
planted, slope, PLAIN = MADE["planted"], MADE["slope"], MADE["plain_settings"]()


@pytest.fixture(scope="module")
def episodes():
    examples, kind = planted(0)
    return examples, kind, clone_mixture(examples, 2, n_starts=2, settings=PLAIN, key=1)


def test_planted_kinds_are_found(episodes) -> None:
    """Shares within 4 standard errors of a binomial, slopes within 4 of their Fisher information (80 % were seen)."""
    _, _, found = episodes
    n = 0.8 * N
    assert abs(found.shares[0] - SHARE) < 4 * np.sqrt(SHARE * (1 - SHARE) / n)
    draws = np.random.default_rng(9).normal(size=100_000)
    p = 1 / (1 + np.exp(-2.0 * draws))
    information = np.mean(draws**2 * p * (1 - p))
    for component, wanted, share in zip(found.policy.components, SLOPES, (SHARE, 1 - SHARE), strict=True):
        assert abs(slope(component) - wanted) < 4 / np.sqrt(information * n * T * share)
    assert not found.findings


def test_whose_a_trajectory_is_is_told_as_well_as_the_truth_could(episodes) -> None:
    """By the planted policies and shares, Bayes errs in a share of trajectories; ours errs in 2 points more at most."""
    examples, kind, found = episodes
    ours, ideal = MADE["told_wrongly"](examples, kind, found.policy)
    assert ours <= ideal + 0.02


def test_two_kinds_explain_what_one_cannot(episodes) -> None:
    """One policy sees .7 of one and .3 of the other; nats a decision held out, by the same split."""
    examples, _, found = episodes
    one = clone(examples, settings=PLAIN, key=1)
    assert one.held_out.log_loss - found.held_out_loss > 0.1


def test_a_gate_tells_by_what_is_seen_who_decides() -> None:
    """Where the first number is above 0 the second is followed, elsewhere its opposite; two lines and a gate do it."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(3_000, 2))
    sure = np.where(x[:, 0] > 0, 3.0, -3.0) * x[:, 1]
    actions = (rng.random(3_000) < 1 / (1 + np.exp(-sure))).astype(int)
    examples = Examples.from_arrays(x, actions, offsets=np.arange(0, 3_001, 10))
    found = clone_mixture(
        examples, 2, is_per_episode=False, n_starts=2, gate_hidden=(), settings=PLAIN, key=0
    )
    entropy = np.mean(np.log1p(np.exp(-np.abs(sure))) + np.abs(sure) / (1 + np.exp(np.abs(sure))))
    # One line explains nothing (log 2 = .69), the truth leaves its entropy: half of what lies between is asked for.
    assert found.held_out_loss < 0.5 * (entropy + np.log(2))
    exact = -found.policy.log_prob(examples.observations, examples.actions).mean()
    assert abs(exact - found.held_out_loss) < 0.1
    np.testing.assert_allclose(found.shares.sum(), 1.0, atol=1e-6)


def test_what_cannot_be_a_mixture_is_refused() -> None:
    examples, _ = planted(0)
    with pytest.raises(SettingsError, match="at least 2 and"):
        clone_mixture(examples, 1)
    with pytest.raises(SettingsError, match="no memory"):
        clone_mixture(examples, 2, settings=CloneSettings(n_back=1))
    with pytest.raises(SettingsError, match="cannot be of 2 kinds"):
        clone_mixture(examples.select([0]), 2, settings=PLAIN)
