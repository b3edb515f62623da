from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from telic.errors import FeatureError, SettingsError
from telic.features import FeatureMap
from telic.inference.tradeoffs import (
    TradeoffStatus,
    all_tradeoffs,
    default_pairs,
    preferred_kind,
    tradeoff,
    tradeoff_table,
)
from telic.reports import Outcome
from telic.rewards import Gauge, LinearReward, RewardEstimate

NAMES = ("slo", "pods", "churn")
UNITS = ("minute over SLO", "pod-hour", "")


def made(
    weights: tuple[float, ...] = (-3.1, -1.0, 0.4),
    errors: tuple[float, ...] = (0.3, 0.1, 0.1),
    *,
    null: tuple[tuple[float, ...], ...] = (),
    units: tuple[str, ...] = UNITS,
    **changes: Any,
) -> RewardEstimate:
    K = len(weights)
    theta = np.array(weights)
    features = FeatureMap(values=np.zeros((2, 2, K)), names=NAMES[:K], units=units[:K])
    settings: dict[str, Any] = {
        "method": "by_hand",
        "outcome": Outcome.SUCCESS,
        "reward": LinearReward(features=features, weights=theta),
        "names": NAMES[:K],
        "units": units[:K],
        "weights": theta,
        "covariances": {
            "hessian": np.diag(np.square(errors)),
            "sandwich_clustered": np.diag(np.square(errors)),
        },
        "gauge": Gauge(kind="minimum-norm", description="By hand.", rationality=1.0, discount=0.9),
        "null_directions": np.array(null).reshape(-1, K),
        "n_decisions": 100,
        "n_trajectories": 1_000_000,
        "choice_log_likelihood": -50.0,
        "transition_log_likelihood": None,
        "certificate": {},
        "fixed_by_assumption": {"discount": 0.9, "rationality": 1.0},
        "seconds": 0.0,
    }
    return RewardEstimate(**{**settings, **changes})


def test_two_costs_are_worth_each_other() -> None:
    found = tradeoff(made(), "slo", "pods")
    assert found.value == pytest.approx(3.1)
    assert found.unit == "pod-hours per minute over SLO"
    assert found.sentence.startswith("One minute over SLO is worth 3.1 pod-hours [2.4, 4.1]")
    assert found.conclusion.sign == "positive"
    assert found.conclusion.against_one == "above"
    assert found.kind == "sandwich_clustered"


def test_a_cost_against_a_benefit_is_said_so() -> None:
    found = tradeoff(made(), "slo", "churn")
    assert found.value == pytest.approx(-7.75)
    assert found.interval is not None and found.interval[1] < 0
    assert "One minute over SLO costs what 8 units of churn bring [5, 15]" in found.sentence
    other = tradeoff(made(), "churn", "pods")
    assert "One unit of churn brings what 0.40 pod-hours cost [" in other.sentence


def test_a_numerator_near_zero_leaves_the_sign_open() -> None:
    found = tradeoff(made((-0.05, -1.0, 0.4)), "slo", "pods")
    assert found.bounded
    assert "the sign is open" in found.sentence
    assert found.conclusion.sign == "open"


def test_unbounded_says_which_values_fit() -> None:
    complement = tradeoff(made((-3.1, -0.15, 0.4)), "slo", "pods")
    assert complement.status is TradeoffStatus.UNBOUNDED
    assert complement.value == pytest.approx(3.1 / 0.15)
    assert complement.interval is None and complement.gap is not None
    assert "every value up to" in complement.sentence
    whole = tradeoff(made((-0.1, -0.05, 0.4)), "slo", "pods")
    assert whole.gap is None
    assert "no value can be excluded" in whole.sentence
    assert whole.conclusion.bounded is False


