"""Matching the experts' feature expectations by a mixture of optimal policies: what both variants share.

An oracle turns weights ``w`` into the feature expectation of a policy that is optimal for ``r = phi w``: a
vertex of the set of attainable expectations. Both variants collect vertices until a convex combination of
them comes within ``tolerance`` of the experts' expectation; the distance left after each vertex is the
margin. A mixture that close is worth within ``tolerance`` of the experts for *every* reward with unit-norm
weights (Abbeel and Ng 2004, section 3), so the mixture is the result. The last separating direction
certifies the margin and nothing else: it is a by-product, not an estimate of what the experts value, and it
has no standard errors.

Reference: Abbeel and Ng (2004), Apprenticeship learning via inverse reinforcement learning, ICML.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float

import telic
from telic.errors import DataError, SettingsError
from telic.features import FeatureMap, empirical_feature_expectation, feature_expectation
from telic.mdp import TabularMDP
from telic.planning import occupancy, solve_hard
from telic.policies import TabularPolicy
from telic.reports import Finding, Outcome, Provenance, Severity
from telic.rewards import Gauge, LinearReward, RewardEstimate
from telic.trajectories import Demonstrations
from telic.typing import FloatArray

from .identifiability import identifiability
from .likelihood.counts import check_possible
from .likelihood.design import Design
from .worlds import World, stationary_world

__all__ = [
    "ApprenticeshipMixture",
    "ApprenticeshipProblem",
    "ApprenticeshipSettings",
    "Oracle",
    "Vertex",
    "certificate_estimate",
    "separating_weights",
]


SMALLEST = 1e-6
"""Distance at which expectations count as equal where sampling does not say."""

TRUNCATION_SHARE = 0.01
"""Discounted weight that trajectories may be missing before a reader is told."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Vertex:
    """The feature expectation of a policy.

    Attributes:
        expectation: ``(K,)``.
        policy: the policy, or None where vertices are given as vectors.
    """

    expectation: FloatArray
    policy: TabularPolicy | None = None


Oracle = Callable[[FloatArray], Vertex]
"""From ``(K,)`` weights to a vertex that is optimal for them."""


@dataclass(frozen=True, kw_only=True)
class ApprenticeshipSettings:
    """What one may choose.

    Attributes:
        tolerance: distance to the experts' expectation at which to stop, in units of the (discounted)
            features. None: a tenth of the standard error of the demonstrated expectation, for a closer match
            would fit noise; 1e-6 where there is none.
        max_iterations: most vertices collected after the start.
    """

    tolerance: float | None = None
    max_iterations: int = 200

    def __post_init__(self) -> None:
        is_bad = self.tolerance is not None and not (math.isfinite(self.tolerance) and self.tolerance > 0)
        if is_bad or self.max_iterations < 1:
            raise SettingsError(
                f"`tolerance` must be positive and `max_iterations` at least 1, got {self.tolerance} and "
                f"{self.max_iterations}.",
                hint="None and 200 are the defaults.",
            )

    def distance(self, standard_error: float = math.inf) -> float:
        """The tolerance, given the norm of the standard error of the experts' expectation."""
        if self.tolerance is not None:
            return self.tolerance
        return max(standard_error / 10, SMALLEST) if math.isfinite(standard_error) else SMALLEST


@dataclass(frozen=True, kw_only=True, eq=False)
class ApprenticeshipMixture:
    """Policies and the probabilities with which to draw one at the start of each trajectory.

    Attributes:
        vertices: those collected, the start first.
        probabilities: of the vertices; they sum to 1.
        expert: ``(K,)`` what is matched.
        margins: distance left with the start alone and after each further vertex.
        weights: ``(K,)`` the last unit-norm direction that separates the experts from what was collected.
        outcome: ``SUCCESS`` when within tolerance, or when no policy can come closer (then ``margins[-1]``
            is the distance of the experts from everything attainable); ``MAX_ITERATIONS`` otherwise.
        optimality_gap: bound on the squared margin less that of the closest attainable expectation.
    """

    vertices: tuple[Vertex, ...]
    probabilities: FloatArray
    expert: FloatArray
    margins: tuple[float, ...]
    weights: FloatArray
    outcome: Outcome
    optimality_gap: float

    @cached_property
    def expectation(self) -> FloatArray:
        """``(K,)`` feature expectation of the mixture."""
        return np.asarray(self.probabilities @ np.stack([v.expectation for v in self.vertices]))

    @property
    def policies(self) -> tuple[TabularPolicy, ...]:
        """The policies of vertices drawn with positive probability, in order."""
        drawn = zip(self.vertices, self.probabilities.tolist(), strict=True)
        return tuple(v.policy for v, p in drawn if p > 0 and v.policy is not None)


