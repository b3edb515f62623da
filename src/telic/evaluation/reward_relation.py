"""How two rewards are related, by what must be done to one to get the other.

Where two rewards order all policies of a world alike, one is a positive multiple of the other plus a difference ``D``
that no policy's return notices: ``D(s,a) = gamma E[Phi(S') | s,a] - Phi(s)`` with the potential ``Phi = -V_D``, V_D the
value of D under any policy. What D is decides what the agreement is worth:

- nothing, or a constant in a problem that goes on for ever: the rewards are one;
- ``gamma Phi(s') - Phi(s)`` of the same transition: shaping, which leaves choices alone in every dynamics;
- only in the mean over s': the two agree *here*, and may come apart when the dynamics change.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from telic.mdp import TabularMDP
from telic.planning import policy_value
from telic.reports.numbers import json_value
from telic.rewards import TabularReward
from telic.typing import FloatArray

from .canonical import decision_pairs, uniform_policy
from .reward_distance import RewardDistance, starc_distance
from .reward_forms import RewardLike, WorldReward, as_reward

__all__ = ["Relation", "RewardRelation", "reward_relation"]

CLOSE = 1e-7
"""Largest STARC distance, and share of the reward's size, that is taken for none."""


class Relation(enum.Enum):
    """What must be done to one reward to get the other; the value is the sentence."""

    IDENTICAL = "are the same wherever there is a choice"
    SCALE = "differ only by a positive factor"
    SHIFT = "differ only by a constant and a positive factor"
    SHAPING = "differ only by shaping (and a positive factor): choices agree in every dynamics"
    HERE = (
        "order all policies of this world alike, but not as shaping of transitions: "
        "in other dynamics they may disagree"
    )
    OPPOSITE = "are opposite: one orders all policies as the other, turned round"
    DIFFERENT = "order some policies differently"
    TRIVIAL = "cannot be compared: one of them prefers no policy to any other"


@dataclass(frozen=True, kw_only=True, eq=False)
class RewardRelation:
    """The relation with the numbers behind it.

    Attributes:
        relation: see ``Relation``.
        distance: the STARC distance, uniform coverage.
        scale: positive factor of the first that brings it to the size of the second; NaN where a reward is trivial.
        potential: ``(S,)`` Phi of what is then added; None unless the two order policies alike.
    """

    relation: Relation
    distance: RewardDistance
    scale: float
    potential: FloatArray | None = None

    def to_json(self) -> dict[str, Any]:
        """The relation as JSON-able values."""
        return {
            "relation": self.relation.name.lower(),
            "sentence": f"The rewards {self.relation.value}.",
            "starc": json_value(self.distance.value),
            "scale": json_value(self.scale),
            "potential": json_value(self.potential),
        }


def reward_relation(first: RewardLike, second: RewardLike, mdp: TabularMDP) -> RewardRelation:
    """What must be done to the first reward to get the second, in this world.

    Args:
        first: anything that ``as_reward`` reads.
        second: the same.
        mdp: the world.

    Raises:
        DynamicsError: a reward does not fit the world.
    """
    a, b = as_reward(first, mdp, name="first"), as_reward(second, mdp, name="second")
    distance = starc_distance(a, b, mdp)
    if min(distance.sizes) == 0.0:
        return RewardRelation(relation=Relation.TRIVIAL, distance=distance, scale=float("nan"))
    scale = distance.sizes[1] / distance.sizes[0]
    if distance.value > CLOSE:
        opposite = distance.cosine <= -1.0 + CLOSE**2 and distance.value >= 1.0 - CLOSE
        kind = Relation.OPPOSITE if opposite else Relation.DIFFERENT
        return RewardRelation(relation=kind, distance=distance, scale=scale)
    pairs = decision_pairs(mdp)
    size = float(np.abs(b.expected(mdp)[pairs]).max())
    difference = np.where(pairs, b.expected(mdp) - scale * a.expected(mdp), 0.0)
    potential = -policy_value(mdp, uniform_policy(mdp), difference)
    return RewardRelation(
        relation=_kind(a, b, mdp, scale, difference, potential, CLOSE * size),
        distance=distance,
        scale=scale,
        potential=potential,
    )


def _kind(
    a: WorldReward,
    b: WorldReward,
    mdp: TabularMDP,
    scale: float,
    difference: FloatArray,
    potential: FloatArray,
    small: float,
) -> Relation:
    P = mdp.transition
    pairs = decision_pairs(mdp)
    rows = np.repeat(np.arange(P.shape[0]), np.diff(P.indptr))
    chosen = pairs.ravel()[rows]
    gap = _on_transitions(b, mdp, rows) - scale * _on_transitions(a, mdp, rows)
    if np.abs(gap[chosen]).max() <= small:
        return Relation.IDENTICAL if abs(scale - 1.0) <= CLOSE else Relation.SCALE
    values = difference[pairs]
    if np.abs(gap[chosen] - values.mean()).max() <= small:
        return Relation.SHIFT
    shaping = mdp.discount * potential[P.indices] - potential[rows // mdp.n_actions]
    reach = small + CLOSE * float(np.abs(potential).max())
    return Relation.SHAPING if np.abs((gap - shaping)[chosen]).max() <= reach else Relation.HERE


def _on_transitions(reward: WorldReward, mdp: TabularMDP, rows: np.ndarray) -> FloatArray:
    """The reward of every possible transition, in the order of the world's CSR."""
    if isinstance(reward, TabularReward) and not isinstance(reward.values, np.ndarray):
        table: Any = sp.csr_array(reward.values)
        return np.asarray(table[rows, mdp.transition.indices], dtype=np.float64).ravel()
    return np.asarray(reward.expected(mdp).ravel()[rows])
