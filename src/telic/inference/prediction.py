"""The choices and rates that weights predict in a world, with their derivatives by the weights.

With ``D_k = Q_k - V_k`` (``likelihood.stationary``), a choice probability moves by ``dpi(a|s)/dtheta_k = beta
pi D_k``. The rate of an outcome feature g per decision is ``sum mu g / sum mu`` with the occupancy mu; its
derivative needs no derivative of mu, because

    d rate_g / dtheta_k = (1 / sum mu) sum_s mu(s) sum_a dpi(a|s)/dtheta_k Q_{g - rate_g}(s,a),

the policy-gradient theorem (Sutton et al. 2000) applied to g minus its own rate. ``Q_g`` and ``mu`` may use
another discount than the experts do, so that a rate can be that of the long run. The pair-by-weight array is
made in blocks.

References: Sutton, McAllester, Singh and Mansour (2000), NeurIPS 12, theorem 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from telic.features import FeatureMap
from telic.mdp import FiniteHorizonMDP, TabularMDP
from telic.planning import policy_system, solve_soft, solve_soft_finite
from telic.planning.bellman import policy_chain
from telic.reports import Finding, Outcome
from telic.typing import BoolArray, FloatArray

from .likelihood.design import Design
from .likelihood.stationary import difference_blocks

__all__ = ["Prediction", "RateRules", "predict"]

NULL_EFFECT = 1e-5
"""Effect of a null direction, relative to the sum of the effects of its parts, that counts as one; those of
true null directions cancel to about 1e-8."""

ROUNDING = 1e-9
"""Rounding in the derivatives, relative to the largest value of each feature."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RateRules:
    """Which rates to predict and from where.

    Attributes:
        outcomes: features whose rates are asked for.
        initial: ``(S,)`` distribution of the first state.
        discount: of the rate; None: that of the world.
    """

    outcomes: FeatureMap
    initial: FloatArray
    discount: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """What the weights predict.

    Attributes:
        outcome: ``SUCCESS``, or why there is no prediction; then all numbers are NaN.
        probabilities: ``(S, A)``, or ``(T, S, A)`` for a fixed horizon.
        standard_errors: of the same shape, by the delta method; infinite where the probability moves along a
            direction that the data could not tell, NaN without a covariance.
        visitation: ``(S,)`` share of decisions taken in each state, or None without a start.
        rates: ``(J,)`` outcome features per decision, or None without a start.
        rate_derivatives: ``(J, K)`` of the rates by the estimated weights.
        rates_identified: ``(J,)`` False where a rate moves along a direction that the data could not tell.
        findings: of the solver.
    """

    outcome: Outcome
    probabilities: Float[np.ndarray, "... A"]
    standard_errors: Float[np.ndarray, "... A"]
    visitation: FloatArray | None = None
    rates: FloatArray | None = None
    rate_derivatives: FloatArray | None = None
    rates_identified: BoolArray | None = None
    findings: tuple[Finding, ...] = ()


def predict(
    world: TabularMDP | FiniteHorizonMDP,
    features: FeatureMap,
    weights: Float[np.ndarray, "K"],
    *,
    passes: Float[np.ndarray, "K"],
    rationality: float,
    covariance: Float[np.ndarray, "K K"] | None,
    null_directions: Float[np.ndarray, "nullity K"],
    rules: RateRules | None = None,
) -> Prediction:
    """The soft-optimal choices under ``weights`` and what is uncertain about them.

    Args:
        world: where the choices are made.
        features: phi, of this world.
        weights: under which the choices are made.
        passes: derivative of each of them by its estimate: 1 as estimated, c where scaled by c, 0 where set
            by hand.
        rationality: inverse temperature.
        covariance: of the estimates; None: no standard errors.
        null_directions: of the estimates.
        rules: rates to predict, or None.
    """
    design = Design(features=features, n_states=world.n_states, n_actions=world.n_actions)
    case = _Case(design, np.asarray(weights), passes, rationality, covariance, null_directions, rules)
    if isinstance(world, TabularMDP):
        return _stationary(world, case)
    return _finite(world, case)


