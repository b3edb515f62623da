"""Likelihood-ratio test of nested fits: would the data miss the weights that were left out?

Statistic ``2 (LL_full - LL_restricted)``; under the restricted model it is, for many decisions, chi-square
with as many degrees of freedom as there are *identified* directions more in the full fit (Wilks 1938): a
weight along a null direction costs nothing and counts for nothing. The test takes decisions as independent
given their states; where those of one trajectory hang together, trust it less than the clustered errors.

It is refused where it would mean nothing: other data, other features, other assumptions, penalties, weighted
decisions, fits that did not converge, or names that are not nested.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import DataError, FeatureError, NumericalError, SettingsError
from telic.reports import Report, Section, Table
from telic.reports.numbers import format_number
from telic.rewards import LinearReward, RewardEstimate

from .likelihood.counts import WEIGHTED
from .wording import join_words

__all__ = ["LikelihoodRatioTest", "likelihood_ratio_test"]

SLACK = 1e-7
"""Nats a decision by which a restricted fit may seem better than the full one: both stop at a tolerance."""


@dataclass(frozen=True, kw_only=True)
class LikelihoodRatioTest:
    """The result of the test.

    Attributes:
        statistic: twice the gain in log-likelihood, at least 0.
        degrees_of_freedom: identified directions that the full fit has more.
        p_value: chance of so large a statistic when the restricted model holds.
        left_out: the weights that only the full fit has.
        restricted_log_likelihood, full_log_likelihood: nats, of the choices.
        n_decisions: size of the data.
    """

    statistic: float
    degrees_of_freedom: int
    p_value: float
    left_out: tuple[str, ...]
    restricted_log_likelihood: float
    full_log_likelihood: float
    n_decisions: int

    @property
    def sentence(self) -> str:
        """The result in words."""
        chance = f"p = {format_number(self.p_value, digits=2)}" if self.p_value >= 1e-4 else "p < 0.0001"
        gain = format_number(self.statistic / 2, digits=3)
        return (
            f"Leaving out {join_words(self.left_out)} costs {gain} nats over "
            f"{self.n_decisions:,} decisions (chi-square {format_number(self.statistic, digits=3)} on "
            f"{self.degrees_of_freedom}, {chance})."
        )

    def to_json(self) -> dict[str, Any]:
        """The result as JSON-able values."""
        return {**vars(self), "left_out": list(self.left_out)}

    def summary(self) -> Report:
        """The result as a report."""
        table = Table(
            title="Likelihood-ratio test",
            columns=("fit", "log-likelihood"),
            rows=(("restricted", self.restricted_log_likelihood), ("full", self.full_log_likelihood)),
            note=f"Statistic {self.statistic:.6g}, {self.degrees_of_freedom} degrees of freedom.",
        )
        return Report(
            title="Likelihood-ratio test",
            headline=self.sentence,
            sections=(Section(title="Fits", items=(table,)),),
            data=self.to_json(),
        )


def likelihood_ratio_test(restricted: RewardEstimate, full: RewardEstimate) -> LikelihoodRatioTest:
    """Whether the data would miss the weights that only the full fit has.

    Args:
        restricted: the fit with fewer features.
        full: the fit with all of its features and more, on the same data.

    Raises:
        DataError: the fits used other decisions, another world or no data at all, or weighted decisions.
        FeatureError: the restricted features are not a part of the full ones, or nothing more is identified.
        NumericalError: a fit did not converge, or the restricted one fits better than the full one.
        SettingsError: penalties, rationality, discount or fixed weights differ from one another.

    References:
        Wilks (1938), Annals of Mathematical Statistics 9, 60-62.
    """
    for label, fit in (("restricted", restricted), ("full", full)):
        if not fit.outcome.ok:
            raise NumericalError(
                f"The {label} fit did not converge ({fit.outcome.label}); its likelihood is not a maximum.",
                hint=fit.outcome.value,
                outcome=fit.outcome.label,
            )
    _same_data(restricted, full)
    _same_assumptions(restricted, full)
    left_out = _nested(restricted, full)
    df = (len(full.names) - full.nullity) - (len(restricted.names) - restricted.nullity)
    if df < 1:
        raise FeatureError(
            f"Nothing to test: {join_words(left_out)} adds no direction that the data can tell.",
            hint="See `identifiability`; leave the feature out.",
        )
    statistic = 2.0 * (full.choice_log_likelihood - restricted.choice_log_likelihood)
    if not statistic >= -2.0 * SLACK * max(full.n_decisions, 1):
        raise NumericalError(
            f"The full fit is less likely than its restriction ({full.choice_log_likelihood} against "
            f"{restricted.choice_log_likelihood} nats), so one of them is no maximum.",
            hint="Refit both with a smaller `tolerance`.",
        )
    statistic = max(statistic, 0.0)
    return LikelihoodRatioTest(
        statistic=statistic,
        degrees_of_freedom=df,
        p_value=_chi_square_tail(statistic, df),
        left_out=left_out,
        restricted_log_likelihood=restricted.choice_log_likelihood,
        full_log_likelihood=full.choice_log_likelihood,
        n_decisions=full.n_decisions,
    )


def _chi_square_tail(statistic: float, degrees_of_freedom: int) -> float:
    from scipy.special import gammaincc

    return float(gammaincc(0.5 * degrees_of_freedom, 0.5 * statistic))


def _same_data(restricted: RewardEstimate, full: RewardEstimate) -> None:
    a, b = restricted.provenance.inputs, full.provenance.inputs
    for key, what in (("data", "decisions"), ("world", "world")):
        if a.get(key) is None or a.get(key) != b.get(key):
            raise DataError(
                f"Both fits must use the same {what}, got digests {a.get(key)} and {b.get(key)}.",
                hint="Fit both on one set of demonstrations in one world.",
            )
    if any(finding.code == WEIGHTED for finding in full.findings):
        raise DataError(
            "Decisions carry weights, so twice the gain in log-likelihood is no chi-square.",
            hint="Leave the weights out, or look at the weights' own intervals.",
        )
    if restricted.n_decisions != full.n_decisions:
        raise DataError(
            f"Both fits must use the same decisions, got {restricted.n_decisions} and {full.n_decisions}.",
            hint="Fit both on one set of demonstrations.",
        )


def _same_assumptions(restricted: RewardEstimate, full: RewardEstimate) -> None:
    a, b = _assumed(restricted), _assumed(full)
    penalties = [k for k in ("l1", "l2") if a.get(k) or b.get(k)]
    if penalties:
        raise SettingsError(
            f"A penalised fit ({join_words(penalties)}) is no maximum of the likelihood.",
            hint="Refit without a penalty.",
        )
    different = sorted(k for k in a.keys() | b.keys() if a.get(k) != b.get(k))
    if different:
        shown = "; ".join(f"{k} {a.get(k)} against {b.get(k)}" for k in different)
        raise SettingsError(
            f"The fits rest on different assumptions: {shown}.", hint="Hold them alike in both."
        )


def _assumed(fit: RewardEstimate) -> Mapping[str, float | str]:
    return {k: v for k, v in fit.fixed_by_assumption.items() if v != 0 or k not in ("l1", "l2")}


def _nested(restricted: RewardEstimate, full: RewardEstimate) -> tuple[str, ...]:
    left_out = tuple(n for n in full.names if n not in restricted.names)
    extra = [n for n in restricted.names if n not in full.names]
    if extra or not left_out:
        raise FeatureError(
            f"The restricted fit must use a part of the features of the full one; "
            f"{'it has ' + join_words(extra) + ' of its own' if extra else 'both have the same'}.",
            hint="Give the fit with fewer features first.",
        )
    if isinstance(restricted.reward, LinearReward) and isinstance(full.reward, LinearReward):
        changed = [
            n
            for n in restricted.names
            if not np.array_equal(_column(restricted.reward, n), _column(full.reward, n))
        ]
        if changed or restricted.reward.form != full.reward.form:
            raise FeatureError(
                f"Features of one name must be one feature; {join_words(changed) or 'their forms'} differ.",
                hint="Make both fits from the same feature values.",
            )
    return left_out


def _column(reward: LinearReward, name: str) -> Float[np.ndarray, "..."]:
    values = reward.features.values
    k = reward.features.names.index(name)
    return values[..., k] if isinstance(values, np.ndarray) else np.asarray(values[:, [k]].toarray())
