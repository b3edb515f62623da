"""T-REX: ranked trajectories, however bad, become comparisons of their parts.

Pairs of trajectories with different ranks are drawn, a part of each is cut, and the part of the higher rank counts as
preferred. A reward fitted to them can rank what no demonstrator did, better than the best of them.

The number of pairs is the caller's choice, so it says nothing about certainty: no standard error is stated
(``PreferenceLikelihood.is_sampled`` is False). Ranks without noise are often separated by some weights; then only the
direction of the weights is told, and a penalty sets their size.

Reference: Brown, Goo, Nagarajan and Niekum (2019), Extrapolating beyond suboptimal demonstrations via inverse
reinforcement learning from observations, ICML, equation 4 and section 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from telic.errors import DataError, SettingsError
from telic.features import FeatureMap, MeasuredFeatureMap
from telic.reports import Finding, Severity
from telic.trajectories import Comparisons, Demonstrations, cut_segments
from telic.typing import BoolArray, LongArray

from .likelihood import PreferenceLikelihood

__all__ = ["RankedSegments", "ranked_comparisons"]

ANNOTATOR = "ranks"
"""Name under which the answers stand."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RankedSegments:
    """Comparisons made from ranks.

    Attributes:
        segments: what is compared, as trajectories.
        comparisons: of ``segments``.
        sources: ``(m,)`` trajectory that each segment was cut from.
        trajectories: those the segments were cut from.
        ranks: ``(N,)`` rank of each trajectory; higher is better.
        findings: what a reader should know.
    """

    segments: Demonstrations
    comparisons: Comparisons
    sources: Int[np.ndarray, "m"]
    trajectories: Demonstrations
    ranks: Float[np.ndarray, "N"]
    findings: tuple[Finding, ...]

    def likelihood(
        self,
        features: FeatureMap | MeasuredFeatureMap,
        *,
        discount: float | int = 1.0,
        rationality: float | int = 1.0,
    ) -> PreferenceLikelihood:
        """The likelihood of these comparisons, for ``fit_preferences`` or a joint fit; without standard errors.

        Args:
            features: phi.
            discount: per decision, from the first of each segment.
            rationality: inverse temperature.
        """
        return PreferenceLikelihood.of_trajectories(
            self.segments,
            self.comparisons,
            features,
            discount=discount,
            rationality=rationality,
            cluster_by="comparison",
            is_sampled=False,
            notes=self.findings,
        )


def ranked_comparisons(
    demos: Demonstrations,
    ranks: Float[np.ndarray, "N"],
    *,
    n_pairs: int,
    key: int,
    length: tuple[int, int] | None = None,
    least_gap: float | int = 0.0,
    starts_later: bool = False,
    findings: tuple[Finding, ...] = (),
) -> RankedSegments:
    """Comparisons of parts of ranked trajectories.

    Args:
        demos: the trajectories.
        ranks: one number a trajectory, such as a place (negated) or a return; higher is better.
        n_pairs: how many comparisons; more smooths over the drawing, it adds no information.
        key: random key.
        length: least and most decisions of a part; both parts of a pair are of one length, drawn evenly. None
            compares whole trajectories.
        least_gap: difference of ranks that a pair must exceed.
        starts_later: the preferred part starts no earlier in its trajectory than the other, for tasks in which
            progress shows with time.
        findings: put in front.

    Raises:
        DataError: ranks do not fit, or no pair of trajectories has different ranks and enough decisions.
        SettingsError: a number is out of range.
    """
    _check(demos, ranks, n_pairs, length, least_gap)
    rng = np.random.default_rng(key)
    sizes = np.diff(demos.offsets)
    usable = sizes >= (1 if length is None else length[0])
    better, worse = _pairs(ranks, usable, float(least_gap), n_pairs, rng)
    notes = [*findings, _drawn(n_pairs, int(usable.sum()))]
    if not usable.all():
        notes.append(_too_short(int((~usable).sum()), 1 if length is None else length[0]))
    flip = rng.random(n_pairs) < 0.5
    if length is None:
        segments, sources = demos, np.arange(demos.n_trajectories, dtype=np.int64)
        one, other = better, worse
    else:
        most = np.minimum(np.minimum(sizes[better], sizes[worse]), length[1])
        span = rng.integers(length[0], most + 1)
        start_worse = rng.integers(0, sizes[worse] - span + 1)
        latest = sizes[better] - span
        from_step = np.minimum(start_worse, latest) if starts_later else np.zeros(n_pairs, dtype=np.int64)
        start_better = rng.integers(from_step, latest + 1)
        sources = np.concatenate([better, worse])
        starts = np.concatenate([start_better, start_worse])
        segments = cut_segments(demos, sources, starts, starts + np.tile(span, 2))
        one, other = np.arange(n_pairs, dtype=np.int64), np.arange(n_pairs, 2 * n_pairs, dtype=np.int64)
    return RankedSegments(
        segments=segments,
        comparisons=Comparisons(
            first=np.where(flip, other, one),
            second=np.where(flip, one, other),
            preferred=np.where(flip, 0.0, 1.0),
            annotators=np.zeros(n_pairs, dtype=np.int32),
            annotator_names=(ANNOTATOR,),
            dataset=segments.digest,
        ),
        sources=sources,
        trajectories=demos,
        ranks=ranks,
        findings=tuple(notes),
    )


