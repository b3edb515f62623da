"""Latent classes: every unit acts by one of C choice models, nobody knows which.

Class c has share ``pi_c`` and a choice log-likelihood of unit u, ``l_uc``: exact, from the likelihood of a class
with weights ``theta_j`` (several classes may share one weight vector, each through features of its own), or fixed.

    LL = sum_u log sum_c pi_c exp(l_uc),    r_uc = pi_c exp(l_uc) / sum_c' pi_c' exp(l_uc')

EM raises LL at every step: the E step is ``r``, the M step a weighted fit of each weight vector and ``pi_c`` the
mean of ``r_uc``. Near the top, where EM is slow, Newton's method goes on with the observed information of Louis,

    I = sum_u E_r[-H_u] - sum_u Cov_r(S_u),

with ``S_uc`` and ``H_uc`` derivatives of ``log pi_c + l_uc``. Shares are logits against the last class there. A
``share_prior`` of ``a`` adds ``a sum_c log pi_c`` to LL: as if ``a`` more units of each class had been seen.

References:
    Dempster, Laird and Rubin (1977), J. R. Statist. Soc. B 39, 1-38; Louis (1982), J. R. Statist. Soc. B 44, 226-233.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from telic.reports import Outcome
from telic.typing import FloatArray

from .driver import fit_likelihood
from .likelihood import ChoiceLikelihood, ClusteredLikelihood, JointLikelihood
from .settings import FitSettings
from .uncertainty import complement

__all__ = ["LatentClass", "LatentClasses", "LatentPoint"]

LEAST_WEIGHT = 1e-12
"""Responsibility below which a unit counts as this in a weighted fit, so that no class is ever without data."""

NEWTON_STEPS = 30
"""Steps of Newton's method after EM."""

FULL_FIT = 100
"""Newton steps of a weighted fit that is to end."""

SHORT_FIT = 2
"""Newton steps of a weighted fit inside EM."""

NEAR_TOP = 1.0
"""Nats that a step of EM gains below which Newton's method is tried."""

ROUNDING = 1e-14
"""Gain that a Newton step foretells, relative to the log-likelihood, that is rounding."""

HALVINGS = 30
"""Halvings of a Newton step before it is given up."""

