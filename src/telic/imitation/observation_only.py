"""Cloning from observations alone: which action leads from one to the next is learned by trying, then demonstrations
are read with it.

Behavioural cloning from observation (Torabi, Warnell and Stone 2018): (1) random decisions give triples
``(o, a, o')``; (2) an inverse model ``p(a | o, o' - o)`` is cloned from them; (3) it names the likeliest action of each
step of the demonstrations; (4) a policy is cloned from those. Further rounds act by the policy so far, so that the
inverse model learns where the experts are, and repeat (their alpha above 0).

Named actions are guesses: how sure the inverse model is of each is kept apart from them, and decisions of which it is
less sure can be left out.

References:
    Torabi, Warnell and Stone (2018), Behavioral cloning from observation, IJCAI, algorithm 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from telic.errors import DataError, SettingsError
from telic.policies import NetworkPolicy
from telic.policies.ensemble import EnsemblePolicy
from telic.policies.heads import GaussianHead, Head
from telic.typing import FloatArray

from .cloning import Cloned, CloneSettings, clone
from .examples import Examples
from .streams import Streams

__all__ = ["FromObservations", "ObservationSettings", "clone_observations"]


@dataclass(frozen=True, kw_only=True)
class ObservationSettings:
    """How decisions are tried and read.

    Attributes:
        n_tried: decisions of one's own in all, a round as many as another.
        n_rounds: 1: all at random; more: later ones by the policy so far, drawn from it.
        least_sure: named actions of which the inverse model is less sure are left out (choices: their probability).
        inverse: how the inverse model is cloned.
        cloning: how the policy is cloned.
    """

    n_tried: int = 5_000
    n_rounds: int = 1
    least_sure: float = 0.0
    inverse: CloneSettings = field(default_factory=lambda: CloneSettings(n_updates=5_000))
    cloning: CloneSettings = field(default_factory=lambda: CloneSettings(n_updates=5_000))

    def __post_init__(self) -> None:
        if self.n_rounds < 1 or self.n_tried < self.n_rounds:
            raise SettingsError(
                f"There must be at least one round and one decision each, got {self.n_rounds} and {self.n_tried}.",
                hint="5000 decisions in one round is the default.",
            )
        if not 0 <= self.least_sure < 1 or self.inverse.n_back:
            raise SettingsError(
                f"`least_sure` must lie in [0, 1), got {self.least_sure}, and the inverse model sees two observations.",
                hint="0 keeps every decision.",
            )


@dataclass(frozen=True, kw_only=True)
class FromObservations:
    """What it came to.

    Attributes:
        cloned: the policy.
        inverse: the model that named the actions.
        actions: named action of each step of the demonstrations, with ``rows`` saying which rows those are.
        sureness: of each: its probability (choices), or its standard deviation in half ranges, mean over dimensions.
        rows: ``(m,)`` rows of the demonstrations that another of the same trajectory follows.
        n_tried: decisions of one's own.
    """

    cloned: Cloned
    inverse: Cloned
    actions: np.ndarray
    sureness: FloatArray
    rows: np.ndarray
    n_tried: int


def clone_observations(
    observations: ArrayLike,
    offsets: ArrayLike,
    streams: Streams,
    *,
    head: Head,
    settings: ObservationSettings | None = None,
    key: int = 0,
) -> FromObservations:
    """A policy from what experts saw, without what they did.

    Args:
        observations: ``(n, D)`` flat rows, the last of each trajectory included.
        offsets: ``(N + 1,)`` where trajectories begin.
        streams: where decisions can be tried.
        head: family of actions.
        settings: see there.
        key: random key of the whole run.

    Raises:
        DataError: no trajectory has two observations, or nothing is sure enough.
    """
    settings = ObservationSettings() if settings is None else settings
    x, off = np.asarray(observations, dtype=np.float32), np.asarray(offsets, dtype=np.int64)
    follows = np.ones(len(x), dtype=bool)
    follows[off[1:][np.diff(off) > 0] - 1] = False
    rows = np.flatnonzero(follows)
    if not len(rows):
        raise DataError(
            "No trajectory has two observations, so no action can be read from them.",
            hint="Give the observations after the last decision too.",
        )
    pairs = np.concatenate([x[rows], x[rows + 1] - x[rows]], axis=1)
    trajectory = np.searchsorted(off, rows, side="right") - 1
    tried: Examples | None = None
    policy: NetworkPolicy | EnsemblePolicy | None = None
    for i in range(settings.n_rounds):
        new = _try(streams, head, policy, settings.n_tried // settings.n_rounds, key + 1_000 * i)
        tried = new if tried is None else tried.joined(new)
        inverse = clone(tried, head=head, settings=settings.inverse, key=key + i)
        reader = inverse.policy
        assert isinstance(reader, NetworkPolicy | EnsemblePolicy)
        actions = np.asarray(reader.mode(pairs))
        sure = _sureness(reader, pairs, actions)
        kept = sure >= settings.least_sure if head.is_discrete else np.ones(len(rows), dtype=bool)
        if not kept.any():
            raise DataError(
                f"The inverse model is sure of none of {len(rows)} actions (largest: {sure.max():.3g}).",
                hint="Try more decisions, or lower `least_sure`.",
            )
        counts = np.bincount(trajectory[kept], minlength=len(off) - 1)
        read = Examples.from_arrays(
            x[rows[kept]], actions[kept], offsets=np.concatenate([[0], np.cumsum(counts)])
        )
        cloned = clone(read, head=head, settings=settings.cloning, key=key + i)
        if not settings.cloning.n_back:
            policy = cloned.policy  # type: ignore[assignment]
    return FromObservations(
        cloned=cloned,
        inverse=inverse,
        actions=actions,
        sureness=sure,
        rows=rows,
        n_tried=tried.n_decisions,  # type: ignore[union-attr]
    )


def _try(
    streams: Streams, head: Head, policy: NetworkPolicy | EnsemblePolicy | None, n: int, key: int
) -> Examples:
    """Triples of one's own as examples of the inverse model, each its own trajectory of one stream."""
    rng = np.random.default_rng(key)
    seen, done = [], []
    observations = streams.reset(int(rng.integers(0, 2**31)))
    for t in range(-(-n // streams.n_streams)):
        if policy is None:
            actions = _at_random(head, len(observations), rng)
        else:
            actions = np.asarray(policy.sample(observations, key * 7_919 + t))
        made = streams.step(actions)
        seen.append(np.concatenate([observations, made.after - observations], axis=1))
        done.append(actions)
        observations = made.following
    n_steps, n_streams = len(seen), streams.n_streams
    by_stream = np.stack(seen).swapaxes(0, 1).reshape(n_steps * n_streams, -1)
    actions = np.stack(done).swapaxes(0, 1)
    return Examples.from_arrays(
        by_stream,
        actions.reshape(n_steps * n_streams, *actions.shape[2:]),
        offsets=np.arange(0, n_steps * n_streams + 1, n_steps),
    )


def _at_random(head: Head, n: int, rng: np.random.Generator) -> np.ndarray:
    if isinstance(head, GaussianHead):
        return rng.uniform(head.low, head.high, (n, head.n_dimensions)).astype(np.float32)
    outputs = np.zeros((n, head.n_outputs), dtype=np.float32)
    noise = head.noise((n,), lambda shape: rng.gumbel(size=shape), lambda shape: rng.normal(size=shape))
    return np.asarray(head.sample(outputs, noise)).astype(np.int32)


def _sureness(reader: NetworkPolicy | EnsemblePolicy, pairs: NDArray[Any], actions: np.ndarray) -> FloatArray:
    if reader.head.is_discrete:
        return np.exp(np.asarray(reader.log_prob(pairs, actions), dtype=np.float64))
    head = reader.head
    assert isinstance(head, GaussianHead)
    members = reader.members if isinstance(reader, EnsemblePolicy) else (reader,)
    spreads = [np.exp(head.parameters(m.outputs(pairs))[2]).mean(axis=(-2, -1)) for m in members]
    spread: FloatArray = np.mean(spreads, axis=0).astype(np.float64)
    return spread