def _check(
    demos: Demonstrations,
    ranks: np.ndarray,
    n_pairs: int,
    length: tuple[int, int] | None,
    least_gap: float | int,
) -> None:
    if ranks.shape != (demos.n_trajectories,) or not np.all(np.isfinite(ranks)):
        raise DataError(
            f"`ranks` must hold {demos.n_trajectories} finite numbers, one a trajectory; got shape {ranks.shape}.",
            hint="Higher is better; trajectories may share a rank. Leave out those without one.",
        )
    if n_pairs < 1:
        raise SettingsError(f"`n_pairs` must be at least 1, got {n_pairs}.", hint="A few thousand are usual.")
    if length is not None and not 1 <= length[0] <= length[1]:
        raise SettingsError(
            f"`length` must be (least, most) with 1 <= least <= most, got {length}.",
            hint="None compares whole trajectories.",
        )
    if not (np.isfinite(least_gap) and least_gap >= 0):
        raise SettingsError(
            f"`least_gap` must be finite and not negative, got {least_gap}.", hint="0 takes every difference."
        )


def _pairs(
    ranks: np.ndarray, usable: BoolArray, least_gap: float, n_pairs: int, rng: np.random.Generator
) -> tuple[LongArray, LongArray]:
    """``(better, worse)``, each pair of different enough ranks as likely as another."""
    order = np.flatnonzero(usable)[np.argsort(ranks[usable], kind="stable")].astype(np.int64)
    rising = ranks[order]
    below = np.searchsorted(rising, rising - least_gap, side="left")  # strictly lower by more than the gap
    if not below.any():
        raise DataError(
            f"No two of the {len(order)} usable trajectories differ in rank by more than {least_gap:g}: there is "
            "nothing to compare.",
            hint="Rank them more finely, lower `least_gap` or the least `length`.",
        )
    chosen = rng.choice(len(order), size=n_pairs, p=below / below.sum())
    return order[chosen], order[rng.integers(0, below[chosen])]


def _drawn(n_pairs: int, n: int) -> Finding:
    return Finding(
        code="drawn-pairs",
        severity=Severity.NOTICE,
        message=f"The {n_pairs:,} comparisons come from the ranks of {n:,} trajectories. Their number is a choice, "
        "so it says nothing about certainty, and no standard errors are stated.",
        hint="For an interval, draw the ranked trajectories anew with replacement and fit again.",
        evidence={"n_pairs": n_pairs, "n_trajectories": n},
    )


def _too_short(n: int, least: int) -> Finding:
    return Finding(
        code="too-short",
        severity=Severity.NOTICE,
        message=f"{n:,} trajectories have fewer than {least:,} decisions and are left out.",
        hint="Lower the least `length` to use them.",
        evidence={"n": n},
    )
