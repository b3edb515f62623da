"""D-REX: no ranks are given; noise makes them.

Behavioural cloning imitates the demonstrations; acting at random with probability e instead gives trajectories that
are taken to be the worse the larger e is. They are ranked by -e and go the way of ranked trajectories. That noise makes
it worse is an assumption: it fails where cloning is no better than chance, or where an accident helps.

Reference: Brown, Goo and Niekum (2019), Better-than-demonstrator imitation learning via automatically-ranked
demonstrations, CoRL, algorithm 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from telic.errors import SettingsError
from telic.imitation import behavioural_cloning
from telic.mdp import FiniteHorizonMDP, TabularMDP
from telic.planning import simulate
from telic.policies import TabularPolicy
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations
from telic.typing import FloatArray

from .ranked import RankedSegments, ranked_comparisons

__all__ = ["noise_comparisons"]

LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Chances of a random action, from the imitated policy to none of it."""

SAME = 0.05
"""Largest distance between the chances of cloning and of random actions, over visited states, that is no skill."""


def noise_comparisons(
    demos: Demonstrations,
    world: TabularMDP | FiniteHorizonMDP,
    *,
    n_pairs: int,
    key: int,
    noise_levels: Sequence[float | int] = LEVELS,
    n_trajectories: int = 20,
    n_steps: int | None = None,
    smoothing: float | int = 0.5,
    length: tuple[int, int] | None = None,
) -> RankedSegments:
    """Comparisons of imitations with more and with less noise.

    Args:
        demos: unranked demonstrations with states.
        world: in which the imitations are simulated.
        n_pairs: how many comparisons.
        key: random key.
        noise_levels: chances of a random available action, two or more different ones in [0, 1].
        n_trajectories: simulated at each level.
        n_steps: decisions in each; None: the mean number in ``demos``, or the horizon.
        smoothing: of cloning.
        length: least and most decisions of a part; None compares whole trajectories.

    Returns:
        The comparisons; ``trajectories`` are the simulated ones and ``ranks`` minus their noise.

    Raises:
        DataError: the demonstrations do not fit the world.
        SettingsError: a number is out of range.
    """
    levels = np.unique(np.asarray(noise_levels, dtype=np.float64))
    if len(levels) < 2 or not np.all(np.isfinite(levels)) or levels[0] < 0 or levels[-1] > 1:
        raise SettingsError(
            f"`noise_levels` must hold two or more different chances in [0, 1], got {list(noise_levels)}.",
            hint="From 0 (the imitation) to 1 (nothing of it).",
        )
    if n_trajectories < 1:
        raise SettingsError(
            f"`n_trajectories` must be at least 1, got {n_trajectories}.", hint="Twenty a level are usual."
        )
    S, A = world.n_states, world.n_actions
    cloned = behavioural_cloning(demos, S, A, smoothing=smoothing, available=world.availability)
    assert isinstance(cloned, TabularPolicy)
    allowed = world.availability.astype(np.float64)
    random = allowed / np.maximum(allowed.sum(axis=1, keepdims=True), 1.0)
    steps = n_steps
    if steps is None and not isinstance(world, FiniteHorizonMDP):
        steps = max(1, round(demos.n_decisions / demos.n_trajectories))
    seeds = np.random.SeedSequence(key).generate_state(len(levels) + 2)
    starts = _starts(demos, world, n_trajectories, int(seeds[-1]))
    parts = [
        simulate(
            world,
            (1.0 - e) * cloned.table + e * random,
            n_trajectories,
            steps,
            key=int(seed),
            starts=starts,
        )
        for e, seed in zip(levels.tolist(), seeds.tolist(), strict=False)
    ]
    together = _joined(parts, [f"noise {e:g}" for e in levels.tolist()])
    return ranked_comparisons(
        together,
        -np.repeat(levels, n_trajectories),
        n_pairs=n_pairs,
        key=int(seeds[-2]),
        length=length,
        findings=_findings(demos, cloned.table, random),
    )


def _starts(
    demos: Demonstrations, world: TabularMDP | FiniteHorizonMDP, n: int, key: int
) -> np.ndarray | None:
    """First states drawn from the demonstrations where the world has no law of them."""
    if world.initial is not None:
        return None
    states, _ = demos.require_states()
    filled = np.diff(demos.offsets) > 0
    first = states[demos.offsets[:-1][filled]]
    return np.asarray(np.random.default_rng(key).choice(first, size=n))


def _joined(parts: list[Demonstrations], names: list[str]) -> Demonstrations:
    """All levels as one set of trajectories, named for their level."""
    offsets = [parts[0].offsets[:1]]
    for part in parts:
        offsets.append(offsets[-1][-1] + part.offsets[1:])
    stacked = [part.require_states() for part in parts]
    return replace(
        parts[0],
        actions=np.concatenate([p.actions for p in parts]),
        offsets=np.concatenate(offsets),
        states=np.concatenate([s for s, _ in stacked]),
        next_states=np.concatenate([s for _, s in stacked]),
        trajectory_ids=np.array(
            [f"{name}, {i}" for name, p in zip(names, parts, strict=True) for i in p.trajectory_ids],
            dtype=object,
        ),
        demonstrators=np.concatenate([p.demonstrators for p in parts]),
        terminated=np.concatenate([p.terminated for p in parts]),
        truncated=np.concatenate([p.truncated for p in parts]),
    )


def _findings(demos: Demonstrations, cloned: FloatArray, random: FloatArray) -> tuple[Finding, ...]:
    assumed = Finding(
        code="noise-is-worse",
        severity=Severity.NOTICE,
        message="That more noise is worse is assumed, not seen: the ranks come from the noise.",
        hint="Look at what each level of noise collects of every feature before you trust the weights.",
    )
    states, _ = demos.require_states()
    far = float(0.5 * np.abs(cloned - random)[states].sum(axis=1).mean())
    if far > SAME:
        return (assumed,)
    return (
        assumed,
        Finding(
            code="cloning-is-noise",
            severity=Severity.WARNING,
            message=f"The imitated policy is next to random (mean total variation {far:.3f} in the states visited): "
            "noise changes little, so the ranks mean little.",
            hint="Use demonstrations of some skill, or ranks that someone gave.",
            evidence={"total_variation": far},
        ),
    )
