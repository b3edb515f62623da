"""Dynamics from demonstrations, with a sensible law also for pairs of state and action that were never tried.

**Tables of integers** (``n_states`` given). Integers have no neighbours, so the only help is the same state
under other actions:

    p(s'|s,a) = (n(s,a,s') + c p0(s'|s)) / (n(s,a) + c),    p0(s'|s) = n(s,s') / n(s).

A state that was never left stays where it is. No mass goes to a transition that was never seen.

**Spaces of measurements** (``StateSpace`` given). The observations that the contract declares exogenous
(``affected_by_action: false``) move jointly by themselves, the others jointly given state and action, the two
parts independently of each other within a step:

    P(x', y' | x, y, a) = p(x'|x) p(y'|x,y,a),
    p(x'|x)     = (n(x,x') + c prod_k p_k(x_k'|x_k)) / (n(x) + c),
    p(y'|x,y,a) = (n(s,a,y') + c prod_k p_k(y_k'|y_k,a)) / (n(s,a) + c),

with ``p_k`` the law of one observation, itself backed off to its displacements given the action, and those to
its displacements whatever the action (``laws``). Products below ``threshold`` are dropped from the back-off
laws and the rest is scaled back to 1, so that rows stay sparse; nothing observed is ever dropped.

Where an observation names the *environment* in which a trajectory happened, the law of each environment is
estimated from its own trajectories alone: the estimated world is then several worlds side by side, between
which nothing leads.

The smoothing ``c`` is a number of decisions. Given the back-off law, each row is the mean of a Dirichlet
posterior with ``n(s,a) + c`` decisions, of which ``draw`` gives samples; ``counts`` keeps what was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from telic.errors import DataError, SettingsError
from telic.reports import Finding, Provenance, Severity
from telic.trajectories import Demonstrations
from telic.typing import BoolArray, FloatArray

from .discretise import StateSpace
from .exogeneity import exogeneity_findings
from .factored import Transitions, space_law
from .laws import blend_rows
from .tabular import TabularMDP

__all__ = ["DynamicsEstimate", "estimate_dynamics"]


@dataclass(frozen=True, kw_only=True, eq=False)
class DynamicsEstimate:
    """An estimated world and what it rests on.

    Attributes:
        mdp: the estimated world; ``initial`` is the distribution of first states.
        counts: CSR ``(S * A, S)`` weighted numbers of observed transitions.
        transition_log_likelihood: of the observed transitions under ``mdp`` (nats, in sample).
        n_transitions: transitions whose next state is known.
        smoothing: pseudo-count c of each row, in decisions.
        findings: pairs without data, dropped mass, exogeneity.
    """

    mdp: TabularMDP
    counts: sp.csr_array
    transition_log_likelihood: float
    n_transitions: int
    smoothing: float
    findings: tuple[Finding, ...] = ()

    @property
    def pair_counts(self) -> FloatArray:
        """``(S, A)`` weighted number of transitions seen from each pair."""
        return np.asarray(self.counts.sum(axis=1), dtype=np.float64).reshape(
            self.mdp.n_states, self.mdp.n_actions
        )

    def draw(self, key: int) -> TabularMDP:
        """A world drawn from the Dirichlet posterior of the rows, given the back-off laws.

        Args:
            key: random key.
        """
        P = self.mdp.transition
        strength = np.repeat(np.asarray(self.counts.sum(axis=1)).ravel() + self.smoothing, np.diff(P.indptr))
        data = np.random.default_rng(key).gamma(np.maximum(strength * P.data, 1e-300))
        drawn = sp.csr_array((data, P.indices.copy(), P.indptr.copy()), shape=P.shape)
        sums = np.asarray(drawn.sum(axis=1)).ravel()
        lost = np.repeat(sums <= 0, np.diff(P.indptr))
        drawn.data = np.where(
            lost, P.data, data / np.repeat(np.where(sums > 0, sums, 1.0), np.diff(P.indptr))
        )
        return replace(self.mdp, transition=drawn)


def estimate_dynamics(
    demos: Demonstrations,
    space: StateSpace | int,
    *,
    discount: float,
    n_actions: int | None = None,
    smoothing: float = 1.0,
    threshold: float = 1e-4,
    available: BoolArray | None = None,
    absorbing: BoolArray | None = None,
    state_labels: Sequence[str] = (),
    exogeneity_level: float | None = 0.05,
    environment: str | None = None,
) -> DynamicsEstimate:
    """The world that the demonstrations show.

    Args:
        demos: with states (``space.encode``); rows without a known next state count nothing here.
        space: the states, or their number for plain tables of integers.
        discount: per decision, of the resulting world.
        n_actions: A; default the number of action labels.
        smoothing: pseudo-count c >= 0, in decisions. More trusts neighbours more; 0 gives plain frequencies
            wherever there is any data.
        threshold: back-off probabilities below it are dropped. Larger makes sparser rows.
        available: ``(S, A)`` pairs that are possible; None: all.
        absorbing: ``(S,)`` for tables of integers; a ``StateSpace`` knows its own.
        state_labels: names for people, for tables of integers.
        exogeneity_level: level of the tests of declared exogeneity; None leaves them out.
        environment: observation of a ``StateSpace``, constant within a trajectory; each of its values gets dynamics
            from its own trajectories. None: one law for all.

    Returns:
        the estimate; its findings say how much of the world rests on neighbours.

    Raises:
        DataError: no transition is known, of all or of one environment, states are out of range, or the environment
            changes within a trajectory.
        DynamicsError: an observation has so many cells that the table of its law would not fit.
        SettingsError: a setting is out of range, or an environment is named for a table of integers.

    References:
        Back-off with a Dirichlet prior: MacKay & Bauman Peto (1995), A hierarchical Dirichlet language model.
    """
    if not (np.isfinite(smoothing) and smoothing >= 0) or not 0 <= threshold < 0.1:
        raise SettingsError(
            f"`smoothing` must be >= 0 and `threshold` in [0, 0.1), got {smoothing} and {threshold}.",
            hint="The usual values are 1 and 1e-4.",
        )
    if environment is not None and not isinstance(space, StateSpace):
        raise SettingsError(
            "States that are integers have no observation that could name the environment.",
            hint="Estimate each environment by itself and fit them with `JointLikelihood`.",
        )
    S = space.n_states if isinstance(space, StateSpace) else int(space)
    A = demos.n_actions if n_actions is None else n_actions
    states, next_states = demos.require_states()
    known = np.flatnonzero(next_states >= 0)
    if not len(known):
        raise DataError(
            "No decision has a known next state, so there are no dynamics to estimate.",
            hint="Trajectories need at least two decisions, or columns with what came after.",
        )
    if states.min() < 0 or max(states.max(), next_states.max()) >= S or demos.actions.max() >= A:
        raise DataError(
            f"States must lie in [0, {S}) and actions in [0, {A}), got up to "
            f"{max(states.max(), next_states.max())} "
            f"and {demos.actions.max()}.",
            hint="Give the sizes of the space that encoded the demonstrations.",
        )
    pairs = states[known].astype(np.int64) * A + demos.actions[known]
    weights = np.ones(len(known)) if demos.weights is None else demos.weights[known]
    counts = sp.csr_array((weights, (pairs, next_states[known])), shape=(S * A, S))
    findings: list[Finding] = []
    if not isinstance(space, StateSpace):
        P = _table_law(counts, S, A, smoothing)
        ends, labels = absorbing, tuple(state_labels)
    else:
        observed = Transitions(
            states=states[known],
            actions=demos.actions[known],
            next_states=next_states[known],
            weights=weights,
        )
        if environment is None:
            P, noticed = space_law(space, observed, n_actions=A, smoothing=smoothing, threshold=threshold)
        else:
            space.require_constant(environment, demos)
            P, noticed = _law_of_each(space, observed, environment, A, smoothing, threshold)
        findings += noticed
        ends, labels = space.absorbing, space.labels
        if exogeneity_level is not None:
            findings += exogeneity_findings(demos, space, level=exogeneity_level)
    possible = np.ones((S, A), dtype=bool) if available is None else available.copy()
    if ends is not None:
        possible[ends] = False
    if not possible.all():
        P = sp.csr_array(sp.diags_array(possible.ravel().astype(np.float64)) @ P)
        P.eliminate_zeros()
    firsts = states[demos.offsets[:-1][np.diff(demos.offsets) > 0]]
    findings.insert(0, _coverage(counts, possible))
    mdp = TabularMDP(
        transition=P,
        n_actions=A,
        discount=discount,
        initial=np.bincount(firsts, minlength=S) / len(firsts),
        available=None if possible.all() else possible,
        absorbing=ends,
        state_labels=labels,
        action_labels=demos.action_labels if len(demos.action_labels) == A else (),
        provenance=Provenance(
            inputs={"demonstrations": demos.digest},
            settings={
                "smoothing": smoothing,
                "threshold": threshold,
                "discount": discount,
                **({} if environment is None else {"environment": environment}),
            },
        ),
    )
    return DynamicsEstimate(
        mdp=mdp,
        counts=counts,
        transition_log_likelihood=_log_likelihood(counts, P),
        n_transitions=len(known),
        smoothing=smoothing,
        findings=tuple(findings),
    )


def _law_of_each(
    space: StateSpace, observed: Transitions, environment: str, A: int, smoothing: float, threshold: float
) -> tuple[sp.csr_array, list[Finding]]:
    """CSR ``(S * A, S)``: the rows of every environment from its own transitions alone."""
    cells = space.cell_along(environment)
    axis = space.axes[space.names.index(environment)]
    total = sp.csr_array((space.n_states * A, space.n_states))
    findings: list[Finding] = []
    for cell in range(axis.n_cells):
        own = np.flatnonzero(cells[observed.states] == cell)
        if not len(own):
            raise DataError(
                f"No fitted trajectory shows what follows what where {axis.label(cell)}.",
                hint="Leave it out of `values`, ingest trajectories of it, or hold fewer out (`data.held_out`,"
                " `data.key`).",
            )
        part = Transitions(
            states=observed.states[own],
            actions=observed.actions[own],
            next_states=observed.next_states[own],
            weights=observed.weights[own],
        )
        law, noticed = space_law(space, part, n_actions=A, smoothing=smoothing, threshold=threshold)
        total = total + sp.diags_array(np.repeat((cells == cell).astype(np.float64), A)) @ law
        findings += [replace(f, message=f"Where {axis.label(cell)}: {f.message}") for f in noticed]
    law = sp.csr_array(total)
    law.eliminate_zeros()
    return law, findings


def _table_law(counts: sp.csr_array, S: int, A: int, c: float) -> sp.csr_array:
    """Frequencies of each pair, backed off to those of its state; a state never left stays."""
    to_state = sp.csr_array(
        (np.ones(S * A), (np.repeat(np.arange(S), A), np.arange(S * A))), shape=(S, S * A)
    )
    by_state = sp.csr_array(to_state @ counts)
    left = np.asarray(by_state.sum(axis=1)).ravel()
    scaled = sp.diags_array(np.divide(1.0, left, out=np.zeros(S), where=left > 0)) @ by_state
    pooled = sp.csr_array(scaled + sp.diags_array((left <= 0).astype(np.float64)))
    return blend_rows(counts, sp.csr_array(to_state.T @ pooled), c)


def _log_likelihood(counts: sp.csr_array, P: sp.csr_array) -> float:
    """Sum of count times log probability; every observed transition has positive probability."""
    ones = counts.copy()
    ones.data = np.ones_like(ones.data)
    of_seen = sp.csr_array(P.multiply(ones)).tocoo()
    seen = counts.tocoo()
    probability = sp.csr_array((of_seen.data, (of_seen.row, of_seen.col)), shape=P.shape)
    counted = seen.data > 0  # a decision of weight 0 need not be possible
    values = np.asarray(probability[seen.row[counted], seen.col[counted]]).ravel()
    with np.errstate(divide="ignore"):
        return float(seen.data[counted] @ np.log(values))


def _coverage(counts: sp.csr_array, possible: BoolArray) -> Finding:
    seen = np.asarray(counts.sum(axis=1)).ravel() > 0
    wanted = possible.ravel()
    missing = int((wanted & ~seen).sum())
    left = possible.any(axis=1)
    states = int((left & ~seen.reshape(possible.shape).any(axis=1)).sum())
    share = missing / max(int(wanted.sum()), 1)
    return Finding(
        code="unvisited-pairs",
        severity=Severity.NOTICE if share > 0.2 else Severity.INFO,
        message=(
            f"{missing} of {int(wanted.sum())} pairs of state and action ({share:.0%}) and {states} of "
            f"{int(left.sum())} states were never seen; their dynamics rest on their neighbours."
        ),
        hint="Conclusions about them are extrapolations; coarser bins share more data."
        if share > 0.2
        else "",
        evidence={
            "pairs": missing,
            "of_pairs": int(wanted.sum()),
            "states": states,
            "of_states": int(left.sum()),
        },
    )
