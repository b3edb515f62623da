"""Estimates may be compared weight by weight only in one gauge; anything else is refused here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from telic.errors import GaugeError
from telic.rewards import RewardEstimate

__all__ = ["require_same_gauge"]

SAME_SPACE = 1e-6
"""Largest entry by which the projectors on two null spaces may differ and still be one."""


def require_same_gauge(estimates: Sequence[RewardEstimate], labels: Sequence[str] | None = None) -> None:
    """Refuses estimates whose weights do not mean the same thing.

    Weights compare where the gauges match (kind, rationality, discount), the names and units agree, and the
    directions that the data could not tell are the same.

    Args:
        estimates: two or more.
        labels: a name for each, for the message; default their position.

    Raises:
        GaugeError: the message lists every difference from the first estimate.
    """
    if len(estimates) < 2:
        return
    named = [f"estimate {i + 1}" for i in range(len(estimates))] if labels is None else list(labels)
    first = estimates[0]
    found = []
    for label, other in zip(named[1:], estimates[1:], strict=True):
        found += [f"{label} against {named[0]}: {text}" for text in _differences(first, other)]
    if found:
        raise GaugeError(
            f"Weights can be compared only in one gauge; {len(found)} thing(s) differ: {'; '.join(found)}.",
            hint="Fit all with the same features, rationality and discount, or compare trade-offs instead.",
            differences=found,
        )


def _differences(first: RewardEstimate, other: RewardEstimate) -> list[str]:
    out = []
    if first.names != other.names:
        missing = sorted(set(first.names) - set(other.names))
        extra = sorted(set(other.names) - set(first.names))
        out.append(f"names (missing {missing}, extra {extra})" if missing or extra else "order of names")
        return out
    if first.units != other.units:
        changed = [n for n, a, b in zip(first.names, first.units, other.units, strict=True) if a != b]
        out.append(f"units of {', '.join(changed)}")
    try:
        first.gauge.require_match(other.gauge)
    except GaugeError as error:
        out += error.data["differences"]
    if first.nullity != other.nullity:
        out.append(f"nullity {other.nullity} against {first.nullity}")
    elif first.nullity:
        apart = np.abs(_projector(first) - _projector(other)).max()
        if apart > SAME_SPACE:
            out.append("directions that the data could not tell")
    return out


def _projector(estimate: RewardEstimate) -> np.ndarray:
    q = np.linalg.qr(estimate.null_directions.T)[0]
    return np.asarray(q @ q.T)
