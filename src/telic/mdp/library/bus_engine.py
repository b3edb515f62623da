"""Rust's bus engines: keep an engine whose upkeep grows with mileage, or replace it.

The state is the odometer in bins; each month the bus adds 0, 1, 2, ... bins with the probabilities
``increments``. Keeping costs ``operating_cost`` per thousandth of a bin; replacing costs
``replacement_cost``, puts the odometer to bin 0 at once, and the month's mileage is added from there. Mileage
past the last bin stays in it.

Reference: Rust (1987), Optimal replacement of GMC bus engines: an empirical model of Harold Zurcher,
Econometrica 55, 999-1033, equations 4.1-4.6 and tables V and IX (bins of 5,000 miles up to 450,000, discount
.9999).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from telic.errors import SettingsError
from telic.mdp.tabular import TabularMDP

from .problem import ReferenceProblem

__all__ = ["bus_engine"]

OPERATING_SCALE = 0.001
"""Reward per bin and unit of the operating cost (Rust 1987, table IX: cost function ``.001 * theta11 *
x``)."""

TABLE_IX = (10.0750, 2.2930)
"""Replacement and operating cost of group 4 at discount .9999 (Rust 1987, table IX)."""


def bus_engine(
    increments: Sequence[float],
    *,
    n_bins: int = 90,
    discount: float = 0.9999,
    weights: Sequence[float] = TABLE_IX,
) -> ReferenceProblem:
    """The replacement problem; action 0 keeps, action 1 replaces.

    Args:
        increments: probabilities of adding 0, 1, 2, ... bins in a month; they sum to 1.
        n_bins: number of odometer bins S.
        discount: per month.
        weights: replacement cost and operating cost.

    Raises:
        SettingsError: the increments are not a distribution, or do not fit the bins.
    """
    p = np.asarray(increments, dtype=np.float64)
    if p.ndim != 1 or not len(p) or np.any(~(p >= 0)) or abs(float(p.sum()) - 1.0) > 1e-9 or len(p) > n_bins:
        raise SettingsError(
            f"`increments` must be a distribution over at most {n_bins} bins, got {p.tolist()}.",
            hint="Divide the counts by their sum.",
        )
    S, J = n_bins, len(p)
    odometer = np.arange(S)
    after = np.stack([odometer, np.zeros(S, dtype=np.int64)], axis=1)
    columns = np.minimum(after[:, :, None] + np.arange(J), S - 1)
    P = sp.csr_array(
        (np.broadcast_to(p, (S, 2, J)).ravel(), (np.repeat(np.arange(2 * S), J), columns.ravel())),
        shape=(2 * S, S),
    )
    features = np.zeros((S, 2, 2))
    features[:, 1, 0] = -1.0
    features[:, 0, 1] = -OPERATING_SCALE * odometer
    start = np.zeros(S)
    start[0] = 1.0
    return ReferenceProblem(
        mdp=TabularMDP.from_transition(
            P, n_actions=2, discount=discount, initial=start, action_labels=("keep", "replace")
        ),
        features=features,
        feature_names=("replacement_cost", "operating_cost"),
        weights=np.asarray(weights, dtype=np.float64),
        units=("replacement avoided", "thousandth of a bin avoided"),
        citation="Rust (1987), Econometrica 55, 999-1033.",
    )
