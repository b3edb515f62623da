"""The standard test of a reward by held-out comparisons: order, sharpness and calibration, beside two baselines.

A reward whose returns differ by ``d`` says that the first is preferred with probability ``1 / (1 + exp(-b d))``, given
that it is not a tie; ``b`` is the rationality.

- **Accuracy**: share of answers whose order the returns have right, with the exact interval of independent answers
  (``preference_accuracy``) and the interval over annotators. Baselines: a coin, and always the more frequent side.
- **Log loss**: minus the mean log probability of the answers, in nats; a coin loses log 2. It needs ``b``: given,
  or fitted to other comparisons where the reward is known up to scale only.
- **Sharpness**: the ``b`` that fits these answers over the ``b`` that was used, with its interval: below 1 the reward
  is too sure of itself, above 1 not sure enough.
- **Calibration**: answers by the probability of the side that the reward prefers (.5 to 1, so that sides carry no
  meaning): how often that side won, with exact intervals, and a chi-square test.

References: Clopper and Pearson (1934), Biometrika 26; Cox (1958), Two further applications of a model for binary
regression, Biometrika 45, 562-565, for sharpness as the slope of a regression on the claimed log-odds; Hosmer and
Lemeshow (1980), Communications in Statistics A9, for the test.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from telic.errors import DataError, SettingsError
from telic.reports import Finding, Severity
from telic.trajectories import Comparisons
from telic.typing import FloatArray, LongArray

from .calibration import bin_rows, chi_square, equal_bins, merge_bins
from .clustered import ClusteredMean, clustered_mean
from .preference_accuracy import preference_accuracy
from .preference_scores import PreferenceScore, PreferenceTest

__all__ = ["preference_test"]

NEWTON_STEPS = 100
"""Steps of the fit of one number; ten are usual."""

FEW_ANNOTATORS = 10
"""Annotators below which an interval over them is rough."""


def preference_test(
    returns: Mapping[str, FloatArray] | Float[np.ndarray, "N"],
    comparisons: Comparisons,
    *,
    rationality: float | int | None = 1.0,
    train: Comparisons | None = None,
    n_bins: int = 10,
    level: float = 0.95,
) -> PreferenceTest:
    """Rewards judged by comparisons that they were not made from.

    Args:
        returns: of each alternative, as the comparisons number them; one array, or name to array.
        comparisons: held out.
        rationality: that turns a difference of returns into log-odds; 1 for rewards that were fitted to choices at
            rationality 1. None fits one for each reward to ``train``: for rewards that are known up to scale.
        train: comparisons of the same alternatives, for the scale and for the side that is more frequent.
        n_bins: of equal numbers of answers; fewer where predictions coincide.
        level: of the intervals.

    Raises:
        DataError: no comparison has a preference, or the returns do not fit.
        SettingsError: a number is out of range, or a scale is to be fitted without ``train``.
    """
    named = {"reward": returns} if isinstance(returns, np.ndarray) else dict(returns)
    _check(named, comparisons, rationality, train, n_bins)
    told = np.flatnonzero(comparisons.preferred != 0.5)
    answers = comparisons.select(told)
    y = answers.preferred
    n_annotators = len(np.unique(answers.annotators))
    who = answers.annotators.astype(np.int64) if n_annotators > 1 else np.arange(len(told), dtype=np.int64)
    scores, findings = [], list[Finding]()
    for name, values in named.items():
        b = _scale(values, train, name) if rationality is None else float(rationality)
        score = _score(name, values, answers, who, b, n_bins, level, has_people=n_annotators > 1)
        accuracy = preference_accuracy(values, comparisons, level=level)  # with the number of ties left out
        scores.append(replace(score, accuracy=accuracy))
        findings += [f for f in accuracy.findings if f not in findings]
        findings += _findings(scores[-1], level)
    if 1 < n_annotators < FEW_ANNOTATORS:
        findings.append(_few(n_annotators))
    return PreferenceTest(
        scores=tuple(scores),
        baselines={"coin": 0.5, **_majority(y, train)},
        n=len(told),
        n_ties=len(comparisons) - len(told),
        n_annotators=n_annotators,
        level=level,
        findings=tuple(findings),
    )


def _check(
    named: Mapping[str, FloatArray],
    comparisons: Comparisons,
    rationality: float | int | None,
    train: Comparisons | None,
    n_bins: int,
) -> None:
    if not named:
        raise DataError("There is no reward to judge.", hint="Give the returns of at least one.")
    if not np.any(comparisons.preferred != 0.5):
        raise DataError(
            f"None of the {len(comparisons)} comparisons has a preference, so nothing is tested.",
            hint="Add comparisons in which one alternative is preferred.",
        )
    if rationality is None and train is None:
        raise SettingsError(
            "To fit the scale of a reward, `train` is needed: on the comparisons under test it would flatter.",
            hint="Give comparisons that were not held out, or a `rationality`.",
        )
    if rationality is not None and not (math.isfinite(rationality) and rationality > 0):
        raise SettingsError(
            f"`rationality` must be a finite number above 0, got {rationality}.", hint="1 is the convention."
        )
    if n_bins < 2:
        raise SettingsError(f"`n_bins` must be at least 2, got {n_bins}.", hint="10 is usual.")


def _score(
    name: str,
    values: FloatArray,
    answers: Comparisons,
    who: LongArray,
    b: float,
    n_bins: int,
    level: float,
    *,
    has_people: bool,
) -> PreferenceScore:
    accuracy = preference_accuracy(values, answers, level=level)
    z = b * (values[answers.first] - values[answers.second])
    sign = np.where(answers.preferred > 0.5, 1.0, -1.0)
    loss = np.logaddexp(0.0, -sign * z)
    sure = 1.0 / (1.0 + np.exp(-np.abs(z)))
    as_said = np.where(z == 0, sign > 0, sign * z > 0).astype(np.float64)
    bin_of = equal_bins(sure, n_bins)
    B = int(bin_of.max()) + 1
    n = np.bincount(bin_of, minlength=B)
    gaps = np.bincount(bin_of, weights=as_said - sure, minlength=B).astype(np.float64)
    variance = np.bincount(bin_of, weights=sure * (1 - sure), minlength=B)
    expected = np.bincount(bin_of, weights=sure, minlength=B).astype(np.float64)
    share = np.where(z == 0, 0.5, as_said)
    sharpness, interval = _sharpness(sign * z, level)
    over_people = clustered_mean(share, who, level=level)
    if not has_people:
        over_people = ClusteredMean(
            value=over_people.value,
            standard_error=math.nan,
            interval=None,
            level=level,
            n_decisions=over_people.n_decisions,
            n_trajectories=1,
        )
    return PreferenceScore(
        name=name,
        accuracy=accuracy,
        by_annotator=over_people,
        rationality=b,
        log_loss=clustered_mean(loss, who, level=level),
        gain=clustered_mean(math.log(2) - loss, who, level=level),
        sharpness=sharpness,
        sharpness_interval=interval,
        bins=bin_rows(sure, as_said, bin_of, n, level),
        calibration_p_value=chi_square(gaps, np.diag(variance), merge_bins(expected, n))[2],
    )


def _sharpness(x: FloatArray, level: float) -> tuple[float, tuple[float, float] | None]:
    """The b that maximises ``sum log sigmoid(b x)`` with its interval; x are claimed log-odds of what was answered."""
    from scipy.special import expit, ndtri

    if not np.any(x):
        return math.nan, None
    if np.all(x >= 0) or np.all(x <= 0):
        return math.inf if np.all(x >= 0) else -math.inf, None
    size = float(np.abs(x).max())
    x, b = x / size, 0.0
    for _ in range(NEWTON_STEPS):
        p = expit(-b * x)
        step = float((x * p).sum() / (x * x * p * (1 - p)).sum())
        step = math.copysign(
            min(abs(step), 2.0 + abs(b)), step
        )  # far out the curve is flat and steps too long
        b += step
        if abs(step) <= 1e-12 * max(1.0, abs(b)):
            break
    p = expit(-b * x)
    half = float(ndtri((1 + level) / 2)) / math.sqrt(float((x * x * p * (1 - p)).sum()))
    return b / size, ((b - half) / size, (b + half) / size)


def _scale(values: FloatArray, train: Comparisons | None, name: str) -> float:
    assert train is not None
    told = train.select(train.preferred != 0.5)
    sign = np.where(told.preferred > 0.5, 1.0, -1.0)
    b, _ = _sharpness(sign * (values[told.first] - values[told.second]), 0.95)
    if not (math.isfinite(b) and b > 0):
        raise DataError(
            f"The scale of {name!r} cannot be fitted to `train`: "
            + (
                "its returns have every answer right, so that no scale is too large."
                if b == math.inf
                else "its returns are no better there than a coin."
            ),
            hint="Give a `rationality`, or more comparisons to fit it to.",
            reward=name,
        )
    return b


def _majority(y: FloatArray, train: Comparisons | None) -> dict[str, float]:
    """Accuracy of always the side that is more frequent: in ``train``, else (flattered) in these."""
    if train is None:
        share = float(y.mean())
        return {"more frequent side": max(share, 1.0 - share)}
    told = train.preferred[train.preferred != 0.5]
    is_first = len(told) == 0 or float(told.mean()) >= 0.5
    return {"more frequent side": float((y == (1.0 if is_first else 0.0)).mean())}


def _findings(score: PreferenceScore, level: float) -> list[Finding]:
    found = []
    low, high = score.accuracy.interval
    if low <= 0.5:
        found.append(
            Finding(
                code="no-better-than-a-coin",
                severity=Severity.WARNING,
                message=f"{score.name} is not shown to predict preferences better than a coin: accuracy "
                f"{score.accuracy.value:.3f} [{low:.3f}, {high:.3f}] of {score.accuracy.n:,} answers.",
                hint="Ask for more comparisons, or do not use it to rank.",
                evidence={"reward": score.name, "accuracy": score.accuracy.value},
            )
        )
    span = score.sharpness_interval
    if span is not None and (span[1] < 1.0 or span[0] > 1.0):
        is_sure = span[1] < 1.0
        found.append(
            Finding(
                code="too-sure" if is_sure else "not-sure-enough",
                severity=Severity.NOTICE,
                message=f"Answers are {'less' if is_sure else 'more'} sharp than {score.name} says: "
                f"{score.sharpness:.3g} [{span[0]:.3g}, {span[1]:.3g}] times ({level:.0%} interval).",
                hint="The order may still be right; rescale the reward before its probabilities are used.",
                evidence={"reward": score.name, "sharpness": score.sharpness, "interval": list(span)},
            )
        )
    return found


def _few(n: int) -> Finding:
    return Finding(
        code="few-annotators",
        severity=Severity.NOTICE,
        message=f"{n} annotators answered: intervals over them are rough.",
        hint="Ask more people, or read the exact interval as that of these people.",
        evidence={"n_annotators": n},
    )
