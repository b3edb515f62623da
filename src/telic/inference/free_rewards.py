"""Rewards that are free in every state and action: what soft-optimal choices leave open, and how to undo it.

In world i with discount g_i the policy fixes the reward up to a potential (one free number for each state):

    r = (1/beta) log pi_i + E_i V_i,    (E_i V)(s,a) = V(s) - g_i (P_i V)(s,a)

for *any* V_i. Two worlds that share the reward must agree, ``E_1 V_1 - E_2 V_2 = (log pi_2 - log pi_1) /
beta``, so what remains open is the null space of ``[E_1 | -E_2]``, and of the same matrix with one more block
for every further world. Each E_i is one to one, so its dimension is that of the open rewards: 1 (a constant)
at best. The same question for rewards of the state alone adds the demand that ``E_i V_i`` does not depend on
the action.

Ranks are those of the singular values, with the gap around the threshold reported. References: Cao, Cohen and
Szpruch (2021), NeurIPS, theorems 1 to 3 and corollaries; Rolland et al. (2022), NeurIPS, for several experts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from telic.errors import DataError, DynamicsError, SettingsError
from telic.mdp import TabularMDP
from telic.planning.bellman import allowed_pairs
from telic.policies import TabularPolicy
from telic.reports import Finding, Outcome, Severity
from telic.rewards import Gauge, TabularReward
from telic.typing import BoolArray, FloatArray, LongArray

from .wording import join_words

__all__ = [
    "FreeRewardAmbiguity",
    "ReconstructedReward",
    "free_reward_ambiguity",
    "reconstruct_reward",
]

MAX_UNKNOWNS = 2_000
"""Potentials (states times worlds) up to which a dense singular value decomposition is made."""

RANK_TOLERANCE = 1e-10
"""Singular value, relative to the largest, below which a direction is null; rounding leaves about 1e-15."""

DISAGREEMENT = 1e-6
"""Relative difference between the rewards of two worlds above which no one reward explains both."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FreeRewardAmbiguity:
    """How much of a free reward the choices leave open.

    Attributes:
        form: ``"SA"`` (state and action) or ``"S"`` (state alone).
        rank: of the matrix that ties them together.
        dimension: independent rewards that change no choice; 1 is a constant.
        smallest_kept, largest_dropped: singular values around the threshold, relative to the largest: how
            sure the rank is.
        findings: what a reader should know.
    """

    form: str
    rank: int
    dimension: int
    smallest_kept: float
    largest_dropped: float
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class ReconstructedReward:
    """The reward behind the soft-optimal policies of several worlds.

    Attributes:
        reward: ``(S, A)``; NaN unless ``outcome`` is ``SUCCESS``, and where no world has the action.
        outcome: ``SUCCESS``; ``COLLINEAR`` where more than a constant is open; ``INFEASIBLE`` where no single
            reward explains the policies.
        gauge: how the constant was chosen.
        ambiguity: what is left open.
        disagreement: largest difference between the rewards of any two worlds, relative to their spread.
        findings: what a reader should know.
    """

    reward: TabularReward
    outcome: Outcome
    gauge: Gauge
    ambiguity: FreeRewardAmbiguity
    disagreement: float
    findings: tuple[Finding, ...] = field(default_factory=tuple)


def free_reward_ambiguity(
    worlds: TabularMDP | Sequence[TabularMDP], *, form: str = "SA"
) -> FreeRewardAmbiguity:
    """How many dimensions of a free reward the soft-optimal policies of these worlds leave open.

    Args:
        worlds: worlds of one state space whose experts share the reward; they differ in dynamics or discount.
        form: ``"SA"``: a number for every state and action; ``"S"``: for every state.

    Raises:
        DynamicsError: the worlds differ in their states or actions, or a discount is 1.
        SettingsError: too many states, or an unknown form.

    References:
        Cao, Cohen and Szpruch (2021), theorem 2: two worlds identify the reward up to a constant where the
        rank is ``2 S - 1``.
    """
    if form not in ("S", "SA"):
        raise SettingsError(f"`form` must be 'S' or 'SA', got {form!r}.", hint="'SA' is a number a pair.")
    cases = _checked(worlds)
    matrix = _constraints(cases, form)
    return _ambiguity(cases, matrix, form)


