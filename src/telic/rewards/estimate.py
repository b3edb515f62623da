"""A reward inferred from decisions, with its uncertainty, its gauge and what the data cannot tell.

A reward is identified at best up to the transformations that leave every choice alone. So an estimate
carries its ``gauge`` (how one member of the equivalent rewards was picked), its ``nullity`` and the
directions in which the weights can move without changing any choice that was seen, and the assumptions that
scale it (rationality, discount). Standard errors come in four kinds, always named:

- ``hessian``: inverse of minus the second derivative of the log-likelihood, ``A^-1``.
- ``outer_product``: inverse of the sum over decisions of the outer products of their scores, ``B^-1``.
- ``sandwich``: ``A^-1 B A^-1``; honest when the reward is only an approximation.
- ``sandwich_clustered``: ``A^-1 C A^-1`` with ``C`` summed over trajectories; honest also when decisions of
  one trajectory depend on each other.

No small-sample factor is applied to any of them; each conditions on the transition probabilities, unless a
method says otherwise (``kinds_with_dynamics``).
References: White (1982), Econometrica 50, for the sandwich; Liang and Zeger (1986), Biometrika 73, for
clusters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import FeatureError, GaugeError, SettingsError
from telic.reports import Finding, Outcome, Provenance, Report, Section, Table
from telic.typing import FloatArray

from .forms import LinearReward, TabularReward
from .measured import MeasuredReward

__all__ = ["KINDS", "Gauge", "RewardEstimate", "describe_direction"]

KINDS = ("hessian", "outer_product", "sandwich", "sandwich_clustered")
"""The kinds of standard error, in the order in which they are shown."""

SCHEMA_VERSION = 1
"""Version of the JSON form of an estimate."""

NULL_COMPONENT = 1e-14
"""Coefficients of a combination below this, relative to its largest, are rounding and left out of words."""

PENALTIES = ("l2", "l1")
"""Names in ``fixed_by_assumption`` of what pulls weights towards zero."""

ROWS_SHOWN = 60
"""Most weights listed in the text of a summary; JSON always has them all."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Gauge:
    """How one reward was picked among those that explain the choices equally well.

    Attributes:
        kind: ``"minimum-norm"``, ``"reference-state"``, ``"fixed-weights"`` or another stable name.
        description: the same as a sentence.
        rationality: inverse temperature at which the weights are stated (they scale with its inverse).
        discount: per decision, or None for undiscounted or mixed problems.
    """

    kind: str
    description: str
    rationality: float
    discount: float | None

    def to_json(self) -> dict[str, Any]:
        """The gauge as JSON-able values."""
        return {
            "kind": self.kind,
            "description": self.description,
            "rationality": _number(self.rationality),
            "discount": self.discount,
        }

    def require_match(self, other: Gauge) -> None:
        """Refuse to compare rewards that were picked in different ways.

        Raises:
            GaugeError: kind, rationality or discount differ; the message lists the differences.
        """
        pairs = (
            ("kind", self.kind, other.kind),
            ("rationality", self.rationality, other.rationality),
            ("discount", self.discount, other.discount),
        )
        different = [f"{name} {mine} against {theirs}" for name, mine, theirs in pairs if mine != theirs]
        if different:
            raise GaugeError(
                f"Rewards can be compared only in one gauge; these differ in {'; '.join(different)}.",
                hint="Fit both with the same rationality, discount and gauge, or compare trade-offs instead.",
                differences=different,
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class RewardEstimate:
    """What the experts value, as weights with their spread, and what the data cannot tell.

    Attributes:
        method: registered name of the method that made it.
        outcome: why the fit stopped; only ``SUCCESS`` may be used as an answer.
        reward: the point estimate in its own form.
        names: K names of the weights.
        units: K units in which one unit of each feature is counted.
        weights: ``(K,)`` reward per unit of feature.
        covariances: kind to ``(K, K)`` covariance of the identified part; a finding says why when it is
            empty.
        gauge: how this reward was picked among equivalent ones.
        null_directions: ``(nullity, K)`` orthonormal rows along which no choice that was seen changes;
            a component is 0 exactly where the weight plays no part, so that units far apart do not hide one.
        n_decisions, n_trajectories: size of the data; pieces that were cut from one trajectory count once.
        choice_log_likelihood: nats, summed over decisions (weighted where decisions are).
        transition_log_likelihood: nats of the transitions under estimated dynamics; None when the dynamics
            are known.
        certificate: ``score_norm`` (largest absolute entry of the penalised score on the identified part,
            per decision) and ``bellman_residual``; other numbers a method vouches for.
        fixed_by_assumption: discount, rationality, penalties and weights that the data did not choose.
        seconds: CPU seconds of the fit.
        n_effective_trajectories: how many trajectories of equal length are worth these (fewer where some are much
            longer than others); None: not known, taken as ``n_trajectories``.
        kinds_with_dynamics: kinds of covariance that include the error of estimated transitions; the others hold
            the transition probabilities fixed.
        held_by_penalty: names of weights that only a penalty keeps finite; they count as not told.
        choice_covariances: kind to ``(K, K)`` covariance of rationality times weights, over the square of the
            estimated rationality; empty where rationality is fixed, for then it is that of the weights.
        findings: what was noticed.
        solver_state: what resumes the fit; arrays and numbers only. Not part of the JSON form.
    """

    method: str
    outcome: Outcome
    reward: LinearReward | TabularReward | MeasuredReward
    names: tuple[str, ...]
    units: tuple[str, ...]
    weights: Float[np.ndarray, "K"]
    covariances: Mapping[str, FloatArray]
    gauge: Gauge
    null_directions: Float[np.ndarray, "nullity K"]
    n_decisions: int
    n_trajectories: int
    choice_log_likelihood: float
    transition_log_likelihood: float | None
    certificate: Mapping[str, float]
    fixed_by_assumption: Mapping[str, float | str]
    seconds: float
    n_effective_trajectories: float | None = None
    kinds_with_dynamics: tuple[str, ...] = ()
    held_by_penalty: tuple[str, ...] = ()
    choice_covariances: Mapping[str, FloatArray] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)
    solver_state: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        K = len(self.names)
        if self.weights.shape != (K,) or len(self.units) != K or self.null_directions.shape[1:] != (K,):
            raise FeatureError(
                f"An estimate of {K} named weights needs {K} weights and units and null directions of "
                f"length {K}, got "
                f"{self.weights.shape}, {len(self.units)} and {self.null_directions.shape}.",
                hint="Keep names, units and weights together.",
            )
        for kind, covariance in self.covariances.items():
            if kind not in KINDS or covariance.shape != (K, K):
                raise SettingsError(
                    f"Covariances are ({K}, {K}) matrices of kind {', '.join(KINDS)}; got {kind!r} of "
                    f"shape {covariance.shape}.",
                    hint="Name the kind of every standard error.",
                )

    @property
    def nullity(self) -> int:
        """Number of independent directions that the data cannot tell."""
        return int(self.null_directions.shape[0])

    @property
    def effective_trajectories(self) -> float:
        """How many trajectories of equal length are worth those of the data."""
        known = self.n_effective_trajectories
        return float(self.n_trajectories) if known is None else known

    @property
    def penalties(self) -> dict[str, float]:
        """Penalties that pull the weights towards zero, by name; empty where there are none."""
        held = self.fixed_by_assumption
        return {name: float(held[name]) for name in PENALTIES if held.get(name)}

    @property
    def errors_note(self) -> str:
        """What the standard errors hold fixed and leave out, in words; "" where there are none."""
        if not self.covariances:
            return ""
        note = "Standard errors without small-sample factor, "
        if not self.kinds_with_dynamics:
            note += "conditional on the transition probabilities."
        elif set(self.kinds_with_dynamics) >= set(self.covariances):
            note += "including the error of the estimated transitions."
        else:
            included = " and ".join(self.kinds_with_dynamics)
            note += (
                f"conditional on the transition probabilities, but {included} including the error of estimating"
                " them."
            )
        if self.penalties:
            shown = " and ".join(f"{name} = {value:g}" for name, value in self.penalties.items())
            note += (
                f" The weights are penalised ({shown}): errors are the spread around shrunken values, without"
                " the bias of shrinking."
            )
        if "l1" in self.penalties:
            note += " They are conditional on which weights the penalty set to zero; those have none."
        return note

    @property
    def log_likelihood(self) -> float:
        """Choice part plus transition part (nothing is added for known dynamics)."""
        return self.choice_log_likelihood + (self.transition_log_likelihood or 0.0)

    @property
    def is_identified(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """``(K,)`` booleans: the weight has no component in a null direction, and the data keep it finite."""
        told = np.array([name not in self.held_by_penalty for name in self.names], dtype=bool)
        if self.nullity:
            told &= ~self.null_directions.any(axis=0)
        return told

    def covariance(self, kind: str = "sandwich_clustered") -> Float[np.ndarray, "K K"]:
        """``(K, K)`` covariance of the identified part, by the named kind.

        Raises:
            SettingsError: this estimate has no covariance of that kind.
        """
        if kind not in self.covariances:
            have = ", ".join(self.covariances) or "none"
            raise SettingsError(
                f"No {kind!r} covariance in this estimate; there are: {have}.",
                hint="The findings of the estimate say why one is missing.",
            )
        return self.covariances[kind]

    def choice_covariance(self, kind: str = "sandwich_clustered") -> Float[np.ndarray, "K K"]:
        """``(K, K)`` covariance behind what choices depend on: ratios of weights, and predictions.

        An estimated rationality makes the weights that it is stated by certain, but no ratio and no choice:
        those depend on rationality times weights.

        Raises:
            SettingsError: this estimate has no covariance of that kind.
        """
        stated = self.covariance(kind)
        return self.choice_covariances.get(kind, stated)

    def standard_errors(self, kind: str = "sandwich_clustered") -> Float[np.ndarray, "K"]:
        """``(K,)`` standard errors of the named kind; infinite where the data cannot tell the weight.

        Raises:
            SettingsError: this estimate has no covariance of that kind.
        """
        errors = np.sqrt(np.maximum(np.diag(self.covariance(kind)), 0.0))
        return np.where(self.is_identified, errors, np.inf)

    def to_json(self) -> dict[str, Any]:
        """The estimate as JSON-able values; infinite standard errors become null."""
        errors = {
            kind: {
                n: _number(x) for n, x in zip(self.names, self.standard_errors(kind).tolist(), strict=True)
            }
            for kind in self.covariances
        }
        return {
            "schema_version": SCHEMA_VERSION,
            "method": self.method,
            "result": self.outcome.label,
            "advice": "" if self.outcome.ok else self.outcome.value,
            "n_decisions": self.n_decisions,
            "n_trajectories": self.n_trajectories,
            "n_effective_trajectories": self.effective_trajectories,
            "choice_log_likelihood": _number(self.choice_log_likelihood),
            "transition_log_likelihood": None
            if self.transition_log_likelihood is None
            else _number(self.transition_log_likelihood),
            "log_likelihood": _number(self.log_likelihood),
            "weights": {n: _number(x) for n, x in zip(self.names, self.weights.tolist(), strict=True)},
            "units": dict(zip(self.names, self.units, strict=True)),
            "standard_errors": errors,
            "standard_errors_note": self.errors_note,
            "gauge": self.gauge.to_json(),
            "nullity": self.nullity,
            "null_directions": [
                {n: float(c) for n, c in zip(self.names, row.tolist(), strict=True) if c}
                for row in self.null_directions
            ],
            "held_by_penalty": list(self.held_by_penalty),
            "certificate": {
                "score_norm": None,
                "bellman_residual": None,
                **{k: _number(v) for k, v in self.certificate.items()},
            },
            "fixed_by_assumption": dict(self.fixed_by_assumption),
            "seconds": self.seconds,
            "findings": [f.to_json() for f in self.findings],
            "provenance": self.provenance.to_json(),
        }

    def summary(self) -> Report:
        """The estimate as a report; an outcome other than success is the first thing it says."""
        if self.outcome.ok:
            headline = (
                f"{len(self.names)} weights from {self.n_decisions:,} decisions in "
                f"{self.n_trajectories:,} trajectories"
            )
            if math.isfinite(self.choice_log_likelihood):
                headline += f", choice log-likelihood {self.choice_log_likelihood:,.4f} nats"
            headline += f"; {self.nullity} direction(s) the data cannot tell." if self.nullity else "."
        else:
            headline = f"Not an answer ({self.outcome.label}). {self.outcome.value}"
        sections = [
            Section(title="Weights", items=(self._weight_table(),), anchor="weights"),
            Section(
                title="What the data cannot tell",
                items=tuple(self._gauge_sentences()),
                anchor="identifiability",
            ),
            Section(title="Certificate", items=(self._certificate_table(),), anchor="certificate"),
        ]
        if self.findings:
            worst_first = tuple(sorted(self.findings, key=lambda f: -int(f.severity)))
            at = 0 if not self.outcome.ok else len(sections)
            sections.insert(at, Section(title="Findings", items=worst_first, anchor="findings"))
        return Report(
            title=f"Reward by {self.method.replace('_', ' ')}",
            headline=headline,
            sections=tuple(sections),
            data=self.to_json(),
        )

    def _weight_table(self) -> Table:
        errors = {kind: self.standard_errors(kind) for kind in self.covariances}
        shown = range(min(len(self.names), ROWS_SHOWN))
        left = len(self.names) - len(shown)
        return Table(
            title="Reward per unit of each feature",
            columns=("feature", "unit", "weight", *(f"SE {k.replace('_', ' ')}" for k in errors)),
            rows=tuple(
                (
                    self.names[k],
                    self.units[k],
                    float(self.weights[k]),
                    *(float(e[k]) for e in errors.values()),
                )
                for k in shown
            ),
            note=self.errors_note + (f" {left} more weights are in the JSON form." if left else ""),
        )

    def _gauge_sentences(self) -> list[str]:
        assumed = ", ".join(f"{k} = {v}" for k, v in self.fixed_by_assumption.items())
        lines = [f"Gauge: {self.gauge.description}"]
        if assumed:
            lines.append(f"Fixed by assumption: {assumed}.")
        for row in self.null_directions[:ROWS_SHOWN]:
            lines.append(
                f"Adding any amount of {describe_direction(self.names, row)} changes no choice that was seen."
            )
        if self.nullity > ROWS_SHOWN:
            lines.append(f"{self.nullity - ROWS_SHOWN} more such directions are in the JSON form.")
        return lines

    def _certificate_table(self) -> Table:
        return Table(
            title="How far this is from the exact optimum",
            columns=("quantity", "value"),
            rows=tuple((name, float(value)) for name, value in self.certificate.items()),
            note="The score is per decision; at the exact optimum it is zero.",
        )


def describe_direction(names: Sequence[str], coefficients: FloatArray, *, most: int = 6) -> str:
    """A combination of features in words, largest coefficients first: ``"0.71 stops - 0.71 starts"``."""
    order = np.argsort(-np.abs(coefficients), kind="stable")
    least = NULL_COMPONENT * np.abs(coefficients).max(initial=0.0)
    kept = [int(i) for i in order if abs(coefficients[i]) > least]
    words = ""
    for i in kept[:most]:
        value = float(coefficients[i])
        sign = "-" if value < 0 else "+"
        words += (f" {sign} " if words else ("-" if value < 0 else "")) + f"{abs(value):.3g} {names[i]}"
    return words + (f" and {len(kept) - most} more" if len(kept) > most else "")


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
