"""Watches the decisions that were acted on, and halts once their risk is no longer what calibration showed.

Calibration speaks of decisions like those it saw. When experts change their mind, or the world does, the share of
losses above the bound rises. For each acted decision, ``x = 1`` where the loss is above the bound, and for each
alternative chance ``p > alpha`` the Shiryaev-Roberts statistic is

    M = (M + 1) (p / alpha)^x ((1 - p) / (1 - alpha))^(1 - x),

averaged over alternatives. It halts when the average reaches ``mean_run``. While the chance of a loss above the bound
is at most alpha, whatever came before, ``M - t`` falls on average, so the expected number of acted decisions until a
false halt is at least ``mean_run``; and a rise is seen soon, however long all was well before.

Reference: Shin, Ramdas and Rinaldo (2024), E-detectors, New England Journal of Statistics in Data Science 2, for the
run length; Roberts (1966), Technometrics 8, for the statistic.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from telic.errors import SettingsError

__all__ = ["RiskMonitor"]

N_ALTERNATIVES = 12
"""Chances above alpha that are looked for, evenly spaced in log-odds."""

LARGEST = 0.95
"""The largest of them."""


@dataclass(frozen=True, kw_only=True)
class RiskMonitor:
    """The state of the watch; ``observe`` gives the next one.

    Attributes:
        alpha: chance of a loss above the bound that calibration showed, given that one acts.
        mean_run: acted decisions until a false halt, at least, on average.
        n_acted: decisions watched so far.
        halted: the risk is above alpha; nothing more is acted on until it was calibrated anew.
        statistics: one an alternative.
    """

    alpha: float
    mean_run: float | int = 10_000
    n_acted: int = 0
    halted: bool = False
    statistics: tuple[float, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.alpha < LARGEST:
            raise SettingsError(
                f"`alpha` must lie in (0, {LARGEST}), got {self.alpha}.", hint="Take that of the calibration."
            )
        if not self.mean_run > 1:
            raise SettingsError(
                f"`mean_run` must be above 1 decision, got {self.mean_run}.", hint="10,000 is usual."
            )

    def observe(self, *, exceeds: bool) -> RiskMonitor:
        """The watch after one more acted decision.

        Args:
            exceeds: its loss was above the bound.
        """
        low, high = (float(np.log(q / (1.0 - q))) for q in (self.alpha, LARGEST))
        odds = np.linspace(low, high, N_ALTERNATIVES + 1)[1:]
        p = 1.0 / (1.0 + np.exp(-odds))
        factor = p / self.alpha if exceeds else (1.0 - p) / (1.0 - self.alpha)
        before = np.array(self.statistics) if self.statistics else np.zeros(N_ALTERNATIVES)
        after = np.minimum((before + 1.0) * factor, 1e300)
        return replace(
            self,
            n_acted=self.n_acted + 1,
            halted=self.halted or bool(after.mean() >= self.mean_run),
            statistics=tuple(after.tolist()),
        )
