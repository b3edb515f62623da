"""The largest threshold at which acting is shown to be safe, by tests in a fixed order.

A gate acts where a score is at most a threshold. For one threshold, k of the n calibration decisions that it would act
on lose more than the bound; with independent decisions k is binomial, and the exact upper bound of Clopper and
Pearson (1934) at confidence ``1 - delta`` shows ``P(loss > bound | acted) <= alpha`` where it is at most alpha.

Thresholds are tested from the strictest to the loosest, each at level delta, up to the first that fails; the last
that passed is used. A loose one is reached only over all stricter ones, so the chance that any threshold passes
wrongly is at most delta, without a correction for their number (fixed-sequence testing: Angelopoulos, Bates, Candes,
Jordan and Lei 2021, Learn then test, section 2.2).

It holds if the thresholds and their order do not depend on the calibration decisions, and if those are independent
draws of the decisions to come. So thresholds come from other decisions (``gate_thresholds``), and of several decisions
of a trajectory one is taken (``one_per_trajectory``).
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from telic.errors import DataError, SettingsError
from telic.reports import Outcome, Report, Section, Table
from telic.reports.numbers import format_number
from telic.typing import LongArray

__all__ = [
    "GateCalibration",
    "GateTest",
    "Loss",
    "calibrate_gate",
    "gate_thresholds",
    "one_per_trajectory",
]

N_THRESHOLDS = 25
"""Thresholds that are tested where the caller states none."""

POWER = 2.0
"""Calibration decisions expected below the strictest threshold, over the fewest that could pass without a loss."""


class Loss(enum.Enum):
    """What was observed on the calibration decisions; the value is how it is called in every sentence."""

    REGRET = "regret"
    PROXY = "posterior expected regret plus disagreement with a held-out operator"


@dataclass(frozen=True, kw_only=True)
class GateTest:
    """One threshold that was tested.

    Attributes:
        threshold: largest score acted on.
        n_acted: calibration decisions with such a score.
        n_exceeding: of these, decisions that lose more than the bound.
        upper: upper bound of the chance to.
        passed: it is at most alpha.
    """

    threshold: float
    n_acted: int
    n_exceeding: int
    upper: float
    passed: bool


@dataclass(frozen=True, kw_only=True)
class GateCalibration:
    """What calibration shows.

    Attributes:
        threshold: largest score at which one may act; None where nothing could be shown, so that nobody acts.
        tests: in order, the first failure last.
        loss: what was observed.
        bound: largest loss that does no harm, in units of reward.
        alpha: largest chance of a larger one, given that one acts.
        delta: chance that the gate's is larger after all.
        n_decisions: calibration decisions.
    """

    threshold: float | None
    tests: tuple[GateTest, ...]
    loss: Loss
    bound: float
    alpha: float
    delta: float
    n_decisions: int

    @property
    def outcome(self) -> Outcome:
        """``SUCCESS`` also where nothing could be shown: to abstain is an answer."""
        return Outcome.SUCCESS

    @property
    def sentence(self) -> str:
        """What holds, in words."""
        bound = format_number(self.bound, digits=3)
        if self.threshold is None:
            first = self.tests[0]
            return (
                f"Nothing could be shown, so it abstains from everything: of {first.n_acted} calibration decisions "
                f"with the smallest scores {first.n_exceeding} had a {self.loss.value} above {bound}, which leaves the "
                f"chance of one as high as {100 * first.upper:.3g} % (asked: {100 * self.alpha:g} %)."
            )
        last = [t for t in self.tests if t.passed][-1]
        return (
            f"Where it acts, the chance that the {self.loss.value} is above {bound} is at most "
            f"{100 * self.alpha:g} %, with confidence {100 * (1 - self.delta):g} % ({last.n_exceeding} of "
            f"{last.n_acted} calibration decisions)."
        )

    def to_json(self) -> dict[str, Any]:
        """Keys as the attributes."""
        return {
            "schema_version": 1,
            "result": self.outcome.label,
            "loss": self.loss.value,
            "threshold": self.threshold,
            "bound": self.bound,
            "alpha": self.alpha,
            "delta": self.delta,
            "n_decisions": self.n_decisions,
            "tests": [dict(vars(t)) for t in self.tests],
        }

    def summary(self) -> Report:
        """The tests as a report."""
        table = Table(
            title="Thresholds tested, the strictest first",
            columns=("score at most", "acted on", "above the bound", "upper bound of its chance", "passed"),
            rows=tuple((t.threshold, t.n_acted, t.n_exceeding, t.upper, t.passed) for t in self.tests),
            note=f"Loss: {self.loss.value}. Testing stops at the first failure.",
        )
        return Report(
            title="Calibration of the gate",
            headline=self.sentence,
            sections=(Section(title="Thresholds", items=(table,), anchor="gate"),),
            data=self.to_json(),
        )


def calibrate_gate(
    scores: Float[np.ndarray, "n"],
    losses: Float[np.ndarray, "n"],
    *,
    thresholds: Float[np.ndarray, "m"],
    bound: float | int,
    loss: Loss,
    alpha: float = 0.1,
    delta: float = 0.1,
) -> GateCalibration:
    """The largest threshold at which a larger loss than ``bound`` has a chance of at most ``alpha`` where one acts.

    Args:
        scores: of independent calibration decisions; infinite where one would never act.
        losses: of the action that would be taken there, in units of reward.
        thresholds: to test, from decisions other than these (``gate_thresholds``).
        bound: largest loss that does no harm, at least 0.
        loss: what the losses are.
        alpha: largest chance of a loss above the bound, given that one acts.
        delta: chance that the statement is wrong.

    Raises:
        DataError: scores and losses do not fit each other, or are not numbers.
        SettingsError: a number is out of range, or there is no threshold.
    """
    for name, value in (("alpha", alpha), ("delta", delta)):
        _check_chance(name, value)
    if not (math.isfinite(bound) and bound >= 0):
        raise SettingsError(
            f"`bound` must be finite and not negative, got {bound}.", hint="It is in units of reward."
        )
    if (
        scores.shape != losses.shape
        or not len(scores)
        or np.isnan(scores).any()
        or not np.isfinite(losses).all()
    ):
        raise DataError(
            f"Calibration needs one score and one finite loss for each decision, got {scores.shape} and "
            f"{losses.shape}.",
            hint="An infinite score marks a decision that one would never act on; a loss is always finite.",
        )
    grid = np.unique(np.asarray(thresholds, dtype=np.float64))
    if not len(grid) or not np.isfinite(grid).all():
        raise SettingsError("`thresholds` must be finite and at least one.", hint="See `gate_thresholds`.")
    tests: list[GateTest] = []
    chosen: float | None = None
    for threshold in grid.tolist():
        acted = scores <= threshold
        n, k = int(acted.sum()), int((losses[acted] > bound).sum())
        upper = _upper(k, n, delta)
        passed = upper <= alpha
        tests.append(GateTest(threshold=threshold, n_acted=n, n_exceeding=k, upper=upper, passed=passed))
        if not passed:
            break
        chosen = threshold
    return GateCalibration(
        threshold=chosen,
        tests=tuple(tests),
        loss=loss,
        bound=float(bound),
        alpha=alpha,
        delta=delta,
        n_decisions=len(scores),
    )


def gate_thresholds(
    scores: Float[np.ndarray, "m"],
    *,
    n_calibration: int,
    alpha: float = 0.1,
    delta: float = 0.1,
    n: int = N_THRESHOLDS,
) -> Float[np.ndarray, "k"]:
    """Thresholds worth testing, from the scores of decisions that are *not* used to calibrate.

    The strictest acts on a share of the decisions so large that, without a loss above the bound, it would pass
    comfortably; the loosest acts on every decision with a finite score.

    Args:
        scores: of other decisions of the same kind, for example those of the demonstrations.
        n_calibration: decisions that calibration will have.
        alpha: as in ``calibrate_gate``.
        delta: as in ``calibrate_gate``.
        n: thresholds, at most.

    Raises:
        DataError: no decision has a finite score.
        SettingsError: a number is out of range.
    """
    for name, value in (("alpha", alpha), ("delta", delta)):
        _check_chance(name, value)
    if n < 1 or n_calibration < 1:
        raise SettingsError(
            f"`n` and `n_calibration` must be at least 1, got {n} and {n_calibration}.",
            hint="They are counts.",
        )
    finite = np.sort(scores[np.isfinite(scores)])
    if not len(finite):
        raise DataError(
            "No decision has a finite score: no state that was asked about is covered.",
            hint="Demonstrate there, or lower `min_visits`.",
        )
    fewest = math.log(delta) / math.log1p(-alpha)
    covered = len(finite) / len(scores)
    first = min(1.0, POWER * fewest / (n_calibration * covered))
    shares = np.linspace(first, 1.0, n)
    return np.unique(finite[np.minimum(len(finite) - 1, np.ceil(shares * len(finite)).astype(int) - 1)])


def one_per_trajectory(trajectories: Int[np.ndarray, "n"], *, key: int) -> LongArray:
    """``(N,)`` rows: of each trajectory one decision at random, since those of one trajectory are not independent."""
    order = np.random.default_rng(key).permutation(len(trajectories))
    _, first = np.unique(trajectories[order], return_index=True)
    return np.asarray(np.sort(order[first]), dtype=np.int64)


def _upper(count: int, n: int, delta: float) -> float:
    """Upper bound of a binomial probability at confidence ``1 - delta`` (Clopper and Pearson 1934)."""
    from scipy.special import betaincinv

    return 1.0 if count >= n else float(betaincinv(count + 1, n - count, 1.0 - delta))


def _check_chance(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise SettingsError(f"`{name}` must lie in (0, 1), got {value}.", hint="0.1 is usual.")
