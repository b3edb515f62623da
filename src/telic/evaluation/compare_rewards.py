"""Rewards side by side: how far apart they are, how each two are related, what each leaves open, whom each agrees with.

Any two or more rewards of one world: tables, functions, or ours. A reward that was inferred brings its gauge and the
directions that the data could not tell. Distances do not notice shaping, scale and shift, so most of those directions
do no harm; one that moves the canonical form does, and is counted: along it the distance is whatever one likes.
Rewards picked in different gauges are refused, unless the caller asks to have them flagged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from telic.errors import DataError, SettingsError
from telic.mdp import TabularMDP
from telic.reports import Outcome
from telic.rewards import LinearReward, RewardEstimate, RewardPosterior
from telic.trajectories import Comparisons, Demonstrations
from telic.typing import FloatArray

from .canonical import canonical_by_value
from .comparison_findings import (
    accuracy_findings,
    carried_findings,
    distinct,
    gauge_findings,
    open_findings,
    pair_findings,
    too_large_finding,
)
from .preference_accuracy import preference_accuracy, trajectory_returns
from .reward_comparison import RewardComparison, RewardFacts
from .reward_distance import DISTANCES, TRIVIAL, dard_distance, epic_distance, starc_distance
from .reward_forms import RewardLike, WorldReward, as_reward, holds_triples
from .reward_relation import Relation, RewardRelation, reward_relation

__all__ = ["compare_rewards"]

GAUGES = ("refuse", "flag")
"""What is done about rewards in different gauges."""

OPEN = 1e-8
"""Share of a null direction that must survive in the canonical form to count as open."""


def compare_rewards(
    rewards: Mapping[str, RewardLike],
    world: TabularMDP,
    *,
    comparisons: Comparisons | None = None,
    demonstrations: Demonstrations | None = None,
    new_world: TabularMDP | None = None,
    starc_coverage: str | FloatArray = "uniform",
    epic_coverage: str | FloatArray = "uniform",
    dard_coverage: str | FloatArray = "dynamics",
    policy: Float[np.ndarray, "S A"] | None = None,
    mixed_gauges: str = "refuse",
) -> RewardComparison:
    """Two or more rewards of one world side by side.

    Args:
        rewards: name to reward: a ``RewardEstimate``, ``RewardPosterior`` (by its mean), ``LinearReward`` or
            ``TabularReward``; an array ``(S,)``,
            ``(S, A)`` or ``(S, A, S)``, or CSR ``(S * A, S)``; or a function ``(states, actions, next_states) ->
            values`` of index arrays.
        world: where they are compared.
        comparisons: held-out answers; none of the rewards was made from them.
        demonstrations: the trajectories that the comparisons refer to, with states of this world.
        new_world: another world of the same states and actions that the rewards are to be used in.
        starc_coverage: which pairs count, see ``starc_distance``.
        epic_coverage: which transitions count, see ``epic_distance``.
        dard_coverage: which transitions count, see ``dard_distance``.
        policy: whose value levels the rewards for STARC; default every available action alike.
        mixed_gauges: ``"refuse"``, or ``"flag"`` to compare estimates in different gauges under a warning.

    Raises:
        DataError: comparisons come without demonstrations, or with others.
        DynamicsError: a reward does not fit a world.
        GaugeError: two estimates were picked in different gauges.
        NumericalError: the draws of a posterior are not an answer.
        SettingsError: fewer than two rewards, or a setting out of range.
    """
    if len(rewards) < 2:
        raise SettingsError(
            f"A comparison needs at least two rewards, got {len(rewards)}.",
            hint="Name each: {'a': ..., 'b': ...}.",
        )
    if mixed_gauges not in GAUGES:
        raise SettingsError(
            f"`mixed_gauges` must be 'refuse' or 'flag', got {mixed_gauges!r}.", hint="Use 'refuse'."
        )
    names = tuple(rewards)
    findings = gauge_findings(rewards, mixed_gauges)
    forms = [as_reward(given, world, name=name) for name, given in rewards.items()]
    facts = [
        _facts(name, rewards[name], form, world, policy) for name, form in zip(names, forms, strict=True)
    ]
    findings += [f for r in facts for f in open_findings(r)]
    if comparisons is not None:
        returns = _returns(forms, comparisons, demonstrations, world)
        accuracies = [preference_accuracy(each, comparisons) for each in returns]
        facts = [replace(r, accuracy=a) for r, a in zip(facts, accuracies, strict=True)]
        findings += accuracy_findings(facts)
    is_small = holds_triples(world)
    if not is_small:
        findings.append(too_large_finding(world))
    matrices = {
        kind: np.zeros((len(names), len(names))) for kind in (DISTANCES if is_small else DISTANCES[:1])
    }
    relations: dict[tuple[int, int], RewardRelation] = {}
    for i in range(len(names)):
        for j in range(i + 1, len(names)):
            measured = {
                "starc": starc_distance(forms[i], forms[j], world, coverage=starc_coverage, policy=policy)
            }
            if is_small:
                measured["epic"] = epic_distance(forms[i], forms[j], world, coverage=epic_coverage)
                measured["dard"] = dard_distance(forms[i], forms[j], world, coverage=dard_coverage)
            for kind, found in measured.items():
                matrices[kind][i, j] = matrices[kind][j, i] = found.value
            relations[i, j] = reward_relation(forms[i], forms[j], world)
            findings += pair_findings((names[i], names[j]), relations[i, j], measured)
    elsewhere = None
    if new_world is not None:
        elsewhere = _elsewhere(forms, new_world)
        findings += carried_findings(names, forms, world, new_world, relations, elsewhere)
    defined = [r for r in relations.values() if r.relation is not Relation.TRIVIAL]
    return RewardComparison(
        rewards=tuple(facts),
        distances=matrices,
        relations=relations,
        elsewhere=elsewhere,
        outcome=Outcome.SUCCESS if defined else Outcome.TRIVIAL,
        findings=tuple(sorted(distinct(findings), key=lambda f: -f.severity)),
    )


def _facts(
    name: str, given: RewardLike, form: WorldReward, world: TabularMDP, policy: FloatArray | None
) -> RewardFacts:
    alone = starc_distance(form, form, world, policy=policy)
    nullity, moving = None, None
    if isinstance(given, (RewardEstimate, RewardPosterior)):
        nullity = given.nullity
        if isinstance(form, LinearReward):
            moving = sum(_survives(form, row, world) for row in given.null_directions)
    return RewardFacts(
        name=name,
        form=form.form,
        is_trivial=alone.sizes[0] == 0.0,
        size=alone.sizes[0],
        nullity=nullity,
        open_directions=moving,
    )


def _survives(reward: LinearReward, direction: FloatArray, world: TabularMDP) -> bool:
    """Whether moving the weights along a null direction moves the canonical form."""
    moved = LinearReward(features=reward.features, weights=np.asarray(direction, dtype=np.float64))
    form = canonical_by_value(moved, world)
    return bool(np.abs(form).max() > max(OPEN, TRIVIAL) * np.abs(moved.expected(world)).max())


def _returns(
    forms: Sequence[WorldReward],
    comparisons: Comparisons,
    demonstrations: Demonstrations | None,
    world: TabularMDP,
) -> list[FloatArray]:
    if demonstrations is None:
        raise DataError(
            "Comparisons came without the trajectories that they compare.",
            hint="Pass `demonstrations` as well.",
        )
    if comparisons.dataset and comparisons.dataset != demonstrations.digest:
        raise DataError(
            "The comparisons refer to other demonstrations (the digests differ).",
            hint="Pass the demonstrations that were compared.",
            expected=comparisons.dataset,
            got=demonstrations.digest,
        )
    return [trajectory_returns(form, demonstrations, world) for form in forms]


def _elsewhere(forms: Sequence[WorldReward], new_world: TabularMDP) -> FloatArray:
    n = len(forms)
    matrix = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1, n):
            matrix[i, j] = matrix[j, i] = starc_distance(forms[i], forms[j], new_world).value
    return matrix
