"""Constraint inference: what the expert never does although it would pay, kept apart from the reward.

A soft expert does everything now and then. Where something that the reward speaks for was never done, a world in which
it is forbidden explains the choices better: all other choices were a little more likely there. Candidates are pairs of
state and action, actions anywhere, and states never entered; the one with the largest gain in exact log-likelihood is
added, then the next, while a test allows it.

**The test.** For a fixed candidate with a fixed reward, the likelihood ratio of the choices with and without it has
mean 1 at most where it is not there, whatever the number of choices; by Markov's inequality it exceeds ``1 / alpha``
with chance at most ``alpha``.

- Reward known (``weights``): the largest ratio over all M possible constraints must reach ``M / alpha`` (union bound),
  on all demonstrations.
- Reward estimated: the demonstrations are dealt into two halves. The first chooses the candidate and fits the reward
  with it; the second must give this at least ``1 / alpha`` times the likelihood of the best reward without it, which is
  fitted to the second half itself (universal inference: Wasserman, Ramdas and Balakrishnan, 2020).

So at most ``alpha`` of the logs of an expert without constraints get one. Gains are reported from all demonstrations.
A constraint says "never", which no number of choices proves: a strong dislike that no feature tells looks the same.

References:
    Scobee and Sastry (2020), Maximum likelihood constraint inference for inverse reinforcement learning, ICLR;
    Wasserman, Ramdas and Balakrishnan (2020), Universal inference, PNAS 117, 16880-16890.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from telic.errors import DataError, DynamicsError, SettingsError
from telic.features import FeatureMap
from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
from telic.reports import Outcome
from telic.rewards import RewardEstimate
from telic.trajectories import Demonstrations
from telic.typing import BoolArray, FloatArray

from .constraint_worlds import Constraint, forbid, possible_constraints
from .constraints_findings import constraint_findings
from .constraints_result import ConstraintSet, FoundConstraint
from .driver import fit_likelihood
from .likelihood import ClusteredLikelihood, choice_likelihood
from .settings import FitSettings
from .units import Units

__all__ = ["ConstraintSettings", "infer_constraints"]

KINDS = ("state-action", "action", "state")

REFITTED = 5
"""Best candidates at the reward without them for which the reward is fitted again."""


@dataclass(frozen=True, kw_only=True)
class ConstraintSettings:
    """What a caller may choose.

    Attributes:
        kinds: what may be forbidden, of ``"state-action"``, ``"action"``, ``"state"``.
        level: chance, at most, of finding a constraint where there is none.
        most: largest number of constraints.
        most_candidates: candidates whose gain is computed, those with the most expected uses first.
        key: of the halves.
        l2: squared penalty of an estimated reward.
    """

    kinds: tuple[str, ...] = KINDS
    level: float = 0.05
    most: int = 5
    most_candidates: int = 300
    key: int = 0
    l2: float = 0.0

    def __post_init__(self) -> None:
        if not self.kinds or set(self.kinds) - set(KINDS):
            raise SettingsError(
                f"`kinds` must be some of {', '.join(KINDS)}, got {self.kinds}.",
                hint="All are tried by default.",
            )
        if not 0 < self.level < 1:
            raise SettingsError(f"`level` must lie in (0, 1), got {self.level}.", hint="0.05 is usual.")
        for name in ("most", "most_candidates"):
            if getattr(self, name) < 1:
                raise SettingsError(
                    f"`{name}` must be at least 1, got {getattr(self, name)}.", hint="It is a count."
                )


def infer_constraints(
    demos: Demonstrations,
    world: TabularMDP | FiniteHorizonMDP | GoalConditionedMDP,
    features: FeatureMap,
    *,
    weights: FloatArray | None = None,
    rationality: float = 1.0,
    settings: ConstraintSettings | None = None,
) -> ConstraintSet:
    """What the expert never does although it would pay.

    Args:
        demos: decisions with states.
        world: the dynamics, with everything allowed that the expert could do.
        features: what the reward may depend on.
        weights: ``(K,)`` of a reward that is known; None: it is estimated, with and without each constraint.
        rationality: inverse temperature.
        settings: kinds, level and limits.

    Raises:
        DynamicsError: the world is goal-conditioned.
        SettingsError: a setting or the weights do not fit.
        DataError: the reward is to be estimated from one trajectory.

    References:
        Scobee and Sastry (2020), algorithm 1, with exact likelihoods of choices.
    """
    began = time.process_time()
    chosen = settings or ConstraintSettings()
    if isinstance(world, GoalConditionedMDP):
        raise DynamicsError(
            f"Constraints cannot be inferred in a world of type {type(world).__name__}.",
            hint="Use a TabularMDP or a FiniteHorizonMDP; one destination makes a goal an absorbing state.",
        )
    if weights is not None and np.shape(weights) != (features.n_features,):
        raise SettingsError(
            f"`weights` must be {features.n_features} numbers, one a feature, got shape {np.shape(weights)}.",
            hint="Leave them out to have them estimated.",
        )
    if weights is not None and not np.all(np.isfinite(weights)):
        raise SettingsError(
            f"`weights` must be finite, got {np.asarray(weights).tolist()}.",
            hint="Those of a fit that is an answer; or leave them out to have them estimated.",
        )
    units = Units.of(demos, "trajectory")
    if weights is None and units.n_units < 2:
        raise DataError(
            "A reward and constraints cannot both be had from one trajectory: one half chooses, the other tests.",
            hint="Give more trajectories, or the `weights` of a known reward.",
        )
    search = _Search(world, features, units, weights, rationality, chosen)
    found, rejected = search.run()
    before, after = search.fit(search.base, units.demos), search.fit(search.forbidden, units.demos)
    outcome = Outcome.SUCCESS if weights is not None else after.outcome
    return ConstraintSet(
        outcome=outcome,
        found=tuple(found),
        rejected=rejected,
        world=search.restricted(search.forbidden)[0],
        before=before,
        after=after,
        reward_is_known=weights is not None,
        n_possible=search.n_possible,
        n_demonstrations=units.n_units,
        level=chosen.level,
        seconds=time.process_time() - began,
        findings=constraint_findings(
            any_found=bool(found), any_candidate=bool(search.candidates), failed=search.failed
        ),
    )


class _Search:
    """The greedy search; ``forbidden`` is what was accepted so far, ``failed`` the fit that ended it early."""

    def __init__(
        self,
        world: TabularMDP | FiniteHorizonMDP,
        features: FeatureMap,
        units: Units,
        weights: FloatArray | None,
        rationality: float,
        settings: ConstraintSettings,
    ) -> None:
        self.world, self.features, self.weights = world, features, weights
        self.rationality, self.settings, self.units = rationality, settings, units
        self.base: BoolArray = np.zeros((world.n_states, world.n_actions), dtype=bool)
        self.forbidden = self.base
        possible = possible_constraints(world, settings.kinds)
        self.n_possible = len(possible)
        if weights is None:
            half = units.folds(2, settings.key) == 0
            self.first, self.second = units.select(half), units.select(~half)
        else:
            self.first = self.second = units.demos
        self.failed: RewardEstimate | None = None
        self.candidates = [c for c in possible if self.allows(self.base | c.pairs(world), self.first)]

    def run(self) -> tuple[list[FoundConstraint], FoundConstraint | None]:
        """The constraints found, and the best one that the test did not allow."""
        found: list[FoundConstraint] = []
        while len(found) < self.settings.most:
            best = self._best()
            if best is None:
                return found, None
            candidate, log_ratio = best
            with_it = self.forbidden | candidate.pairs(self.world)
            needed = -math.log(self.settings.level)
            if self.weights is not None:
                needed += math.log(self.n_possible)
            row = FoundConstraint(
                constraint=candidate,
                words=candidate.words(self.world),
                gain=self._gain(with_it) / self.units.n_units,
                log_ratio=log_ratio,
                needed=needed,
                expected_uses=self.expected_uses(candidate),
            )
            if log_ratio < needed:
                return found, row
            found.append(row)
            self.forbidden = with_it
        return found, None

    def fit(self, forbidden: BoolArray, demos: Demonstrations) -> RewardEstimate:
        """The reward in a restricted world; at known weights the fit's likelihood is not used."""
        return fit_likelihood(self.likelihood(forbidden, demos), FitSettings(l2=self.settings.l2))

    def likelihood(self, forbidden: BoolArray, demos: Demonstrations) -> ClusteredLikelihood:
        """Of the choices where some pairs are forbidden."""
        world = self.restricted(forbidden)[0]
        return choice_likelihood(world, self.features, demos, rationality=self.rationality)

    def restricted(self, forbidden: BoolArray) -> tuple[TabularMDP | FiniteHorizonMDP, BoolArray]:
        """The world without some pairs, and which pairs are left."""
        return forbid(self.world, forbidden) if forbidden.any() else (self.world, self.world.availability)

    def allows(self, forbidden: BoolArray, demos: Demonstrations) -> bool:
        """Every choice that was made is still possible, and nobody was where nothing is."""
        states, next_states = demos.require_states()
        allowed = self.restricted(forbidden)[1]
        if not allowed[states, demos.actions].all():
            return False
        lost: BoolArray = ~np.asarray(allowed.any(axis=1))
        absorbing = getattr(self.world, "absorbing", None)
        if absorbing is not None:
            lost = lost & ~absorbing
        return not np.any(lost[next_states[next_states >= 0]])

    def expected_uses(self, candidate: Constraint) -> float:
        """How often the choices of all demonstrations would use it, were it allowed."""
        likelihood = self.likelihood(self.forbidden, self.units.demos)
        theta = self._weights(self.forbidden, self.units.demos)
        return float(self._uses(likelihood, theta, self.units.demos)[candidate.pairs(self.world)].sum())

    def _uses(self, likelihood: ClusteredLikelihood, theta: FloatArray, demos: Demonstrations) -> FloatArray:
        """``(S, A)`` visits of each state in the data times the policy."""
        S, A = self.world.n_states, self.world.n_actions
        assert hasattr(likelihood, "cell_log_probs")
        policy = np.exp(likelihood.cell_log_probs(theta)).reshape(-1, S, A)
        states, _ = demos.require_states()
        T = len(policy)
        steps = demos.step_index if T > 1 else np.zeros(len(states), dtype=np.int64)
        visits = np.bincount(steps * S + states, minlength=T * S).reshape(T, S)
        return np.asarray(np.nansum(visits[:, :, None] * policy, axis=0))

    def _weights(self, forbidden: BoolArray, demos: Demonstrations) -> FloatArray:
        return self.weights if self.weights is not None else self.fit(forbidden, demos).weights

    def _value(self, forbidden: BoolArray, demos: Demonstrations, theta: FloatArray) -> float:
        return self.likelihood(forbidden, demos).evaluate(theta).value

    def _best(self) -> tuple[Constraint, float] | None:
        """The candidate with the largest gain, and the log of its likelihood ratio in the test."""
        theta = self.weights
        if theta is None:
            plain = self.fit(self.forbidden, self.first)
            theta = plain.weights
            if not np.all(np.isfinite(theta)):
                self.failed = plain
                return None
        uses = self._uses(self.likelihood(self.forbidden, self.first), theta, self.first)
        pairs = [(c, c.pairs(self.world)) for c in self.candidates]
        new = [
            (c, p)
            for c, p in pairs
            if np.any(p & ~self.forbidden) and self.allows(self.forbidden | p, self.first)
        ]
        new.sort(key=lambda item: -float(uses[item[1]].sum()))
        gains = [
            (self._value(self.forbidden | p, self.first, theta), c, p)
            for c, p in new[: self.settings.most_candidates]
        ]
        if not gains:
            return None
        gains.sort(key=lambda item: -item[0])
        if self.weights is not None:
            value, c, _ = gains[0]
            return c, value - self._value(self.forbidden, self.first, theta)
        refits = []
        for _, c, p in gains[:REFITTED]:
            fit = self.fit(self.forbidden | p, self.first)
            if fit.outcome.ok:
                refits.append((fit.choice_log_likelihood, c, p, fit.weights))
        if not refits:
            self.failed = fit
            return None
        _, c, p, with_it = max(refits, key=lambda item: item[0])
        without = self.fit(self.forbidden, self.second)
        if not without.outcome.ok:
            self.failed = without
        if not without.outcome.ok or not self.allows(self.forbidden | p, self.second):
            return c, -math.inf
        return c, self._value(self.forbidden | p, self.second, with_it) - without.choice_log_likelihood

    def _gain(self, with_it: BoolArray) -> float:
        """Nats of all demonstrations; -inf where some use it."""
        demos = self.units.demos
        if not self.allows(with_it, demos):
            return -math.inf
        a, b = (self._value(f, demos, self._weights(f, demos)) for f in (with_it, self.forbidden))
        return a - b
