"""The posterior density of reward weights: exact log-likelihood plus a proper normal prior, and its mode.

In coordinates ``z = (weight - prior mean) / prior standard deviation`` the log posterior is ``log-likelihood -
z'z / 2``, so the Newton method of the fit finds its mode as a fit with squared penalty one half. With ``F`` the
curvature of minus the log-likelihood in z, the curvature of the posterior is ``I + F``, and ``1 / (1 + f)`` for
an eigenvalue f of F is the share of the prior in what is known along that eigenvector: posterior over prior
variance, 1 where the decisions say nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from telic.errors import NumericalError, SettingsError
from telic.inference.likelihood import ChoiceLikelihood
from telic.inference.newton import maximise_newton
from telic.inference.objective import Objective, Point
from telic.inference.start import feasible_start
from telic.inference.uncertainty import null_space
from telic.reports import Finding, Severity
from telic.rewards import Gauge, NormalPrior, PriorShare, describe_direction
from telic.typing import FloatArray, LongArray

from .conflict import prior_conflict
from .coordinates import PriorCoordinates
from .default import FLOOR, horizon_size

__all__ = ["PosteriorTarget", "null_rows", "prior_alone"]

IDLE = 1e-6
"""Information about a weight, in units of the prior's, below which it does not scale its step: the prior does."""

MAX_ITERATIONS = 200

TOLERANCE = 1e-8


def null_rows(
    likelihoods: Sequence[ChoiceLikelihood], information: FloatArray, free: LongArray
) -> FloatArray:
    """``(nullity, K)`` combinations of weights that no choice in any of the data depends on.

    Args:
        likelihoods: of the same K features.
        information: ``(P, P)`` of the free weights, summed over places and data.
        free: ``(P,)`` their indices.
    """
    floor = sum(
        part.total_weight * (part.rationality * FLOOR * horizon_size(part)[free]) ** 2 for part in likelihoods
    )
    rows = null_space(information, np.asarray(floor))
    out = np.zeros((len(rows), likelihoods[0].n_weights))
    out[:, free] = rows
    return out


