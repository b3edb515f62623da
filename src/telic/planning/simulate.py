"""Trajectories of a policy in a world, all advanced together, one time step a pass.

Next states are drawn by inverting the cumulative distribution of each row; the cost of a pass is that of the
trajectories still running, in numpy, with no loop over trajectories.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from telic.errors import DataError, DynamicsError, SettingsError
from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
from telic.policies import TabularPolicy
from telic.trajectories import Demonstrations
from telic.typing import BoolArray, FloatArray

from .goals import SoftGoalSolution

__all__ = ["simulate", "simulate_goals"]


def simulate(
    mdp: TabularMDP | FiniteHorizonMDP,
    policy: TabularPolicy | Float[np.ndarray, "..."],
    n_trajectories: int,
    n_steps: int | None = None,
    *,
    key: int,
    starts: Int[np.ndarray, "N"] | None = None,
    max_steps: int = 100_000,
) -> Demonstrations:
    """Demonstrations drawn from a policy.

    Args:
        mdp: the world. With a horizon every trajectory has H decisions and is *terminated*.
        policy: table ``(S, A)``, or ``(H, S, A)`` with a horizon; probabilities.
        n_trajectories: how many.
        n_steps: decisions in each, unless it is absorbed earlier; None: until absorbed (needs absorbing
            states).
        key: random key; the same key gives the same trajectories.
        starts: first state of each trajectory; default drawn from ``mdp.initial``.
        max_steps: limit for ``n_steps=None``; trajectories still running then are *truncated*.

    Returns:
        Demonstrations with states, next states and how each ended. Trajectories that start absorbed are
        empty.

    Raises:
        DataError: the policy does not fit the world, takes unavailable actions, or says nothing where a
            trajectory comes.
        DynamicsError: there is neither an initial distribution nor ``starts``.
        SettingsError: a number is out of range, or nothing would ever end the trajectories.
    """
    table = policy.table if isinstance(policy, TabularPolicy) else np.asarray(policy, dtype=np.float64)
    S, A = mdp.n_states, mdp.n_actions
    shapes = [(S, A), (mdp.horizon, S, A)] if isinstance(mdp, FiniteHorizonMDP) else [(S, A)]
    if table.shape not in shapes:
        raise DataError(
            f"`policy` must have shape {' or '.join(map(str, shapes))}, got {table.shape}.",
            hint="Pass `solution.policy`.",
        )
    absorbing = None if isinstance(mdp, FiniteHorizonMDP) else mdp.absorbing
    _check_table(table, mdp.availability, absorbing)
    if isinstance(mdp, FiniteHorizonMDP):
        limit = mdp.horizon if n_steps is None else min(n_steps, mdp.horizon)
    elif n_steps is None:
        if absorbing is None or not absorbing.any():
            raise SettingsError(
                "`n_steps` must be given: this world has no absorbing states.",
                hint="Say how many decisions each trajectory has.",
            )
        limit = max_steps
    else:
        limit = n_steps
    if n_trajectories < 0 or limit < 0:
        raise SettingsError(
            f"`n_trajectories` and `n_steps` must not be negative, got {n_trajectories} and {n_steps}.",
            hint="Give counts.",
        )
    rng = np.random.default_rng(key)
    first = _starts(mdp, n_trajectories, starts, rng)
    stop = np.zeros(S, dtype=bool) if absorbing is None else absorbing
    cumulative = np.cumsum(table, axis=-1)
    successors = _Successors(transition=mdp.transition)

    def choose(t: int, _running: np.ndarray, s: np.ndarray) -> np.ndarray:
        rows = cumulative[s] if cumulative.ndim == 2 else cumulative[t, s]
        silent = np.unique(s[rows[:, -1] <= 0])
        if len(silent):
            raise DataError(
                f"Trajectories come to {len(silent)} states where the policy says nothing "
                f"(first: {silent[:5].tolist()}).",
                hint="Give those states a distribution, or mark them absorbing.",
                states=silent[:20].tolist(),
            )
        return _draw(rows, rng.random(len(s)))

    rows, done = _advance(first, choose, successors, A, lambda _running, s: stop[s], limit, rng)
    ended = np.full(n_trajectories, limit == mdp.horizon) if isinstance(mdp, FiniteHorizonMDP) else done
    return _demonstrations(rows, n_trajectories, A, mdp.action_labels, ended, None)


def simulate_goals(
    mdp: GoalConditionedMDP,
    solution: SoftGoalSolution,
    starts: Int[np.ndarray, "N"],
    goals: Int[np.ndarray, "N"],
    *,
    key: int,
    max_steps: int = 100_000,
) -> Demonstrations:
    """Demonstrations of travellers who each go to their own destination.

    Args:
        mdp: the world.
        solution: soft values of (at least) these goals.
        starts: first state of each trajectory.
        goals: destination state of each trajectory.
        key: random key.
        max_steps: trajectories still running then are *truncated*.

    Raises:
        DataError: a destination was not solved for, or cannot be reached from its start.
    """
    first, ends = np.asarray(starts, dtype=np.int64), np.asarray(goals, dtype=np.int64)
    index = {int(g): i for i, g in enumerate(solution.goals.tolist())}
    missing = sorted({int(g) for g in ends.tolist()} - set(index))
    if missing:
        raise DataError(
            f"No solution for destinations {missing[:6]}.",
            hint="Pass them to `solve_soft_goals`.",
            goals=missing,
        )
    which = np.array([index[int(g)] for g in ends.tolist()], dtype=np.int64)
    lost = np.flatnonzero(~np.isfinite(solution.value[which, first]))
    if len(lost):
        pairs = [(int(first[i]), int(ends[i])) for i in lost[:5]]
        raise DataError(
            f"{len(lost)} destinations cannot be reached from their starts (first: {pairs}).",
            hint="Choose starts from which the goal can be reached.",
            rows=lost[:20].tolist(),
        )
    A = mdp.n_actions
    rng = np.random.default_rng(key)
    successors = _Successors(transition=mdp.transition)

    def choose(t: int, running: np.ndarray, s: np.ndarray) -> np.ndarray:  # noqa: ARG001
        out = np.empty(len(s), dtype=np.int64)
        u = rng.random(len(s))
        mine = which[running]
        for i_goal in np.unique(mine):
            at = np.flatnonzero(mine == i_goal)
            pi = np.exp(solution.log_policy_rows(int(i_goal), s[at]))
            out[at] = _draw(np.cumsum(pi, axis=-1), u[at])
        return out

    rows, done = _advance(first, choose, successors, A, lambda running, s: s == ends[running], max_steps, rng)
    return _demonstrations(rows, len(first), A, mdp.action_labels, done, ends)


def _check_table(table: FloatArray, available: BoolArray, absorbing: BoolArray | None) -> None:
    TabularPolicy(table=table)  # probabilities, row by row
    wrong = ((table > 0) & ~available).any(axis=-1)
    if wrong.ndim == 2:
        wrong = wrong.any(axis=0)
    if absorbing is not None:
        wrong = wrong & ~absorbing
    if wrong.any():
        bad = np.flatnonzero(wrong)
        raise DataError(
            f"`policy` takes unavailable actions in {len(bad)} states (first: {bad[:5].tolist()}).",
            hint="Renormalise it over the available actions.",
            states=bad[:20].tolist(),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Successors:
    """Draws next states from rows of a transition matrix."""

    transition: sp.csr_array
    cumulative: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        # Cumulated within each row and shifted by the number of the row: one search over all rows at once.
        # With ten million rows that rounds probabilities to about 2e-9.
        P = self.transition
        total = np.concatenate([[0.0], np.cumsum(P.data)])
        lengths = np.diff(P.indptr)
        inside = total[1:] - np.repeat(total[P.indptr[:-1]], lengths)
        object.__setattr__(self, "cumulative", inside + 2.0 * np.repeat(np.arange(len(lengths)), lengths))

    def draw(self, rows: np.ndarray, u: FloatArray) -> np.ndarray:
        P = self.transition
        low, high = P.indptr[rows], P.indptr[rows + 1] - 1
        position = np.searchsorted(self.cumulative, 2.0 * rows + u, side="right")
        return np.asarray(P.indices[np.clip(position, low, high)])


def _advance(
    first: np.ndarray,
    choose: Callable[[int, np.ndarray, np.ndarray], np.ndarray],
    successors: _Successors,
    A: int,
    ends: Callable[[np.ndarray, np.ndarray], np.ndarray],
    limit: int,
    rng: np.random.Generator,
) -> tuple[list[np.ndarray], BoolArray]:
    """``(columns trajectory, state, action, next state in time order, whether each ended)``."""
    N = len(first)
    state = first.astype(np.int64)
    done = np.asarray(ends(np.arange(N), state))
    columns: list[list[np.ndarray]] = [[], [], [], []]
    for t in range(limit):
        running = np.flatnonzero(~done)
        if not len(running):
            break
        s = state[running]
        a = choose(t, running, s)
        nxt = successors.draw(s * A + a, rng.random(len(s)))
        for column, part in zip(columns, (running, s, a, nxt), strict=True):
            column.append(part.astype(np.int32 if part is not running else np.int64))
        state[running] = nxt
        done[running] = ends(running, nxt)
    flat = [np.concatenate(c) if c else np.zeros(0, dtype=np.int64) for c in columns]
    return flat, done


def _demonstrations(
    rows: list[np.ndarray],
    N: int,
    A: int,
    labels: tuple[str, ...],
    ended: BoolArray,
    goals: np.ndarray | None,
) -> Demonstrations:
    order = np.argsort(rows[0], kind="stable")
    lengths = np.bincount(rows[0], minlength=N) if N else np.zeros(0, dtype=np.int64)
    keywords: dict[str, Any] = {} if goals is None else {"goals": goals}
    return Demonstrations.from_arrays(
        rows[1][order],
        rows[2][order],
        next_states=rows[3][order],
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        action_labels=labels or tuple(str(a) for a in range(A)),
        terminated=ended,
        **keywords,
    )


def _draw(cumulative: FloatArray, u: FloatArray) -> np.ndarray:
    last = cumulative.shape[-1] - 1
    chosen = (u[:, None] * cumulative[:, -1:] >= cumulative).sum(axis=-1)
    return np.asarray(np.minimum(chosen, last))


def _starts(
    mdp: TabularMDP | FiniteHorizonMDP, N: int, starts: np.ndarray | None, rng: np.random.Generator
) -> np.ndarray:
    if starts is not None:
        first = np.asarray(starts, dtype=np.int64)
        if first.shape != (N,) or (N and (first.min() < 0 or first.max() >= mdp.n_states)):
            raise DataError(
                f"`starts` must hold {N} states below {mdp.n_states}, got shape {first.shape}.",
                hint="One first state per trajectory.",
            )
        return first
    if mdp.initial is None:
        raise DynamicsError(
            "A simulation needs an initial distribution and the world has none.",
            hint="Give the world an `initial` distribution or pass `starts`.",
        )
    drawn = np.searchsorted(np.cumsum(mdp.initial), rng.random(N) * mdp.initial.sum(), side="right")
    return np.asarray(np.minimum(drawn, mdp.n_states - 1))
