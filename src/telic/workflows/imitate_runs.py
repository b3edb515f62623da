"""What ``imitate`` does: one function a method, from decisions to a policy with its score."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from telic.errors import SettingsError
from telic.evaluation.calibration import calibration as calibrated
from telic.evaluation.log_probs import decision_probabilities
from telic.imitation import behavioural_cloning
from telic.policies import NetworkPolicy, TabularPolicy
from telic.policies.ensemble import EnsemblePolicy
from telic.policies.heads import CategoricalHead, GaussianHead
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations
from telic.trajectories.splits import source_index

from .clone_scores import (
    MEAN,
    POLICY,
    Score,
    amount_scores,
    choice_scores,
    constant_policy,
    gain,
    probabilities,
    repeats,
)
from .imitate_data import ImitateData
from .methods import Method
from .offered_states import placed
from .progress import Progress

__all__ = ["Learned", "learn"]

CHECKPOINT_EVERY = 10
"""Looks between checkpoints of a network."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Learned:
    """What a run came to.

    Attributes:
        policy: the policy.
        columns: what its inputs are, in order.
        headline: the result in a sentence.
        held_out: its score, JSON-able; None: nothing was kept for one.
        calibration: JSON-able; None: likewise.
        curve: metric to one number a look; None: there is no training.
        observations: rows to hold an exported model against.
        files: further files beside the policy.
        findings: what was noticed.
    """

    policy: NetworkPolicy | EnsemblePolicy | TabularPolicy
    columns: tuple[str, ...]
    headline: str
    held_out: dict[str, Any] | None
    calibration: dict[str, Any] | None
    curve: dict[str, list[float]] | None = None
    observations: Any = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def learn(
    method: Method,
    data: ImitateData,
    settings: Mapping[str, Any],
    key: int,
    *,
    folder: Path,
    sink: Callable[[int, Mapping[str, float]], None],
    progress: Progress,
) -> Learned:
    """The policy of a method.

    Args:
        method: of those that this verb runs.
        data: decisions.
        settings: all of the method.
        key: random key.
        folder: for checkpoints.
        sink: takes looks done and the metrics.
        progress: told how far the work is.

    Raises:
        KeyboardInterrupt: the run was stopped after its last state was kept.
    """
    run: Callable[..., Learned] = {"counts": _counts, "cloning": _cloning}[method.name]
    return run(data, dict(settings), key, folder, sink, progress)


def _counts(
    data: ImitateData, settings: dict[str, Any], key: int, folder: Path, sink: Any, progress: Progress
) -> Learned:
    del key, folder, sink
    if data.amounts:
        raise SettingsError("Counts are of choices, and `amounts` are asked for.", hint="method: cloning")
    found = placed(data.contract, data.demos, scale=1.0, held_out=data.contract.data.held_out)
    space, available = found.space, found.available
    train, kept = (
        space.encode(d) if found.sets is None else space.encode(found.sets.on(d)) for d in data.parts
    )
    policy = behavioural_cloning(train, space.n_states, train.n_actions, available=available, **settings)
    assert isinstance(policy, TabularPolicy)
    progress("counting", 1, 1, f"{space.n_states:,} states")
    held_out = calibration = None
    notes = [*found.findings]
    if kept.n_decisions:
        table = decision_probabilities(policy, kept)
        states, _ = kept.require_states()
        held_out = _choice_score(table, train, kept, states.astype(np.int64))
        told = calibrated(policy, kept)
        calibration, notes = told.to_json(), [*notes, *told.findings]
    return Learned(
        policy=policy,
        columns=("state",),
        headline=_headline(held_out, is_choice=True),
        held_out=held_out,
        calibration=calibration,
        files={"states.json": (json.dumps(space.to_mapping()) + "\n").encode()},
        findings=(*notes, *_nothing_kept(kept)),
    )


