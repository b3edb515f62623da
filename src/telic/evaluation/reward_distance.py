"""How far apart two rewards are, between 0 (they order all policies alike) and 1 (one is the negative of the other).

All three distances bring rewards to a canonical form, to unit length, and take half the length of the difference:

    d = 1/2 || a / ||a|| - b / ||b|| ||.

With a root-mean-square norm over a coverage distribution this is ``sqrt((1 - cos) / 2)``; EPIC and DARD take the
mean off first, so that the cosine is Pearson's correlation: ``sqrt((1 - rho) / 2)``.

| distance | left alone by | asks for | default coverage |
| --- | --- | --- | --- |
| EPIC | shaping, positive scale, shift | rewards of impossible transitions | every (s, a, s') alike |
| DARD | the same | rewards near possible transitions | pairs alike, then the dynamics |
| STARC | the same and S'-redistribution; in a world with an end, not shift | the dynamics | pairs alike |

STARC is the one to certify by: a small distance bounds the regret of acting on one reward where the other counts, and
a small worst regret bounds the distance (Skalse et al. 2024: sound and complete). The others are for comparison.

A reward that is trivial, that is, one whose canonical form is 0, prefers no policy to any other. Correlation with it is
not defined and neither are EPIC and DARD: the value is NaN and the outcome says so. STARC is defined (0 between two
trivial rewards, 1/2 between a trivial one and another) and keeps a warning.

References: Gleave et al. (2021), ICLR, for EPIC; Wulfe et al. (2022), ICLR, for DARD; Skalse et al. (2024), ICLR, for
STARC.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import SettingsError
from telic.mdp import TabularMDP
from telic.reports import Finding, Outcome, Report, Section, Severity, Table
from telic.reports.numbers import json_value
from telic.typing import FloatArray

from .canonical import canonical_by_value, canonical_dard, canonical_epic, decision_pairs
from .reward_forms import RewardLike, WorldReward, as_reward, transition_values

__all__ = ["DISTANCES", "RewardDistance", "dard_distance", "epic_distance", "starc_distance"]

DISTANCES = ("starc", "epic", "dard")
"""The distances, the certified one first."""

NORMS = ("l2", "l1", "max")
"""Norms of STARC: root mean square and mean absolute value over the coverage, largest absolute value on it."""

TRIVIAL = 1e-10
"""A canonical form below this, relative to the rewards (and values) it was made from, is rounding."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RewardDistance:
    """A distance with what it rests on.

    Attributes:
        kind: one of ``DISTANCES``.
        value: from 0 to 1; NaN where it is not defined.
        outcome: ``SUCCESS``, or ``TRIVIAL`` where a reward prefers nothing and the distance needs one that does.
        sizes: norms of the two canonical forms, in units of the rewards.
        cosine: of the canonical forms over the coverage; the correlation for EPIC and DARD; NaN where undefined.
        coverage: what is weighted how, in words.
        findings: what a reader should know.
    """

    kind: str
    value: float
    outcome: Outcome
    sizes: tuple[float, float]
    cosine: float
    coverage: str
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The distance as JSON-able values; NaN becomes null."""
        return {
            "kind": self.kind,
            "value": json_value(self.value),
            "result": self.outcome.label,
            "sizes": json_value(list(self.sizes)),
            "cosine": json_value(self.cosine),
            "coverage": self.coverage,
            "findings": [f.to_json() for f in self.findings],
        }

    def summary(self) -> Report:
        """The distance as a report."""
        head = (
            f"{self.kind.upper()} distance {self.value:.6f} of at most 1."
            if self.outcome.ok
            else f"No {self.kind.upper()} distance: {self.outcome.value}"
        )
        rows = (
            ("cosine of the canonical forms", self.cosine),
            ("size of the first", self.sizes[0]),
            ("size of the second", self.sizes[1]),
            ("coverage", self.coverage),
        )
        table = Table(title="What it rests on", columns=("", "value"), rows=rows)
        return Report(
            title="Reward distance",
            headline=head,
            sections=(Section(title="Distance", items=(table, *self.findings)),),
            data=self.to_json(),
        )


def epic_distance(
    first: RewardLike,
    second: RewardLike,
    mdp: TabularMDP,
    *,
    coverage: str | FloatArray = "uniform",
    state_distribution: Float[np.ndarray, "S"] | None = None,
    action_distribution: FloatArray | None = None,
) -> RewardDistance:
    """The EPIC distance of two rewards.

    Args:
        first: anything that ``as_reward`` reads.
        second: the same.
        mdp: gives sizes and discount.
        coverage: which transitions count: ``"uniform"`` (every triple), ``"dynamics"`` (available pairs alike, then
            what follows them), ``(S, A)`` weights of pairs followed by the dynamics, or ``(S, A, S)`` weights.
        state_distribution: of the canonical form, see ``canonical_epic``.
        action_distribution: likewise.

    Raises:
        SettingsError: a distribution is none, or there are too many triples.
        DynamicsError: a reward does not fit the world.
    """
    weights, words = _triples(coverage, mdp)
    forms = [
        _centred(
            canonical_epic(
                r, mdp, state_distribution=state_distribution, action_distribution=action_distribution
            ),
            r,
            mdp,
            weights,
        )
        for r in (as_reward(first, mdp, name="first"), as_reward(second, mdp, name="second"))
    ]
    return _correlation_distance("epic", forms, weights, words)


def dard_distance(
    first: RewardLike,
    second: RewardLike,
    mdp: TabularMDP,
    *,
    coverage: str | FloatArray = "dynamics",
    action_distribution: FloatArray | None = None,
) -> RewardDistance:
    """The DARD distance of two rewards.

    Args:
        first: anything that ``as_reward`` reads.
        second: the same.
        mdp: the world.
        coverage: as in ``epic_distance``.
        action_distribution: of the canonical form, see ``canonical_dard``.

    Raises:
        SettingsError: a distribution is none, or there are too many triples.
        DynamicsError: a reward does not fit the world.
    """
    weights, words = _triples(coverage, mdp)
    forms = [
        _centred(canonical_dard(r, mdp, action_distribution=action_distribution), r, mdp, weights)
        for r in (as_reward(first, mdp, name="first"), as_reward(second, mdp, name="second"))
    ]
    return _correlation_distance("dard", forms, weights, words)


def starc_distance(
    first: RewardLike,
    second: RewardLike,
    mdp: TabularMDP,
    *,
    coverage: str | FloatArray = "uniform",
    policy: Float[np.ndarray, "S A"] | None = None,
    norm: str = "l2",
) -> RewardDistance:
    """The STARC distance of two rewards, canonical by value.

    Args:
        first: anything that ``as_reward`` reads.
        second: the same.
        mdp: the world.
        coverage: which pairs count: ``"uniform"`` (every pair that can be chosen) or ``(S, A)`` weights.
        policy: whose value levels the rewards; default every available action alike.
        norm: ``"l2"``, ``"l1"`` or ``"max"``; the length of a form and of a difference are taken alike.

    Raises:
        SettingsError: the coverage is no distribution, or there is no such norm.
        DynamicsError: a reward does not fit the world.
        NumericalError: an undiscounted policy that never ends.
    """
    if norm not in NORMS:
        raise SettingsError(f"`norm` must be one of {', '.join(NORMS)}, got {norm!r}.", hint="Use 'l2'.")
    pairs = decision_pairs(mdp)
    weights, words = _pair_weights(coverage, mdp)
    left_out = int((pairs & (weights == 0)).sum())
    findings = [_left_out_finding(left_out, int(pairs.sum()))] if left_out else []
    forms, trivial = [], []
    for given, name in ((first, "first"), (second, "second")):
        r = as_reward(given, mdp, name=name)
        form = canonical_by_value(r, mdp, policy=policy)
        expected = np.where(pairs, r.expected(mdp), 0.0)
        # Values can exceed rewards by 1 / (1 - discount), and so can their rounding.
        scale = np.abs(expected).max() * (1.0 + min(1.0 / max(1.0 - mdp.discount, 1e-300), mdp.n_states))
        trivial.append(bool(np.abs(form[weights > 0]).max() <= TRIVIAL * scale))
        forms.append(np.zeros_like(form) if trivial[-1] else form)
    sizes = [_size(form, weights, norm) for form in forms]
    units = [form / size if size > 0 else form for form, size in zip(forms, sizes, strict=True)]
    a, b = units
    dots = float((weights * forms[0] * forms[1]).sum())
    lengths = _size(forms[0], weights, "l2") * _size(forms[1], weights, "l2")
    if any(trivial):
        findings.append(_trivial_finding(trivial, "STARC counts it as half-way from every reward that does."))
    return RewardDistance(
        kind="starc",
        value=min(1.0, 0.5 * _size(a - b, weights, norm)),
        outcome=Outcome.SUCCESS,
        sizes=(sizes[0], sizes[1]),
        cosine=float(np.clip(dots / lengths, -1.0, 1.0)) if lengths > 0 else float("nan"),
        coverage=words,
        findings=tuple(findings),
    )


def _correlation_distance(
    kind: str, forms: list[FloatArray], weights: FloatArray, words: str
) -> RewardDistance:
    sizes = [_size(form, weights, "l2") for form in forms]
    trivial = [size == 0.0 for size in sizes]
    if any(trivial):
        return RewardDistance(
            kind=kind,
            value=float("nan"),
            outcome=Outcome.TRIVIAL,
            sizes=(sizes[0], sizes[1]),
            cosine=float("nan"),
            coverage=words,
            findings=(
                _trivial_finding(trivial, f"{kind.upper()} is a correlation and needs one that does."),
            ),
        )
    a, b = (form / size for form, size in zip(forms, sizes, strict=True))
    return RewardDistance(
        kind=kind,
        value=min(1.0, 0.5 * _size(a - b, weights, "l2")),
        outcome=Outcome.SUCCESS,
        sizes=(sizes[0], sizes[1]),
        cosine=float(np.clip((weights * a * b).sum(), -1.0, 1.0)),
        coverage=words,
    )


def _centred(form: FloatArray, reward: WorldReward, mdp: TabularMDP, weights: FloatArray) -> FloatArray:
    """The form without its mean over the coverage; exactly 0 where only rounding is left."""
    centred = form - float((weights * form).sum())
    largest = np.abs(transition_values(reward, mdp)).max()
    if np.abs(centred[weights > 0]).max() <= TRIVIAL * largest:
        return np.zeros_like(form)
    return np.asarray(centred)


def _size(form: FloatArray, weights: FloatArray, norm: str) -> float:
    if norm == "max":
        return float(np.abs(form[weights > 0]).max())
    if norm == "l1":
        return float((weights * np.abs(form)).sum())
    largest = float(np.abs(form).max())  # squares of very small or large rewards leave the range of doubles
    return largest * float(np.sqrt((weights * (form / largest) ** 2).sum())) if largest > 0 else 0.0


def _triples(coverage: str | FloatArray, mdp: TabularMDP) -> tuple[FloatArray, str]:
    S, A = mdp.n_states, mdp.n_actions
    if isinstance(coverage, str) and coverage == "uniform":
        return np.full((S, A, S), 1.0 / (S * A * S)), "uniform: every (s, a, s') alike, possible or not"
    if not isinstance(coverage, str) and np.shape(coverage) == (S, A, S):
        return _normalised(coverage, (S, A, S)), "given: weights of (s, a, s')"
    pairs, words = _pair_weights("uniform" if isinstance(coverage, str) else coverage, mdp, named=coverage)
    P = mdp.transition.toarray().reshape(S, A, S)
    return pairs[:, :, None] * P, f"{words}, then what follows them"


def _pair_weights(
    coverage: str | FloatArray, mdp: TabularMDP, *, named: str | FloatArray = "uniform"
) -> tuple[FloatArray, str]:
    for name in (coverage, named):
        if isinstance(name, str) and name not in ("uniform", "dynamics"):
            raise SettingsError(
                f"`coverage` must be 'uniform', 'dynamics' or an array of weights, got {name!r}.",
                hint="Use 'uniform', or pass `telic.planning.visitation(...)` of the policy you care for.",
            )
    if isinstance(coverage, str):
        pairs = decision_pairs(mdp)
        return pairs / pairs.sum(), "uniform: every pair that can be chosen alike"
    weights = _normalised(coverage, (mdp.n_states, mdp.n_actions))
    outside = int(((weights > 0) & ~decision_pairs(mdp)).sum())
    if outside:
        raise SettingsError(
            f"`coverage` gives weight to {outside} pairs that cannot be chosen (not available, or after the end).",
            hint="Give them weight 0.",
        )
    return weights, "given: weights of (s, a)"


def _normalised(weights: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    values = np.asarray(weights, dtype=np.float64)
    if values.shape != shape or not np.isfinite(values).all() or (values < 0).any() or values.sum() <= 0:
        raise SettingsError(
            f"`coverage` must hold weights of shape {shape}, not negative and not all 0, got shape {values.shape}.",
            hint="Shares of transitions or pairs; they are normalised to sum to 1.",
        )
    return np.asarray(values / values.sum())


def _trivial_finding(trivial: list[bool], then: str) -> Finding:
    which = (
        "Both rewards prefer" if all(trivial) else f"The {'first' if trivial[0] else 'second'} reward prefers"
    )
    return Finding(
        code="trivial-reward",
        severity=Severity.WARNING,
        message=f"{which} no policy to any other here: what is left without shaping is 0. {then}",
        hint="A zero, constant or purely shaping reward says nothing; check how it was made.",
        evidence={"first": trivial[0], "second": trivial[1]},
    )


def _left_out_finding(left_out: int, pairs: int) -> Finding:
    return Finding(
        code="coverage-leaves-out",
        severity=Severity.NOTICE,
        message=f"The coverage gives no weight to {left_out} of {pairs} pairs that can be chosen: rewards that "
        "differ only there have distance 0.",
        hint="A certificate needs weight on every pair; mix in some uniform coverage.",
        evidence={"left_out": left_out, "pairs": pairs},
    )
