"""What a course of action collects and where it stops, from each state, exactly.

An option that begins in ``s`` collects and leads to, discounted by the decisions that it takes,

    r(s, o)     = sum_a pi(a|s) [R(s, a) + gamma sum_x P(x|s, a) (1 - beta(x)) r(x, o)],
    p(y|s, o)   = gamma sum_a pi(a|s) sum_x P(x|s, a) [(1 - beta(x)) p(y|x, o) + beta(x) 1(x = y)],

two sparse linear systems with one matrix, ``I - gamma P_pi (1 - beta)``; with a limit of n decisions, n sweeps.

References:
    Sutton, Precup and Singh (1999), Between MDPs and semi-MDPs, Artificial Intelligence 112, 181-211, sections 3 and 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float

from telic.errors import DynamicsError, SettingsError
from telic.mdp import TabularMDP
from telic.policies import TabularPolicy
from telic.policies.options import Option
from telic.typing import BoolArray, FloatArray

from .absorption import can_reach
from .bellman import allowed_pairs, check_reward, policy_chain
from .linear import PolicySystem, choose_method
from .solutions import require

__all__ = ["OptionModels", "option_models"]

NEGLIGIBLE = 1e-14
"""Probabilities of stopping somewhere that are below this are rounding, and not kept."""

MOST_NUMBERS = 50_000_000
"""Of a dense table of where one option stops."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OptionModels:
    """What each option does, from each state.

    Attributes:
        reward: ``(S, O)`` expected discounted reward until it stops; 0 where it may not begin.
        transition: ``(S * O, S)`` CSR, discounted probability of where it stops: rows sum to ``E[gamma^k]``.
        allowed: ``(S, O)`` where it may begin.
        discount: gamma of the world.
    """

    reward: Float[np.ndarray, "S O"]
    transition: sp.csr_array
    allowed: BoolArray
    discount: float


def option_models(
    mdp: TabularMDP, reward: Float[np.ndarray, "S A"], options: Sequence[Option]
) -> OptionModels:
    """What options collect and where they stop.

    Args:
        mdp: the world.
        reward: of each pair.
        options: their policies are tables, their probabilities to stop numbers or tables.

    Raises:
        DynamicsError: an option does not fit the world, walks into states in which it says nothing, or, undiscounted,
            never stops; the reward has another shape.
        NumericalError: a system could not be solved.
        SettingsError: there is no option.
    """
    R, S, O = check_reward(reward, mdp), mdp.n_states, len(options)
    if not O:
        raise SettingsError("There must be at least one option, got none.", hint="See `primitive_options`.")
    collected, leads, allowed = np.zeros((S, O)), [], np.zeros((S, O), dtype=bool)
    for o, option in enumerate(options):
        model = _model(mdp, R, option)
        allowed[:, o] = model.begins
        collected[:, o] = np.where(model.begins, model.reward, 0.0)
        leads.append(sp.csr_array(sp.diags_array(model.begins.astype(np.float64)) @ model.transition))
    rows = np.arange(S * O).reshape(O, S).T.ravel()  # from option by option to state by state
    return OptionModels(
        reward=collected,
        transition=sp.csr_array(sp.vstack(leads, format="csr")[rows]),
        allowed=allowed,
        discount=float(mdp.discount),
    )


class _Model(NamedTuple):
    begins: BoolArray
    reward: FloatArray
    transition: sp.csr_array


