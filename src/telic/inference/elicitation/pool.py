"""The plans that may be shown to somebody, by what they collect of each feature."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from telic.errors import DataError, FeatureError
from telic.features import FeatureMap, MeasuredFeatureMap, trajectory_features
from telic.reports.numbers import format_number
from telic.trajectories import Demonstrations
from telic.typing import FloatArray, LongArray

from .questions import plan_words

__all__ = ["PlanPool"]

SAME = 1e-12
"""Difference of two plans, relative to the largest amount of the feature, that rounding can leave."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PlanPool:
    """Plans (trajectories, segments, alternatives) described by the features of a reward.

    Attributes:
        amounts: ``(N, K)`` of each feature that each plan collects.
        names: K names of the features.
        units: K units, or empty.
        labels: N names of the plans, or empty for ``plan 0`` and so on.

    Raises:
        DataError: there is no plan, or one only.
        FeatureError: amounts are not finite, of the wrong shape, or the same for every plan.
    """

    amounts: Float[np.ndarray, "N K"]
    names: tuple[str, ...]
    units: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        N, K = self.amounts.shape
        if N == 0:
            raise DataError(
                "There are no plans to ask about: the pool is empty.",
                hint="Give trajectories or alternatives; check the filter that left none.",
            )
        if len(self.names) != K or (self.units and len(self.units) != K):
            raise FeatureError(
                f"Plans of {K} features need {K} names and units, got {len(self.names)} and {len(self.units)}.",
                hint="Name each column once.",
            )
        if self.labels and len(self.labels) != N:
            raise DataError(
                f"{N} plans need {N} labels, got {len(self.labels)}.",
                hint="Leave them out, or name every plan.",
            )
        bad = np.argwhere(~np.isfinite(self.amounts))
        if len(bad):
            i, k = bad[0].tolist()
            raise FeatureError(
                f"{self.label(i)} collects {self.amounts[i, k]} of {self.names[k]!r}; amounts must be finite.",
                hint="Look for a missing measurement.",
                feature=self.names[k],
                row=i,
            )
        if N == 1:
            raise DataError(
                f"The pool has one plan ({self.label(0)}), and one plan cannot be compared with anything.",
                hint="Add a plan that trades one feature for another.",
            )
        if len(self.distinct) == 1:
            raise FeatureError(
                f"All {N} plans collect the same ({self.words(0)}), so that no answer could tell anything.",
                hint="Add plans that differ in a feature of the reward.",
            )

    @classmethod
    def of_trajectories(
        cls,
        demos: Demonstrations,
        features: FeatureMap | MeasuredFeatureMap,
        *,
        discount: float | int = 1.0,
        labels: Sequence[str] = (),
    ) -> PlanPool:
        """Trajectories as plans, by the (discounted) features they collect; weights of decisions do not count."""
        return cls(
            amounts=trajectory_features(features, replace(demos, weights=None), discount=discount),
            names=features.names,
            units=features.units,
            labels=tuple(labels),
        )

    def __len__(self) -> int:
        return len(self.amounts)

    @cached_property
    def distinct(self) -> LongArray:
        """First index of every plan that is unlike the others before it."""
        size = np.maximum(np.abs(self.amounts).max(axis=0), np.finfo(np.float64).tiny)
        rounded = np.round(self.amounts / (size * SAME)) + 0.0  # -0 and 0 are one
        return np.sort(np.unique(rounded, axis=0, return_index=True)[1]).astype(np.int64)

    def label(self, i: int) -> str:
        """Name of a plan."""
        return self.labels[i] if self.labels else f"plan {i}"

    def words(self, i: int) -> str:
        """What a plan collects, in words."""
        return plan_words(self.amounts[i], self.names, self.units)

    def question(self, first: int, second: int) -> str:
        """The question which of two plans is preferred, with the features in which they differ, largest first."""
        difference = np.abs(self.amounts[first] - self.amounts[second])
        size = np.maximum(np.abs(self.amounts).max(axis=0), np.finfo(np.float64).tiny)
        order = np.argsort(-difference / size, kind="stable")
        shown = sorted(order[: max(1, int(np.count_nonzero(difference > size * SAME)))][:6].tolist())
        told = [
            f"{self.label(i)} ({plan_words(self.amounts[i], self.names, self.units, shown)})"
            for i in (first, second)
        ]
        return f"Which would you prefer: {told[0]} or {told[1]}?"

    def check_pairs(self, pairs: Int[np.ndarray, "M 2"]) -> None:
        """That pairs of plans can be asked.

        Raises:
            DataError: there are none, a plan does not exist, or a pair compares plans that collect the same.
        """
        if not len(pairs):
            raise DataError("There are no pairs to ask about.", hint="Leave `pairs` out to rank all of them.")
        if pairs.min() < 0 or pairs.max() >= len(self):
            raise DataError(
                f"Pairs name plans {int(pairs.min())} to {int(pairs.max())}, but there are {len(self)} (numbered "
                "from 0).",
                hint="Give indices of the pool.",
            )
        size = np.maximum(np.abs(self.amounts).max(axis=0), np.finfo(np.float64).tiny)
        difference = np.abs(self.amounts[pairs[:, 0]] - self.amounts[pairs[:, 1]])
        same = np.flatnonzero(np.all(difference <= size * SAME, axis=1))
        if len(same):
            i, j = pairs[same[0]].tolist()
            raise DataError(
                f"Pair {same[0]} compares plans that collect the same: {self.label(i)} and {self.label(j)} "
                f"({format_number(len(same))} such pairs).",
                hint="Drop these pairs: their answers could tell nothing about the reward.",
                rows=same[:20].tolist(),
            )

    def pair_blocks(self, pairs: Int[np.ndarray, "M 2"] | None, size: int) -> Iterator[LongArray]:
        """Pairs in blocks of at most ``size``: those given, or all of distinct plans, never all at once."""
        if pairs is not None:
            for start in range(0, len(pairs), size):
                yield pairs[start : start + size].astype(np.int64)
            return
        held: list[LongArray] = []
        count = 0
        for row, i in enumerate(self.distinct.tolist()):
            others = self.distinct[row + 1 :]
            for start in range(0, len(others), size):
                part = others[start : start + size]
                if count + len(part) > size and held:
                    yield np.concatenate(held)
                    held, count = [], 0
                held.append(np.stack([np.full(len(part), i), part], axis=1))
                count += len(part)
        if held:
            yield np.concatenate(held)

    def n_pairs(self, pairs: Int[np.ndarray, "M 2"] | None) -> int:
        """How many pairs ``pair_blocks`` goes through."""
        m = len(self.distinct)
        return m * (m - 1) // 2 if pairs is None else len(pairs)


def require_same_features(pool: PlanPool, names: Sequence[str], units: Sequence[str]) -> FloatArray:
    """The amounts, where the plans are described by the features of the belief.

    Raises:
        FeatureError: names or units differ.
    """
    if pool.names != tuple(names) or (pool.units and units and pool.units != tuple(units)):
        raise FeatureError(
            f"The plans are described by {', '.join(pool.names)}, the weights are of {', '.join(names)}"
            + ("." if pool.names != tuple(names) else ", in other units."),
            hint="Describe plans by the features of the reward, in the same order and units.",
        )
    return pool.amounts