INNER_TOLERANCE = 1e-7
"""Score per decision at which a weighted fit inside EM stops."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LatentClass:
    """One class.

    Attributes:
        name: what it is called.
        owner: which weight vector it has, or None where it has none.
        likelihood: of all units under the class, as a function of that weight vector.
        constant: ``(U,)`` log-likelihoods where there is no weight vector.
    """

    name: str
    owner: int | None = None
    likelihood: ClusteredLikelihood | None = None
    constant: FloatArray | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class LatentPoint:
    """A place in the space of weights and shares.

    Attributes:
        weights: ``(J, K)``.
        shares: ``(C,)``, summing to 1.
        each: ``(U, C)`` log-likelihood of every unit under every class.
        log_likelihood: observed, nats.
        value: with penalties and the prior of shares: what is maximised.
        responsibilities: ``(U, C)`` posterior probability of every class.
        outcome: of the forward problems and weighted fits behind it.
    """

    weights: FloatArray
    shares: FloatArray
    each: FloatArray
    log_likelihood: float
    value: float
    responsibilities: FloatArray
    outcome: Outcome = Outcome.SUCCESS


@dataclass(frozen=True, kw_only=True, eq=False)
class LatentClasses:
    """A model of latent classes.

    Attributes:
        classes: C of them; their owners are 0 to J - 1.
        null_directions: ``(nullity, K)`` directions of the weights that no choice tells.
        l2: squared penalty on every weight vector.
        share_prior: units of each class seen beforehand.
    """

    classes: tuple[LatentClass, ...]
    null_directions: FloatArray
    l2: float = 0.0
    share_prior: float = 0.0

    @property
    def n_owners(self) -> int:
        """J."""
        return 1 + max(c.owner for c in self.classes if c.owner is not None)

    def at(self, weights: FloatArray, shares: FloatArray) -> LatentPoint:
        """The point with these ``(J, K)`` weights and ``(C,)`` shares."""
        columns = []
        for c in self.classes:
            if c.likelihood is None or c.owner is None:
                assert c.constant is not None
                columns.append(c.constant)
            else:
                columns.append(c.likelihood.cluster_log_likelihoods(weights[c.owner]))
        each = np.stack(columns, axis=1)
        with np.errstate(divide="ignore"):
            joint = each + np.log(shares)
        top = joint.max(axis=1, keepdims=True)
        if not np.all(np.isfinite(top)):
            bad = np.full_like(each, np.nan)
            return LatentPoint(
                weights=weights,
                shares=shares,
                each=each,
                log_likelihood=-np.inf,
                value=-np.inf,
                responsibilities=bad,
                outcome=Outcome.NON_FINITE,
            )
        density = np.exp(joint - top)
        total = density.sum(axis=1, keepdims=True)
        log_likelihood = float(np.sum(top + np.log(total)))
        prior = self.share_prior * float(np.log(shares).sum()) if self.share_prior else 0.0
        return LatentPoint(
            weights=weights,
            shares=shares,
            each=each,
            log_likelihood=log_likelihood,
            value=log_likelihood + prior - self.l2 * float(np.sum(weights**2)),
            responsibilities=density / total,
        )

    def maximise_step(
        self, weights: FloatArray, responsibilities: FloatArray, *, newton_steps: int = FULL_FIT
    ) -> LatentPoint:
        """The M step: weighted fits from ``(J, K)`` weights and the mean of ``(U, C)`` responsibilities.

        Fewer ``newton_steps`` than a fit needs still raise the likelihood (generalised EM).
        """
        U, C = responsibilities.shape
        counts = responsibilities.sum(axis=0) + self.share_prior
        shares = counts / (U + C * self.share_prior)
        new = np.empty_like(weights)
        outcome = Outcome.SUCCESS
        for j in range(self.n_owners):
            parts: list[ChoiceLikelihood] = [
                c.likelihood.reweighted(np.maximum(responsibilities[:, i], LEAST_WEIGHT))
                for i, c in enumerate(self.classes)
                if c.owner == j and c.likelihood is not None
            ]
            target = parts[0] if len(parts) == 1 else JointLikelihood(tuple(parts))
            fit = fit_likelihood(
                target,
                FitSettings(
                    l2=self.l2,
                    initial_weights=weights[j],
                    tolerance=INNER_TOLERANCE,
                    max_iterations=newton_steps,
                    standard_errors=False,
                ),
            )
            if not (fit.outcome.ok or (newton_steps < FULL_FIT and fit.outcome is Outcome.MAX_ITERATIONS)):
                outcome = fit.outcome
            new[j] = fit.weights if np.all(np.isfinite(fit.weights)) else weights[j]
        point = self.at(new, shares)
        if outcome.ok or not point.outcome.ok:
            return point
        return LatentPoint(**{**vars(point), "outcome": outcome})

    def derivatives(self, point: LatentPoint) -> tuple[FloatArray, FloatArray]:
        """``(U, P)`` scores of the units and ``(P, P)`` observed information, without penalty and prior.

        The P numbers are the J K weights, then C - 1 logits of shares against the last class.
        """
        (J, K), C = point.weights.shape, len(self.classes)
        r, U = point.responsibilities, len(point.responsibilities)
        P = J * K + C - 1
        complete = np.zeros((C, U, P))
        information = np.zeros((P, P))
        for i, c in enumerate(self.classes):
            if c.likelihood is not None and c.owner is not None:
                block = slice(c.owner * K, (c.owner + 1) * K)
                complete[i, :, block] = c.likelihood.cluster_scores(point.weights[c.owner])
                weighted = c.likelihood.reweighted(np.maximum(r[:, i], LEAST_WEIGHT))
                hessian = weighted.evaluate(point.weights[c.owner], order=2).hessian
                information[block, block] -= np.nan if hessian is None else hessian
            complete[i, :, J * K :] = (np.arange(C - 1) == i) - point.shares[:-1]
        pi = point.shares[:-1]
        information[J * K :, J * K :] += U * (np.diag(pi) - np.outer(pi, pi))
        scores = np.einsum("uc,cup->up", r, complete)
        for i in range(C):
            spread = complete[i] - scores
            information -= (spread * r[:, i, None]).T @ spread
        return scores, (information + information.T) / 2

    def total_derivatives(self, point: LatentPoint) -> tuple[FloatArray, FloatArray, FloatArray]:
        """``(U, P)`` scores of units, ``(P,)`` score and ``(P, P)`` curvature of what is maximised."""
        scores, information = self.derivatives(point)
        (J, K), C, pi = point.weights.shape, len(self.classes), point.shares[:-1]
        score = scores.sum(axis=0)
        score[: J * K] -= 2.0 * self.l2 * point.weights.ravel()
        score[J * K :] += self.share_prior * (1.0 - C * pi)
        curvature = information.copy()
        curvature[: J * K, : J * K] += 2.0 * self.l2 * np.eye(J * K)
        curvature[J * K :, J * K :] += self.share_prior * C * (np.diag(pi) - np.outer(pi, pi))
        return scores, score, curvature

    @property
    def basis(self) -> FloatArray:
        """``(P, free)`` orthonormal columns of what the data tell about the P numbers."""
        Z, C = complement(self.null_directions), len(self.classes)
        K, k = Z.shape
        J = self.n_owners
        out = np.zeros((J * K + C - 1, J * k + C - 1))
        for j in range(J):
            out[j * K : (j + 1) * K, j * k : (j + 1) * k] = Z
        out[J * K :, J * k :] = np.eye(C - 1)
        return out

    def climb(self, start: LatentPoint, *, max_iterations: int, gain: float) -> tuple[LatentPoint, int]:
        """EM until a step gains less than ``gain`` nats, then Newton's method; the point and the EM steps."""
        point, steps, next_try = start, 0, 2
        while steps < max_iterations:
            new = self.maximise_step(point.weights, point.responsibilities, newton_steps=SHORT_FIT)
            steps += 1
            if not new.outcome.ok:
                return new, steps
            gained, point = new.value - point.value, new
            if gained < gain:
                break
            if gained < NEAR_TOP and steps >= next_try:
                polished, is_top = self.polish(point)
                if is_top:
                    return polished, steps
                next_try = 2 * steps
        polished, is_top = self.polish(point)
        if is_top:
            return polished, steps
        whole = self.maximise_step(polished.weights, polished.responsibilities)  # tells what runs away
        return (polished if whole.outcome.ok else whole), steps

    def polish(self, point: LatentPoint) -> tuple[LatentPoint, bool]:
        """Newton's method from near the top; where it came to, and whether that is a top."""
        (J, K), Z = point.weights.shape, self.basis
        for _ in range(NEWTON_STEPS):
            _, score, curvature = self.total_derivatives(point)
            small = Z.T @ curvature @ Z
            if not np.all(np.isfinite(small)):
                return point, False
            mu, V = np.linalg.eigh(small)
            if mu[0] <= 1e-10 * mu[-1]:
                return point, False
            step = Z @ (V @ ((V.T @ (Z.T @ score)) / mu))
            if float(score @ step) < ROUNDING * (1.0 + abs(point.value)):
                return point, True
            for _ in range(HALVINGS):
                logits = np.append(np.log(point.shares[:-1] / point.shares[-1]) + step[J * K :], 0.0)
                shares = np.exp(logits - logits.max())
                trial = self.at(point.weights + step[: J * K].reshape(J, K), shares / shares.sum())
                if trial.outcome.ok and trial.value > point.value:
                    break
                step = step / 2.0
            else:
                return point, False
            point = trial
        return point, False
