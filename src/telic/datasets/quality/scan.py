"""Scans: an action that is taken more often in one stretch of time than before and after it, wherever that begins.

Units are put in order of time and cut into ``BLOCKS`` equal blocks; every window of up to a fifth of them, at any
place, is compared with the rest in each region and for each action. Expected in a window is the sum, over its records
there, of the share that the action has in the state of the record with the person who decided (``expected_shares``:
when one person who always does so is on duty, that is no campaign); the excess is scored as in Kulldorff's scan
statistic. How large the largest score of all windows, regions and actions gets by chance is found by
shuffling the units in time, whole, so that what the decisions of a unit share does no harm: as long as all act alike,
whenever they act, the shuffled scores and the observed one are exchangeable and the p-value is exact.

Acts that change slowly all along (a desk that learns) are no campaign: as for other groups (``roles``), the window must
also stand out against how much windows of that length differ elsewhere.

References:
    Kulldorff (1997), A spatial scan statistic; (2001) for the scan in time. Besag and Clifford (1991) for stopping
    early once a p-value is sure to be too large.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from telic.typing import BoolArray, FloatArray, LongArray

from .campaign import Campaign
from .records import Records
from .roles import expected_shares, overdispersion, role_tail
from .targeted import EXCESS, FEWEST, USUAL

__all__ = ["MOST_RECORDS", "scan_campaign"]

BLOCKS = 120
"""Equal parts of the units, in order of time, of which windows are made."""

LONGEST = 5
"""A window has at most a fifth of the blocks: what goes on longer is a change of habit (``changed_mind``)."""

DRAWS = 299
"""Shuffles of the units in time: the smallest p-value is 1/300."""

MOST_CELLS = 400
"""Regions with an action that are scanned: those with the most records."""

MOST_GUARDED = 20
"""Cells whose surest window is compared with how much windows differ elsewhere, the highest scores first."""

VARIES = 2.0
"""How many times as much as on average windows may differ in one region: some choices are free, others forced."""

MOST_RECORDS = 200_000
"""Records, over all kinds of regions, above which windows of fixed places are tested instead (``targeted``)."""


@dataclass(frozen=True)
class _Cells:
    """Regions with an action, C of them, made of G strata: the states of each kind of region.

    Attributes:
        kind, region, action: ``(C,)`` which kind of region, which of them, and the action.
        taken: ``(U, C)`` sparse, records of a unit with the action.
        expected: ``(U, C)`` sparse, how many of them are expected.
        visits: ``(U, G)`` sparse, records of a unit in a stratum.
        total: ``(G,)`` records in a stratum.
        belongs, spread: ``(G, C)`` sparse, on the strata of a cell: 1, and ``p (1 - p)`` of the share of its action.
    """

    kind: LongArray
    region: LongArray
    action: LongArray
    taken: Any
    expected: Any
    visits: Any
    total: LongArray
    belongs: Any
    spread: Any


@dataclass(frozen=True)
class _Windows:
    """``(C,)`` for each cell the surest window: its score, first block and number of blocks."""

    score: FloatArray
    begin: LongArray
    length: LongArray


def scan_campaign(
    kinds: Sequence[Records], alive: BoolArray, level: float, rng: np.random.Generator
) -> tuple[Campaign, LongArray] | None:
    """The campaign of the surest window and the units of that window in order of time, or None.

    Args:
        kinds: records by state first, then by wider regions.
        alive: ``(U,)`` units that are not under suspicion already.
        level: of all windows, regions and actions together.
        rng: shuffles the units.
    """
    units = kinds[0].units
    order = np.flatnonzero(alive)
    order = order[np.argsort(units.start[order], kind="stable")]
    cells = _cells(kinds, alive)
    n_blocks = min(BLOCKS, len(order))
    if cells is None or n_blocks < 2 * LONGEST:
        return None
    block = np.arange(len(order)) * n_blocks // len(order)
    seen = _scan(cells, order, block)
    for c in np.argsort(-seen.score, kind="stable")[:MOST_GUARDED].tolist():
        if seen.score[c] <= 0:
            return None
        found = _campaign(kinds, alive, cells, seen, c, order, block, level)
        if found is not None:
            break
    else:
        return None
    allowed, beaten = int(level * (DRAWS + 1)) - 1, 0
    for _ in range(DRAWS):
        beaten += bool(_scan(cells, rng.permutation(order), block).score.max() >= seen.score[c] - 1e-9)
        if beaten > allowed:
            return None
    campaign, inside = found
    return replace(campaign, p_value=(1 + beaten) / (1 + DRAWS)), inside


def _campaign(
    kinds: Sequence[Records],
    alive: BoolArray,
    cells: _Cells,
    seen: _Windows,
    c: int,
    order: LongArray,
    block: LongArray,
    level: float,
) -> tuple[Campaign, LongArray] | None:
    """The campaign of the surest window of a cell, and its units; None if windows differ as much elsewhere."""
    begin, length = int(seen.begin[c]), int(seen.length[c])
    inside = order[(block >= begin) & (block < begin + length)]
    records, region, action = kinds[int(cells.kind[c])], int(cells.region[c]), int(cells.action[c])
    of_window = np.zeros(len(alive), dtype=bool)
    of_window[inside] = True
    here = alive[records.unit] & (records.region == region)
    mine = here & of_window[records.unit]
    guilty = mine & (records.action == action)
    k, n, n_others = int(guilty.sum()), int(mine.sum()), int((here & ~mine).sum())
    share = _share_of_others(records, mine, here & ~mine, action)
    hoped = float(cells.expected[inside][:, [c]].sum())
    rho = min(0.95, VARIES * _scatter(kinds[0], order, block, begin, length, np.unique(records.state[here])))
    compared = len(cells.kind) * (int(block[-1]) + 1) / length  # windows apart from one another, in each cell
    rest = (int(np.sum(records.action[here] == action)) - k) / max(
        float(cells.expected[:, [c]].sum()) - hoped, 1e-9
    )
    usual = (hoped / n * min(1.0, rest) * n_others + 0.5) / (n_others + 1)
    if role_tail(k, n, min(usual, 1 - 0.5 / (n_others + 1)), rho) * compared > level:
        return None
    campaign = Campaign(
        kind="targeted", group=("time", ""), state=region, action=action, units=records.unit[guilty],
        rows=records.row[guilty], n_group=n, n_with=k, share_elsewhere=share, p_value=1.0,
    )  # fmt: skip
    return campaign, inside


def _cells(kinds: Sequence[Records], alive: BoolArray) -> _Cells | None:
    from scipy import sparse

    A, U, S = kinds[0].n_actions, kinds[0].units.count, kinds[0].n_states
    margins = []
    for i, records in enumerate(kinds):
        keep = alive[records.unit]
        R = int(records.region.max(initial=-1)) + 1
        K = np.bincount(records.region[keep] * A + records.action[keep], minlength=R * A)
        N = np.bincount(records.region[keep], minlength=R)
        good = np.flatnonzero((K >= FEWEST) & (USUAL * np.repeat(N, A) >= K))
        margins.append(np.stack([np.full(len(good), i), good // A, good % A, K[good]]))
    chosen = np.concatenate(margins, axis=1)
    chosen = chosen[:, np.argsort(-chosen[3], kind="stable")[:MOST_CELLS]]
    C, G = chosen.shape[1], len(kinds) * S
    if not C:
        return None
    taken: list[tuple[LongArray, LongArray]] = []
    expected: list[tuple[LongArray, LongArray, FloatArray]] = []
    strata: list[tuple[LongArray, LongArray, FloatArray]] = []
    visits, total = [], np.zeros(G, dtype=np.int64)
    for i, records in enumerate(kinds):
        keep = alive[records.unit]
        unit, region, state, action = (
            x[keep] for x in (records.unit, records.region, records.state, records.action)
        )
        usual = expected_shares(records, alive)[keep]
        by_state = np.bincount(state * A + action, minlength=S * A).reshape(S, A)
        total[i * S : (i + 1) * S] = by_state.sum(axis=1)
        visits.append((unit, i * S + state))
        for c in np.flatnonzero(chosen[0] == i).tolist():
            here, a = np.flatnonzero(region == chosen[1, c]), int(chosen[2, c])
            marked = unit[here[action[here] == a]]
            taken.append((marked, np.full(len(marked), c)))
            expected.append((unit[here], np.full(len(here), c), usual[here, a]))
            of_region = np.unique(state[here])
            share = by_state[of_region, a] / by_state[of_region].sum(axis=1)
            strata.append((i * S + of_region, np.full(len(of_region), c), share))
    row, column = (np.concatenate([t[j] for t in taken]) for j in range(2))
    from_unit, to_cell, hoped = (np.concatenate([e[j] for e in expected]) for j in range(3))
    g, cell, p = (np.concatenate([t[j] for t in strata]) for j in range(3))
    unit, stratum = (np.concatenate([v[j] for v in visits]) for j in range(2))
    return _Cells(
        kind=chosen[0],
        region=chosen[1],
        action=chosen[2],
        taken=sparse.csr_array((np.ones(len(row)), (row, column)), shape=(U, C)),
        expected=sparse.csr_array((hoped, (from_unit, to_cell)), shape=(U, C)),
        visits=sparse.csr_array((np.ones(len(unit)), (unit, stratum)), shape=(U, G)),
        total=total,
        belongs=sparse.csr_array((np.ones(len(g)), (g, cell)), shape=(G, C)),
        spread=sparse.csr_array((p * (1 - p), (g, cell)), shape=(G, C)),
    )


def _scan(cells: _Cells, order: LongArray, block: LongArray) -> _Windows:
    """For each cell the window of the highest score, with the units in this order."""
    from scipy import sparse

    n_blocks = int(block[-1]) + 1
    place = sparse.csr_array((np.ones(len(order)), (block, order)), shape=(n_blocks, cells.taken.shape[0]))
    visits = (place @ cells.visits).toarray()
    taken, expected = (_sums((place @ m).toarray()) for m in (cells.taken, cells.expected))
    records, visits = _sums(visits @ cells.belongs), _sums(visits)
    C = taken.shape[1]
    best = _Windows(np.zeros(C), np.zeros(C, dtype=np.int64), np.zeros(C, dtype=np.int64))
    for length in _lengths(n_blocks):
        k, e, n, v = (x[length:] - x[:-length] for x in (taken, expected, records, visits))
        spread = (v * (cells.total - v) / np.maximum(1, cells.total - 1)) @ cells.spread
        score = _scores(k, e, n, spread, taken[-1], expected[-1])
        begin = np.argmax(score, axis=0)
        highest = score[begin, np.arange(C)]
        better = highest > best.score
        best.score[better], best.begin[better], best.length[better] = highest[better], begin[better], length
    return best


def _lengths(n_blocks: int) -> list[int]:
    """Window lengths in blocks, each about a third longer than the one before."""
    longest = max(1, n_blocks // LONGEST)
    return sorted({min(longest, int(np.ceil(1.2**i))) for i in range(40)})


def _sums(by_block: FloatArray) -> FloatArray:
    """``(blocks + 1, C)`` sums of the blocks before each."""
    return np.concatenate([np.zeros((1, by_block.shape[1])), np.cumsum(by_block, axis=0)])


def _scores(
    k: FloatArray, e: FloatArray, n: FloatArray, v: FloatArray, K: FloatArray, E: FloatArray
) -> FloatArray:
    """``(windows, C)`` deviance of a Poisson count scaled to the variance; 0 where the excess is no campaign's.

    The variance is that of a sum of hypergeometric counts, below a Poisson's: where a window has most of what a state
    has of an action, the surprise is larger than a Poisson law would let it.

    Args:
        k: taken in the window.
        e: expected there.
        n: records there.
        v: variance of what is taken there.
        K: ``(C,)`` taken in all.
        E: ``(C,)`` expected in all.
    """
    rest = np.minimum(1.0, (K - k) / np.maximum(E - e, 1e-12))
    worth = (k >= FEWEST) & (k - e * rest >= EXCESS * n) & (v > 0)
    score = np.zeros_like(k)
    k, e, v = (x[worth] for x in (k, e, v))
    score[worth] = (k * np.log(k / e) - (k - e)) * e / v
    return score


def _share_of_others(records: Records, mine: BoolArray, others: BoolArray, action: int) -> float:
    """Share of the action among the others, in the mixture of states of the window."""
    S = records.n_states
    n = np.bincount(records.state[others], minlength=S)
    k = np.bincount(records.state[others], weights=records.action[others] == action, minlength=S)
    weights = np.bincount(records.state[mine], minlength=S) * (n > 0)
    return float(np.average(k / np.maximum(1, n), weights=weights)) if weights.sum() else 0.0


def _scatter(
    records: Records, order: LongArray, block: LongArray, begin: int, length: int, inside: LongArray
) -> float:
    """Overdispersion between stretches as long as the window, on states outside its region."""
    A, S = records.n_actions, records.n_states
    stretch = np.full(records.units.count, -1)
    stretch[order] = (block - begin % length) // length + 1
    keep = (stretch[records.unit] >= 0) & ~np.isin(records.state, inside)
    G = int(stretch.max()) + 1
    code = (stretch[records.unit[keep]] * S + records.state[keep]) * A + records.action[keep]
    k = np.bincount(code, minlength=G * S * A).reshape(G, S, A)
    n, K = k.sum(axis=2), np.broadcast_to(k.sum(axis=0), k.shape)
    flat = (k.reshape(-1, A), n.ravel(), K.reshape(-1, A), np.broadcast_to(n.sum(axis=0), n.shape).ravel())
    return overdispersion(*flat)