def _model(mdp: TabularMDP, reward: FloatArray, option: Option) -> _Model:
    """One option: where it may begin, what it collects and where it stops."""
    ends = np.zeros(mdp.n_states, dtype=bool) if mdp.absorbing is None else mdp.absorbing
    begins = (~ends if option.begins is None else option.begins & ~ends).copy()
    pi, stops = _table(option, mdp), _stops(option, ends)
    if option.begins is None:
        begins &= pi.sum(axis=1) > 0
    chain = policy_chain(mdp.transition, pi)
    going = sp.csr_array(chain @ sp.diags_array(1.0 - stops))
    going.eliminate_zeros()
    # Where it may come to while it runs; elsewhere its policy does not count.
    reached = can_reach(sp.csr_array(going.T), begins)
    _require_whole(option, going, begins, reached, pi.sum(axis=1) > 0, float(mdp.discount))
    kept = sp.diags_array(reached.astype(np.float64))
    going, chain = sp.csr_array(kept @ going), sp.csr_array(kept @ chain)
    now = np.where(reached, (pi * np.where(pi > 0, reward, 0.0)).sum(axis=1), 0.0)
    stopping = sp.csr_array(mdp.discount * (chain @ sp.diags_array(stops)))
    stopping.eliminate_zeros()
    going.eliminate_zeros()
    if not going.nnz:
        return _Model(begins, now, stopping)
    if option.longest is not None:
        r, p = now, sp.csr_array(mdp.discount * chain)  # at the last decision it stops wherever it comes to
        for _ in range(option.longest - 1):
            r, p = now + mdp.discount * (going @ r), sp.csr_array(stopping + mdp.discount * (going @ p))
        return _Model(begins, r, p)
    columns = np.unique(stopping.indices)
    if mdp.n_states * len(columns) > MOST_NUMBERS:
        raise DynamicsError(
            f"Option {option.name!r} may stop in {len(columns):,} of {mdp.n_states:,} states, which is too many for"
            " an exact model.",
            hint="Let it stop in fewer, give it `longest`, or learn by trying (`telic.planning.rl.options`).",
        )
    system = PolicySystem(chain=going, discount=float(mdp.discount), method=choose_method(going))
    answer = system.report(np.column_stack([now, stopping[:, columns].toarray()]))
    require(answer.outcome, ())
    found = sp.csr_array(np.where(answer.x[:, 1:] > NEGLIGIBLE, answer.x[:, 1:], 0.0))
    p = sp.csr_array((found.data, columns[found.indices], found.indptr), shape=going.shape)
    return _Model(begins, answer.x[:, 0], p)


def _table(option: Option, mdp: TabularMDP) -> FloatArray:
    """``(S, A)`` what the option does; 0 where nothing is decided, or what it says cannot be done."""
    S, A = mdp.n_states, mdp.n_actions
    if not isinstance(option.policy, TabularPolicy) or option.policy.table.shape != (S, A):
        raise DynamicsError(
            f"Option {option.name!r} must follow a table of shape ({S}, {A}) to be planned with.",
            hint="Tabulate its policy over the states.",
        )
    if option.begins is not None and (option.begins.shape != (S,) or option.begins.dtype != bool):
        raise DynamicsError(
            f"`begins` of option {option.name!r} must be {S} booleans, got shape {option.begins.shape} of"
            f" {option.begins.dtype}.",
            hint="One flag a state.",
        )
    allowed, table = allowed_pairs(mdp), option.policy.table
    if allowed is None:
        return table
    impossible = np.asarray((table > 0) & ~allowed).any(axis=1, keepdims=True)
    return np.where(impossible, 0.0, table)


def _stops(option: Option, ends: BoolArray) -> FloatArray:
    """``(S,)`` probability to stop on arriving; 1 where the problem ends."""
    if hasattr(option.stops, "log_prob"):
        raise DynamicsError(
            f"Option {option.name!r} must stop by a number or a table of states to be planned with.",
            hint="Tabulate it: `option.stop_prob(np.arange(n_states))`.",
        )
    stops = np.asarray(option.stops, dtype=np.float64)
    if stops.ndim and stops.shape != ends.shape:
        raise DynamicsError(
            f"Option {option.name!r} must have one probability to stop a state ({len(ends)}), got shape"
            f" {stops.shape}.",
            hint="One number holds everywhere.",
        )
    return np.where(ends, 1.0, stops)


def _require_whole(
    option: Option,
    going: sp.csr_array,
    begins: BoolArray,
    reached: BoolArray,
    runs: BoolArray,
    discount: float,
) -> None:
    """Refuse an option that comes, while it runs, to where it says nothing, or undiscounted never stops."""
    lost = np.flatnonzero((reached | begins) & ~runs)
    if len(lost):
        raise DynamicsError(
            f"Option {option.name!r} says nothing that can be done in {len(lost)} states in which it runs (first:"
            f" {lost[:5].tolist()}).",
            hint="Let it stop on arriving there, or say what it does.",
            states=lost[:20].tolist(),
        )
    if discount >= 1.0 and option.longest is None:
        leaves = np.asarray(going.sum(axis=1)).ravel() < 1.0 - 1e-12
        forever = np.flatnonzero(reached & ~can_reach(going, leaves))
        if len(forever):
            raise DynamicsError(
                f"Option {option.name!r} never stops from {len(forever)} states (first: {forever[:5].tolist()}).",
                hint="Give it `longest`, or a probability to stop.",
                states=forever[:20].tolist(),
            )
