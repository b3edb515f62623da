"""How many of the listed options would have to be out of reach for the sign of a weight to turn.

Two patterns, both of options that were *not* taken:

- ``random``: each option that the weight seems to avoid (its feature lies on the unwanted side of the mean of its list)
  could not be taken with chance q, the others always could. The weights are fitted again with the random-subset logit
  (``random_subsets``) on a growing q until the weight is 0. Nothing is removed by hand: this is what a limit does that
  falls on such options blindly.
- ``worst``: the fewest rows whose removal turns the sign, wherever they are. With the weight held at 0 and the others
  at their best, a row matters by how much its removal moves the score of the decision, ``x_taken - mean_p(x)`` in the
  direction that the other weights do not explain; rows are removed by that gain, the gain is taken anew, and the number
  of rows is bisected. The search is greedy: a cleverer one might need fewer, so this is no lower bound.

Shares are of all listed options. Both patterns need nothing but the log, and neither says that options *were* out of
reach.

References: Rosenbaum (2002), Observational Studies, chapter 4, for sensitivity figures; Broderick, Giordano and Meager
(2020), for the fewest rows that turn a sign.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import FeatureError, SettingsError
from telic.trajectories import ChoiceSets
from telic.typing import BoolArray, FloatArray

from .conditional_logit import ConditionalLogit
from .listed import ListedChoices
from .random_subsets import climb

__all__ = ["PATTERNS", "FlipShare", "flip_share"]

PATTERNS = ("random", "worst")
"""Which options are supposed to have been out of reach."""

CHANCES = (0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98)
"""Chances q that are tried before the root is looked for between two of them."""

ROOT_STEPS = 12
"""Steps of the search for the root, which is then known to 1/4,000 of the interval at worst."""

NULL_COMPONENT = 1e-6
"""Component of a null direction along a weight from which its sign means nothing."""

ROUNDS = 3
"""Times that the gain of removing a row is taken anew."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FlipShare:
    """The share of listed options whose absence would turn a sign.

    Attributes:
        name: of the weight.
        weight: as fitted.
        pattern: ``"random"`` or ``"worst"``.
        share: of all listed options, in [0, 1]; None where no share of this pattern turns the sign, or the weight has
            none.
        shares: ``(G,)`` shares tried, rising.
        weights: ``(G,)`` the weight at each of them: the curve.
        words: the figure as a sentence.
    """

    name: str
    weight: float
    pattern: str
    share: float | None
    shares: Float[np.ndarray, "G"]
    weights: Float[np.ndarray, "G"]
    words: str

    def to_json(self) -> dict[str, Any]:
        """The figure and its curve as JSON-able values."""
        return {
            "feature": self.name,
            "weight": self.weight,
            "pattern": self.pattern,
            "share": self.share,
            "curve": {"share": self.shares.tolist(), "weight": self.weights.tolist()},
            "words": self.words,
        }


def flip_share(sets: ChoiceSets, name: str, *, pattern: str = "random") -> FlipShare:
    """The share of listed options that would have to be out of reach for the sign of a weight to turn.

    Args:
        sets: choices among listed options.
        name: of the weight.
        pattern: ``"random"`` or ``"worst"``.

    Raises:
        FeatureError: there is no such weight.
        SettingsError: there is no such pattern.
    """
    if name not in sets.names:
        raise FeatureError(f"There is no feature {name!r}.", hint=f"There are: {', '.join(sets.names)}.")
    if pattern not in PATTERNS:
        raise SettingsError(
            f"`pattern` must be one of {', '.join(PATTERNS)}, got {pattern!r}.",
            hint="`random` falls on options blindly; `worst` picks the rows that matter most.",
        )
    k = sets.names.index(name)
    listed = ListedChoices(sets)
    fit = listed.logit().fit()
    weight = float(fit.weights[k])
    null = fit.null_directions
    if not fit.outcome.ok or weight == 0 or (len(null) and np.abs(null[:, k]).max() > NULL_COMPONENT):
        reason = fit.outcome.label if not fit.outcome.ok else "the choices do not tell it"
        return FlipShare(
            name=name,
            weight=weight if fit.outcome.ok else math.nan,
            pattern=pattern,
            share=None,
            shares=np.zeros(0),
            weights=np.zeros(0),
            words=f"The weight of {name} has no sign that could turn: {reason}.",
        )
    side = math.copysign(1.0, weight)
    search = _random if pattern == "random" else _worst
    share, shares, curve = search(listed, k, side)
    shares, curve = np.concatenate([[0.0], shares]), np.concatenate([[weight], curve])
    order = np.argsort(shares, kind="stable")
    return FlipShare(
        name=name,
        weight=weight,
        pattern=pattern,
        share=share,
        shares=shares[order],
        weights=curve[order],
        words=_words(name, weight, pattern, share, float(shares.max())),
    )


def _words(name: str, weight: float, pattern: str, share: float | None, most: float) -> str:
    where = (
        f"those {'low' if weight > 0 else 'high'} in {name} for their list, at random"
        if pattern == "random"
        else "the rows that matter most"
    )
    if share is None:
        tried = f"tried up to {100 * most:.1f} % of what is listed"
        return f"No share of unavailable options ({where}) turns the sign of {name}; {tried}."
    least = f"If more than {100 * share:.1f} % of the listed options were unavailable"
    return f"{least} ({where}), the sign of {name} flips."