@dataclass(frozen=True, kw_only=True, eq=False)
class ApprenticeshipProblem:
    """Demonstrations, world and features as an expert expectation and an oracle.

    Attributes:
        world: discounted, or undiscounted with absorbing states.
        features: phi.
        expert: ``(K,)`` mean discounted feature sum of a trajectory.
        expert_error: ``(K,)`` its standard error over trajectories.
        initial: ``(S,)`` distribution of the first state.
        truncation: largest share of discounted weight that a trajectory's missing rest could hold.
    """

    world: TabularMDP
    features: FeatureMap
    expert: FloatArray
    expert_error: FloatArray
    initial: FloatArray
    truncation: float

    @classmethod
    def of(cls, demos: Demonstrations, world: World, features: FeatureMap) -> ApprenticeshipProblem:
        """The problem of these demonstrations.

        Raises:
            DataError: no decisions, or states and actions that do not fit.
            DynamicsError: ``world`` is not a ``TabularMDP``.
            ImpossibleDemonstrationsError: the world makes a demonstrated decision impossible.
        """
        mdp = stationary_world(world, "apprenticeship")
        check_possible(demos, mdp)
        Design(features=features, n_states=mdp.n_states, n_actions=mdp.n_actions)
        states, _ = demos.require_states()
        lengths = np.diff(demos.offsets)
        if np.any(lengths == 0):
            raise DataError(
                f"{int((lengths == 0).sum())} trajectories have no decisions.",
                hint="Drop them: `demos.select(np.diff(demos.offsets) > 0)`.",
            )
        expert, error = empirical_feature_expectation(features, demos, discount=float(mdp.discount))
        firsts = np.bincount(states[demos.offsets[:-1]], minlength=mdp.n_states)
        left = np.where(demos.terminated, 0.0, float(mdp.discount) ** lengths)
        return cls(
            world=mdp,
            features=features,
            expert=expert,
            expert_error=error,
            initial=firsts / firsts.sum() if mdp.initial is None else mdp.initial,
            truncation=float(left.mean()),
        )

    def settled(self, settings: ApprenticeshipSettings | None) -> ApprenticeshipSettings:
        """The settings with the tolerance as a number."""
        chosen = ApprenticeshipSettings() if settings is None else settings
        return replace(chosen, tolerance=chosen.distance(float(np.linalg.norm(self.expert_error))))

    def oracle(self, weights: FloatArray) -> Vertex:
        """The expectation of a policy that is optimal for these weights.

        Raises:
            NumericalError: the optimal value is infinite, or planning failed.
        """
        reward = LinearReward(features=self.features, weights=weights).expected(self.world)
        return self.vertex(solve_hard(self.world, reward, throw=True).policy)

    def vertex(self, policy: TabularPolicy) -> Vertex:
        """The expectation of a policy."""
        mu = occupancy(self.world, policy.table, self.initial)
        return Vertex(expectation=feature_expectation(self.features, mu), policy=policy)


def certificate_estimate(
    method: str,
    problem: ApprenticeshipProblem,
    mixture: ApprenticeshipMixture,
    demos: Demonstrations,
    settings: ApprenticeshipSettings,
    started: float,
) -> RewardEstimate:
    """The last separating direction as an estimate that says what it is not."""
    features, K = problem.features, problem.features.n_features
    structure = identifiability(problem.world, features)
    findings = [
        Finding(
            code="certificate-only",
            severity=Severity.WARNING,
            message=(
                "These weights certify how close the mixture of policies is to the experts; they are "
                "not an estimate "
                "of what the experts value and have no standard errors."
            ),
            hint="Use the mixture, or maximum causal entropy for weights with errors.",
        )
    ]
    if mixture.outcome.ok and mixture.margins[-1] > settings.distance():
        findings.append(
            Finding(
                code="experts-not-attainable",
                severity=Severity.NOTICE,
                message=(
                    f"No policy comes closer to the experts' feature sums than "
                    f"{mixture.margins[-1]:.4g}; their standard "
                    f"error is {float(np.linalg.norm(problem.expert_error)):.4g}."
                ),
                hint="Collect more trajectories; check the start states and the discount.",
                evidence={"margin": mixture.margins[-1]},
            )
        )
    if problem.truncation > TRUNCATION_SHARE:
        findings.append(
            Finding(
                code="truncated",
                severity=Severity.NOTICE,
                message=(
                    f"Trajectories stop early: the part not seen holds {problem.truncation:.0%} of the "
                    f"discounted "
                    "weight, and the experts' feature sums count it as zero."
                ),
                hint="Use longer trajectories or a lower discount, or mark those that terminated.",
                evidence={"share": problem.truncation},
            )
        )
    return RewardEstimate(
        method=method,
        outcome=mixture.outcome,
        reward=LinearReward(features=features, weights=mixture.weights),
        names=features.names,
        units=features.units or ("",) * K,
        weights=mixture.weights,
        covariances={},
        gauge=Gauge(
            kind="unit-norm",
            description="The weights have unit norm; only their direction separates the experts.",
            rationality=math.inf,
            discount=float(problem.world.discount),
        ),
        null_directions=structure.null_directions,
        n_decisions=demos.n_decisions,
        n_trajectories=demos.n_trajectories,
        choice_log_likelihood=math.nan,
        transition_log_likelihood=None,
        certificate={
            "margin": mixture.margins[-1],
            "first_margin": mixture.margins[0],
            "n_vertices": float(len(mixture.vertices)),
            "optimality_gap": mixture.optimality_gap,
        },
        fixed_by_assumption={
            "discount": float(problem.world.discount),
            "rationality": "the experts are optimal",
        },
        seconds=time.process_time() - started,
        findings=tuple(findings),
        provenance=Provenance(
            inputs={
                "demonstrations": demos.digest,
                "world": problem.world.digest,
                "features": features.digest,
            },
            settings={"method": method, **asdict(settings)},
            code=telic.__version__,
        ),
    )


def separating_weights(difference: FloatArray, previous: FloatArray | None) -> Float[np.ndarray, "K"]:
    """``difference`` at unit norm; where it vanishes the direction before, or zero at the very start."""
    length = float(np.linalg.norm(difference))
    if length > 0:
        return difference / length
    return np.zeros_like(difference) if previous is None else previous
