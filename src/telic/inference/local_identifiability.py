"""What a set of demonstrations tells about the weights: the null and the nearly null directions of its
information.

The expected information of the decisions, given the states that were visited, is ``F = beta^2 sum_s N_s
Cov_pi(D)``. Directions with ``F v = 0`` change no choice probability of a visited state, to first order
(Rothenberg 1971); directions in which F is small, with the features scaled alike, are *weak*: they have a
standard error, and it is large. Scaling is by the information of each weight alone, so units do not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import FeatureError
from telic.features import FeatureMap
from telic.reports import Outcome, Table
from telic.rewards import describe_direction
from telic.trajectories import Demonstrations

from .advantage_factor import World
from .directions import null_words
from .likelihood import choice_likelihood
from .uncertainty import complement, null_space

__all__ = ["LocalIdentifiability", "WeakDirection", "local_identifiability"]

WEAK_EIGENVALUE = 1e-3
"""Eigenvalue of the information in correlation form below which a direction is weak: its error is about 30
times that of the same weights if they did not move together."""

ROUNDING = 1e-9
"""Spread of a feature over choices, relative to its largest (discounted) size, that rounding can leave."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WeakDirection:
    """A direction that the data tell badly.

    Attributes:
        coefficients: unit-norm, in units of the weights.
        standard_error: of the weights along it, from the information (kind ``hessian`` at the same weights).
        eigenvalue: of the information in correlation form.
        words: the direction in the names of the features.
    """

    coefficients: Float[np.ndarray, "K"]
    standard_error: float
    eigenvalue: float
    words: str


@dataclass(frozen=True, kw_only=True, eq=False)
class LocalIdentifiability:
    """What these demonstrations tell.

    Attributes:
        names: K names of the weights.
        outcome: ``SUCCESS``, or why the information could not be had at these weights.
        rank: directions that change a choice probability of some visited state.
        null_directions: unit-norm, orthogonal rows that change none.
        words: the same in the words of the features.
        weak: identified directions with large errors, worst first.
        n_states_visited: how many states the decisions were taken in, summed over worlds.
    """

    names: tuple[str, ...]
    outcome: Outcome
    rank: int
    null_directions: Float[np.ndarray, "nullity K"]
    words: tuple[str, ...]
    weak: tuple[WeakDirection, ...]
    n_states_visited: int

    @property
    def nullity(self) -> int:
        """Directions that these data cannot tell."""
        return len(self.null_directions)

    def table(self) -> Table:
        """The weak directions with their errors."""
        rows = tuple((w.words, w.standard_error, w.eigenvalue) for w in self.weak)
        return Table(
            title="Directions that the data tell badly",
            columns=("direction of the weights", "standard error along it", "eigenvalue"),
            rows=rows,
            note="Unit-norm directions; eigenvalues of the information with all features scaled alike."
            if rows
            else "None.",
        )

    def to_json(self) -> dict[str, Any]:
        """The answer as JSON-able values."""
        return {
            "result": self.outcome.label,
            "rank": self.rank,
            "nullity": self.nullity,
            "null_directions": [
                {n: float(c) for n, c in zip(self.names, row.tolist(), strict=True) if c}
                for row in self.null_directions
            ],
            "words": list(self.words),
            "weak": [
                {"direction": w.words, "standard_error": w.standard_error, "eigenvalue": w.eigenvalue}
                for w in self.weak
            ],
            "n_states_visited": self.n_states_visited,
        }


def local_identifiability(
    worlds: Sequence[World],
    features: Sequence[FeatureMap],
    demos: Sequence[Demonstrations],
    *,
    weights: Float[np.ndarray, "K"] | None,
    rationality: float,
    magnitude: Float[np.ndarray, "K"],
) -> LocalIdentifiability:
    """What the demonstrations tell, all worlds together.

    Args:
        worlds: one for each set of demonstrations.
        features: one for each world, with the same names.
        demos: decisions with states.
        weights: where to measure the information; None: 0.
        rationality: inverse temperature.
        magnitude: size of the (discounted) features, against which rounding is measured.

    Raises:
        FeatureError: ``weights`` has the wrong length.
        ImpossibleDemonstrationsError, DataError: the demonstrations do not fit the world.
    """
    names = features[0].names
    K = len(names)
    theta = np.zeros(K) if weights is None else np.asarray(weights, dtype=np.float64)
    if theta.shape != (K,):
        raise FeatureError(f"`weights` must have shape ({K},), got {theta.shape}.", hint="One per feature.")
    F, total, visited = np.zeros((K, K)), 0.0, 0
    for world, phi, seen in zip(worlds, features, demos, strict=True):
        likelihood = choice_likelihood(world, phi, seen, rationality=rationality)
        answer = likelihood.evaluate(theta, order=2)
        if not answer.outcome.ok or answer.information is None:
            return _no_answer(names, answer.outcome)
        F += answer.information
        total += likelihood.total_weight
        visited += len(np.unique(seen.require_states()[0]))
    null = null_space(F, total * (rationality * ROUNDING * magnitude) ** 2)
    Z = complement(null)
    return LocalIdentifiability(
        names=names,
        outcome=Outcome.SUCCESS,
        rank=K - len(null),
        null_directions=null,
        words=null_words(names, null),
        weak=_weak(names, Z.T @ F @ Z, Z),
        n_states_visited=visited,
    )


def _weak(names: Sequence[str], information: np.ndarray, Z: np.ndarray) -> tuple[WeakDirection, ...]:
    """Weak directions of the identified part, whose basis is the columns of Z."""
    if not len(information):
        return ()
    scale = np.sqrt(np.diag(information))
    mu, U = np.linalg.eigh(information / np.outer(scale, scale))
    out = []
    for value, u in zip(mu.tolist(), U.T, strict=True):
        if value > WEAK_EIGENVALUE:
            break
        along = u / scale
        length = float(np.linalg.norm(along))
        coefficients = Z @ (along / length)
        coefficients *= np.sign(coefficients[np.argmax(np.abs(coefficients))])
        unit = along / length
        variance = float(unit @ np.linalg.solve(information, unit))
        out.append(
            WeakDirection(
                coefficients=coefficients,
                standard_error=float(np.sqrt(max(variance, 0.0))),
                eigenvalue=max(value, 0.0),
                words=describe_direction(names, coefficients),
            )
        )
    return tuple(out)


def _no_answer(names: tuple[str, ...], outcome: Outcome) -> LocalIdentifiability:
    return LocalIdentifiability(
        names=names,
        outcome=outcome,
        rank=0,
        null_directions=np.zeros((0, len(names))),
        words=(),
        weak=(),
        n_states_visited=0,
    )