@dataclass(frozen=True, eq=False)
class _Case:
    design: Design
    weights: FloatArray
    passes: FloatArray
    rationality: float
    covariance: FloatArray | None
    null_directions: FloatArray
    rules: RateRules | None

    def probability_moves(self, D: FloatArray, pi: FloatArray) -> FloatArray:
        """``(cells, K)`` derivatives of the probabilities ``pi`` of some pairs by the estimates."""
        return np.asarray(self.rationality * pi[:, None] * D * self.passes)

    def errors(self, J: FloatArray, pi: FloatArray, magnitude: FloatArray) -> FloatArray:
        """Standard errors of probabilities with derivatives ``J``."""
        if self.covariance is None:
            out = np.full(len(J), np.nan)
        else:
            out = np.sqrt(np.maximum(np.einsum("ck,kl,cl->c", J, self.covariance, J, optimize=True), 0.0))
        out[self.moves_along_null(J, self.rationality * pi, magnitude)] = np.inf
        return out

    def moves_along_null(self, J: FloatArray, size: FloatArray, magnitude: FloatArray) -> BoolArray:
        """``(rows,)``: a row of derivatives has a component along a null direction beyond rounding.

        Args:
            J: ``(rows, K)``.
            size: ``(rows,)`` what each derivative was multiplied by, for the rounding.
            magnitude: ``(K,)`` largest value of each feature.
        """
        N = self.null_directions
        if not len(N):
            return np.zeros(len(J), dtype=bool)
        moved = np.abs(J @ N.T)
        parts = np.abs(J) @ np.abs(N).T
        floor = ROUNDING * size[:, None] * (np.abs(N * self.passes) @ magnitude)
        return np.asarray((moved > np.maximum(NULL_EFFECT * parts, floor)).any(axis=1))

    def outcome_design(self, world: TabularMDP | FiniteHorizonMDP) -> Design:
        """The outcome features with a constant behind them."""
        assert self.rules is not None
        given = self.rules.outcomes
        values = given.values if isinstance(given.values, np.ndarray) else given.values.toarray()
        if given.form == "SA":
            values = values.reshape(world.n_states, world.n_actions, -1)
        ones = np.ones((*values.shape[:-1], 1))
        wide = FeatureMap(
            values=np.concatenate([values, ones], axis=-1),
            names=(*given.names, "\0decisions"),
            form=given.form,
        )
        return Design(features=wide, n_states=world.n_states, n_actions=world.n_actions)


def _stationary(world: TabularMDP, case: _Case) -> Prediction:
    beta, design = case.rationality, case.design
    S, A = design.n_states, design.n_actions
    solution = solve_soft(world, design.reward(case.weights), rationality=beta, tolerance=1e-12)
    if not solution.outcome.ok:
        return _none(solution.outcome, (S, A), solution.findings)
    pi = np.exp(solution.log_policy)
    system = policy_system(world, pi)
    V = system.report(design.average(pi))
    if not V.outcome.ok:
        return _none(V.outcome, (S, A), solution.findings)
    flat, errors = pi.ravel(), np.empty(S * A)
    rates = None
    if case.rules is not None:
        rates = _StationaryRates.of(world, case, pi)
        if not rates.outcome.ok:
            return _none(rates.outcome, (S, A), solution.findings)
    magnitude = np.maximum(np.abs(V.x).max(axis=0, initial=0.0), _largest(design))
    for start, stop, D in difference_blocks(design, world.transition, float(world.discount), V.x, V.x):
        dpi = case.probability_moves(D, flat[start:stop])
        errors[start:stop] = case.errors(dpi, flat[start:stop], magnitude)
        if rates is not None:
            rates.add(start, stop, dpi, beta * flat[start:stop])
    made = Prediction(
        outcome=Outcome.SUCCESS,
        probabilities=pi,
        standard_errors=errors.reshape(S, A),
        findings=solution.findings,
    )
    if rates is None:
        return made
    return replace(
        made,
        visitation=rates.mu / rates.total,
        rates=rates.rates,
        rate_derivatives=rates.sums / rates.total,
        rates_identified=~case.moves_along_null(rates.sums, rates.sizes, magnitude),
    )


