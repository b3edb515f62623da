"""Demonstrations to ask for: from which state, and in which changed world, decisions would tell most.

Changed worlds are those that a project knows: the parts of a contract that names environments, this world with one
action taken away, and other project folders with the same features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from telic.errors import DynamicsError
from telic.inference.elicitation import (
    AtStake,
    DemonstrationQuestion,
    Environment,
    EnvironmentQuestion,
    QuestionRanking,
    WeightBelief,
    rank_environments,
    rank_starts,
)
from telic.mdp import TabularMDP
from telic.reports import Finding, Severity

from .elicit_settings import ElicitSettings
from .elicit_sheet import SURE, question_id
from .problem import Problem

__all__ = ["Watching", "watching"]

MOST_STARTS = 40
"""States of the log that are looked at."""

N_DRAWS = 300
"""Draws for which the forward problem is solved in each world."""

AS_IT_IS = "the world as it is"


@dataclass(frozen=True, kw_only=True, eq=False)
class Watching:
    """Demonstrations to ask for.

    Attributes:
        questions: JSON form of each: start states, then worlds, of either the one that tells most first.
        told: kind to what candidates of it tell on average.
        findings: what to have in mind.
    """

    questions: tuple[dict[str, Any], ...]
    told: dict[str, dict[str, float]]
    findings: tuple[Finding, ...]


def watching(
    problem: Problem,
    at_stake: AtStake,
    belief: WeightBelief,
    settings: ElicitSettings,
    steps: int,
    *,
    others: Sequence[tuple[str, Problem]] = (),
) -> Watching:
    """The demonstrations that would tell most.

    Args:
        problem: the world as it is, and the states of the log.
        at_stake: claims and trade-offs.
        belief: what is believed now.
        settings: which kinds of question, how many, random key.
        steps: decisions of a demonstration.
        others: name and problem of other projects.

    Raises:
        FeatureError: another project has other features.
    """
    kinds = [kind for kind in ("demonstration", "environment") if kind in settings.kinds]
    world = problem.world
    if not kinds or not isinstance(world, TabularMDP):
        left_out = (_no_horizon(),) if kinds else ()
        return Watching(questions=(), told={}, findings=left_out)
    shared: dict[str, Any] = {
        "steps": steps,
        "rationality": settings.rationality,
        "least_gain": settings.least_gain,
        "n_draws": N_DRAWS,
        "key": settings.key,
        "at_stake": at_stake,
    }
    ranked: list[QuestionRanking] = []
    notes: list[Finding] = []
    if "demonstration" in kinds:
        states = _states_of_log(problem, settings.key)
        ranked.append(rank_starts(belief, world, problem.features, states=states, top=len(states), **shared))
    if "environment" in kinds:
        worlds, notes = _worlds(problem, world, others)
        if len(worlds) > 1:
            ranked.append(rank_environments(belief, worlds, top=len(worlds), **shared))
    told = {r.kind: _at_random(r) for r in ranked if r.questions}
    kept = [f for r in ranked for f in r.findings if f.code not in ("tied-questions", "no-question-tells")]
    return Watching(
        questions=tuple(
            _told(q, world) for r in ranked if r.outcome.ok for q in r.questions[: settings.n_questions]
        ),
        told=told,
        findings=(*notes, *kept),
    )


def _no_horizon() -> Finding:
    return Finding(
        code="no-demonstrations-ranked",
        severity=Severity.NOTICE,
        message="Demonstrations are ranked in a discounted world; this contract has a horizon.",
        hint="Ask comparisons.",
    )


def _states_of_log(problem: Problem, key: int) -> list[int]:
    """States in which somebody decided something, at most 40 of them."""
    seen = np.unique(problem.train.require_states()[0])
    if len(seen) > MOST_STARTS:
        seen = np.sort(np.random.default_rng(key).choice(seen, MOST_STARTS, replace=False))
    absorbing = getattr(problem.world, "absorbing", None)
    return [int(s) for s in seen if absorbing is None or not absorbing[s]]


def _worlds(
    problem: Problem, world: TabularMDP, others: Sequence[tuple[str, Problem]]
) -> tuple[list[Environment], list[Finding]]:
    """This world and the changed ones, with a finding for each that cannot be made."""
    start = world.initial if world.initial is not None else _starts_of_log(problem)
    features = problem.features
    found = [Environment(name=AS_IT_IS, mdp=world, features=features, initial=start)]
    for part in problem.environments:
        inside = np.zeros(world.n_states)
        inside[part.states] = start[part.states]
        if inside.sum() > 0:
            found.append(
                Environment(name=part.label, mdp=world, features=features, initial=inside / inside.sum())
            )
    notes = []
    for k, label in enumerate(world.action_labels):
        name = f"this world without {label}"
        try:
            changed = _without(world, k)
        except DynamicsError as error:
            notes.append(
                Finding(
                    code="world-left-out",
                    severity=Severity.INFO,
                    message=f"{name[0].upper()}{name[1:]} is no world: {error.message}",
                )
            )
        else:
            found.append(Environment(name=name, mdp=changed, features=features, initial=start))
    for name, other in others:
        if not isinstance(other.world, TabularMDP):
            raise DynamicsError(
                f"The contract of {name} has a horizon; worlds to watch somebody in are discounted.",
                hint="Leave it out.",
            )
        initial = other.world.initial if other.world.initial is not None else _starts_of_log(other)
        found.append(Environment(name=name, mdp=other.world, features=other.features, initial=initial))
    return found, notes


def _starts_of_log(problem: Problem) -> np.ndarray:
    """``(S,)`` distribution of the first states of the trajectories."""
    some = np.diff(problem.train.offsets) > 0
    first = problem.train.require_states()[0][problem.train.offsets[:-1][some]]
    count = np.bincount(first, minlength=problem.world.n_states).astype(np.float64)
    return np.asarray(count / count.sum())


def _without(world: TabularMDP, action: int) -> TabularMDP:
    """The world in which an action cannot be taken.

    Raises:
        DynamicsError: some state would have no action left.
    """
    if world.n_actions < 3:
        raise DynamicsError(
            "there is nothing left to choose from.", hint="Ask for a demonstration in another world."
        )
    available = world.availability.copy()
    available[:, action] = False
    rows = sp.diags_array(available.ravel().astype(np.float64), format="csr")
    return replace(world, transition=sp.csr_array(rows @ world.transition), available=available)


def _at_random(ranking: QuestionRanking) -> dict[str, float]:
    """What the candidates tell on average; the mean of their errors is no less than the error of the mean."""
    gains = np.array([q.gain for q in ranking.questions])
    low, high = np.quantile(gains, [0.1, 0.9])
    return {
        "mean": float(gains.mean()),
        "standard_error": float(np.mean([q.standard_error for q in ranking.questions])),
        "low": float(low),
        "high": float(high),
        "n_candidates": ranking.n_candidates,
        "limit": ranking.limit,
    }


def _told(question: Any, world: TabularMDP) -> dict[str, Any]:
    assert isinstance(question, DemonstrationQuestion | EnvironmentQuestion)
    if isinstance(question, DemonstrationQuestion):
        s = question.state
        where = world.state_labels[s] if world.state_labels else f"state {s}"
    else:
        where = question.environment
    error = SURE * question.standard_error
    return {
        **question.to_json(),
        "id": question_id(where, str(question.steps)),
        "where": where,
        "interval": [max(question.gain - error, 0.0), question.highest_gain + error],
        "settles": dict(question.settles),
        "narrows": dict(question.narrows),
        "tells": dict(question.tells),
    }
