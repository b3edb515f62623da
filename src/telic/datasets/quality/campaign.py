"""A campaign: decisions under suspicion of having been planted, and why."""

from __future__ import annotations

from dataclasses import dataclass

from telic.typing import LongArray

__all__ = ["Campaign"]


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """Decisions under suspicion, and why.

    Attributes:
        kind: ``targeted``, ``turned`` or ``trigger``.
        group: what the suspects have in common: (``demonstrator``, ``time``, a label or a column; which one).
        state: state of a targeted campaign, else -1.
        action: action that is forced, else -1.
        units: the units under suspicion.
        rows: the decisions that speak against them.
        n_group, n_with: units of the group that were compared, and those that took the action (or are among the odd
            ones).
        share_elsewhere: share of the others that did.
        p_value: corrected for all comparisons of its kind.
    """

    kind: str
    group: tuple[str, str]
    state: int
    action: int
    units: LongArray
    rows: LongArray
    n_group: int
    n_with: int
    share_elsewhere: float
    p_value: float