def reconstruct_reward(
    policies: Sequence[TabularPolicy | Float[np.ndarray, "S A"]],
    worlds: Sequence[TabularMDP],
    *,
    rationality: float = 1.0,
    tolerance: float = DISAGREEMENT,
) -> ReconstructedReward:
    """The reward of every state and action under which each policy is soft-optimal in its world.

    Args:
        policies: one for each world, with a probability above 0 for every action that can be taken.
        worlds: at least two that differ in dynamics or discount; of one state space.
        rationality: inverse temperature of all experts.
        tolerance: largest relative disagreement between worlds that is still one reward; policies estimated
            from data never agree exactly.

    Returns:
        The reward of least norm, where one direction at most is open; in worlds that never end that direction
        is a constant, and the mean over the pairs that can be taken is 0.

    Raises:
        DataError: a policy has the wrong shape, or probability 0 where an action can be taken.
        DynamicsError: as ``free_reward_ambiguity``.
        SettingsError: numbers of policies and worlds differ, or rationality is not positive.
    """
    cases = _checked(worlds)
    if len(policies) != len(cases) or len(cases) < 2:
        raise SettingsError(
            f"Give one policy for each of at least two worlds, got {len(policies)} policies and "
            f"{len(cases)} worlds.",
            hint="One world alone leaves a potential open for every state.",
        )
    if not (np.isfinite(rationality) and rationality > 0):
        raise SettingsError(f"`rationality` must be above 0, got {rationality}.", hint="1 is the convention.")
    logs = [_log_policy(p, w, i) / rationality for i, (p, w) in enumerate(zip(policies, cases, strict=True))]
    matrix = _constraints(cases, "SA")
    ambiguity = _ambiguity(cases, matrix, "SA")
    pairs = [_pairs(w) for w in cases]
    gaps = [
        (logs[i] - logs[0])[pairs[0] & pairs[i]] for i in range(1, len(cases))
    ]  # E_1 V_1 - E_i V_i = (log pi_i - log pi_1) / beta
    potentials = np.linalg.lstsq(matrix, np.concatenate(gaps), rcond=RANK_TOLERANCE)[0]
    rewards, start = [], 0
    for world, log_pi, allowed in zip(cases, logs, pairs, strict=True):
        E, states = _potential_operator(world)
        V = potentials[start : start + len(states)]
        start += len(states)
        rewards.append(np.where(allowed, log_pi + (E @ V).reshape(allowed.shape), np.nan))
    known = np.any(pairs, axis=0)
    spread = float(np.ptp(rewards[0][pairs[0]]))
    apart = max(
        float(np.max(np.abs(r - rewards[0])[pairs[0] & allowed], initial=0.0))
        for r, allowed in zip(rewards[1:], pairs[1:], strict=True)
    )
    disagreement = apart / max(spread, np.finfo(np.float64).tiny)
    outcome, findings = Outcome.SUCCESS, list(ambiguity.findings)
    if ambiguity.dimension > 1:
        outcome = Outcome.COLLINEAR
    elif disagreement > tolerance:
        outcome = Outcome.INFEASIBLE
        findings.append(
            Finding(
                code="no-common-reward",
                severity=Severity.ERROR,
                message="No one reward explains all policies: those of two worlds differ by "
                f"{disagreement:.3g} of their spread.",
                hint="Check that the experts share reward and rationality; raise `tolerance` for "
                "policies estimated from data.",
                evidence={"disagreement": disagreement},
            )
        )
    combined = np.full(known.shape, np.nan)
    if outcome.ok:
        for r, allowed in zip(reversed(rewards), reversed(pairs), strict=True):
            combined[allowed] = r[allowed]
        combined = _least_norm(combined, _open_direction(cases, matrix, ambiguity.dimension), known)
    return ReconstructedReward(
        reward=TabularReward(values=combined),
        outcome=outcome,
        gauge=Gauge(
            kind="minimum-norm",
            description="Of the rewards that explain the choices, the one with the least sum of "
            "squares: its mean is 0 where a constant is all that is open.",
            rationality=float(rationality),
            discount=None,
        ),
        ambiguity=ambiguity,
        disagreement=disagreement,
        findings=tuple(findings),
    )


def _open_direction(cases: Sequence[TabularMDP], matrix: FloatArray, dimension: int) -> FloatArray | None:
    """``(S, A)`` the one direction of the reward that is still open, or None where nothing is."""
    if not dimension:
        return None
    potential = np.linalg.svd(matrix, full_matrices=True)[2][-1]
    out = np.full(_pairs(cases[0]).shape, np.nan)
    start = 0
    for world in cases:
        E, states = _potential_operator(world)
        along = (E @ potential[start : start + len(states)]).reshape(out.shape)
        start += len(states)
        out = np.where(np.isnan(out) & _pairs(world), along, out)
    return out


def _least_norm(reward: FloatArray, direction: FloatArray | None, known: BoolArray) -> FloatArray:
    if direction is None:
        return reward
    d = direction[known]
    return np.asarray(reward - direction * (d @ reward[known]) / (d @ d))