@dataclass(frozen=True, kw_only=True, eq=False)
class PosteriorTarget:
    """The log posterior with its mode and curvature.

    Attributes:
        likelihood: of the choices.
        prior: of the weights that are not fixed.
        fixed_weights: name to value.

    Raises:
        SettingsError: the prior or the fixed weights do not fit the features.
    """

    likelihood: ChoiceLikelihood
    prior: NormalPrior
    fixed_weights: Mapping[str, float]

    def __post_init__(self) -> None:
        names = self.likelihood.names
        unknown = sorted(set(self.fixed_weights) - set(names))
        wanted = tuple(n for n in names if n not in self.fixed_weights)
        if unknown or not wanted:
            problem = (
                f"names {', '.join(unknown)}, which are not among the features"
                if unknown
                else "fixes every weight; nothing is left to infer"
            )
            raise SettingsError(f"`fixed_weights` {problem}.", hint=f"The features are {', '.join(names)}.")
        if self.prior.names != wanted:
            raise SettingsError(
                f"The prior is over {', '.join(self.prior.names)}, the free weights are {', '.join(wanted)}.",
                hint="Give one belief for every free weight, in the order of the features.",
            )

    @cached_property
    def coordinates(self) -> PriorCoordinates:
        """From prior units to weights."""
        names = self.likelihood.names
        free = np.array([k for k, n in enumerate(names) if n not in self.fixed_weights], dtype=np.int64)
        offset = np.array([float(self.fixed_weights.get(n, 0.0)) for n in names])
        offset[free] = self.prior.means
        return PriorCoordinates(prior=self.prior, free=free, offset=offset)

    @cached_property
    def objective(self) -> Objective:
        """Log posterior, up to a constant, in coordinates z."""
        return Objective(likelihood=self.likelihood, parameters=self.coordinates, l2=0.5, l1=0.0)

    @cached_property
    def mode(self) -> Point:
        """Where the posterior is highest, with derivatives of order 2.

        Raises:
            NumericalError: it was not found.
        """
        zero = np.zeros(self.coordinates.count)
        start = self.objective.at(zero, order=2)
        if not start.outcome.ok:
            start = feasible_start(self.objective, zero, start, order=2)
        if not start.outcome.ok:
            raise NumericalError(
                f"No weights with a finite value were found ({start.outcome.label}). {start.outcome.value}",
                hint="Centre the prior on weights at which every step costs something.",
            )
        result = maximise_newton(
            self.objective,
            start,
            n_decisions=self.likelihood.total_weight,
            tolerance=TOLERANCE,
            max_iterations=MAX_ITERATIONS,
            state=None,
            floor=np.full(self.coordinates.count, IDLE),
            on_iteration=lambda *_: True,
            find_separation=lambda *_: None,
        )
        point = result.point
        if not result.outcome.ok or point.curvature is None:
            raise NumericalError(
                f"The mode of the posterior was not found ({result.outcome.label}). {result.outcome.value}",
                hint="A narrower prior makes it easier.",
            )
        return point

    @cached_property
    def root(self) -> FloatArray:
        """``(P, P)`` matrix ``W`` with ``W W'`` the inverse curvature at the mode, which is positive there.

        Raises:
            NumericalError: the curvature at the mode is not positive.
        """
        assert self.mode.curvature is not None
        mu, U = np.linalg.eigh(self.mode.curvature)
        if mu[0] <= 0:
            raise NumericalError(
                "The posterior is flat or rises at the point where Newton's method stopped "
                f"(lowest curvature {mu[0]:.3g} in units of the prior, which alone gives 1).",
                hint="Look for a world that makes the demonstrations nearly impossible, or narrow the prior.",
            )
        return np.asarray(U / np.sqrt(mu))

    @cached_property
    def covariance(self) -> FloatArray:
        """``(K, K)`` inverse curvature at the mode in the units of the weights, 0 for fixed weights."""
        C = self.root @ self.root.T
        s, free = self.prior.standard_deviations, self.coordinates.free
        out = np.zeros((self.likelihood.n_weights, self.likelihood.n_weights))
        out[np.ix_(free, free)] = s[:, None] * C * s
        return out

    @cached_property
    def null_directions(self) -> FloatArray:
        """``(nullity, K)`` combinations that no choice probability depends on, at the mode and, where choices have a
        solution there, at the prior mean: choices that are nearly certain at one of them tell nothing there.
        """
        assert self.mode.information is not None
        s = self.prior.standard_deviations
        information = self.mode.information
        centre = self.objective.at(np.zeros(self.coordinates.count), order=2)
        if centre.outcome.ok and centre.information is not None:
            information = information + centre.information
        return null_rows([self.likelihood], information / np.outer(s, s), self.coordinates.free)

    @cached_property
    def prior_shares(self) -> FloatArray:
        """``(K,)`` posterior over prior variance of each weight by the curvature at the mode."""
        return self.shared(self.root @ self.root.T)[0]

    @cached_property
    def prior_directions(self) -> tuple[PriorShare, ...]:
        """Combinations of weights that are a priori independent, the one the prior decides most first."""
        return self.shared(self.root @ self.root.T)[1]

    def shared(self, covariance: FloatArray) -> tuple[FloatArray, tuple[PriorShare, ...]]:
        """The prior's share by weight, ``(K,)`` and 0 for fixed ones, and by combination, largest first.

        Args:
            covariance: ``(P, P)`` of the posterior in units of the prior. Along null directions 1 is put in its place:
                draws would leave their sampling error there.
        """
        free, s = self.coordinates.free, self.prior.standard_deviations
        # w = s z, so a direction d of the weights is d / s in z.
        Q = np.linalg.qr((self.null_directions[:, free] / s).T)[0]
        rest = np.eye(len(s)) - Q @ Q.T
        mu, U = np.linalg.eigh(rest @ covariance @ rest + Q @ Q.T)
        shares = np.zeros(self.likelihood.n_weights)
        shares[free] = np.minimum(((U * U) * mu).sum(axis=1), 1.0)
        out = []
        for value, u in zip(mu[::-1].tolist(), U.T[::-1], strict=True):
            # u'z is a combination of weights in prior units; as coefficients on weights: u / sd.
            c = np.zeros(len(shares))
            c[free] = u / s
            c *= np.sign(c[np.abs(c).argmax()])  # either sign says the same
            out.append(PriorShare(share=min(1.0, value), coefficients=c / np.linalg.norm(c)))
        return shares, tuple(out)

    def gauge(self) -> Gauge:
        """How the scale and the untold directions are fixed."""
        words = "The prior holds what the decisions cannot tell; its share is stated for every weight."
        return Gauge(
            kind="prior",
            description=words,
            rationality=self.likelihood.rationality,
            discount=self.likelihood.discount,
        )

    def assumptions(self) -> dict[str, float | str]:
        """What was held fixed."""
        out: dict[str, float | str] = {"rationality": self.likelihood.rationality}
        if self.likelihood.discount is not None:
            out["discount"] = self.likelihood.discount
        out.update({f"weight of {k}": float(v) for k, v in self.fixed_weights.items()})
        return out

    def findings(self) -> tuple[Finding, ...]:
        """Combinations that the prior alone decides, and a prior that the decisions contradict."""
        names = self.likelihood.names
        assert self.mode.curvature is not None
        return (
            *self.likelihood.findings,
            *(prior_alone(names, row) for row in self.null_directions),
            *prior_conflict(self.coordinates.names, self.mode.psi, self.mode.curvature),
        )


def prior_alone(names: Sequence[str], row: FloatArray) -> Finding:
    """The finding about one such combination.

    Args:
        names: K weights.
        row: ``(K,)`` coefficients.
    """
    involved = [n for n, c in zip(names, row, strict=True) if c]
    if len(involved) == 1:
        said = f"No choice that was seen depends on {involved[0]}: its posterior is its prior."
    else:
        said = (
            f"Adding any amount of {describe_direction(names, row)} to the weights changes no choice that was seen: "
            "along it the posterior is the prior."
        )
    return Finding(
        code="prior-alone",
        severity=Severity.WARNING,
        message=said,
        hint="Drop a feature, add data from another environment or discount, or defend the prior.",
        evidence={"features": involved, "share": 1.0},
    )


def log_posterior(target: PosteriorTarget, z: FloatArray) -> tuple[float, FloatArray | None]:
    """Log posterior up to a constant, and its gradient (None where the forward problem has no solution)."""
    point = target.objective.at(z, order=1)
    if not point.outcome.ok or not math.isfinite(point.value):
        return -math.inf, None
    return point.value, point.score
