"""From a fit of weights, rationalities and ties to the reward, in the gauge that was asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from telic.inference.uncertainty import tidy_rows
from telic.reports import Finding, Severity
from telic.rewards import Gauge, LinearReward, RewardEstimate
from telic.typing import FloatArray

from .annotators import TIE_NAME, AnnotatorLikelihood, rationality_name
from .findings import CHANCE, against_the_others, rationality_by_spread, rationality_runs_away
from .result import AnnotatorRationality, PreferenceEstimate

__all__ = ["Projection"]

MOSTLY = 0.5
"""Share of the information from ``spread`` above which a rationality is said to come from it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Projection:
    """What is read off one fit.

    Attributes:
        estimate: of all numbers (``is_freed``), or of the weights alone.
        likelihood: of all numbers.
        is_freed: whether ``estimate`` has rationalities and ties among its weights.
        centre: ``(G,)`` the log rationalities times this are 0 in the gauge; all 0 where something else is the unit.
        reference: group whose rationality is 1 in the gauge, or None.
    """

    estimate: RewardEstimate
    likelihood: AnnotatorLikelihood
    is_freed: bool
    centre: FloatArray
    reference: int | None

    @cached_property
    def raw(self) -> tuple[FloatArray, FloatArray, float]:
        """Weights, log rationality of every group and log tie strength, as fitted."""
        if self.is_freed:
            return self.likelihood.split(self.estimate.weights)
        logs = np.zeros(len(self.likelihood.group_names))
        return self.estimate.weights, logs, self.likelihood.preferences.log_tie

    @cached_property
    def answered(self) -> FloatArray:
        """``(G,)`` comparisons of every group."""
        counts = np.bincount(self.likelihood.who, minlength=len(self.likelihood.group_names))
        return np.asarray(counts, dtype=np.float64)

    @cached_property
    def shift(self) -> float:
        """What is added to the log of every weight and taken from every log rationality."""
        return float(self.centre @ self.raw[1])

    @property
    def weights(self) -> FloatArray:
        """``(K,)`` weights in the gauge."""
        return np.asarray(self.raw[0] * np.exp(self.shift))

    @property
    def logs(self) -> FloatArray:
        """``(G,)`` log rationalities in the gauge."""
        return self.raw[1] - self.shift

    @cached_property
    def log_map(self) -> FloatArray:
        """``(G, P)`` derivative of the log rationalities by all numbers."""
        K, free = self.likelihood.n_features, self.likelihood.free_groups
        out = np.zeros((len(self.answered), self.likelihood.n_weights))
        out[free, K + np.arange(len(free))] = 1.0
        return np.asarray(out - self._shift_row)

    @property
    def _shift_row(self) -> FloatArray:
        """``(P,)`` derivative of the shift."""
        K, free = self.likelihood.n_features, self.likelihood.free_groups
        row = np.zeros(self.likelihood.n_weights)
        row[K : K + len(free)] = self.centre[free]
        return row

    @cached_property
    def weight_map(self) -> FloatArray:
        """``(K, P)`` derivative of the weights by all numbers."""
        K = self.likelihood.n_features
        out = np.zeros((K, self.likelihood.n_weights))
        out[:, :K] = np.eye(K) * np.exp(self.shift)
        return np.asarray(out + np.outer(self.weights, self._shift_row))

    def result(self) -> PreferenceEstimate:
        """The reward with its annotators."""
        e, like = self.estimate, self.likelihood
        spread = e.covariances if self.is_freed else {}
        log_spread = {k: self.log_map @ m @ self.log_map.T for k, m in spread.items()}
        annotators = self._annotators(log_spread)
        shown = replace(
            like.preferences,
            annotator_rationality=self._multipliers() if e.outcome.ok else None,
            tie_strength=self.tie_strength,
        )
        value = shown.evaluate(self.weights).value if e.outcome.ok else np.nan
        return PreferenceEstimate(
            reward=self._reward(value),
            annotators=annotators,
            tie_strength=self.tie_strength,
            log_tie_errors={k: float(np.sqrt(max(m[-1, -1], 0.0))) for k, m in spread.items()}
            if like.frees_ties
            else {},
            n_comparisons=like.preferences.n_decisions,
            n_ties=int(np.count_nonzero(like.preferences.row_weights * self._is_tie)),
            n_decisions=0 if like.decisions is None else like.decisions.n_decisions,
            preference_log_likelihood=value,
            assumptions=self._assumptions(),
        )

    @property
    def tie_strength(self) -> float | None:
        """Davidson's, or None."""
        return float(np.exp(self.raw[2])) if self.likelihood.frees_ties else None

    @property
    def _is_tie(self) -> FloatArray:
        return np.asarray(self.likelihood.preferences.comparisons.preferred == 0.5, dtype=np.float64)

    def _multipliers(self) -> FloatArray:
        return np.asarray(np.exp(self.logs)[self.likelihood.groups])

    @property
    def _is_mean(self) -> bool:
        return self.reference is None and bool(self.centre.any())

    def _assumptions(self) -> dict[str, float | str]:
        like, out = self.likelihood, dict[str, float | str]()
        if self._is_mean:
            out["geometric mean of rationalities"] = 1.0
        elif self.reference is not None:
            out[f"rationality of {like.group_names[self.reference]}"] = 1.0
        elif not len(like.free_groups) and like.decisions is not None:
            out["rationality of answers over that of decisions"] = 1.0
        if like.spread is not None:
            out["spread of log rationality"] = like.spread
        if not like.frees_ties and self._is_tie.any():
            out["ties"] = "half a win of each side"
        return out

    def _reward(self, preference_value: float) -> RewardEstimate:
        e, like = self.estimate, self.likelihood
        K, theta = like.n_features, self.weights
        phi = like.preferences.features if like.decisions is None else like.decisions.features
        value = e.choice_log_likelihood
        if e.outcome.ok and self.is_freed:  # without the terms of `spread`
            value = preference_value
            value += 0.0 if like.decisions is None else like.decisions.evaluate(self.raw[0]).value
        words = e.gauge.description
        if self._is_mean:
            words += " They are those of an annotator of rationality 1; the geometric mean of all is 1."
        elif self.reference is not None:
            words += f" They are those of {like.group_names[self.reference]}, whose rationality is 1."
        elif like.decisions is not None and len(like.free_groups):
            words += " The unit of rationality is that of the decisions."
        kind = "mean-annotator" if self._is_mean else e.gauge.kind
        kind = "reference-annotator" if self.reference is not None else kind
        covariances = e.covariances
        if self.is_freed:
            covariances = {k: self.weight_map @ m @ self.weight_map.T for k, m in e.covariances.items()}
        return replace(
            e,
            reward=LinearReward(features=phi, weights=theta),
            names=like.preferences.names,
            units=phi.units or ("",) * K,
            weights=theta,
            covariances=covariances,
            null_directions=self._null_rows(),
            gauge=Gauge(
                kind=kind,
                description=words,
                rationality=e.gauge.rationality,
                discount=e.gauge.discount,
            ),
            held_by_penalty=tuple(n for n in e.held_by_penalty if n in like.preferences.names),
            choice_log_likelihood=value,
            fixed_by_assumption={**e.fixed_by_assumption, **self._assumptions()},
            findings=tuple(self._findings()),
        )

    def _null_rows(self) -> FloatArray:
        rows = self.estimate.null_directions
        K = self.likelihood.n_features
        part = rows[np.abs(rows[:, :K]).max(axis=1, initial=0.0) > 0, :K]
        return tidy_rows(part, np.ones(K)) if len(part) else np.zeros((0, K))

    def _annotators(self, log_spread: dict[str, FloatArray]) -> tuple[AnnotatorRationality, ...]:
        like, e = self.likelihood, self.estimate
        c = like.preferences.comparisons
        shares = np.zeros(len(self.answered))
        if like.spread is not None and self.is_freed and e.outcome.ok:
            told = like.data_information(e.weights)
            held = like.spread**-2 * (1.0 - 1.0 / np.count_nonzero(self.answered))
            shares = held / (held + told)
        away = np.sign(like.preferences.differences @ self.weights) * np.sign(c.preferred - 0.5)
        out = []
        for g, name in enumerate(like.group_names):
            rows = (like.who == g) & (c.preferred != 0.5)
            is_known = e.outcome.ok and self.answered[g] > 0
            is_estimated = is_known and len(like.free_groups) > 0 and g != self.reference
            out.append(
                AnnotatorRationality(
                    name=name,
                    n_comparisons=int(self.answered[g]),
                    n_ties=int((like.who == g).sum() - rows.sum()),
                    rationality=float(np.exp(self.logs[g])) if is_known else np.nan,
                    log_standard_errors={k: float(np.sqrt(max(m[g, g], 0.0))) for k, m in log_spread.items()}
                    if is_estimated
                    else {},
                    agreement=float((1.0 + away[rows]).mean() / 2.0) if rows.any() else np.nan,
                    spread_share=float(shares[g]) if self.answered[g] else 0.0,
                )
            )
        return tuple(out)

    def _findings(self) -> list[Finding]:
        like, e = self.likelihood, self.estimate
        mine = {rationality_name(n): n for n in like.group_names}
        out = []
        for f in e.findings:
            involved = set(f.evidence.get("features", ()))
            ways = {
                mine[n]: d > 0
                for n, d in f.evidence.get("direction", {}).items()
                if n in involved & set(mine)
            }
            tied, beside = like.spread is not None, like.decisions is not None
            if f.code == "separation" and not ways and self.is_freed and not beside:
                # All alike have finite weights: what runs away is whoever is held at 1, against all others.
                ways = {like.group_names[g]: True for g in self._held}
            if f.code == "separation" and ways:
                out.append(rationality_runs_away(ways, is_tied=tied, has_decisions=beside))
            elif f.code == "feature-without-effect" and involved <= {*mine, TIE_NAME}:
                out.append(_untold([mine.get(n, n) for n in involved]))
            else:
                out.append(f)
        if not e.outcome.ok:
            return out
        annotators = self._annotators({})
        held = [a for a in annotators if a.spread_share > MOSTLY]
        if held and like.spread is not None:
            out.append(
                rationality_by_spread([a.name for a in held], [a.spread_share for a in held], like.spread)
            )
        return out + self._contrary()

    @property
    def _held(self) -> list[int]:
        """Groups that answered and whose rationality is not estimated."""
        return [g for g in np.flatnonzero(self.answered).tolist() if g not in self.likelihood.free_groups]

    def _contrary(self) -> list[Finding]:
        """Annotators whose answers go against the weights more than those of a coin would.

        For a coin ``U = sum (y - 1/2) z`` has mean 0 and variance ``sum z^2 / 4``: the score test of a rationality of
        0, each annotator at an equal part of ``CHANCE``.
        """
        from scipy.special import ndtr

        like, out = self.likelihood, []
        c = like.preferences.comparisons
        z = like.preferences.differences @ self.weights
        people = np.unique(c.annotators).tolist()
        for j in people if len(people) > 1 else []:
            rows = (c.annotators == j) & (c.preferred != 0.5) & (z != 0)
            if not rows.any():
                continue
            y, gap = c.preferred[rows] - 0.5, z[rows]
            p_value = float(ndtr(2.0 * float(y @ gap) / float(np.linalg.norm(gap))))
            if p_value < CHANCE / len(people):
                agreed = float(((gap > 0) == (y > 0)).mean())
                out.append(against_the_others(c.annotator_names[j], agreed, int(rows.sum()), p_value))
        return out


def _untold(names: list[str]) -> Finding:
    return Finding(
        code="rationality-not-told",
        severity=Severity.WARNING,
        message=f"The rationality of {', '.join(sorted(names))} cannot be told: the weights see no difference between "
        "what was compared.",
        hint="Ask for comparisons of alternatives that differ in the features.",
        evidence={"annotators": sorted(names)},
    )