def _random(listed: ListedChoices, k: int, side: float) -> tuple[float | None, FloatArray, FloatArray]:
    sets = listed.sets
    x = side * sets.features[:, k]
    mean = np.bincount(sets.decision_of, weights=x) / sets.sizes
    size = np.abs(x).max(initial=0.0)
    avoided = x < mean[sets.decision_of] - 1e-12 * size
    part = float(avoided.mean())
    last: list[FloatArray | None] = [None]

    def at(q: float) -> float:
        fit = climb(listed, np.where(avoided, 1.0 - q, 1.0), last[0])
        if not fit.outcome.ok:
            return math.nan
        last[0] = fit.weights
        return float(fit.weights[k])

    tried, found = [], []
    before = 0.0
    for q in CHANCES:
        value = at(q)
        if math.isnan(value):
            break
        tried.append(q)
        found.append(value)
        if side * value <= 0:
            root = _bisect(lambda z: side * at(z), before, q)
            return root * part, part * np.array(tried), np.array(found)
        before = q
    return None, part * np.array(tried), np.array(found)


def _bisect(f: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that is above 0 at ``low`` and not at ``high`` turns."""
    for _ in range(ROOT_STEPS):
        middle = (low + high) / 2
        if f(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _worst(listed: ListedChoices, k: int, side: float) -> tuple[float | None, FloatArray, FloatArray]:
    m = listed.sets.n_listed
    search = _Removal(listed, k, side)
    most = search.n_useful
    if most == 0 or search.pull(most) > 0:
        return None, np.array([most / m]), np.array([search.weight(most)])
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if search.pull(middle) > 0 else (low, middle)
    rows = np.unique(np.round(np.array([0.25, 0.5, 0.75, 1.0, 1.25, 1.5]) * high).astype(int))
    rows = rows[(rows > 0) & (rows <= most)]
    return high / m, rows / m, np.array([search.weight(int(r)) for r in rows])


class _Removal:
    """Rows removed by what that does to one weight held at 0."""

    def __init__(self, listed: ListedChoices, k: int, side: float) -> None:
        self.listed, self.k, self.side = listed, k, side
        self.others = np.flatnonzero(np.arange(len(listed.sets.names)) != k)
        self.theta: FloatArray = np.zeros(len(self.others))
        self.kept: BoolArray = listed.allowed
        self.n_useful = int(np.sum(np.isfinite(self._gains(listed.allowed))))

    def pull(self, n_rows: int) -> float:
        """Score of the weight at 0, in its own direction, after the best removal of so many rows."""
        logit = self._removed(n_rows)
        theta = np.zeros(len(self.others) + 1)
        theta[self.others] = self.theta
        return self.side * float(logit.score(theta)[self.k])

    def weight(self, n_rows: int) -> float:
        """The weight fitted after the best removal of so many rows; NaN where there is none."""
        fit = self._removed(n_rows).fit()
        return float(fit.weights[self.k]) if fit.outcome.ok else math.nan

    def _removed(self, n_rows: int) -> ConditionalLogit:
        kept = self.listed.allowed
        self.theta = self._rest(kept)
        for _ in range(ROUNDS):
            gain = self._gains(self.listed.allowed)
            best = np.argsort(-gain, axis=None, kind="stable")[:n_rows]
            kept = self.listed.allowed.copy()
            kept.ravel()[best[np.isfinite(gain.ravel()[best])]] = False
            self.theta = self._rest(kept)
        return self.listed.logit(allowed=kept)

    def _rest(self, kept: BoolArray) -> FloatArray:
        """The other weights at their best with this one at 0."""
        if not len(self.others):
            return np.zeros(0)
        logit = self.listed.logit(features=self.listed.sets.features[:, self.others], allowed=kept)
        fit = logit.fit(initial=self.theta)
        return fit.weights if fit.outcome.ok else self.theta

    def _gains(self, allowed: BoolArray) -> FloatArray:
        """``(n, A)`` what removing each row adds, after those of its list that add more; -inf where nothing."""
        logit = self.listed.logit(allowed=allowed)
        theta = np.zeros(len(self.others) + 1)
        theta[self.others] = self.theta
        p = np.exp(logit.log_probabilities(theta))
        information = logit.information(theta)
        x = logit.design[:, :, self.k]
        if len(self.others):
            explained = np.linalg.lstsq(
                information[np.ix_(self.others, self.others)], information[self.others, self.k], rcond=None
            )[0]
            x = x - logit.design[:, :, self.others] @ explained
        x = np.where(allowed, self.side * x, 0.0)
        mean = (p * x).sum(axis=1, keepdims=True)
        free = allowed & (self.listed.taken == 0)
        alone = np.where(free, p * (mean - x) / np.maximum(1.0 - p, 1e-12), -np.inf)
        order = np.argsort(-alone, axis=1, kind="stable")
        sorted_free = np.take_along_axis(free, order, axis=1)
        p_s = np.where(sorted_free, np.take_along_axis(p, order, axis=1), 0.0)
        x_s = np.take_along_axis(x, order, axis=1)
        left = 1.0 - np.cumsum(p_s, axis=1)
        means = (mean - np.cumsum(p_s * x_s, axis=1)) / np.maximum(left, 1e-12)
        steps = np.diff(np.concatenate([mean, means], axis=1), axis=1)
        steps = np.minimum.accumulate(np.where(sorted_free, steps, -np.inf), axis=1)
        gain = np.empty_like(steps)
        np.put_along_axis(gain, order, steps, axis=1)
        return np.where(gain > 0, gain, -np.inf)
