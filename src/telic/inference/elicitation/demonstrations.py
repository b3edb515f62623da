"""The best state to start the next demonstration from, ranked by what the decisions would tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from telic.errors import DataError, SettingsError
from telic.features import FeatureMap
from telic.mdp import TabularMDP
from telic.reports import Finding, Outcome, Severity
from telic.typing import FloatArray

from .at_stake import AtStake
from .belief import WeightBelief
from .information import sampling_error
from .questions import DemonstrationQuestion
from .ranking import LEAST_GAIN, QuestionRanking, check_settings, rank
from .rollouts import RolloutGain, picked_draws, rollout_gain, soft_policies

__all__ = ["rank_starts"]

N_DRAWS = 400
"""Draws for which the forward problem is solved."""


def rank_starts(
    belief: WeightBelief,
    mdp: TabularMDP,
    features: FeatureMap,
    *,
    states: Sequence[int] | None = None,
    steps: int = 1,
    rationality: float | int = 1.0,
    top: int = 5,
    least_gain: float | int = LEAST_GAIN,
    n_draws: int = N_DRAWS,
    key: int = 0,
    at_stake: AtStake | None = None,
) -> QuestionRanking:
    """The start states from which a demonstration is expected to tell most.

    Args:
        belief: draws or grid.
        mdp: the world of the demonstration.
        features: of the reward, in this world.
        states: that may be asked about; None: all in which a decision is taken.
        steps: decisions of the demonstration. 1 is exact over the draws; more are a nested average with its bounds.
        rationality: of the expert.
        top: questions to keep.
        least_gain: nats under which a demonstration is not worth asking for.
        n_draws: for which the forward problem is solved.
        key: of the random numbers.
        at_stake: claims and trade-offs to say for each question what it would settle or narrow.

    Raises:
        DataError: there is no state, or one that does not exist or in which nothing is decided.
        FeatureError: the features are not of this world or belief.
        NumericalError: the draws are used up.
        SettingsError: a setting is out of range.
    """
    check_settings(top, least_gain, rationality)
    check_steps(steps)
    chosen = _states(mdp, states)
    weights = picked_draws(belief, n_draws, key)
    log_policies, outcome = soft_policies(mdp, features, weights, rationality)
    if not outcome.ok:
        return unanswered("demonstration", outcome, len(chosen), least_gain, "this world")
    is_exact = belief.is_exact and weights is belief.weights
    found = []
    quantities = None if at_stake is None else at_stake.values(weights)
    for s in chosen:
        initial = np.zeros(mdp.n_states)
        initial[s] = 1.0
        found.append(
            rollout_gain(
                mdp, log_policies, initial, steps, key=key + 1, is_exact=is_exact, quantities=quantities
            )
        )
    lower = np.stack([f.lower for f in found])
    order = np.argsort(-lower.mean(axis=1), kind="stable")
    lower, upper = lower[order], np.stack([f.upper for f in found])[order].mean(axis=1)
    n_used = len(weights)
    errors = np.zeros(len(chosen)) if is_exact and steps == 1 else sampling_error(lower, belief, n_used)

    def make(i: int) -> DemonstrationQuestion:
        s = chosen[int(order[i])]
        place = mdp.state_labels[s] if mdp.state_labels else f"state {s}"
        many = "decision" if steps == 1 else f"{steps} decisions"
        return DemonstrationQuestion(
            words=f"What would you do from {place}? Please show your next {many}.",
            gain=float(max(lower[i].mean(), 0.0)),
            standard_error=float(errors[i]),
            highest_gain=float(max(upper[i], lower[i].mean(), 0.0)),
            state=s,
            steps=steps,
            **effect_of(found[int(order[i])], belief, weights, at_stake),
        )

    return rank(
        "demonstration",
        belief,
        lower,
        errors,
        make,
        n_candidates=len(chosen),
        top=top,
        least_gain=least_gain,
        n_used=n_used,
        highest=np.maximum(upper, lower.mean(axis=1)),
    )


def effect_of(
    found: RolloutGain, belief: WeightBelief, picked: FloatArray, at_stake: AtStake | None
) -> dict[str, Any]:
    """What rollouts of the ``(n, K)`` picked draws settle and narrow, as fields of a question; none where nothing was
    asked for.
    """
    if at_stake is None or found.means is None or found.squares is None:
        return {}
    n = len(found.means)
    effect = at_stake.effect(belief, np.full(n, 1.0 / n), found.means, found.squares, picked=picked)
    return {"settles": effect.settles, "narrows": effect.narrows, "tells": effect.tells}


def check_steps(steps: int) -> None:
    """That a rollout has a decision.

    Raises:
        SettingsError: it has none.
    """
    if steps < 1:
        raise SettingsError(
            f"`steps` must be at least 1 decision, got {steps}.", hint="Watch a decision or more."
        )


def unanswered(
    kind: str, outcome: Outcome, n_candidates: int, least_gain: float | int, where: str
) -> QuestionRanking:
    """No ranking, because the forward problem of some draw has no solution."""
    return QuestionRanking(
        kind=kind,
        criterion="information",
        outcome=outcome,
        questions=(),
        n_candidates=n_candidates,
        n_tied=0,
        limit=float("nan"),
        least_gain=float(least_gain),
        effective_draws=0.0,
        findings=(unsolved(where, outcome),),
    )


def unsolved(where: str, outcome: Outcome) -> Finding:
    """The finding that a forward problem was not solved."""
    return Finding(
        code="forward-problem-unsolved",
        severity=Severity.ERROR,
        message=f"Some draw of the weights has no soft policy in {where} ({outcome.label}). {outcome.value}",
        hint="Use a discount below 1, a narrower belief, or leave the environment out.",
        evidence={"outcome": outcome.label},
    )


def _states(mdp: TabularMDP, states: Sequence[int] | None) -> list[int]:
    decides = np.ones(mdp.n_states, dtype=bool) if mdp.absorbing is None else ~mdp.absorbing
    if states is None:
        return [int(s) for s in np.flatnonzero(decides)]
    if not len(states):
        raise DataError(
            "There are no start states to ask about: the pool is empty.",
            hint="Leave `states` out to rank all.",
        )
    for s in states:
        if not 0 <= s < mdp.n_states:
            raise DataError(
                f"Start state {s} does not exist; there are {mdp.n_states} (numbered from 0).",
                hint="Give states of this world.",
            )
        if not decides[s]:
            raise DataError(
                f"Nothing is decided in state {s}: the problem ends there.", hint="Leave it out of the pool."
            )
    return [int(s) for s in states]
