"""Several fits in one table: weights where their gauge is one, trade-offs whatever the gauge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from telic.errors import SettingsError
from telic.reports import Table, compare
from telic.rewards import RewardEstimate

from .critical import critical_value
from .gauge import require_same_gauge
from .tradeoffs import all_tradeoffs, default_pairs, preferred_kind
from .wording import join_words

__all__ = ["compare_table", "compare_tradeoffs"]


def compare_table(
    estimates: Mapping[str, RewardEstimate],
    *,
    level: float = 0.95,
    kind: str | None = None,
    title: str = "Weights side by side",
) -> Table:
    """Weights of several fits with their intervals, one column a fit.

    Args:
        estimates: label to fit, in the order of the columns; of one gauge.
        level: coverage of each interval, in (0, 1).
        kind: of standard error; None: for each fit the available one that assumes least.
        title: of the table.

    Raises:
        GaugeError: the fits were stated in different gauges, names or units.
        SettingsError: no fit was given; level or kind.
    """
    fits = _some(estimates)
    require_same_gauge(list(fits.values()), list(fits))
    columns, kinds = {}, set()
    for label, fit in fits.items():
        used = preferred_kind(fit, kind)
        z = critical_value(fit, used, level=level).value
        kinds |= {used.replace("_", " ")} if used else set()
        errors = fit.standard_errors(used) if used else np.full(len(fit.names), np.inf)
        heads = [f"{n} ({u})" if u else n for n, u in zip(fit.names, fit.units, strict=True)]
        shown = zip(heads, fit.weights.tolist(), errors.tolist(), strict=True)
        columns[label] = {h: (w, w - z * e, w + z * e) for h, w, e in shown} if fit.outcome.ok else {}
    stopped = [f"{label} ({fit.outcome.label})" for label, fit in fits.items() if not fit.outcome.ok]
    note = f"{100 * level:g} % intervals; standard errors: {join_words(sorted(kinds)) or 'none'}."
    return compare(title, columns, note=note + (f" No answer: {join_words(stopped)}." if stopped else ""))


def compare_tradeoffs(
    estimates: Mapping[str, RewardEstimate],
    pairs: Iterable[Sequence[str]] | None = None,
    *,
    level: float = 0.95,
    kind: str | None = None,
    method: str = "fieller",
    title: str = "Trade-offs side by side",
) -> Table:
    """Trade-offs of several fits, one column a fit; a ratio has no gauge, so fits of any scale compare.

    Args:
        estimates: label to fit.
        pairs: (numerator, denominator); None: the default pairs of the first fit.
        level: coverage of each interval.
        kind: of standard error, as in ``tradeoff``.
        method: of the interval, as in ``tradeoff``.
        title: of the table.

    Raises:
        FeatureError: a fit lacks a feature of a pair.
        SettingsError: no fit was given; level, kind or method.
    """
    fits = _some(estimates)
    chosen = [tuple(p) for p in pairs or ()] or list(default_pairs(next(iter(fits.values())), kind=kind))
    columns = {}
    for label, fit in fits.items():
        found = all_tradeoffs(fit, chosen, level=level, kind=kind, method=method) if chosen else ()
        columns[label] = {
            f"{t.numerator} in {t.denominator} ({t.unit})": (t.value, *(t.interval or (None, None)))
            for t in found
        }
    note = f"{100 * level:g} % intervals by {method}, each fit with its own errors; each stands for itself."
    return compare(title, columns, note=note)


def _some(estimates: Mapping[str, RewardEstimate]) -> Mapping[str, RewardEstimate]:
    if not estimates:
        raise SettingsError("At least one fit is needed, got none.", hint="Give {label: estimate}.")
    return estimates
