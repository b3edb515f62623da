"""Posterior of a free reward by sampling action values instead of solving at every step.

The idea is ValueWalk (Bajgar, Abate, Gatsis and Osborne 2024): walk over Q, where the likelihood needs no forward
problem, and read the reward off by the Bellman equation, ``R = Q - gamma P V`` with the soft value ``V = (1/beta) log
sum_a exp(beta Q)``. With a prior on rewards the density of Q carries the determinant of that map,

    log p(Q) = sum N(s,a) log pi_Q(a|s) + log prior(R(Q)) + log det(I - gamma P_pi),

for ``dR/dQ = I - gamma P Pi`` has the determinant of ``I - gamma P_pi`` by Sylvester's identity. Its gradient is one
transposed product for the prior and, for the determinant, ``-gamma beta pi(a|s) (B(s,a) - sum_b pi(b|s) B(s,b))``
with ``B(s,a) = P(.|s,a) M^-1 e_s``. So the draws are from the same posterior as those of the exact likelihood with
a free reward for every state and action, which tests check.

The determinant needs the inverse of an ``S x S`` matrix: meant for up to a few hundred states.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np
import scipy.sparse as sp

import telic
from telic.errors import SettingsError
from telic.features import FeatureMap
from telic.inference.likelihood.counts import Counts, check_possible, count_cells
from telic.mdp import TabularMDP
from telic.reports import Finding, Provenance, Severity
from telic.rewards import Gauge, NormalPrior, PriorShare, RewardPosterior
from telic.trajectories import Demonstrations
from telic.typing import FloatArray

from .chains import Chain, NutsSettings, diagnose, judge, run_chains

__all__ = ["values_posterior"]

MOST_STATES = 400


def values_posterior(
    demos: Demonstrations,
    world: TabularMDP,
    *,
    prior_mean: float = 0.0,
    prior_sd: float = 1.0,
    rationality: float = 1.0,
    settings: NutsSettings | None = None,
    key: int = 0,
    chains: Mapping[int, Chain] | None = None,
    checkpoint: Callable[[int, Chain], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> RewardPosterior:
    """Draws of one free reward for every state and action that is available.

    Args:
        demos: decisions with states.
        world: discounted, without absorbing states; every action available.
        prior_mean: of every reward.
        prior_sd: of every reward, above 0.
        rationality: inverse temperature.
        settings: lengths and limits.
        key: of the random numbers.
        chains: finished chains of an interrupted run, as ``checkpoint`` got them.
        checkpoint: called with (chain, its arrays) whenever one ends.
        progress: called with (chains done, chains in all).

    Returns:
        The posterior; its weights are named ``r(s,a)``. S directions of a free reward are decided by the prior
        alone (Cao, Cohen and Szpruch 2021): the findings say how many.

    Raises:
        SettingsError: the world is too large, undiscounted, absorbing, or lacks actions; or the sampler is not
            installed.
    """
    began = time.process_time()
    chosen = settings or NutsSettings()
    _check(world, rationality)
    check_possible(demos, world)
    S, A = world.n_states, world.n_actions
    names = tuple(f"r({s},{a})" for s in range(S) for a in range(A))
    prior = NormalPrior(
        names=names,
        means=np.full(S * A, float(prior_mean)),
        standard_deviations=np.full(S * A, float(prior_sd)),
        source=f"every reward normal around {prior_mean:g} with standard deviation {prior_sd:g}",
    )
    states, _ = demos.require_states()
    counts = count_cells(states.astype(np.int64) * A + demos.actions, demos, S * A)
    density = _Density(world, counts, prior, rationality)
    centre, root, jacobian = _centre(density)
    ordered = run_chains(
        density, centre, root, chosen, key=key, chains=chains, checkpoint=checkpoint, progress=progress
    )
    Q = np.stack([np.asarray(c["z"]) for c in ordered])
    draws = np.stack([[density.reward(q).ravel() for q in chain] for chain in Q])
    likelihoods = np.stack([[density.log_likelihood(q) for q in chain] for chain in Q])
    diagnostics = diagnose(
        draws,
        free=range(S * A),
        n_divergent=int(sum(int(np.sum(c["diverging"])) for c in ordered)),
        n_evaluations=int(sum(int(np.sum(c["n_evaluations"])) for c in ordered)),
    )
    outcome, notes = judge(names, diagnostics, draws.shape[0], draws.shape[0] * draws.shape[1])
    curved = jacobian @ root
    curved = curved @ curved.T
    spread = np.cov(draws.reshape(-1, S * A).T) if outcome.ok else curved
    null = _null_directions(density, jacobian)
    return RewardPosterior(
        method="values",
        outcome=outcome,
        features=FeatureMap(values=sp.eye_array(S * A, format="csr"), names=names),
        draws=draws,
        prior=prior,
        mode=density.reward(centre).ravel(),
        mode_covariance=curved,
        diagnostics=diagnostics,
        prior_shares=np.minimum(1.0, np.diag(spread) / prior_sd**2),
        prior_directions=_shares(spread, prior_sd),
        gauge=Gauge(
            kind="prior",
            description="A free reward is known up to potentials; the prior holds these.",
            rationality=rationality,
            discount=float(world.discount),
        ),
        null_directions=null,
        n_decisions=counts.n_decisions,
        n_trajectories=counts.n_clusters,
        log_likelihoods=likelihoods,
        fixed_by_assumption={"rationality": rationality, "discount": float(world.discount)},
        seconds=time.process_time() - began,
        findings=(
            *notes,
            Finding(
                code="free-reward-up-to-potentials",
                severity=Severity.WARNING,
                message=f"A free reward of {S * A} pairs has {len(null)} directions that no choice seen in one world "
                f"can tell ({S} of potential shaping, the others in states without decisions): along them the "
                "posterior is the prior.",
                hint="Use named features, or add demonstrations from another environment or discount.",
                evidence={"n_directions": len(null)},
            ),
        ),
        provenance=Provenance(
            inputs={"world": world.digest, "data": demos.digest},
            settings={
                "method": "values",
                "prior": {"mean": prior_mean, "standard_deviation": prior_sd},
                "rationality": rationality,
                "key": key,
                **chosen.to_json(),
            },
            code=telic.__version__,
        ),
    )


class _Density:
    """Log density of Q with its gradient; without the determinant it is that of the reward."""

    def __init__(self, world: TabularMDP, counts: Counts, prior: NormalPrior, rationality: float) -> None:
        self.S, self.A, self.beta = world.n_states, world.n_actions, rationality
        self.gamma = float(world.discount)
        self.P = world.transition.toarray().reshape(self.S, self.A, self.S)
        self.N = counts.totals.reshape(self.S, self.A)
        self.mean, self.sd = float(prior.means[0]), float(prior.standard_deviations[0])

    def _value(self, Q: FloatArray) -> tuple[FloatArray, FloatArray]:
        top = Q.max(axis=1, keepdims=True)
        e = np.exp(self.beta * (Q - top))
        total = e.sum(axis=1, keepdims=True)
        return (top + np.log(total) / self.beta)[:, 0], e / total

    def reward(self, q: FloatArray) -> FloatArray:
        """``(S, A)``."""
        Q = q.reshape(self.S, self.A)
        V, _ = self._value(Q)
        return np.asarray(Q - self.gamma * (self.P @ V))

    def log_likelihood(self, q: FloatArray) -> float:
        """Nats."""
        Q = q.reshape(self.S, self.A)
        V, _ = self._value(Q)
        return float((self.N * self.beta * (Q - V[:, None])).sum())

    def __call__(self, q: FloatArray) -> tuple[float, FloatArray | None]:
        return self.at(q, is_of_reward=False)

    def at(self, q: FloatArray, *, is_of_reward: bool) -> tuple[float, FloatArray | None]:
        """Of Q, or of the reward that belongs to it; the gradient is by Q."""
        Q = q.reshape(self.S, self.A)
        V, pi = self._value(Q)
        if not np.all(np.isfinite(V)):
            return -np.inf, None
        R = Q - self.gamma * (self.P @ V)
        z = (R - self.mean) / self.sd
        M = np.eye(self.S) - self.gamma * np.einsum("sa,sat->st", pi, self.P)
        sign, log_det = np.linalg.slogdet(M)
        if sign <= 0:
            return -np.inf, None
        volume = 0.0 if is_of_reward else 1.0
        value = float((self.N * self.beta * (Q - V[:, None])).sum() - 0.5 * (z * z).sum() + volume * log_det)
        by_reward = -z / self.sd
        # dR/dQ transposed: what a change of Q(s,a) does to every V(s) that follows.
        inflow = np.einsum("sat,sa->t", self.P, by_reward)
        B = np.einsum("sat,ts->sa", self.P, np.linalg.inv(M))
        B = B - (pi * B).sum(axis=1, keepdims=True)
        gradient = (
            self.beta * (self.N - self.N.sum(axis=1, keepdims=True) * pi)
            + by_reward
            - self.gamma * pi * inflow[:, None]
            - volume * self.gamma * self.beta * pi * B
        )
        return value, gradient.ravel()


def _centre(density: _Density) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The Q of the most probable reward, a root of the inverse curvature by Q there (the part of Gauss and Newton), and
    dR/dQ.
    """
    from scipy.optimize import minimize

    def negative(q: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = density.at(q, is_of_reward=True)
        return (1e300, np.zeros_like(q)) if gradient is None else (-value, -gradient)

    start = np.full(density.S * density.A, density.mean / (1 - density.gamma))
    found = minimize(negative, start, jac=True, method="L-BFGS-B", options={"maxiter": 2_000})
    Q = found.x.reshape(density.S, density.A)
    _, pi = density._value(Q)
    S, A = density.S, density.A
    Pi = np.zeros((S, S * A))
    for s in range(S):
        Pi[s, s * A : (s + 1) * A] = pi[s]
    J = np.eye(S * A) - density.gamma * density.P.reshape(S * A, S) @ Pi
    H = J.T @ J / density.sd**2
    for s in range(S):
        block = slice(s * A, (s + 1) * A)
        H[block, block] += density.beta**2 * density.N[s].sum() * (np.diag(pi[s]) - np.outer(pi[s], pi[s]))
    mu, U = np.linalg.eigh(H)
    return found.x, np.asarray(U / np.sqrt(np.maximum(mu, 1e-12 * mu[-1]))), J


def _null_directions(density: _Density, jacobian: FloatArray) -> FloatArray:
    """``(nullity, S A)`` orthonormal: changes of Q that leave the choices seen as they are, as changes of the reward.

    They are adding a number to all of a visited state (potential shaping) and any change in a state without decisions.
    """
    S, A = density.S, density.A
    columns = []
    for s in range(S):
        block = slice(s * A, (s + 1) * A)
        columns.append(
            jacobian[:, block].sum(axis=1, keepdims=True) if density.N[s].any() else jacobian[:, block]
        )
    return np.linalg.qr(np.concatenate(columns, axis=1))[0].T


def _shares(spread: FloatArray, sd: float) -> tuple[PriorShare, ...]:
    mu, U = np.linalg.eigh(spread / sd**2)
    order = np.argsort(-mu)
    return tuple(PriorShare(share=float(min(1.0, mu[i])), coefficients=U[:, i]) for i in order)


def _check(world: TabularMDP, rationality: float) -> None:
    if not (np.isfinite(rationality) and rationality > 0):
        raise SettingsError(f"`rationality` must be above 0, got {rationality}.", hint="1 is the convention.")
    if world.n_states > MOST_STATES:
        raise SettingsError(
            f"Sampling values inverts an S x S matrix at every step; {world.n_states} states are more than "
            f"{MOST_STATES}.",
            hint="Use named features with `nuts_posterior`, or coarser states.",
        )
    if world.discount >= 1.0 or (world.absorbing is not None and world.absorbing.any()):
        raise SettingsError(
            "Sampling values needs a discount below 1 and no absorbing states.",
            hint="Use `nuts_posterior` with one feature for every state.",
        )
    if not np.all(world.availability):
        raise SettingsError(
            "Sampling values needs every action in every state.", hint="Use `nuts_posterior` with features."
        )