class _StationaryRates:
    """Rates under a stationary policy and their derivatives, gathered block by block."""

    def __init__(self, world: TabularMDP, design: Design, V: FloatArray, mu: FloatArray) -> None:
        self.world, self.design, self.V, self.mu = world, design, V, mu
        self.total = float(mu.sum())
        self.outcome = Outcome.SUCCESS
        self.rates = np.zeros(0)
        self.sums, self.sizes = np.zeros((0, 0)), np.zeros(0)

    @classmethod
    def of(cls, world: TabularMDP, case: _Case, pi: FloatArray) -> _StationaryRates:
        """Values of the outcomes and the occupancy under the discount of the rates."""
        rules = case.rules
        assert rules is not None
        seen = world if rules.discount is None else replace(world, discount=rules.discount)
        design = case.outcome_design(world)
        system = policy_system(seen, pi)
        V = system.report(design.average(pi))
        mu = system.report(rules.initial, transposed=True)
        made = cls(seen, design, V.x, np.maximum(mu.x, 0.0) * pi.sum(axis=1))
        made.outcome = V.outcome if not V.outcome.ok else mu.outcome
        if made.outcome.ok:
            J = design.n_weights - 1
            made.rates = (made.mu @ design.average(pi) / made.total)[:J]
            made.sums, made.sizes = np.zeros((J, case.design.n_weights)), np.zeros(J)
        return made

    def add(self, start: int, stop: int, dpi: FloatArray, size: FloatArray) -> None:
        """One block of pairs with the derivatives of their probabilities, and what those were multiplied
        by.
        """
        A = self.design.n_actions
        states = slice(start // A, stop // A)
        Q = np.asarray(self.world.transition[start:stop] @ self.V)
        Q *= self.world.discount
        Q = (Q.reshape(-1, A, Q.shape[-1]) + self.design.block(states.start, states.stop)).reshape(Q.shape)
        centred = Q[:, :-1] - Q[:, -1:] * self.rates
        centred *= np.repeat(self.mu[states], A)[:, None]
        self.sums += centred.T @ dpi
        self.sizes += np.abs(centred).T @ size


def _finite(world: FiniteHorizonMDP, case: _Case) -> Prediction:
    beta, design = case.rationality, case.design
    S, A, H = design.n_states, design.n_actions, world.horizon
    solution = solve_soft_finite(world, design.reward(case.weights), rationality=beta)
    if not solution.outcome.ok:
        return _none(solution.outcome, (H, S, A), solution.findings)
    pi = np.exp(solution.log_policy)
    gamma = float(world.discount)
    errors = np.empty((H, S * A))
    later = np.zeros((S, design.n_weights))
    rules, mu, outcomes = case.rules, np.zeros((H, S)), None
    rates, derivatives, total = None, None, 1.0
    magnitude = _largest(design) * H
    if rules is not None:
        outcomes = case.outcome_design(world)
        rho = rules.initial
        for t in range(H):
            mu[t] = gamma**t * rho
            rho = policy_chain(world.transition, pi[t]).T @ rho
        total = float(mu.sum())
        rates = sum((mu[t] @ outcomes.average(pi[t]) for t in range(H)), np.zeros(1))[:-1] / total
        derivatives, sizes = np.zeros((len(rates), design.n_weights)), np.zeros(len(rates))
        g_later = np.zeros((S, outcomes.n_weights))
    for t in range(H - 1, -1, -1):
        chain = policy_chain(world.transition, pi[t])
        now = design.average(pi[t]) + gamma * np.asarray(chain @ later)
        flat = pi[t].ravel()
        if outcomes is not None and rates is not None and derivatives is not None:
            g_now = outcomes.average(pi[t]) + gamma * np.asarray(chain @ g_later)
            gains = _dense_differences(outcomes, world, gamma, g_now, g_later)
            centred = (gains[:, :-1] - gains[:, -1:] * rates) * np.repeat(mu[t], A)[:, None]
            g_later = g_now
        for start, stop, D in difference_blocks(design, world.transition, gamma, now, later):
            dpi = case.probability_moves(D, flat[start:stop])
            errors[t, start:stop] = case.errors(dpi, flat[start:stop], magnitude)
            if derivatives is not None:
                derivatives += centred[start:stop].T @ dpi
                sizes += np.abs(centred[start:stop]).T @ (beta * flat[start:stop])
        later = now
    made = Prediction(
        outcome=Outcome.SUCCESS,
        probabilities=pi,
        standard_errors=errors.reshape(H, S, A),
        findings=solution.findings,
    )
    if derivatives is None:
        return made
    return replace(
        made,
        visitation=mu.sum(axis=0) / total,
        rates=rates,
        rate_derivatives=derivatives / total,
        rates_identified=~case.moves_along_null(derivatives, sizes, magnitude),
    )


def _largest(design: Design) -> FloatArray:
    """``(K,)`` largest size of each feature."""
    m = design.matrix
    if isinstance(m, np.ndarray):
        return np.asarray(np.maximum(m.max(axis=0), -m.min(axis=0)))
    return np.asarray(abs(m).max(axis=0).toarray()).ravel()


def _dense_differences(
    design: Design, world: FiniteHorizonMDP, gamma: float, now: FloatArray, later: FloatArray
) -> FloatArray:
    return np.concatenate([D for _, _, D in difference_blocks(design, world.transition, gamma, now, later)])


def _none(outcome: Outcome, shape: tuple[int, ...], findings: tuple[Finding, ...]) -> Prediction:
    return Prediction(
        outcome=outcome,
        probabilities=np.full(shape, np.nan),
        standard_errors=np.full(shape, np.nan),
        findings=findings,
    )
