"""Is the state enough? A test on what the best possible policy of the state leaves unexplained.

Whatever the reward, a policy of the present state chooses with the same probabilities each time the state is
met. So within a state, choices must not depend on anything that came before; if they do, no reward of this
state can explain them, and the state is too small. For every suspect (``history_variables``) the test
compares, within each state (and demonstrator: people who differ from one another are not a memory), the
choices across the suspect's labels; consequences likewise within each pair of state and action.

- **p-value** (``_core.contingency``): permutation moments in closed form, valid for sparse states;
  Holm-adjusted over all suspects. Choices that feed back into later states make pairings not exactly
  equally likely; how close the false-alarm rate stays to its level is measured in ``docs/evaluation.md``.
- **Gain**: how many nats a decision the suspect adds to a table of the state, on left-out trajectories.
  With much data everything is significant; the gain says what matters. The suspect with the largest gain
  is the culprit.

A dependence found is not yet a memory: trajectories that differ in something unrecorded look the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from telic._core.contingency import holm, stratified_independence
from telic.errors import DataError
from telic.mdp import StateSpace
from telic.reports import Finding, Severity, Table
from telic.trajectories import Demonstrations
from telic.trajectories.splits import source_index
from telic.typing import LongArray

from .history_variables import history_variables

__all__ = ["HistoryEffect", "MarkovTest", "markov_test"]

MATERIAL_GAIN = 0.01
"""Held-out gain, in nats a decision, from which a dependence is a warning rather than a notice."""

FOLDS = 5
"""Parts into which trajectories are dealt for the gain."""

MOST_DECISIONS = 500_000
"""Decisions examined; whole trajectories drawn by key beyond it."""


@dataclass(frozen=True, kw_only=True)
class HistoryEffect:
    """What one suspect explains beyond the state.

    Attributes:
        variable: its name.
        kind: see ``HistoryVariable``.
        observation: the observation it is about, or "".
        target: ``choice``, or the consequence: ``next state`` or ``next NAME``.
        p_value: of the test, unadjusted.
        adjusted_p_value: Holm-adjusted over all effects examined.
        gain: nats a decision that it adds on left-out trajectories; negative where it only adds noise.
        n_decisions: decisions in states where there was something to compare.
        n_states: such states (pairs of state and action for consequences).
    """

    variable: str
    kind: str
    observation: str
    target: str
    p_value: float
    adjusted_p_value: float
    gain: float
    n_decisions: int
    n_states: int


@dataclass(frozen=True, kw_only=True)
class MarkovTest:
    """Whether the state is enough.

    Attributes:
        effects: every suspect and target, the most significant first.
        level: at which an adjusted p-value rejects.
        findings: at most one for choices and one for consequences.
    """

    effects: tuple[HistoryEffect, ...]
    level: float
    findings: tuple[Finding, ...] = ()

    @property
    def p_value(self) -> float:
        """The smallest adjusted p-value."""
        return min((e.adjusted_p_value for e in self.effects), default=1.0)

    def rejects(self, target: Literal["choice", "consequence", "any"] = "any") -> bool:
        """True where some suspect explains the target at ``level``."""
        return self.culprit(target) is not None

    def culprit(self, target: Literal["choice", "consequence", "any"] = "any") -> HistoryEffect | None:
        """The rejecting effect with the largest held-out gain (where none gains, the smallest p), or None."""
        hits = [
            e
            for e in self.effects
            if e.adjusted_p_value < self.level
            and (target == "any" or (e.target == "choice") == (target == "choice"))
        ]
        return max(hits, key=lambda e: (max(e.gain, 0.0), -e.p_value), default=None)

    @property
    def table(self) -> Table:
        """One row an effect."""
        return Table(
            title="Does anything beyond the state explain choices or consequences?",
            columns=("suspect", "target", "adjusted p", "gain (nats a decision)", "decisions compared"),
            rows=tuple(
                (e.variable, e.target, e.adjusted_p_value, e.gain, e.n_decisions) for e in self.effects
            ),
            note="Gains are on left-out trajectories; negative means that it only adds noise.",
        )


def markov_test(
    demos: Demonstrations,
    *,
    space: StateSpace | None = None,
    level: float = 0.05,
    by_demonstrator: bool = True,
    key: int = 0,
) -> MarkovTest:
    """The test of the state, on decisions with states.

    Args:
        demos: with states.
        space: the space that encoded them; adds directions and positions within cells, and makes consequences
            the change of each observation instead of the next state.
        level: of the family of all effects.
        by_demonstrator: compare only decisions of the same demonstrator.
        key: deals trajectories into folds, and draws them where there are very many decisions.

    Raises:
        DataError: there are no decisions.
    """
    if not demos.n_decisions:
        raise DataError("There are no decisions to test.", hint="Check the split or the filter.")
    demos = _sample(demos, key)
    states, next_states = demos.require_states()
    person = demos.demonstrators[demos.trajectory_index].astype(np.int64) if by_demonstrator else np.int64(0)
    stratum = states.astype(np.int64) * len(demos.demonstrator_names) + person
    folds = _folds(demos, key)
    suspects = history_variables(demos, space)
    pair = stratum * demos.n_actions + demos.actions
    targets: list[tuple[str, LongArray, LongArray]] = [
        ("choice", demos.actions.astype(np.int64), stratum),
        *((name, labels, pair) for name, labels in _consequences(states, next_states, space)),
    ]
    raw = []
    for target, labels, strata in targets:
        for suspect in suspects:
            if target != "choice" and suspect.kind == "step":
                continue
            use = (suspect.labels >= 0) & (labels >= 0)
            test = stratified_independence(suspect.labels[use], labels[use], strata[use])
            gain = _gain(labels[use], suspect.labels[use], strata[use], folds[use]) if test.n_rows else 0.0
            raw.append((suspect, target, test, gain))
    adjusted = holm([test.p_value for _, _, test, _ in raw])
    effects = [
        HistoryEffect(
            variable=suspect.name,
            kind=suspect.kind,
            observation=suspect.observation,
            target=target,
            p_value=test.p_value,
            adjusted_p_value=p,
            gain=gain,
            n_decisions=test.n_rows,
            n_states=test.n_strata,
        )
        for (suspect, target, test, gain), p in zip(raw, adjusted, strict=True)
    ]
    result = MarkovTest(
        effects=tuple(sorted(effects, key=lambda e: (e.adjusted_p_value, -e.gain))), level=level
    )
    found = [
        _finding(culprit, demos.n_decisions)
        for target in ("choice", "consequence")
        if (culprit := result.culprit(target)) is not None
    ]
    return MarkovTest(effects=result.effects, level=level, findings=tuple(found))


def _consequences(
    states: np.ndarray, next_states: np.ndarray, space: StateSpace | None
) -> list[tuple[str, LongArray]]:
    """The next state, or the change of each observation; -1 where it is not known."""
    if space is None:
        return [("next state", next_states.astype(np.int64))]
    inner = space.n_states - space.has_end
    known = (next_states >= 0) & (next_states < inner) & (states < inner)
    named = []
    for i, axis in enumerate(space.axes):
        labels = np.full(len(states), -1, dtype=np.int64)
        now, then = space.coordinates[states[known], i], space.coordinates[next_states[known], i]
        labels[known] = 1 + np.sign(then - now) if axis.is_ordered else then
        named.append((f"next {axis.name}", labels))
    return named


def _gain(target: LongArray, suspect: LongArray, strata: LongArray, folds: LongArray) -> float:
    """Nats a decision by which ``p(target | stratum, suspect)`` beats ``p(target | stratum)`` on left-out
    folds.

    Both are counted in the other folds; the first backs off to the second, that to the overall shares, each
    with half a decision a label.
    """
    t = np.unique(target, return_inverse=True)[1].astype(np.int64)
    s = np.unique(strata, return_inverse=True)[1].astype(np.int64)
    h = np.unique(suspect, return_inverse=True)[1].astype(np.int64)
    T, F = int(t.max()) + 1, int(folds.max()) + 1
    c = T / 2
    fine = np.unique(s * (int(h.max()) + 1) + h, return_inverse=True)[1].astype(np.int64)
    overall = (_others(t, folds, F) + 0.5) / (_others(np.zeros_like(t), folds, F) + T / 2)
    coarse = (_others(s * T + t, folds, F) + c * overall) / (_others(s, folds, F) + c)
    sharp = (_others(fine * T + t, folds, F) + c * coarse) / (_others(fine, folds, F) + c)
    return float(np.mean(np.log(sharp) - np.log(coarse)))


def _others(codes: LongArray, folds: LongArray, F: int) -> np.ndarray:
    """``(n,)`` rows of other folds that share the code of each row."""
    code = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    by_fold = np.bincount(code * F + folds, minlength=(int(code.max()) + 1) * F).reshape(-1, F)
    return np.asarray(by_fold.sum(axis=1)[code] - by_fold[code, folds], dtype=np.float64)


def _finding(culprit: HistoryEffect, n_decisions: int) -> Finding:
    is_choice = culprit.target == "choice"
    what = "Choices depend" if is_choice else f"The {culprit.target} depends"
    given = "the present state" if is_choice else "the present state and the action"
    material = culprit.gain >= MATERIAL_GAIN
    effect = (
        f"knowing it adds {culprit.gain:.3f} nats a decision on left-out trajectories"
        if culprit.gain > 0
        else "though too little to predict better with this much data"
    )
    return Finding(
        code="history-dependence" if is_choice else "consequences-not-markov",
        severity=Severity.WARNING if material else Severity.NOTICE,
        message=(
            f"{what} on the {culprit.variable} beyond {given} (adjusted p "
            f"{_p_words(culprit.adjusted_p_value)}; "
            f"{effect})."
        ),
        hint=_advice(culprit),
        evidence={
            "variable": culprit.variable,
            "kind": culprit.kind,
            "target": culprit.target,
            "adjusted_p_value": culprit.adjusted_p_value,
            "gain": culprit.gain,
            "n_decisions": n_decisions,
        },
    )


def _p_words(p: float) -> str:
    """A p-value in words: ``= 0.013``, or ``< 1e-15`` where its digits mean nothing."""
    return "< 1e-15" if p < 1e-15 else f"= {p:.2g}"


def _advice(culprit: HistoryEffect) -> str:
    if culprit.kind in ("state", "action"):
        return (
            "Put the previous state into the state (`with_history`) and fit again; if trajectories differ in "
            "something "
            "unrecorded, record it instead."
        )
    if culprit.kind == "direction":
        return (
            f"Add the change of `{culprit.observation}` to the state, or the previous state (`with_history`)."
        )
    if culprit.kind == "cell":
        return f"Cut `{culprit.observation}` into finer bins."
    if culprit.kind == "clock":
        return "Add the time of day as an observation."
    return "Experts change while a trajectory goes on: add what changes, or fit its parts apart."


def _sample(demos: Demonstrations, key: int) -> Demonstrations:
    if demos.n_decisions <= MOST_DECISIONS:
        return demos
    order = np.random.default_rng([key, 2]).permutation(demos.n_trajectories)
    total = np.cumsum(np.diff(demos.offsets)[order])
    return demos.select(np.sort(order[: max(1, int(np.searchsorted(total, MOST_DECISIONS, side="right")))]))


def _folds(demos: Demonstrations, key: int) -> LongArray:
    rng = np.random.default_rng([key, 1])
    sources = source_index(demos)
    count = int(sources.max(initial=-1)) + 1
    if count < 2:
        return np.asarray(rng.permutation(demos.n_decisions) % FOLDS, dtype=np.int64)
    return np.asarray(rng.permutation(count)[sources[demos.trajectory_index]] % FOLDS, dtype=np.int64)
