"""Recorded transitions with rewards: what learners that may not try are given.

A row is what was observed, what was done, the reward for it, what was observed after, and whether the task ended. Rows
whose outcome was not seen are left out and counted: a value beyond them cannot be learned. A row at which the task
ended needs no outcome, for nothing is worth anything beyond an end.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from telic._core.hashing import digest_array, digest_columns
from telic.errors import DataError
from telic.policies.heads import CategoricalHead, GaussianHead
from telic.rewards import LinearReward, MeasuredReward, TabularReward
from telic.trajectories import Demonstrations

from .recorded import observed, refuse_what_is_not_used, rewards_of

__all__ = ["Rows", "Transitions"]

MEND = "Mend the reward at those rows, or leave them out."

NAMED = 20
"""Rows at most that an error names."""


class Rows(NamedTuple):
    """Transitions as compiled code holds them.

    Attributes:
        observation: ``(n, D)`` scaled to ``(x - shift) / scale``.
        action: ``(n,)`` int32 index, or ``(n, K)`` amounts scaled to [-1, 1].
        reward: ``(n,)`` for it.
        after: ``(n, D)`` observed after it, scaled likewise.
        goes_on: ``(n,)`` 0 where the task ended there, else 1.
        shift: ``(D,)`` of observations.
        scale: ``(D,)``.
    """

    observation: Any
    action: Any
    reward: Any
    after: Any
    goes_on: Any
    shift: Any
    scale: Any


@dataclass(frozen=True, kw_only=True, eq=False)
class Transitions:
    """Rows of recorded decisions with their rewards and outcomes.

    Attributes:
        observations: ``(n, D)`` float32 before the action.
        actions: ``(n,)`` int32 indices, or ``(n, K)`` float32 amounts in their own unit.
        rewards: ``(n,)`` float32 for it.
        next_observations: ``(n, D)`` float32 after it; of no consequence where ``terminated``.
        terminated: ``(n,)`` whether the task ended with this row; a cut is no end.
        head: what actions are: ``CategoricalHead``, or ``GaussianHead`` with the bounds of each amount.
        names: of the D observations.
        n_unknown: rows left out because their outcome was not seen.
    """

    observations: NDArray[np.float32]
    actions: NDArray[Any]
    rewards: NDArray[np.float32]
    next_observations: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    head: CategoricalHead | GaussianHead
    names: tuple[str, ...]
    n_unknown: int = 0

    def __post_init__(self) -> None:
        n = len(self.rewards)
        if not n:
            raise DataError(
                f"There are no transitions with a known outcome ({self.n_unknown} rows were left out).",
                hint="Record what follows each decision: `next_observations` with `next_known`.",
            )
        shape = (n, len(self.names))
        for name in ("observations", "next_observations"):
            if getattr(self, name).shape != shape:
                raise DataError(
                    f"`{name}` must have shape {shape}, got {getattr(self, name).shape}.",
                    hint="One row a decision, one column an observation.",
                )
            finite = np.isfinite(getattr(self, name)).all(axis=1)
            _refuse(
                ~finite, f"`{name}` must be finite", "Leave those rows out, or fill in what was not measured."
            )
        if self.rewards.shape != (n,) or self.terminated.shape != (n,):
            raise DataError(
                f"`rewards` and `terminated` must have shape ({n},), got {self.rewards.shape} and"
                f" {self.terminated.shape}.",
                hint="One number a decision.",
            )
        _refuse(~np.isfinite(self.rewards), "`rewards` must be finite", MEND)
        if isinstance(self.head, CategoricalHead):
            self._check_indices(n)
        else:
            self._check_amounts(n)

    def __len__(self) -> int:
        """Number of rows n."""
        return len(self.rewards)

    @classmethod
    def from_arrays(
        cls,
        observations: ArrayLike,
        actions: ArrayLike,
        rewards: ArrayLike,
        next_observations: ArrayLike,
        terminated: ArrayLike,
        head: CategoricalHead | GaussianHead,
        *,
        next_known: ArrayLike | None = None,
        names: tuple[str, ...] | None = None,
    ) -> Transitions:
        """Transitions from columns.

        Args:
            observations: ``(n, D)``.
            actions: ``(n,)`` indices, or ``(n, K)`` amounts.
            rewards: ``(n,)``.
            next_observations: ``(n, D)``; of no consequence where the outcome is not known or the task ended.
            terminated: ``(n,)``.
            head: what actions are.
            next_known: ``(n,)`` False where the outcome was not seen; None: all were.
            names: of the observations; default ``"0", "1", ...``.

        Raises:
            DataError: a shape, a range or a number is wrong; the first rows are named.
        """
        x, after = np.asarray(observations, np.float64), np.asarray(next_observations, np.float64)
        done = np.asarray(terminated, bool)
        known = np.ones(len(x), bool) if next_known is None else np.asarray(next_known, bool)
        a = np.asarray(actions)
        if isinstance(head, CategoricalHead):
            if a.dtype.kind not in "iu":
                raise DataError(
                    f"Actions of a choice must be integers, got {a.dtype}.",
                    hint="Give indices of alternatives.",
                )
            a = a.astype(np.int64)
        r = np.asarray(rewards, np.float64)
        if not len(x) == len(after) == len(done) == len(known) == len(a) == len(r):
            lengths = [len(column) for column in (x, a, r, after, done, known)]
            raise DataError(
                "Observations, actions, rewards, next observations, ends and what is known must be of one length, got"
                f" {lengths}.",
                hint="One row a decision.",
            )
        # Refused before rows are left out, so that an error names the row as the caller counts it.
        _refuse(~np.isfinite(r) & (known | done), "`rewards` must be finite", MEND)
        after = np.where(done[:, None], x, after) if after.shape == x.shape else after
        kept = known | done
        return cls(
            observations=x[kept].astype(np.float32),
            actions=a[kept].astype(np.int32 if isinstance(head, CategoricalHead) else np.float32),
            rewards=r[kept].astype(np.float32),
            next_observations=after[kept].astype(np.float32),
            terminated=done[kept],
            head=head,
            names=tuple(str(i) for i in range(x.shape[-1])) if names is None else names,
            n_unknown=int(np.sum(~kept)),
        )

    @classmethod
    def from_demonstrations(
        cls,
        demos: Demonstrations,
        reward: NDArray[Any] | MeasuredReward | LinearReward | TabularReward,
        *,
        n_states: int | None = None,
    ) -> Transitions:
        """Transitions of demonstrations.

        Observations are the columns in their order, a category as zeros and ones; where there are none, the states as
        zeros and ones.

        Args:
            demos: with what was observed after (``next_observations`` and ``next_known``, or ``next_states``).
            reward: ``(n,)`` as logged, or a reward of ours.
            n_states: of states without observations; default one above the largest.

        Raises:
            DataError: the outcome is nowhere known, decisions are weighted or an attacker's, or a number is wrong.
        """
        refuse_what_is_not_used(demos)
        x, after, known, names = observed(demos, n_states)
        done = np.zeros(demos.n_decisions, bool)
        ends = demos.offsets[1:][np.diff(demos.offsets) > 0] - 1
        done[ends] = demos.terminated[np.diff(demos.offsets) > 0]
        rewards, is_known = rewards_of(demos, reward)
        return cls.from_arrays(
            x,
            demos.actions,
            rewards,
            after,
            done & is_known,
            CategoricalHead(n_actions=demos.n_actions),
            next_known=known & is_known,
            names=names,
        )

    def rows(self, *, is_scaled: bool = True) -> Rows:
        """The rows as compiled code takes them.

        Args:
            is_scaled: bring observations to mean 0 and standard deviation 1; those that never move stay as they are.
        """
        import jax.numpy as jnp

        shift, scale = self.normaliser if is_scaled else (0 * self.normaliser[0], 0 * self.normaliser[1] + 1)
        action = self.actions
        if isinstance(self.head, GaussianHead):
            action = (self.actions - self.head.middle) / self.head.half
        return Rows(
            observation=jnp.asarray((self.observations - shift) / scale),
            action=jnp.asarray(action),
            reward=jnp.asarray(self.rewards),
            after=jnp.asarray((self.next_observations - shift) / scale),
            goes_on=jnp.asarray(1.0 - self.terminated.astype(np.float32)),
            shift=jnp.asarray(shift),
            scale=jnp.asarray(scale),
        )

    @cached_property
    def normaliser(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """``(D,)`` mean and standard deviation (1 where there is none) of observations."""
        mean = self.observations.mean(axis=0, dtype=np.float64)
        sd = self.observations.std(axis=0, dtype=np.float64)
        moves = sd > 1e-6 * (1.0 + np.abs(mean))
        return np.where(moves, mean, 0.0).astype(np.float32), np.where(moves, sd, 1.0).astype(np.float32)

    @cached_property
    def digest(self) -> str:
        """Digest of all columns and of what actions are."""
        columns = ("observations", "actions", "rewards", "next_observations", "terminated")
        words = np.array([repr(self.head), *self.names], dtype=object)
        return digest_columns(
            {**{c: digest_array(getattr(self, c)) for c in columns}, "form": digest_array(words)}
        )

    def _check_indices(self, n: int) -> None:
        if self.actions.shape != (n,):
            raise DataError(
                f"Actions of a choice must have shape ({n},), got {self.actions.shape}.",
                hint="One index a decision.",
            )
        A = self.head.n_actions  # type: ignore[union-attr]
        outside = (self.actions < 0) | (self.actions >= A)
        _refuse(
            outside, f"Actions must lie in 0..{A - 1}", "Give the head as many alternatives as there are."
        )

    def _check_amounts(self, n: int) -> None:
        head = self.head
        assert isinstance(head, GaussianHead)
        if self.actions.shape != (n, head.n_dimensions):
            raise DataError(
                f"Actions must have shape ({n}, {head.n_dimensions}), got {self.actions.shape}.",
                hint="One column a dimension of the action, as many as the head has bounds.",
            )
        scaled = (self.actions - head.middle) / head.half
        outside = ~(np.abs(scaled) <= 1.0 + 1e-5).all(axis=1)
        _refuse(
            outside,
            "Actions must be finite and lie between the bounds of the head",
            "Give the bounds that held when the data were recorded, or clip the actions that were carried out.",
        )


def _refuse(bad: NDArray[np.bool_], what: str, hint: str) -> None:
    rows = np.flatnonzero(bad)
    if len(rows):
        raise DataError(
            f"{what}; {len(rows)} rows are not (first: row {rows[0]}).", hint=hint, rows=rows[:NAMED].tolist()
        )