def _cloning(
    data: ImitateData, settings: dict[str, Any], key: int, folder: Path, sink: Any, progress: Progress
) -> Learned:
    from telic.neural.engine import import_engine

    import_engine()
    from telic.imitation.cloning import CloneSettings, clone
    from telic.imitation.cloning_problem import prepared
    from telic.imitation.examples import Examples

    from .checkpoints import Checkpoints

    train, kept = data.parts
    amounts = list(data.amounts) or None
    examples = Examples.from_demonstrations(train, columns=data.columns, amounts=amounts)
    head: Any
    if data.amounts:
        low, high = zip(*data.amounts.values(), strict=True)
        head = GaussianHead(low=low, high=high, n_components=data.n_components)
    else:
        examples.head()  # refuses experts who only ever did one thing
        head = CategoricalHead(n_actions=train.n_actions)
    chosen = CloneSettings(**settings)
    checkpoints = Checkpoints(folder, prepared(examples, head=head, settings=chosen, key=key).learner, key)
    resume = checkpoints.latest()
    found = clone(
        examples,
        head=head,
        settings=chosen,
        key=key,
        checkpoint=checkpoints,
        checkpoint_every=CHECKPOINT_EVERY,
        progress=lambda i, n, metrics: progress(
            "training",
            i,
            n,
            f"held-out loss {metrics['held_out_loss']:.4g}, best {metrics['best_held_out_loss']:.4g}",
        ),
        sink=sink,
        resume=resume,
    )
    policy = found.policy
    assert isinstance(policy, (NetworkPolicy, EnsemblePolicy))
    held_out = calibration = rows = None
    if kept.n_decisions:
        scored = Examples.from_demonstrations(kept, columns=data.columns, amounts=amounts)
        rows = scored.observations
        if isinstance(head, GaussianHead):
            held_out, calibration = _amount_score(policy, examples, scored, kept, head)
        else:
            table = probabilities(policy, rows)
            held_out = _choice_score(table, train, kept, repeats(rows))
            nowhere = np.full(kept.n_decisions, -1, dtype=np.int32)
            numbered = np.arange(kept.n_decisions, dtype=np.int32)
            as_rows = replace(kept, states=numbered, next_states=nowhere)
            calibration = calibrated(TabularPolicy(table=table), as_rows).to_json()
    history = found.trained.history
    return Learned(
        policy=policy,
        columns=examples.names,
        headline=_headline(held_out, is_choice=not data.amounts),
        held_out=held_out,
        calibration=calibration,
        curve={
            "first_look": [found.trained.n_steps - len(history["loss"]) + 1],
            "updates_a_look": [chosen.every],
            "loss": history["loss"].tolist(),
            "held_out_loss": history["held_out_loss"].tolist(),
        },
        observations=examples.observations if rows is None else rows,
        findings=(*checkpoints.findings, *found.findings, *_not_offered(data.demos), *_nothing_kept(kept)),
    )


def _choice_score(table: Any, train: Demonstrations, kept: Demonstrations, seen: Any) -> dict[str, Any]:
    learned = np.ones(train.n_decisions) if train.weights is None else train.weights
    scores = choice_scores(
        table, train.actions.astype(np.int64), learned, kept.actions.astype(np.int64), seen
    )
    return _told(scores, kept, is_choice=True)


def _amount_score(
    policy: NetworkPolicy | EnsemblePolicy,
    examples: Any,
    scored: Any,
    kept: Demonstrations,
    head: GaussianHead,
) -> tuple[dict[str, Any], dict[str, Any]]:
    from telic.imitation.calibration import calibration, log_likelihood

    x, done = scored.observations, scored.actions
    plain = constant_policy(examples.actions, examples.weights.astype(np.float64), head, x.shape[1])
    told = {name: (log_likelihood(p, scored), p.mode(x)) for name, p in ((POLICY, policy), (MEAN, plain))}
    scores = amount_scores(told, head, done, repeats(x))
    return _told(scores, kept, is_choice=False), {"coverage": dict(calibration(policy, scored).coverage)}


def _told(scores: tuple[Score, ...], kept: Demonstrations, *, is_choice: bool) -> dict[str, Any]:
    who = source_index(kept)[kept.trajectory_index].astype(np.int64)
    weights = np.ones(kept.n_decisions) if kept.weights is None else kept.weights
    return {
        "n_decisions": kept.n_decisions,
        "n_trajectories": kept.n_trajectories,
        "is_choice": is_choice,
        "scores": [score.told(who, weights, is_choice=is_choice) for score in scores],
        "gain": gain(scores[0], scores[1], who, weights),
    }


def _headline(held_out: dict[str, Any] | None, *, is_choice: bool) -> str:
    if held_out is None:
        return "A policy was learned; no decisions were kept to score it by."
    first, second = held_out["scores"][:2]
    n = held_out["n_decisions"]
    if is_choice:
        return (
            f"In {first['agreement']:.1%} of {n:,} decisions that it did not learn from the policy does what experts"
            f" did; always doing what they do most, {second['agreement']:.1%}."
        )
    return (
        f"Over {n:,} decisions that it did not learn from the policy is {first['distance']:.3g} half ranges off what"
        f" experts did; the mean amount, {second['distance']:.3g}."
    )


def _nothing_kept(kept: Demonstrations) -> tuple[Finding, ...]:
    if kept.n_decisions:
        return ()
    return (
        Finding(
            code="no-score",
            severity=Severity.WARNING,
            message="No decisions were kept for a score, so nothing says how well the policy tells others.",
            hint="Give at least two trajectories, and `data.held_out` above 0 in the contract.",
        ),
    )


def _not_offered(demos: Demonstrations) -> tuple[Finding, ...]:
    if demos.offered is None or bool(demos.offered.all()):
        return ()
    n = int(np.sum(~demos.offered.all(axis=1)))
    return (
        Finding(
            code="choice-sets-not-used",
            severity=Severity.WARNING,
            message=f"At {n:,} decisions not everything could be taken; the network does not know that.",
            hint="`method: counts` keeps to what can be taken in each state.",
            evidence={"decisions": n},
        ),
    )
