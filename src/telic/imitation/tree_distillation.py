"""A decision tree that acts like a policy, as small as one likes, and how faithfully on states it was not made from.

The tree is grown best first (Breiman, Friedman, Olshen and Stone 1984, chapter 4, on probabilities instead of labels):
of all leaves and all questions ``x_d <= c`` the one is asked that most lessens

    sum over leaves  sum_i |p_i - mean of the leaf|^2,

where ``p_i`` are the policy's probabilities in state i; for a policy that never draws this is Gini's impurity. It
ends at ``max_leaves``, or where nothing is gained. It is like the policy on the states given: take ones that the tree
itself would come to, not only the policy's.

References:
    Breiman, Friedman, Olshen and Stone (1984), Classification and Regression Trees.
    Bastani, Pu and Solar-Lezama (2018), Verifiable reinforcement learning via policy extraction (which states to take).
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Num

from telic.errors import DataError, SettingsError
from telic.policies import CategoricalHead, NetworkPolicy, TreePolicy
from telic.reports import Provenance
from telic.typing import FloatArray, LongArray

from .policy_fidelity import PolicyFidelity, policy_fidelity

__all__ = ["DistilledTree", "distil_tree", "grow_tree"]

LEAST_GAIN = 1e-9
"""Of a question, relative to the impurity of all: less is rounding."""


@dataclass(frozen=True, kw_only=True)
class DistilledTree:
    """The tree, and how like the policy it acts on held-out states."""

    policy: TreePolicy
    fidelity: PolicyFidelity


def distil_tree(
    policy: NetworkPolicy,
    observations: Num[np.ndarray, "n D"],
    held_out: Num[np.ndarray, "m D"],
    *,
    max_leaves: int = 16,
    min_leaf: int = 5,
) -> DistilledTree:
    """A tree that acts like the policy.

    Args:
        policy: chooses one of several alternatives.
        observations: states to learn from.
        held_out: other states, to measure on.
        max_leaves: at most; more is more faithful and harder to read.
        min_leaf: states a leaf must have at least; more is steadier.

    Raises:
        SettingsError: the policy gives amounts or several choices at once, or a setting is out of range.
        DataError: there are too few states.
    """
    if not isinstance(policy.head, CategoricalHead):
        raise SettingsError(
            f"A tree chooses one of several alternatives, not what a {type(policy.head).__name__} gives.",
            hint="Distil to a smaller network (`telic.imitation.network_distillation`).",
        )
    targets = np.exp(policy.head.log_probs(policy.outputs(observations).astype(np.float64)))
    tree = grow_tree(
        np.asarray(observations, dtype=np.float64),
        targets,
        max_leaves=max_leaves,
        min_leaf=min_leaf,
        provenance=Provenance(
            inputs={"policy": policy.digest}, settings={"max_leaves": max_leaves, "min_leaf": min_leaf}
        ),
    )
    return DistilledTree(policy=tree, fidelity=policy_fidelity(policy, tree, held_out))


class _Question(NamedTuple):
    gain: float
    feature: int
    threshold: float


def grow_tree(
    x: Float[np.ndarray, "n D"],
    targets: Float[np.ndarray, "n A"],
    *,
    max_leaves: int,
    min_leaf: int,
    provenance: Provenance | None = None,
) -> TreePolicy:
    """The tree of states and probabilities.

    Args:
        x: states.
        targets: probabilities of the alternatives in each.
        max_leaves: at most.
        min_leaf: states a leaf must have at least.
        provenance: to be kept with the tree.

    Raises:
        SettingsError: a setting is out of range.
        DataError: there are too few states, or some are not finite.
    """
    if max_leaves < 1 or min_leaf < 1:
        raise SettingsError(
            f"`max_leaves` and `min_leaf` must be at least 1, got {max_leaves} and {min_leaf}.",
            hint="16 leaves of at least 5 states are a start.",
        )
    if len(x) < min_leaf or not np.all(np.isfinite(x)):
        raise DataError(
            f"At least {min_leaf} finite states are needed, got {len(x)}.",
            hint="Roll out the policy for more.",
        )
    feature, threshold, children = [-1], [0.0], [(0, 0)]
    members: list[LongArray] = [np.arange(len(x))]
    least = LEAST_GAIN * max(_spread(targets), 1e-300)
    waiting: list[tuple[float, int, _Question]] = []

    def consider(node: int) -> None:
        question = _best_question(x[members[node]], targets[members[node]], min_leaf)
        if question is not None and question.gain > least:
            heapq.heappush(waiting, (-question.gain, node, question))

    consider(0)
    while waiting and (len(feature) + 1) // 2 < max_leaves:
        _, node, question = heapq.heappop(waiting)
        rows = members[node]
        goes_second = x[rows, question.feature] > question.threshold
        feature[node], threshold[node] = question.feature, question.threshold
        children[node] = (len(feature), len(feature) + 1)
        for part in (rows[~goes_second], rows[goes_second]):
            feature.append(-1)
            threshold.append(0.0)
            children.append((0, 0))
            members.append(part)
            consider(len(feature) - 1)
    means = np.stack([targets[rows].mean(axis=0) for rows in members])
    return TreePolicy(
        n_observations=x.shape[1],
        feature=np.array(feature, dtype=np.int32),
        threshold=np.array(threshold),
        children=np.array(children, dtype=np.int32),
        probabilities=means / means.sum(axis=1, keepdims=True),
        counts=np.array([len(rows) for rows in members], dtype=np.int64),
        provenance=provenance or Provenance(),
    )


def _spread(targets: FloatArray) -> float:
    return float(np.sum((targets - targets.mean(axis=0)) ** 2))


def _best_question(x: FloatArray, targets: FloatArray, min_leaf: int) -> _Question | None:
    """The question that gains most; the first number and the lowest threshold where tied."""
    n = len(x)
    if n < 2 * min_leaf:
        return None
    centred = targets - targets.mean(axis=0)
    left = np.arange(1, n)
    best: _Question | None = None
    for d in range(x.shape[1]):
        order = np.argsort(x[:, d], kind="stable")
        values = x[order, d]
        sums = np.cumsum(centred[order], axis=0)[:-1]
        gains = np.sum(sums**2, axis=1) * (1.0 / left + 1.0 / (n - left))
        is_cut = (values[:-1] < values[1:]) & (left >= min_leaf) & (n - left >= min_leaf)
        if not is_cut.any():
            continue
        k = int(np.argmax(np.where(is_cut, gains, -1.0)))
        if best is None or gains[k] > best.gain * (1 + 1e-12):
            middle = 0.5 * (values[k] + values[k + 1])
            cut = float(middle) if middle < values[k + 1] else float(values[k])
            best = _Question(float(gains[k]), d, cut)
    return best
