"""Choices among listed options as a conditional logit, and the belief that each option could be taken.

The belief is a filter over a spell, the decisions in which one option is listed again and again. Before the first
listing an option can be taken with chance ``1 - u``. Passed over where it would have been taken with chance p, it can
be taken with chance

    b <- b (1 - p) / (1 - b p);

taken, ``b = 1``. Between two listings it may change with chance s: ``b <- b + s (1 - u - b)``. An option counts in
numerator and denominator by its belief, ``p(i) = b_i exp(v_i) / sum_j b_j exp(v_j)``, so ``log b`` is a feature with
weight 1 where options are unavailable so, and 0 where all can be taken. It is known before each decision (it is made
from earlier ones), so the usual errors hold however the listing came about.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from telic.trajectories import ChoiceSets
from telic.typing import BoolArray, FloatArray, LongArray

from .conditional_logit import ConditionalLogit

__all__ = ["ListedChoices", "Spells"]

LEAST_BELIEF = 1e-12
"""Below it an option that is passed over for ever does not get any less believed in."""


@dataclass(frozen=True, eq=False)
class ListedChoices:
    """Choice sets as padded arrays, of n decisions and the longest list.

    Attributes:
        sets: the choice sets.
    """

    sets: ChoiceSets

    @cached_property
    def places(self) -> tuple[LongArray, LongArray]:
        """``(m,)`` decision and place of each row."""
        d = self.sets.decision_of
        return d, np.arange(self.sets.n_listed) - self.sets.offsets[:-1][d]

    @cached_property
    def allowed(self) -> BoolArray:
        """``(n, A)`` True where there is a row."""
        return np.arange(int(self.sets.sizes.max())) < self.sets.sizes[:, None]

    @cached_property
    def taken(self) -> FloatArray:
        """``(n, A)`` 1 for what was taken."""
        return self.padded(self.sets.taken.astype(np.float64))

    def padded(self, rows: FloatArray) -> FloatArray:
        """Rows ``(m, ...)`` as ``(n, A, ...)``, 0 where there is none."""
        out = np.zeros((*self.allowed.shape, *rows.shape[1:]))
        out[self.places] = rows
        return out

    def logit(
        self,
        *,
        features: FloatArray | None = None,
        more_value: FloatArray | float = 0.0,
        allowed: BoolArray | None = None,
        taken: FloatArray | None = None,
    ) -> ConditionalLogit:
        """The logit of these choices.

        Args:
            features: ``(m, K)`` instead of those of the sets.
            more_value: ``(m,)`` added to the known value.
            allowed: ``(n, A)`` instead of all rows.
            taken: ``(n, A)`` instead of what was taken.
        """
        return ConditionalLogit(
            design=self.padded(self.sets.features if features is None else features),
            offset=self.padded(self.sets.known_value + more_value),
            counts=self.taken if taken is None else taken,
            allowed=self.allowed if allowed is None else allowed,
        )

    def cluster_scores(self, logit: ConditionalLogit, weights: FloatArray) -> FloatArray:
        """``(units, K)`` score of each unit."""
        each = np.einsum("ga,gak->gk", logit.counts, logit.deviations(weights))
        _, unit = np.unique(self.sets.units, return_inverse=True)
        out = np.zeros((int(unit.max()) + 1, each.shape[1]))
        np.add.at(out, unit.ravel(), each)
        return out


@dataclass(frozen=True, eq=False)
class Spells:
    """Which rows list the same option, in time order.

    Attributes:
        of_row: ``(m,)`` spell of each row, from 0.
        decision: ``(m,)`` decision of each row.
    """

    of_row: LongArray
    decision: LongArray

    @property
    def n_repeated(self) -> int:
        """Rows that list an option once more."""
        return len(self.of_row) - len(np.unique(self.of_row))

    def beliefs(self, p: FloatArray, taken: BoolArray, share: float, switching: float) -> FloatArray:
        """``(m,)`` chance that each row could be taken, given what was taken before.

        Args:
            p: ``(m,)`` chance of each row where all can be taken.
            taken: ``(m,)`` what was taken.
            share: u, chance that an option cannot be taken.
            switching: s, chance that this changes from one listing to the next.
        """
        order, turns = self._turns
        spell, p, taken = self.of_row[order], p[order], taken[order]
        b = np.full(int(spell.max()) + 1, 1.0 - share)
        out = np.empty(len(order))
        for rows in turns:
            k = spell[rows]
            out[rows] = b[k]
            passed = b[k] * (1.0 - p[rows]) / np.maximum(1.0 - b[k] * p[rows], 1e-300)
            after = np.where(taken[rows], 1.0, passed)
            b[k] = np.maximum(after + switching * (1.0 - share - after), LEAST_BELIEF)
        back = np.empty_like(out)
        back[order] = out
        return back

    @cached_property
    def _turns(self) -> tuple[LongArray, list[LongArray]]:
        """Rows by spell and time, and of these the first listings, the second ones, and so on."""
        order = np.lexsort((self.decision, self.of_row))
        spell = self.of_row[order]
        starts = np.concatenate([[True], spell[1:] != spell[:-1]])
        place = np.arange(len(spell))
        turn = place - np.maximum.accumulate(np.where(starts, place, 0))
        by_turn = np.argsort(turn, kind="stable")
        cuts = np.cumsum(np.bincount(turn))[:-1]
        return order, np.split(by_turn, cuts)