def test_a_weight_in_a_null_direction_has_no_tradeoff() -> None:
    estimate = made(null=((0.0, 1.0, 0.0),))
    found = tradeoff(estimate, "slo", "pods")
    assert found.status is TradeoffStatus.NOT_IDENTIFIED
    assert found.value is None and found.interval is None and not found.bounded
    assert "cannot be told" in found.sentence and "pods" in found.sentence
    assert tradeoff(estimate, "slo", "churn").bounded


def test_a_fit_that_stopped_early_gives_no_number() -> None:
    for outcome in (Outcome.MAX_ITERATIONS, Outcome.SEPARATION, Outcome.NON_FINITE):
        found = tradeoff(made(outcome=outcome), "slo", "pods")
        assert found.status is TradeoffStatus.NOT_CONVERGED
        assert found.value is None
        assert outcome.value in found.sentence


def test_without_errors_there_is_a_value_and_the_reason() -> None:
    found = tradeoff(made(covariances={}), "slo", "pods")
    assert found.status is TradeoffStatus.NO_ERRORS
    assert found.value == pytest.approx(3.1)
    assert "no standard errors" in found.reason
    missing = tradeoff(made(), "slo", "pods", kind="sandwich")
    assert missing.status is TradeoffStatus.NO_ERRORS and "sandwich" in missing.reason


def test_a_weight_held_at_zero_divides_nothing() -> None:
    found = tradeoff(made((-1.0, 0.0, 0.4), (0.1, 0.0, 0.1)), "slo", "pods")
    assert found.status is TradeoffStatus.ZERO_DENOMINATOR
    assert found.value is None


def test_units_that_are_shared_are_told_apart_by_name() -> None:
    found = tradeoff(made(units=("hour", "hour", "")), "slo", "pods")
    assert found.unit == "hours (pods) per hour (slo)"
    assert "One hour (slo) is worth" in found.sentence


def test_default_pairs_are_against_the_best_determined_weight() -> None:
    assert default_pairs(made()) == (("pods", "slo"), ("churn", "slo"))
    assert default_pairs(made(errors=(0.5, 0.01, 0.1))) == (("slo", "pods"), ("churn", "pods"))
    blurred = made(errors=(0.5, 0.01, 0.1), null=((0.0, 1.0, 0.0),))
    assert default_pairs(blurred) == (("pods", "slo"), ("churn", "slo"))
    assert default_pairs(made(covariances={})) == ()


def test_all_tradeoffs_and_their_table() -> None:
    found = all_tradeoffs(made(), [("slo", "pods"), ["churn", "pods"]], level=0.9)
    table = tradeoff_table(found)
    assert [row[0] for row in table.rows] == ["slo", "churn"]
    assert "90 %" in table.note and "discount 0.9" in table.note
    assert len(all_tradeoffs(made())) == 2
    assert all_tradeoffs(made(), []) == all_tradeoffs(made())


def test_json_has_the_promised_keys() -> None:
    found = tradeoff(made(), "slo", "pods").to_json()
    assert {"numerator", "denominator", "unit", "value", "interval", "method", "bounded"} <= set(found)
    assert isinstance(found["interval"], list)


def test_preferred_kind_assumes_least() -> None:
    assert preferred_kind(made()) == "sandwich_clustered"
    assert preferred_kind(made(), "hessian") == "hessian"
    assert preferred_kind(made(), "sandwich") == ""
    with pytest.raises(SettingsError, match="`kind` must be one of"):
        preferred_kind(made(), "robust")


def test_mistakes_at_the_door() -> None:
    with pytest.raises(FeatureError, match="No weight is called 'pod'") as caught:
        tradeoff(made(), "slo", "pod")
    assert "pods" in caught.value.hint
    with pytest.raises(FeatureError, match="twice"):
        tradeoff(made(), "slo", "slo")
    with pytest.raises(SettingsError, match="fieller"):
        tradeoff(made(), "slo", "pods", method="bootstrap")
    with pytest.raises(SettingsError, match="level"):
        tradeoff(made(), "slo", "pods", level=95.0)
