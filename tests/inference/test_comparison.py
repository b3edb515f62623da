from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from telic.errors import GaugeError, SettingsError
from telic.features import FeatureMap
from telic.inference import max_causal_entropy
from telic.inference.comparison import compare_table, compare_tradeoffs
from telic.inference.gauge import require_same_gauge
from telic.mdp import TabularMDP
from telic.reports import Outcome
from telic.rewards import Gauge, RewardEstimate
from telic.trajectories import Demonstrations

P = np.random.default_rng(0).dirichlet(np.ones(4), size=(4, 2))
PHI = np.random.default_rng(1).normal(size=(4, 2, 2))


def fit(
    key: int = 0, discount: float = 0.9, units: tuple[str, ...] = ("hour", "euro"), extra: bool = False
) -> RewardEstimate:
    values = np.concatenate([PHI, np.ones((4, 2, 1))], axis=-1) if extra else PHI
    features = FeatureMap(
        values=values,
        names=("wait", "cost", "one")[: values.shape[-1]],
        units=(*units, "")[: values.shape[-1]],
    )
    rng = np.random.default_rng(key)
    demos = Demonstrations.from_arrays(
        rng.integers(0, 4, 200),
        rng.integers(0, 2, 200),
        next_states=np.full(200, -1),
        offsets=np.arange(0, 201, 10),
    )
    return max_causal_entropy(demos, TabularMDP.from_transition(P, discount=discount), features)


def test_fits_of_one_gauge_stand_side_by_side() -> None:
    ann, ben = fit(0), fit(1)
    table = compare_table({"Ann": ann, "Ben": ben})
    assert table.columns == ("", "Ann", "Ben")
    assert [row[0] for row in table.rows] == ["wait (hour)", "cost (euro)"]
    assert "sandwich clustered" in table.note and "95 %" in table.note
    require_same_gauge([ann])


def test_a_fit_without_an_answer_has_no_numbers() -> None:
    table = compare_table({"Ann": fit(0), "Ben": replace(fit(1), outcome=Outcome.SEPARATION)})
    assert [row[2] for row in table.rows] == [None, None]
    assert "Ben (separation)" in table.note


@pytest.mark.parametrize("what", ["discount", "units", "nullity", "rationality", "names", "kind"])
def test_mixed_gauges_are_refused_and_the_difference_is_named(what: str) -> None:
    first = fit(0)
    gauge = first.gauge
    other = {
        "discount": lambda: fit(1, discount=0.8),
        "units": lambda: fit(1, units=("hour", "dollar")),
        "nullity": lambda: replace(first, null_directions=np.array([[1.0, 0.0]])),
        "rationality": lambda: replace(
            first, gauge=Gauge(kind=gauge.kind, description="", rationality=2.0, discount=gauge.discount)
        ),
        "names": lambda: fit(1, extra=True),
        "kind": lambda: replace(
            first, gauge=Gauge(kind="fixed-weights", description="", rationality=1.0, discount=gauge.discount)
        ),
    }[what]()
    with pytest.raises(GaugeError, match=what) as caught:
        compare_table({"Ann": first, "Ben": other})
    assert "Ben against Ann" in caught.value.message
    assert "compare trade-offs instead" in caught.value.hint
    assert caught.value.data["differences"]


def test_other_null_directions_are_another_gauge() -> None:
    first = replace(fit(0), null_directions=np.array([[1.0, 0.0]]))
    other = replace(fit(1), null_directions=np.array([[0.0, 1.0]]))
    with pytest.raises(GaugeError, match="directions that the data could not tell"):
        require_same_gauge([first, other])
    require_same_gauge([first, replace(first, null_directions=-first.null_directions)])


def test_tradeoffs_compare_across_gauges() -> None:
    table = compare_tradeoffs({"Ann": fit(0), "short": fit(0, discount=0.5)}, [("wait", "cost")])
    assert table.columns == ("", "Ann", "short")
    assert table.rows[0][0] == "wait in cost (euros per hour)"
    assert len(compare_tradeoffs({"Ann": fit(0)}).rows) == 1
    with pytest.raises(SettingsError, match="At least one fit"):
        compare_tradeoffs({})
