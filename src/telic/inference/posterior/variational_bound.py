"""The evidence bound of AVRIL, with its gradient: choices, temporal-difference residual, divergence from the prior.

Action values are linear, ``Q(x, a) = psi(x) . t_a + phi(x, a) . u``, and a point estimate ``t``. With choices of
probability ``exp(beta (Q - V))``, ``V = log sum exp(beta Q) / beta`` and the residual
``delta = Q(x, a) - gamma V(x')``, whose expectation is the reward where Q is right,

    bound(t, m, C) = sum_i beta (Q_i - V_i) + lambda E_q log normal(S delta | S phi w, sigma^2 I)
                     - KL(q || prior) + log prior(t),        q(w) = normal(m, C),
    E_q log normal(h | H w, sigma^2 I) = -(|h - H m|^2 + tr H C H') / (2 sigma^2) - r/2 log(2 pi sigma^2).

``S`` takes a residual to the ``r`` numbers that are compared. *Projected*: the coordinates of its projection on the
functions of (x, a) themselves, which average out what chance adds to a transition. *Sampled*: every row, as
published. For given t the best q is conjugate: precision ``P0 + lambda H'H / sigma^2``. So the bound is maximised over
t alone, with the gradient of the bound at the best q (envelope theorem).

*Correction.* The projected residuals keep the chance of r averages, ``r sigma(t)^2`` in squares, and values that are
too flat make it small: weights are pulled to 0. What is left of it is given back by ``c log sigma(t)`` with
``sigma(t)`` the noise that t leaves over and ``c = lambda |h - H m|^2 / sigma^2`` at the uncorrected optimum: there it
has the slope of ``-lambda |h - H m|^2 / (2 sigma(t)^2)`` by t through ``sigma(t)`` (one step towards the continuously
updated criterion of Hansen, Heaton and Yaron 1996, which itself may have no maximum).

Reference: Chan and van der Schaar (2021), Scalable Bayesian inverse reinforcement learning, ICLR; what
differs and why is in docs/methods/avril.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from telic.rewards import NormalPrior
from telic.typing import FloatArray

from .variational_rows import VariationalRows

__all__ = ["VariationalBound", "expected_log_normal", "normal_divergence"]

RANK_TOLERANCE = 1e-9
"""Share of the largest eigenvalue of the second moments below which a function of (x, a) is one of the others."""

ROUNDING = 1e-11
"""Share by which the diagonal of a curvature is raised, so that functions that repeat one another can be factored."""

LEVEL_FREEDOM = 1_000.0
"""How much wider than differences between actions the level common to all of them may range a priori: free, but for
what settles a function that is never active."""

FEATURE_FREEDOM = 10.0
"""Standard deviation of a feature's coefficient in the action values, in those of its weight's prior."""


def normal_divergence(
    mean: FloatArray, cholesky: FloatArray, prior_mean: FloatArray, prior_sd: FloatArray
) -> float:
    """``KL(normal(mean, L L') || normal(prior_mean, diag(prior_sd^2)))`` in nats; L lower triangular."""
    z, root = (mean - prior_mean) / prior_sd, cholesky / prior_sd[:, None]
    return float(0.5 * ((root * root).sum() + z @ z - len(z)) - np.log(np.abs(np.diag(root))).sum())


def expected_log_normal(
    residual: FloatArray, design: FloatArray, mean: FloatArray, cholesky: FloatArray, noise: float
) -> float:
    """``E log normal(residual | design w, noise^2 I)`` over ``w ~ normal(mean, L L')``, in nats."""
    miss, spread = residual - design @ mean, design @ cholesky
    return float(
        -0.5 * (miss @ miss + (spread * spread).sum()) / noise**2
        - len(residual) * (math.log(noise) + 0.5 * math.log(2 * math.pi))
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class VariationalBound:
    """The bound of one set of rows; ``t`` is ``(A * B,)`` coefficients, action by action, then K of the features.

    Attributes:
        rows: transitions.
        prior: of the weights.
        discount: gamma.
        rationality: beta.
        weight: lambda of the residual term.
        spread: standard deviation, in log-odds, of differences between actions a priori.
        is_projected: compare projected residuals.
    """

    rows: VariationalRows
    prior: NormalPrior
    discount: float
    rationality: float
    weight: float
    spread: float
    is_projected: bool

    @property
    def n_basis(self) -> int:
        """B."""
        return int(self.rows.basis.shape[1])

    @property
    def size(self) -> int:
        """Numbers in t."""
        K = len(self.prior.names)
        return self.rows.n_actions * self.n_basis + (K if self.rows.next_features is not None else 0)

    @cached_property
    def root_weights(self) -> FloatArray:
        """``(m,)`` square roots of the weights of the transitions."""
        return np.asarray(np.sqrt(self.rows.weights[self.rows.known]))

    @cached_property
    def taken(self) -> FloatArray:
        """``(m, D)`` functions of the state before and the action taken: ``Q(x, a) = taken @ t``."""
        one = np.zeros((len(self.rows.known), self.rows.n_actions))
        one[np.arange(len(one)), self.rows.actions[self.rows.known]] = 1.0
        return self._spread_out(one)

    @cached_property
    def frame(self) -> FloatArray:
        """``(m, r)`` orthonormal columns that span the weighted functions of (x, a)."""
        X = self.taken * self.root_weights[:, None]
        moments = X.T @ X
        scale = np.sqrt(np.maximum(np.diag(moments), 1e-300))
        values, vectors = np.linalg.eigh(moments / np.outer(scale, scale))
        kept = values > RANK_TOLERANCE * values[-1]
        return np.asarray(X @ (vectors[:, kept] / np.sqrt(values[kept]) / scale[:, None]))

    @cached_property
    def design(self) -> FloatArray:
        """``(r, K)`` H: what the features of the actions taken add to the compared residuals."""
        known = self.rows.known
        return self.compared(self.rows.features[known, self.rows.actions[known]])

    @cached_property
    def penalty(self) -> FloatArray:
        """``(D, D)`` precision of t a priori: differences between actions of ``spread`` log-odds at a typical row."""
        A, B = self.rows.n_actions, self.n_basis
        size = math.sqrt(float((self.rows.basis**2).sum(axis=1).mean())) or 1.0
        precision = (self.rationality * size / self.spread) ** 2
        common = np.full((A, A), 1.0 / A)
        out = np.zeros((self.size, self.size))
        actions = precision * (np.eye(A) - common + common / LEVEL_FREEDOM**2)
        out[: A * B, : A * B] = np.kron(actions, np.eye(B))
        if self.size > A * B:
            own = np.arange(A * B, self.size)
            out[own, own] = 1.0 / (FEATURE_FREEDOM * self.prior.standard_deviations) ** 2
        return out

    def compared(self, values: FloatArray) -> FloatArray:
        """S: ``(r, ...)`` of ``(m, ...)``."""
        weighted = values * self.root_weights.reshape(-1, *[1] * (values.ndim - 1))
        return np.asarray(self.frame.T @ weighted if self.is_projected else weighted)

    def values(self, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """``(n, A)`` action values before and ``(m, A)`` after."""
        A, B = self.rows.n_actions, self.n_basis
        T, u = t[: A * B].reshape(A, B), t[A * B :]
        now, after = self.rows.basis @ T.T, self.rows.next_basis @ T.T
        if self.rows.next_features is not None:
            now, after = now + self.rows.features @ u, after + self.rows.next_features @ u
        return now, after

    def residual(self, t: FloatArray) -> tuple[FloatArray, FloatArray, float, FloatArray]:
        """``delta (m,)``, choice probabilities after ``(m, A)``, log-likelihood, ``(n, A)`` log probabilities."""
        now, after = self.values(t)
        beta, rows = self.rationality, self.rows
        logp, _ = _soft(now, beta)
        log_after, V = _soft(after, beta)
        n, known = np.arange(len(rows.actions)), rows.known
        delta = now[known, rows.actions[known]] - self.discount * np.where(rows.ended, 0.0, V)
        log_likelihood = float(rows.weights @ logp[n, rows.actions])
        return delta, np.exp(log_after) * ~rows.ended[:, None], log_likelihood, logp

    def best(self, h: FloatArray, noise: float) -> tuple[FloatArray, FloatArray]:
        """Mean ``(K,)`` and lower Cholesky factor ``(K, K)`` of the covariance of the best q for residuals h."""
        s, ratio = self.prior.standard_deviations, self.weight / noise**2
        H = self.design * s
        precision = np.eye(len(s)) + ratio * (H.T @ H)
        z = np.linalg.solve(precision, ratio * (H.T @ (h - self.design @ self.prior.means)))
        cholesky = np.linalg.cholesky(np.linalg.inv(precision))
        return self.prior.means + s * z, s[:, None] * cholesky

    def bound(self, t: FloatArray, mean: FloatArray, cholesky: FloatArray, noise: float) -> float:
        """The bound at any t and q, nats."""
        delta, _, log_likelihood, _ = self.residual(t)
        told = expected_log_normal(self.compared(delta), self.design, mean, cholesky, noise)
        divergence = normal_divergence(mean, cholesky, self.prior.means, self.prior.standard_deviations)
        return log_likelihood + self.weight * told - divergence - 0.5 * float(t @ self.penalty @ t)

    def left_over(self, t: FloatArray) -> FloatArray:
        """``(m,)`` weighted residuals less their projection on the functions of (x, a)."""
        weighted = self.residual(t)[0] * self.root_weights
        return np.asarray(weighted - self.frame @ (self.frame.T @ weighted))

    def profile(self, t: FloatArray, noise: float, correction: float = 0.0) -> tuple[float, FloatArray]:
        """The bound at the best q plus ``correction * log sigma(t)``, up to a constant of it, and its gradient by t."""
        delta, after, log_likelihood, logp = self.residual(t)
        h = self.compared(delta)
        mean, cholesky = self.best(h, noise)
        miss = h - self.design @ mean
        pull = -(self.weight / noise**2) * (self.frame @ miss if self.is_projected else miss)
        told = expected_log_normal(h, self.design, mean, cholesky, noise)
        divergence = normal_divergence(mean, cholesky, self.prior.means, self.prior.standard_deviations)
        Pt = self.penalty @ t
        value = log_likelihood + self.weight * told - divergence - 0.5 * float(t @ Pt)
        if correction:
            rest = self.left_over(t)
            square = max(float(rest @ rest), 1e-300)
            value += 0.5 * correction * math.log(square)
            pull = pull + correction * rest / square
        pull = pull * self.root_weights
        rows, beta = self.rows, self.rationality
        by_now = -beta * np.exp(logp) * rows.weights[:, None]
        by_now[np.arange(len(by_now)), rows.actions] += beta * rows.weights
        by_now[rows.known, rows.actions[rows.known]] += pull
        by_after = -self.discount * after * pull[:, None]
        gradient = (by_now.T @ rows.basis + by_after.T @ rows.next_basis).ravel()
        if rows.next_features is not None:
            own = np.einsum("na,nak->k", by_now, rows.features)
            own += np.einsum("na,nak->k", by_after, rows.next_features)
            gradient = np.concatenate([gradient, own])
        return value, gradient - Pt

    def curvature(self, t: FloatArray, noise: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Blocks ``(D, D)``, ``(K, D)``, ``(K, K)`` of minus the bound's second derivative by t and by weights in
        units of the prior, without the bend of V (Gauss-Newton), so never negative.
        """
        _, after, _, logp = self.residual(t)
        J = self.compared(self.taken - self.discount * self._spread_out(after, after=True))
        H, ratio = self.design * self.prior.standard_deviations, self.weight / noise**2
        own = self._choice_information(np.exp(logp)) + self.penalty + ratio * (J.T @ J)
        own[np.diag_indices(len(own))] *= 1.0 + ROUNDING
        return own, -ratio * (H.T @ J), np.eye(H.shape[1]) + ratio * (H.T @ H)

    def joint_information(self, t: FloatArray, noise: float) -> FloatArray:
        """``(K, K)`` curvature by weights in units of the prior when t moves along with them; the prior gives I."""
        own, cross, mine = self.curvature(t, noise)
        out = mine - cross @ cho_solve(cho_factor(own), cross.T)
        return np.asarray(0.5 * (out + out.T))

    def steps(self, t: FloatArray, noise: float) -> FloatArray:
        """``(D, D)`` matrix R for which the bound at the best q bends equally along every column of R."""
        own, cross, mine = self.curvature(t, noise)
        profiled = own - cross.T @ np.linalg.solve(mine, cross)
        upper = np.linalg.cholesky(0.5 * (profiled + profiled.T)).T
        return np.asarray(solve_triangular(upper, np.eye(len(upper))))

    def _choice_information(self, p: FloatArray) -> FloatArray:
        """``(D, D)`` expected information of the choices about t."""
        rows, A, B = self.rows, self.rows.n_actions, self.n_basis
        load = self.rationality**2 * rows.weights
        out = np.zeros((self.size, self.size))
        for a in range(A):
            for b in range(A):
                w = load * (p[:, a] * (a == b) - p[:, a] * p[:, b])
                out[a * B : (a + 1) * B, b * B : (b + 1) * B] = rows.basis.T @ (w[:, None] * rows.basis)
        if self.size > A * B:
            centred = rows.features - np.einsum("na,nak->nk", p, rows.features)[:, None, :]
            w = load[:, None] * p
            out[A * B :, A * B :] = np.einsum("na,nak,nal->kl", w, centred, centred)
            cross = np.concatenate([rows.basis.T @ (w[:, a, None] * centred[:, a]) for a in range(A)])
            out[: A * B, A * B :], out[A * B :, : A * B] = cross, cross.T
        return out

    def _spread_out(self, by_action: FloatArray, *, after: bool = False) -> FloatArray:
        """``(m, D)`` functions of (x, a), averaged over actions with these ``(m, A)`` shares."""
        rows, known = self.rows, self.rows.known
        psi = rows.next_basis if after else rows.basis[known]
        parts = [psi * by_action[:, a, None] for a in range(rows.n_actions)]
        if rows.next_features is not None:
            phi = rows.next_features if after else rows.features[known]
            parts.append(np.einsum("ma,mak->mk", by_action, phi))
        return np.concatenate(parts, axis=1)


def _soft(Q: FloatArray, beta: float) -> tuple[FloatArray, FloatArray]:
    """Log choice probabilities and values of rows of action values."""
    top = Q.max(axis=1, keepdims=True)
    total = np.log(np.exp(beta * (Q - top)).sum(axis=1, keepdims=True))
    return beta * (Q - top) - total, (top + total / beta)[:, 0]
