"""Trees that act like a policy: known trees found again, the best question by trying all, fidelity on other states."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from telic.errors import DataError, SettingsError
from telic.imitation.policy_fidelity import policy_fidelity
from telic.imitation.tree_distillation import distil_tree, grow_tree
from telic.policies import CategoricalHead, Dense, GaussianHead, NetworkPolicy, TreePolicy


def network(D=3, A=3, head=None, grow=3.0, seed=0):
    rng = np.random.default_rng(seed)
    head = head or CategoricalHead(n_actions=A)
    return NetworkPolicy(
        layers=tuple(
            Dense(
                weight=(grow * rng.normal(size=(a, b)) / np.sqrt(a)).astype(np.float32),
                bias=np.zeros(b, np.float32),
            )
            for a, b in itertools.pairwise((D, 16, head.n_outputs))
        ),
        activation="tanh",
        head=head,
        shift=np.zeros(D, np.float32),
        scale=np.ones(D, np.float32),
    )


def truth(x):
    """If x0 > .25 then 2; else if x2 <= -.5 then 0, else 1."""
    return np.where(x[:, 0] > 0.25, 2, np.where(x[:, 2] <= -0.5, 0, 1))


def states(n, key, D=3):
    return np.random.default_rng(key).uniform(-1, 1, (n, D))


def test_a_known_tree_is_found_again() -> None:
    x = states(2_000, 0)
    tree = grow_tree(x, np.eye(3)[truth(x)], max_leaves=10, min_leaf=1)
    assert (tree.n_leaves, tree.depth) == (3, 2)
    assert tree.feature.tolist() == [0, 2, -1, -1, -1]
    assert tree.threshold[0] == pytest.approx(0.25, abs=2e-3)
    assert tree.threshold[1] == pytest.approx(-0.5, abs=4e-3)
    other = states(5_000, 1)
    assert np.mean(tree.mode(other) == truth(other)) > 0.998
    rules = tree.rules(["load", "age", "rate"], ["wait", "go", "stop"])
    n = int(np.sum(x[:, 0] > 0.25))
    assert len(rules) == 3
    assert any(r.startswith("load > 0.2") and r.endswith(f": stop (100.0% of {n} states)") for r in rules)
    assert any(" and rate <= -0." in r and ": wait" in r for r in rules)


def impurity(targets):
    return np.sum((targets - targets.mean(axis=0)) ** 2)


@pytest.mark.parametrize("min_leaf", [1, 6])
def test_the_first_question_is_the_best_of_all(min_leaf) -> None:
    rng = np.random.default_rng(3)
    for _ in range(5):
        x, p = rng.integers(0, 6, (40, 2)).astype(float), rng.dirichlet(np.ones(3), 40)
        tree = grow_tree(x, p, max_leaves=2, min_leaf=min_leaf)
        tried = {}
        for d in range(2):
            for low, high in itertools.pairwise(np.unique(x[:, d])):
                first = x[:, d] <= low
                if min(first.sum(), (~first).sum()) >= min_leaf:
                    tried[d, (low + high) / 2] = impurity(p[first]) + impurity(p[~first])
        best = min(tried.values())
        assert tried[int(tree.feature[0]), float(tree.threshold[0])] == pytest.approx(best)
        np.testing.assert_allclose(
            tree.probabilities[1], p[x[:, tree.feature[0]] <= tree.threshold[0]].mean(axis=0)
        )
        assert tree.counts[1:].min() >= min_leaf


def test_more_leaves_are_more_faithful_on_states_not_seen() -> None:
    policy = network()
    x, held_out = states(3_000, 4), states(2_000, 5)
    found = [distil_tree(policy, x, held_out, max_leaves=n) for n in (1, 2, 8, 64)]
    shares = [f.fidelity.share for f in found]
    assert shares == sorted(shares)
    assert shares[-1] > 0.9
    assert [f.policy.n_leaves for f in found] == [1, 2, 8, 64]
    divergences = [f.fidelity.divergence for f in found]
    assert divergences == sorted(divergences, reverse=True)
    last = found[-1]
    assert last.fidelity.n_agree == int(np.sum(last.policy.mode(held_out) == policy.mode(held_out)))
    exact = stats.binomtest(last.fidelity.n_agree, 2_000).proportion_ci(0.95, method="exact")
    assert (last.fidelity.low, last.fidelity.high) == pytest.approx((exact.low, exact.high))
    again = distil_tree(policy, x, held_out, max_leaves=64)
    assert again.policy.digest == last.policy.digest
    assert last.policy.provenance.inputs["policy"] == policy.digest


def test_a_tree_acts_as_a_policy() -> None:
    x = states(500, 6)
    p = np.random.default_rng(0).dirichlet(np.ones(3), 4)[np.digitize(x[:, 1], [-0.5, 0.0, 0.5])]
    tree = grow_tree(x, p, max_leaves=8, min_leaf=1)
    assert tree.n_leaves == 4
    np.testing.assert_allclose(np.exp(tree.log_prob(x, np.full(500, 1))), p[:, 1])
    np.testing.assert_array_equal(tree.mode(x), p.argmax(axis=1))
    np.testing.assert_array_equal(tree.mode(x[7]), p[7].argmax())
    many = np.repeat(x[:1], 6_000, axis=0)
    drawn = np.bincount(tree.sample(many, 3), minlength=3)
    assert stats.chisquare(drawn, 6_000 * p[0]).pvalue > 1e-3
    np.testing.assert_array_equal(tree.sample(many, 3), tree.sample(many, 3))
    inside = [r for r in tree.rules() if " < x1 <= " in r]
    assert len(inside) == 2


def test_agreement_of_amounts_is_relative_to_their_range() -> None:
    head = GaussianHead(low=(-2.0,), high=(2.0,))
    policy = network(head=head, grow=0.5)
    moved = replace(
        policy, layers=(policy.layers[0], replace(policy.layers[1], bias=np.array([0.01, 0.0], np.float32)))
    )
    x = states(200, 7)
    found = policy_fidelity(policy, moved, x)
    # u moves by .01, the action by .02 of a range of 4: half a hundredth, within a hundredth.
    assert found.largest_mode_difference == pytest.approx(0.005, rel=1e-3)
    assert found.share == 1.0
    assert (found.high, np.isnan(found.divergence)) == (1.0, True)
    opposite = policy_fidelity(policy, network(head=head, grow=3.0, seed=2), x)
    assert opposite.share < 0.5


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda x: grow_tree(x, np.eye(3)[truth(x)], max_leaves=0, min_leaf=1), SettingsError, "at least 1, got 0"),
        (lambda x: grow_tree(x[:2], np.eye(3)[:2], max_leaves=2, min_leaf=3), DataError, "At least 3 finite states"),
        (lambda x: grow_tree(x * np.nan, np.eye(3)[truth(x)], max_leaves=2, min_leaf=1), DataError, "finite"),
        (lambda x: policy_fidelity(network(), network(), x[:0]), DataError, "needs held-out states, got none"),
        (
            lambda x: distil_tree(network(head=GaussianHead(low=(0.0,), high=(1.0,))), x, x),
            SettingsError,
            "not what a GaussianHead gives",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(call, error, said) -> None:
    with pytest.raises(error, match=said):
        call(states(50, 0))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"children": np.array([[1, 1], [0, 0], [0, 0]], np.int32)}, "child of one node before it"),
        ({"feature": np.array([5, -1, -1], np.int32)}, "ask about a number that exists"),
        ({"probabilities": np.full((3, 2), 0.4)}, "must sum to 1"),
        ({"threshold": np.array([np.nan, 0.0, 0.0])}, "must be finite"),
    ],
)
def test_what_is_no_tree_is_refused(change, said) -> None:
    tree = grow_tree(np.arange(6.0)[:, None], np.eye(2)[[0, 0, 0, 1, 1, 1]], max_leaves=2, min_leaf=1)
    with pytest.raises(DataError, match=said):
        replace(tree, **change)
    with pytest.raises(DataError, match="must be 1 finite numbers"):
        tree.mode(np.array([[np.nan]]))
    assert isinstance(tree, TreePolicy)
