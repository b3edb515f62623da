"""What would the experts do if ...: choices and rates under changed weights or another world, with errors.

"If the cost doubled" scales a weight; "if the bonus were 2" sets one; "if the line had two servers" changes
the world. Each prediction is the soft policy of the changed problem; its spread is that of the estimated
weights, carried by the delta method. A prediction that moves along a direction which the data could not tell
has an infinite error and is named. A reward of state *and action* may hold advantages of the old dynamics
instead of tastes (any potential fits as well); carried to new dynamics it warns.

References: Rust (1987), section 5, for such predictions; Cao, Cohen and Szpruch (2021) and Fu, Luo and Levine
(2018), ICLR, section 5, for rewards that do not carry over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import DynamicsError, FeatureError, SettingsError
from telic.features import FeatureMap
from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
from telic.reports import Finding, Severity
from telic.rewards import LinearReward, RewardEstimate
from telic.typing import FloatArray

from .counterfactual_result import Counterfactual, RateChange
from .critical import critical_value
from .prediction import Prediction, RateRules, predict
from .tradeoffs import preferred_kind
from .wording import join_words

__all__ = ["counterfactual", "world_of_goal"]


def counterfactual(
    estimate: RewardEstimate,
    world: TabularMDP | FiniteHorizonMDP,
    *,
    scale: Mapping[str, float] | None = None,
    weights: Mapping[str, float] | None = None,
    new_world: TabularMDP | FiniteHorizonMDP | None = None,
    new_features: FeatureMap | None = None,
    outcomes: FeatureMap | None = None,
    initial: Float[np.ndarray, "S"] | None = None,
    rate_discount: float | None = None,
    level: float = 0.95,
    kind: str | None = None,
) -> Counterfactual:
    """What the experts would do under changed weights, in another world, or both.

    Args:
        estimate: a fit with a linear reward that converged.
        world: where it was fitted (a destination of a goal-conditioned world: see ``world_of_goal``).
        scale: weight name to the factor by which it changes ("if the cost doubled": ``{"cost": 2.0}``).
        weights: weight name to the value it is set to; a set weight has no error.
        new_world: the dynamics after the change; None: the same.
        new_features: the features of the new world; None: those of the fit.
        outcomes: features whose rates are reported, in both worlds; None: those of the reward.
        initial: distribution of the first state, for rates; None: that of each world; without any, no rates.
        rate_discount: per decision, for rates alone: nearer to 1 looks at a longer run. None: that of the
            world.
        level: coverage of the intervals.
        kind: of standard error; None: the available one that assumes least.

    Raises:
        FeatureError: a name is no weight, or features do not fit a world.
        SettingsError: nothing is changed, a name is changed twice, the fit did not converge, or a setting is
            out of range.
        DynamicsError: the start is no distribution of the world's states.
    """
    reward = _linear(estimate)
    theta, passes, words = _changed(estimate, scale or {}, weights or {})
    if new_world is not None:
        words.append("the dynamics change")
    if not words:
        raise SettingsError(
            "Nothing is changed, so there is nothing to predict.",
            hint="Give `scale`, `weights` or `new_world`.",
        )
    used = preferred_kind(estimate, kind)
    reach = critical_value(estimate, used, level=level)
    target = world if new_world is None else new_world
    phi = reward.features
    phi_new = phi if new_features is None else _renamed(new_features, phi)
    findings = [*_transfer_findings(estimate, world, new_world), *_error_findings(used)]
    shared: dict[str, Any] = {
        "rationality": estimate.gauge.rationality,
        "covariance": np.asarray(estimate.choice_covariance(used)) if used else None,
        "null_directions": estimate.null_directions,
    }
    K = len(estimate.names)
    rules = _rules(world, outcomes or phi, initial, rate_discount)
    rules_new = _rules(target, outcomes or phi_new, initial, rate_discount) if rules else None
    before = predict(world, phi, estimate.weights, passes=np.ones(K), rules=rules, **shared)
    after = predict(target, phi_new, theta, passes=passes, rules=rules_new, **shared)
    outcome = before.outcome if not before.outcome.ok else after.outcome
    findings += [*before.findings, *after.findings]
    rates: tuple[RateChange, ...] = ()
    if outcome.ok:
        findings += _null_findings(after)
        if rules is None or rules_new is None:
            findings.append(_no_start())
        else:
            rates = _rate_changes(before, after, (outcomes or phi), shared, reach.value)
    return Counterfactual(
        change=join_words(words),
        outcome=outcome,
        before=before,
        after=after,
        rates=rates,
        level=level,
        kind=used,
        findings=tuple(findings),
    )


def world_of_goal(world: GoalConditionedMDP, goal: int) -> TabularMDP:
    """One destination of a goal-conditioned world as an undiscounted problem that ends there.

    Raises:
        DynamicsError: ``goal`` is not one of its destinations.
    """
    if goal not in np.asarray(world.goals).tolist():
        raise DynamicsError(
            f"State {goal} is no destination of this world.", hint="Its `goals` list the destinations."
        )
    absorbing = np.zeros(world.n_states, dtype=bool)
    absorbing[goal] = True
    return TabularMDP(
        transition=world.transition,
        n_actions=world.n_actions,
        discount=1.0,
        available=world.available,
        absorbing=absorbing,
        state_labels=world.state_labels,
        action_labels=world.action_labels,
    )


def _linear(estimate: RewardEstimate) -> LinearReward:
    if not estimate.outcome.ok:
        raise SettingsError(
            f"A fit that did not converge ({estimate.outcome.label}) predicts nothing.",
            hint=estimate.outcome.value,
        )
    if not isinstance(estimate.reward, LinearReward):
        raise FeatureError(
            "Predictions need a reward that is linear in named features.",
            hint="Fit weights of features, or plan with the reward itself.",
        )
    return estimate.reward


def _changed(
    estimate: RewardEstimate, scale: Mapping[str, float], weights: Mapping[str, float]
) -> tuple[FloatArray, FloatArray, list[str]]:
    """The weights after the change, their derivatives by the estimates, and the change in words."""
    theta, passes, words = estimate.weights.copy(), np.ones(len(estimate.names)), []
    unknown = [n for n in (*scale, *weights) if n not in estimate.names]
    if unknown:
        raise FeatureError(
            f"No weight is called {join_words(unknown)}.", hint=f"There are: {', '.join(estimate.names)}."
        )
    twice = [n for n in scale if n in weights]
    if twice:
        raise SettingsError(f"{join_words(twice)} is both scaled and set.", hint="Do one of them.")
    bad = [n for n, v in {**scale, **weights}.items() if not np.isfinite(v)]
    if bad:
        raise SettingsError(f"The change of {join_words(bad)} is not a finite number.", hint="Give a number.")
    for name, factor in scale.items():
        k = estimate.names.index(name)
        theta[k] *= factor
        passes[k] = factor
        words.append(f"the weight of {name} is multiplied by {factor:g}")
    for name, value in weights.items():
        k = estimate.names.index(name)
        theta[k], passes[k] = value, 0.0
        words.append(f"the weight of {name} is {value:g}")
    return theta, passes, words


def _renamed(given: FeatureMap, fitted: FeatureMap) -> FeatureMap:
    if given.names != fitted.names:
        raise FeatureError(
            f"`new_features` must have the names of the fit {fitted.names}, got {given.names}.",
            hint="The weights belong to these features in this order.",
        )
    return given


def _rules(
    world: TabularMDP | FiniteHorizonMDP,
    outcomes: FeatureMap,
    initial: FloatArray | None,
    discount: float | None,
) -> RateRules | None:
    rho0 = world.initial if initial is None else np.asarray(initial, dtype=np.float64)
    if rho0 is None:
        return None
    if rho0.shape != (world.n_states,) or np.any(rho0 < 0) or abs(float(rho0.sum()) - 1.0) > 1e-9:
        raise DynamicsError(
            f"`initial` must be a distribution over {world.n_states} states, got shape {rho0.shape} and sum "
            f"{float(rho0.sum())}.",
            hint="Normalise it, or leave it out where the worlds have their own.",
        )
    if discount is not None and (not 0.0 <= discount < 1.0 or isinstance(world, FiniteHorizonMDP)):
        raise SettingsError(
            f"`rate_discount` must lie in [0, 1) and the world must have no horizon, got {discount}.",
            hint="Use 0.999 for about a thousand decisions.",
        )
    return RateRules(outcomes=outcomes, initial=rho0, discount=discount)


def _rate_changes(
    before: Prediction, after: Prediction, outcomes: FeatureMap, shared: Mapping[str, Any], z: float
) -> tuple[RateChange, ...]:
    assert before.rates is not None
    assert after.rates is not None
    J0, J1 = before.rate_derivatives, after.rate_derivatives
    told0, told1 = before.rates_identified, after.rates_identified
    assert J0 is not None
    assert J1 is not None
    assert told0 is not None
    assert told1 is not None
    units = outcomes.units or ("",) * len(outcomes.names)
    out = []
    for j, (name, unit) in enumerate(zip(outcomes.names, units, strict=True)):
        told = bool(told0[j]), bool(told1[j]), bool(told0[j] and told1[j])
        moves = J0[j], J1[j], J1[j] - J0[j]
        errors = [_error(J, ok, shared["covariance"]) for J, ok in zip(moves, told, strict=True)]
        change = float(after.rates[j] - before.rates[j])
        half = z * errors[2] if errors[2] > 0 else 0.0  # one trajectory: an infinite reach of nothing
        out.append(
            RateChange(
                name=name,
                unit=unit,
                before=float(before.rates[j]),
                before_error=errors[0],
                after=float(after.rates[j]),
                after_error=errors[1],
                difference=change,
                difference_error=errors[2],
                interval=(change - half, change + half),
            )
        )
    return tuple(out)


def _error(J: FloatArray, is_told: bool, covariance: FloatArray | None) -> float:
    if not is_told:
        return float("inf")
    return float("nan") if covariance is None else float(np.sqrt(max(float(J @ covariance @ J), 0.0)))


def _transfer_findings(
    estimate: RewardEstimate,
    world: TabularMDP | FiniteHorizonMDP,
    new_world: TabularMDP | FiniteHorizonMDP | None,
) -> list[Finding]:
    fitted = estimate.provenance.inputs.get("world")
    elsewhere = new_world is not None and new_world.digest != world.digest
    elsewhere |= fitted is not None and fitted != world.digest
    if not elsewhere or estimate.reward.form == "S":
        return []
    return [
        Finding(
            code="state-action-transfer",
            severity=Severity.WARNING,
            message="A reward of state and action is carried to dynamics it was not fitted in: what it "
            "says of an action may be an effect of the old dynamics, not a taste.",
            hint="Fit with features of the state alone, or with data from worlds that differ in dynamics.",
        )
    ]


def _error_findings(used: str) -> list[Finding]:
    if used:
        return []
    return [
        Finding(
            code="no-standard-errors",
            severity=Severity.NOTICE,
            message="The fit has no standard errors of the kind asked for, nor have these predictions.",
            hint="The findings of the fit say why.",
        )
    ]


def _null_findings(after: Prediction) -> list[Finding]:
    blurred = np.isinf(after.standard_errors)
    if not blurred.any():
        return []
    states = np.flatnonzero(blurred.any(axis=tuple(i for i in range(blurred.ndim) if i != blurred.ndim - 2)))
    return [
        Finding(
            code="prediction-not-identified",
            severity=Severity.WARNING,
            message=f"Choices in {len(states)} states depend on directions of the weights that the data "
            f"could not tell (first: states {states[:5].tolist()}).",
            hint="Do not use these predictions; see `identifiability`.",
            evidence={"states": states[:100].tolist()},
        )
    ]


def _no_start() -> Finding:
    return Finding(
        code="no-start-distribution",
        severity=Severity.NOTICE,
        message="The world has no distribution of first states, so there are no rates.",
        hint="Give `initial`.",
    )
