from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from telic.errors import NumericalError, SettingsError
from telic.features import FeatureMap
from telic.inference import FitSettings, max_causal_entropy
from telic.inference.profiles import (
    profile,
    profile_discount,
    profile_rationality,
    resolution_profile,
)
from telic.mdp import TabularMDP
from telic.reports import Outcome
from telic.rewards import Gauge, LinearReward, RewardEstimate
from telic.trajectories import Demonstrations

CHAIN = np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]])
WORLD = TabularMDP.from_transition(CHAIN, discount=0.9)
FEATURES = FeatureMap(
    values=np.stack([np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([[0.0, -1.0], [0.0, -1.0]])], axis=-1),
    names=("on", "switch"),
    units=("hour on", "switch"),
)
PAIRS = [("on", "switch")]


def demos(n: int = 400, key: int = 3) -> Demonstrations:
    """Choices with the chances of T4, weights (1, 0.5) at discount 0.9, on states drawn one by one."""
    rng = np.random.default_rng(key)
    states = rng.integers(0, 2, n)
    actions = (rng.random(n) < np.array([0.65161056, 0.16436173])[states]).astype(int)
    return Demonstrations.from_arrays(
        states, actions, next_states=np.full(n, -1), offsets=np.arange(0, n + 1, 20), action_labels=["0", "1"]
    )


def by_hand(weights: tuple[float, float], errors: tuple[float, float], **rest: Any) -> RewardEstimate:
    theta = np.array(weights)
    settings: dict[str, Any] = {
        "method": "by_hand",
        "outcome": Outcome.SUCCESS,
        "reward": LinearReward(features=FEATURES, weights=theta),
        "names": FEATURES.names,
        "units": FEATURES.units,
        "weights": theta,
        "covariances": {"hessian": np.diag(np.square(errors))},
        "gauge": Gauge(kind="minimum-norm", description="By hand.", rationality=1.0, discount=0.9),
        "null_directions": np.zeros((0, 2)),
        "n_decisions": 100,
        "n_trajectories": 10,
        "choice_log_likelihood": -50.0,
        "transition_log_likelihood": None,
        "certificate": {},
        "fixed_by_assumption": {"discount": 0.9, "rationality": 1.0},
        "seconds": 0.0,
    }
    return RewardEstimate(**{**settings, **rest})


def test_a_discount_profile_is_a_fit_at_every_discount() -> None:
    data, told = demos(), []
    found = profile_discount(
        data, WORLD, FEATURES, [0.5, 0.8, 0.99], pairs=PAIRS, progress=lambda i, n: told.append((i, n))
    )
    assert [p.value for p in found.points] == [0.5, 0.8, 0.9, 0.99]
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    for point in found.points:
        alone = max_causal_entropy(data, replace(WORLD, discount=float(point.value)), FEATURES)
        assert point.tradeoffs[0].value == pytest.approx(alone.weights[0] / alone.weights[1], rel=1e-6)
        assert point.choice_log_likelihood == pytest.approx(alone.choice_log_likelihood, abs=1e-8)
        assert point.tradeoffs[0].fixed_by_assumption["discount"] == point.value
    # On the chain the choices are explained alike under every discount: the likelihood tells nothing about it.
    assert np.ptp([p.choice_log_likelihood for p in found.points]) < 1e-7
    (pair,) = found.pairs
    assert pair.sign_holds == (0.5, 0.8, 0.9, 0.99)
    assert "fixed by assumption" in pair.sentence and "fixed by assumption" in found.table().note
    assert len(found.table().rows) == 4
    data_json = found.to_json()
    assert data_json["grid"] == [0.5, 0.8, 0.9, 0.99]
    assert data_json["fixed_by_assumption"] is True
    assert len(data_json["pairs"][0]["estimates"]) == 4


def test_the_main_fit_is_used_where_it_is_there() -> None:
    seen = []

    def refit(discount: float, near: RewardEstimate | None) -> RewardEstimate:
        seen.append((discount, None if near is None else near.fixed_by_assumption["discount"]))
        return by_hand((1.0, 0.5), (0.1, 0.1), fixed_by_assumption={"discount": discount, "rationality": 1.0})

    main = by_hand((1.0, 0.5), (0.1, 0.1))
    profile(refit, [0.5, 0.7, 0.95], held=0.9, assumption="discount", estimate=main, pairs=PAIRS)
    assert seen == [(0.95, 0.9), (0.7, 0.9), (0.5, 0.7)]


def test_what_holds_where() -> None:
    grid = {
        0.1: by_hand((0.2, 1.0), (0.3, 0.05)),  # sign open
        0.5: by_hand((1.2, 1.0), (0.2, 0.05)),  # positive, size open
        0.8: by_hand((2.5, 1.0), (0.2, 0.05)),
        0.9: by_hand((3.0, 1.0), (0.3, 0.05)),  # held: positive, above 1
        0.95: by_hand((3.2, 1.0), (0.3, 0.05)),
        0.99: by_hand((3.0, 0.1), (0.3, 0.09)),  # unbounded
    }
    found = profile(lambda g, _: grid[g], grid, held=0.9, assumption="discount", pairs=PAIRS)
    (pair,) = found.pairs
    assert pair.sign_holds == (0.5, 0.8, 0.9, 0.95)
    assert pair.conclusion_holds == (0.8, 0.9, 0.95)
    assert pair.value_holds == (0.9, 0.95)
    assert [at for at, _ in pair.flips] == [0.1, 0.5, 0.99]
    assert dict(pair.flips)[0.5] == ("whether it exceeds 1",)
    assert "whether it is bounded" in dict(pair.flips)[0.99]
    assert pair.is_dependent
    assert [f.code for f in found.findings] == ["assumption-dependent"]
    assert "holds from discount 0.8 to 0.95" in pair.sentence
    assert "its sign from discount 0.5 to 0.95" in pair.sentence
    assert "depend on the discount: on in switch" in found.summary().headline