def _constraints(cases: Sequence[TabularMDP], form: str) -> FloatArray:
    """The matrix whose null space is what stays open, over the potentials of all worlds side by side."""
    operators = [_potential_operator(w) for w in cases]
    pairs = [_pairs(w) for w in cases]
    widths = [len(states) for _, states in operators]
    starts = np.concatenate([[0], np.cumsum(widths)])
    blocks = []
    for i in range(1, len(cases)):
        both = np.flatnonzero((pairs[0] & pairs[i]).ravel())
        block = np.zeros((len(both), starts[-1]))
        block[:, : widths[0]] = operators[0][0][both]
        block[:, starts[i] : starts[i + 1]] = -operators[i][0][both]
        blocks.append(block)
    if form == "S":
        S, A = pairs[0].shape
        for i, (E, _) in enumerate(operators):
            first = np.argmax(pairs[i], axis=1)
            later = pairs[i].copy()
            later[np.arange(S), first] = False
            rows = np.flatnonzero(later.ravel())
            block = np.zeros((len(rows), starts[-1]))
            block[:, starts[i] : starts[i + 1]] = E[rows] - E[rows // A * A + first[rows // A]]
            blocks.append(block)
    return np.concatenate(blocks) if blocks else np.zeros((0, starts[-1]))


def _ambiguity(cases: Sequence[TabularMDP], matrix: FloatArray, form: str) -> FreeRewardAmbiguity:
    unknowns = matrix.shape[1]
    sigma = np.linalg.svd(matrix, compute_uv=False) if len(matrix) else np.zeros(0)
    top = float(sigma.max(initial=0.0))
    relative = sigma / top if top > 0 else sigma
    rank = int((relative > RANK_TOLERANCE).sum())
    findings = []
    if unknowns - rank > 1:
        findings.append(
            Finding(
                code="reward-not-identified",
                severity=Severity.WARNING,
                message=f"{unknowns - rank} dimensions of the reward change no choice in these worlds.",
                hint="Add a world with other dynamics or another discount, or give the reward features.",
                evidence={"dimension": unknowns - rank},
            )
        )
    repeated = [i + 1 for i, w in enumerate(cases) if any(_same(w, v) for v in cases[:i])]
    if repeated:
        findings.append(
            Finding(
                code="repeated-world",
                severity=Severity.NOTICE,
                message=f"World {join_words([str(i) for i in repeated])} repeats an earlier one and "
                "tells nothing new.",
                hint="Vary the dynamics or the discount.",
            )
        )
    return FreeRewardAmbiguity(
        form=form,
        rank=rank,
        dimension=unknowns - rank,
        smallest_kept=float(relative[relative > RANK_TOLERANCE].min(initial=1.0)),
        largest_dropped=float(relative[relative <= RANK_TOLERANCE].max(initial=0.0)),
        findings=tuple(findings),
    )


def _potential_operator(world: TabularMDP) -> tuple[FloatArray, LongArray]:
    """``E`` as a dense ``(S * A, deciding states)`` matrix, and these states; V is 0 elsewhere."""
    S, A = world.n_states, world.n_actions
    E = -world.discount * world.transition.toarray()
    E[np.arange(S * A), np.repeat(np.arange(S), A)] += 1.0
    states = np.flatnonzero(_pairs(world).any(axis=1))
    return E[:, states], states


def _pairs(world: TabularMDP) -> BoolArray:
    allowed = allowed_pairs(world)
    return np.ones((world.n_states, world.n_actions), dtype=bool) if allowed is None else allowed


def _same(a: TabularMDP, b: TabularMDP) -> bool:
    return a is b or a.digest == b.digest


def _checked(worlds: TabularMDP | Sequence[TabularMDP]) -> list[TabularMDP]:
    cases = [worlds] if isinstance(worlds, TabularMDP) else list(worlds)
    if not cases:
        raise SettingsError("At least one world is needed, got none.", hint="Pass a TabularMDP.")
    shapes = {(w.n_states, w.n_actions) for w in cases}
    if len(shapes) > 1:
        raise DynamicsError(
            f"Worlds that share a free reward need the same states and actions, got sizes {sorted(shapes)}.",
            hint="Use one state space for all of them.",
        )
    unknowns = sum(w.n_states for w in cases)
    if unknowns > MAX_UNKNOWNS:
        raise SettingsError(
            f"At most {MAX_UNKNOWNS} potentials (states times worlds) can be told apart, got {unknowns}.",
            hint="Use `identifiability` with features, or coarser states.",
        )
    return cases


def _log_policy(policy: TabularPolicy | FloatArray, world: TabularMDP, i: int) -> FloatArray:
    table = np.asarray(policy.table if isinstance(policy, TabularPolicy) else policy, dtype=np.float64)
    if table.shape != (world.n_states, world.n_actions):
        raise DataError(
            f"Policy {i + 1} must have shape ({world.n_states}, {world.n_actions}), got {table.shape}.",
            hint="One row a state of its world.",
        )
    empty = np.argwhere(_pairs(world) & ~(table > 0))
    if len(empty):
        raise DataError(
            f"Policy {i + 1} never takes {len(empty)} actions that its world allows "
            f"(first: (state, action) {[tuple(x) for x in empty[:5].tolist()]}); their reward would be "
            "minus infinity.",
            hint="Smooth the policy, or mark these pairs as not available.",
            pairs=empty[:20].tolist(),
        )
    return np.log(np.where(_pairs(world), table, 1.0))
