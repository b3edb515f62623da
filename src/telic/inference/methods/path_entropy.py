"""Maximum entropy over paths (Ziebart et al. 2008): a named baseline, wrong where the dynamics are
stochastic.

Maximises the likelihood of whole paths under ``telic.inference.path_model``, given their first states,

    LL(theta) = sum_i [ beta theta . f(path_i) + log P(path_i) - beta V_0(s_i0; theta) ],

which matches the experts' feature sums with those of the model's paths. It is concave and solved by Newton's
method with exact derivatives. Under deterministic dynamics it is maximum causal entropy. Under stochastic
dynamics the model lets the experts choose their luck, so it recommends risks that no expert would take and
its weights are biased; every such fit carries the finding ``stochastic-dynamics``. It is here so that
results that used it can be compared with.

References: Ziebart, Maas, Bagnell and Dey (2008), AAAI, eq. 4 to 6; Ziebart, Bagnell and Dey (2010), ICML,
section 1, for what is wrong with it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

import telic
from telic.errors import DataError, SettingsError
from telic.features import FeatureMap
from telic.inference.likelihood.counts import check_possible
from telic.inference.likelihood.design import Design
from telic.inference.path_model import PathDerivatives, PathSolution, path_derivatives, solve_paths
from telic.inference.pseudo_likelihood import null_finding, separation_finding
from telic.inference.uncertainty import complement, covariances, null_space, project_out
from telic.inference.worlds import World, fixed_horizon_world
from telic.mdp import FiniteHorizonMDP
from telic.reports import Finding, Outcome, Provenance, Severity
from telic.rewards import Gauge, LinearReward, RewardEstimate
from telic.trajectories import Demonstrations
from telic.typing import FloatArray

__all__ = ["PathEntropySettings", "path_entropy"]

METHOD = "path_entropy"
"""The registered name."""

RUNAWAY = 40.0
"""Size of a weight, in nats per standard deviation of its path feature, beyond which no fit goes on."""

COLLAPSED = 1e-3
"""Information of a direction, relative to the start, below which the likelihood is followed along it."""

WALK = (1.0, 4.0, 16.0, 64.0)
"""Steps along it, in standard deviations: an ordinary likelihood has fallen by then, a separated one
rises."""

ROUNDING = 1e-9
"""Standard deviation of a path feature relative to its size that rounding can leave."""


@dataclass(frozen=True, kw_only=True)
class PathEntropySettings:
    """What one may choose.

    Attributes:
        rationality: inverse temperature beta.
        l2: penalty on the sum of squared weights, in nats.
        tolerance: score per path, in standard deviations of each path feature, at which to stop.
        max_iterations: limit of Newton steps.
    """

    rationality: float = 1.0
    l2: float = 0.0
    tolerance: float = 1e-9
    max_iterations: int = 100

    def __post_init__(self) -> None:
        if not (math.isfinite(self.l2) and self.l2 >= 0):
            raise SettingsError(f"`l2` must be finite and >= 0, got {self.l2}.", hint="0 turns it off.")
        if not 0 < self.tolerance < 1 or self.max_iterations < 1:
            raise SettingsError(
                f"`tolerance` must lie in (0, 1) and `max_iterations` be at least 1, got "
                f"{self.tolerance} and "
                f"{self.max_iterations}.",
                hint="1e-9 and 100 are the defaults.",
            )


def path_entropy(
    demos: Demonstrations,
    world: World,
    features: FeatureMap,
    *,
    settings: PathEntropySettings | None = None,
) -> RewardEstimate:
    """The weights of the path model that makes the demonstrated paths most likely.

    Args:
        demos: demonstrations with states; every trajectory has exactly ``world.horizon`` decisions.
        world: the dynamics and the horizon, undiscounted.
        features: phi.
        settings: see there.

    Raises:
        DataError: no decisions, trajectories of another length, or weights that differ within a trajectory.
        DynamicsError: ``world`` is not an undiscounted ``FiniteHorizonMDP``.
        ImpossibleDemonstrationsError: the world makes a demonstrated decision impossible.
    """
    started = time.process_time()
    chosen = PathEntropySettings() if settings is None else settings
    mdp = fixed_horizon_world(world, METHOD)
    paths = _Paths.of(demos, mdp, features)
    fit = _maximise(paths, chosen)
    names, K = features.names, features.n_features
    findings = [*_warnings(mdp)]
    if fit.separating is not None:
        findings.append(separation_finding(names, fit.separating))
    findings += null_finding(names, fit.null_directions)
    kinds: Mapping[str, FloatArray] = {}
    choice = math.nan
    if fit.outcome.ok and fit.derivatives is not None:
        kinds = _covariances(paths, fit, chosen)
        states, _ = demos.require_states()
        logs = fit.solution.log_policy[demos.step_index, states, demos.actions]
        choice = float(logs @ np.repeat(paths.weights, mdp.horizon))
    fixed: dict[str, float | str] = {"rationality": chosen.rationality, "horizon": float(mdp.horizon)}
    if chosen.l2:
        fixed["l2"] = chosen.l2
    return RewardEstimate(
        method=METHOD,
        outcome=fit.outcome,
        reward=LinearReward(features=features, weights=fit.weights),
        names=names,
        units=features.units or ("",) * K,
        weights=fit.weights,
        covariances=kinds,
        gauge=Gauge(
            kind="minimum-norm",
            description="The weights have no component in directions that change no path probability.",
            rationality=chosen.rationality,
            discount=None,
        ),
        null_directions=fit.null_directions,
        n_decisions=demos.n_decisions,
        n_trajectories=demos.n_trajectories,
        choice_log_likelihood=choice,
        transition_log_likelihood=None,
        certificate={
            "score_norm": fit.score_norm,
            "bellman_residual": 0.0,
            "path_log_likelihood": fit.value,
        },
        fixed_by_assumption=fixed,
        seconds=time.process_time() - started,
        findings=tuple(findings),
        provenance=Provenance(
            inputs={"demonstrations": demos.digest, "world": mdp.digest, "features": features.digest},
            settings={"method": METHOD, **asdict(chosen)},
            code=telic.__version__,
        ),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Paths:
    """The experts' paths: feature sums, first states and what the dynamics add."""

    demos: Demonstrations
    world: FiniteHorizonMDP
    design: Design
    weights: FloatArray
    sums: FloatArray
    starts: FloatArray
    luck: float

    @classmethod
    def of(cls, demos: Demonstrations, world: FiniteHorizonMDP, features: FeatureMap) -> _Paths:
        check_possible(demos, world)
        lengths = np.diff(demos.offsets)
        wrong = np.flatnonzero(lengths != world.horizon)
        if len(wrong):
            raise DataError(
                f"Every path must have {world.horizon} decisions; {len(wrong)} trajectories do not "
                f"(first: {demos.trajectory_ids[wrong[0]]} with {lengths[wrong[0]]}).",
                hint="Cut the trajectories to one length, or use maximum causal entropy.",
                trajectories=[str(demos.trajectory_ids[i]) for i in wrong[:20]],
            )
        each = np.ones(demos.n_decisions) if demos.weights is None else demos.weights
        table = each.reshape(-1, world.horizon)
        if np.any(table != table[:, :1]):
            raise DataError(
                "The path model weighs whole paths, but weights differ within a trajectory.",
                hint="Give one weight a trajectory, or use maximum causal entropy.",
            )
        design = Design(features=features, n_states=world.n_states, n_actions=world.n_actions)
        states, next_states = demos.require_states()
        A, K = world.n_actions, design.n_weights
        cells = states.astype(np.int64) * A + demos.actions
        rows = design.matrix[states] if design.is_of_state else design.matrix[cells]
        dense = rows if isinstance(rows, np.ndarray) else np.asarray(rows.toarray())
        known = next_states >= 0
        seen = np.asarray(world.transition[cells[known], next_states[known]]).ravel()
        return cls(
            demos=demos,
            world=world,
            design=design,
            weights=table[:, 0],
            sums=dense.reshape(-1, world.horizon, K).sum(axis=1),
            starts=np.asarray(
                np.bincount(states[demos.offsets[:-1]], weights=table[:, 0], minlength=world.n_states),
                dtype=np.float64,
            ),
            luck=float(np.log(seen) @ each[known]),
        )

    @property
    def total(self) -> float:
        """Sum of the weights of the paths."""
        return float(self.weights.sum())

    def value(self, theta: FloatArray, solution: PathSolution) -> float:
        """Log-likelihood of the paths given their first states."""
        beta = solution.rationality
        return (
            float(beta * (self.weights @ self.sums @ theta) - beta * (self.starts @ solution.value[0]))
            + self.luck
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Fit:
    weights: FloatArray
    outcome: Outcome
    value: float
    score_norm: float
    null_directions: FloatArray
    solution: PathSolution
    derivatives: PathDerivatives | None
    separating: FloatArray | None = None


def _maximise(paths: _Paths, settings: PathEntropySettings) -> _Fit:
    K, n = paths.design.n_weights, paths.total
    theta = np.zeros(K)
    solution = _solved(paths, theta, settings)
    derivatives = path_derivatives(paths.world, paths.design, solution, paths.starts)
    demonstrated = settings.rationality * (paths.weights @ paths.sums)
    size = settings.rationality * np.abs(paths.sums).max(axis=0, initial=0.0)
    spread = np.sqrt(np.diag(derivatives.covariance) / n)
    scale = np.where(spread > ROUNDING * size, spread, 1.0)
    null = np.zeros((0, K))
    if settings.l2 == 0:
        null = null_space(derivatives.covariance / n, (ROUNDING * size) ** 2)
    U = complement(null)
    value = paths.value(theta, solution)
    outcome, separating, first = Outcome.MAX_ITERATIONS, None, derivatives.covariance
    for iteration in range(settings.max_iterations + 1):
        score = project_out(demonstrated - derivatives.mean - 2 * settings.l2 * theta, null)
        if np.all(np.abs(score) <= settings.tolerance * n * scale):
            outcome = Outcome.SUCCESS
            break
        if settings.l2 == 0 and np.abs(theta * scale).max(initial=0.0) > RUNAWAY:
            break
        if iteration == settings.max_iterations:
            break
        curvature = U.T @ (derivatives.covariance + 2 * settings.l2 * np.eye(K)) @ U
        step = U @ np.linalg.lstsq(curvature, U.T @ score, rcond=1e-14)[0]
        step *= min(1.0, RUNAWAY / 4 / max(float(np.abs(step * scale).max(initial=0.0)), 1e-300))
        length, rise = 1.0, float(score @ step)
        while length > 1e-10:
            trial = theta + length * step
            trial_solution = _solved(paths, trial, settings)
            gain = paths.value(trial, trial_solution) - settings.l2 * float(trial @ trial)
            if trial_solution.outcome.ok and gain >= value + 1e-4 * length * rise - 1e-12 * abs(value):
                break
            length /= 2
        else:
            break
        theta, solution, value = trial, trial_solution, gain
        derivatives = path_derivatives(paths.world, paths.design, solution, paths.starts)
    if settings.l2 == 0:
        separating = _separating(paths, settings, theta, value, U, first, derivatives.covariance)
    return _Fit(
        weights=theta,
        outcome=outcome if separating is None else Outcome.SEPARATION,
        value=paths.value(theta, solution),
        score_norm=float(np.abs(score).max(initial=0.0)) / (n * paths.world.horizon),
        null_directions=null,
        solution=solution,
        derivatives=derivatives,
        separating=separating,
    )


def _separating(
    paths: _Paths,
    settings: PathEntropySettings,
    theta: FloatArray,
    value: float,
    U: FloatArray,
    first: FloatArray,
    now: FloatArray,
) -> FloatArray | None:
    """``(K,)`` unit-norm direction along which the likelihood rises for ever, or None."""
    sizes = np.sqrt(np.diag(U.T @ first @ U))
    if not len(sizes):
        return None
    mu, vectors = np.linalg.eigh((U.T @ first @ U) / np.outer(sizes, sizes))
    half = vectors / np.sqrt(np.maximum(mu, 1e-300))
    left, axes = np.linalg.eigh(half.T @ ((U.T @ now @ U) / np.outer(sizes, sizes)) @ half)
    flat = half @ axes[:, left < COLLAPSED]
    if not flat.shape[1]:
        return None
    share = flat @ np.linalg.lstsq(flat, (U.T @ theta) * sizes, rcond=None)[0]
    direction = U @ (share / sizes)
    length = float(np.abs(direction * np.sqrt(np.diag(first) / paths.total)).max(initial=0.0))
    if length == 0:
        return None
    for t in WALK:
        further = theta + t / length * direction
        ahead = paths.value(further, _solved(paths, further, settings))
        if not ahead >= value - 1e-9 * max(1.0, abs(value)):
            return None
        value = ahead
    return np.asarray(direction / np.linalg.norm(direction))


def _solved(paths: _Paths, theta: FloatArray, settings: PathEntropySettings) -> PathSolution:
    return solve_paths(paths.world, paths.design.reward(theta), rationality=settings.rationality)


def _covariances(paths: _Paths, fit: _Fit, settings: PathEntropySettings) -> Mapping[str, FloatArray]:
    """Scores of a decision and of what the model says about its luck, and their sums over paths."""
    assert fit.derivatives is not None
    demos, design, beta = paths.demos, paths.design, settings.rationality
    states, _ = demos.require_states()
    H, A, K = paths.world.horizon, paths.world.n_actions, design.n_weights
    values = fit.derivatives.values
    cells = states if design.is_of_state else states.astype(np.int64) * A + demos.actions
    rows = design.matrix[cells]
    phi = rows if isinstance(rows, np.ndarray) else np.asarray(rows.toarray())
    t = demos.step_index
    after = np.zeros((demos.n_decisions, K))
    going = np.flatnonzero(t < H - 1)  # the value after the last decision is 0
    after[going] = values[t[going] + 1, states[going + 1]]
    each = np.repeat(paths.weights, H)
    scores = beta * (phi + after - values[t, states]) * each[:, None]
    by_path = scores.reshape(-1, H, K).sum(axis=1)
    curvature = fit.derivatives.covariance + 2 * settings.l2 * np.eye(K)
    rules = {"outer_product": scores.T @ scores, "sandwich_clustered": by_path.T @ by_path}
    kinds, _ = covariances(curvature, rules, 2 * settings.l2, fit.null_directions)
    return kinds


def _warnings(world: FiniteHorizonMDP) -> tuple[Finding, ...]:
    branches = np.diff(world.transition.indptr)[world.availability.ravel()]
    stochastic = int(np.count_nonzero(branches > 1))
    if not stochastic:
        return ()
    return (
        Finding(
            code="stochastic-dynamics",
            severity=Severity.WARNING,
            message=(
                f"In {stochastic} of {len(branches)} states and actions the outcome is a matter of "
                f"luck; the path model "
                "lets the experts choose it, so these weights are biased and its policy takes risks "
                "that pay only "
                "with luck."
            ),
            hint="Use maximum causal entropy; keep this as a baseline to compare with.",
            evidence={"stochastic_pairs": stochastic, "pairs": len(branches)},
        ),
    )