def test_failed_grid_points_are_kept_with_their_reason() -> None:
    data = demos()
    found = profile_discount(data, WORLD, FEATURES, [0.8, 1.0], pairs=PAIRS)
    last = found.points[-1]
    assert (last.value, last.outcome, last.tradeoffs) == (1.0, Outcome.INFEASIBLE, ())
    assert "absorbing" in last.message
    assert found.pairs[0].failed == (1.0,)
    assert "no answer at 1" in found.pairs[0].sentence
    assert any(f.code == "profile-incomplete" for f in found.findings)
    assert found.table().rows[-1][5] == "infeasible"

    def refit(_: float, near: RewardEstimate | None) -> RewardEstimate:
        return by_hand(
            (1.0, 0.5), (0.1, 0.1), outcome=Outcome.SUCCESS if near is None else Outcome.SEPARATION
        )

    stopped = profile(refit, [0.5], held=0.9, assumption="discount", pairs=PAIRS)
    assert stopped.points[0].outcome is Outcome.SEPARATION
    assert stopped.points[0].tradeoffs == ()


def test_progress_can_stop_it() -> None:
    found = profile_discount(demos(), WORLD, FEATURES, [0.5, 0.95], pairs=PAIRS, progress=lambda i, n: i < 2)
    assert [p.outcome for p in found.points] == [Outcome.INTERRUPTED, Outcome.SUCCESS, Outcome.SUCCESS]


def test_without_the_main_fit_there_is_no_profile() -> None:
    bad = by_hand((1.0, 0.5), (0.1, 0.1), outcome=Outcome.SEPARATION)
    with pytest.raises(NumericalError, match="main fit"):
        profile(lambda g, _: bad, [0.5], held=0.9, assumption="discount")
    with pytest.raises(SettingsError, match="finite"):
        profile(lambda g, _: bad, [np.nan], held=0.9, assumption="discount")


def test_rationality_is_exact_and_agrees_with_refits() -> None:
    data = demos()
    main = max_causal_entropy(data, WORLD, FEATURES)
    found = profile_rationality(main, [0.5, 2.0], pairs=PAIRS)
    assert found.is_exact
    assert found.summary().headline.startswith("No trade-off depends on rationality")
    for point in found.points:
        again = max_causal_entropy(
            data, WORLD, FEATURES, settings=FitSettings(rationality=float(point.value))
        )
        assert point.tradeoffs[0].value == pytest.approx(again.weights[0] / again.weights[1], rel=1e-6)
        assert point.tradeoffs[0].interval == pytest.approx(found.points[0].tradeoffs[0].interval, rel=1e-12)
        assert again.weights * float(point.value) == pytest.approx(main.weights, rel=1e-6)
        assert point.tradeoffs[0].fixed_by_assumption["rationality"] == point.value
    assert found.pairs[0].flips == ()
    with pytest.raises(SettingsError, match="l2 tie the scale"):
        profile_rationality(replace(main, fixed_by_assumption={"rationality": 1.0, "l2": 0.1}), [2.0])
    with pytest.raises(SettingsError, match="estimated"):
        profile_rationality(replace(main, fixed_by_assumption={"discount": 0.9}), [2.0])
    with pytest.raises(SettingsError, match="above 0"):
        profile_rationality(main, [0.0])


def test_a_conclusion_that_flips_between_resolutions_is_named() -> None:
    fits = [
        ("coarse", by_hand((0.4, 1.0), (0.1, 0.05))),
        ("contract", by_hand((2.5, 1.0), (0.2, 0.05))),
        ("fine", by_hand((2.6, 1.0), (0.2, 0.05))),
    ]
    found = resolution_profile(fits, held="contract", pairs=PAIRS)
    (pair,) = found.pairs
    assert pair.is_dependent
    assert pair.conclusion_holds == ("contract", "fine")
    assert [f.code for f in found.findings] == ["resolution-dependent"]
    assert found.findings[0].message.startswith("resolution-dependent: on in switch")
    assert "coarse (whether it exceeds 1)" in pair.sentence
    steady = resolution_profile(fits[1:], pairs=PAIRS)
    assert not steady.pairs[0].is_dependent
    assert [f.code for f in steady.findings] == ["few-resolutions"]
    with pytest.raises(SettingsError, match="distinct labels"):
        resolution_profile([fits[0], fits[0]])
    with pytest.raises(SettingsError, match="distinct labels"):
        resolution_profile([])


def test_a_weight_that_can_be_told_at_some_resolutions_only() -> None:
    told = by_hand((2.5, 1.0), (0.2, 0.05))
    blurred = replace(told, null_directions=np.array([[1.0, 0.0]]))
    found = resolution_profile([("coarse", blurred), ("fine", told)], held="fine", pairs=PAIRS)
    assert "whether it can be told" in dict(found.pairs[0].flips)["coarse"]
    nothing = resolution_profile([("coarse", blurred)], pairs=PAIRS)
    assert "no value at the held resolution" in nothing.pairs[0].sentence
