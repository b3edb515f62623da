"""Feature expectations of occupancies and of demonstrations."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from telic.errors import FeatureError
from telic.features import FeatureMap, empirical_feature_expectation, feature_expectation
from telic.trajectories import Demonstrations

RNG = np.random.default_rng(0)
PHI_SA = RNG.normal(size=(3, 2, 4))
PHI_S = RNG.normal(size=(3, 4))


@pytest.mark.parametrize("sparse", [False, True])
def test_occupancy(sparse: bool) -> None:
    mu = RNG.random((3, 2))
    sa = FeatureMap(values=sp.csr_array(PHI_SA.reshape(6, 4)) if sparse else PHI_SA, names=tuple("abcd"))
    s = FeatureMap(values=sp.csr_array(PHI_S) if sparse else PHI_S, names=tuple("abcd"), form="S")
    assert feature_expectation(sa, mu) == pytest.approx(np.einsum("sa,sak->k", mu, PHI_SA))
    assert feature_expectation(s, mu) == pytest.approx(np.einsum("sa,sk->k", mu, PHI_S))
    with pytest.raises(FeatureError, match="do not fit an occupancy of 5 states"):
        feature_expectation(s, np.ones((5, 2)))


@pytest.mark.parametrize("form", ["S", "SA"])
def test_demonstrations(form: str) -> None:
    demos = Demonstrations.from_arrays([0, 1, 2, 0], [1, 0, 1, 0], offsets=[0, 3, 4])
    features = FeatureMap(values=PHI_S if form == "S" else PHI_SA, names=tuple("abcd"), form=form)
    row = (lambda s, a: PHI_S[s]) if form == "S" else (lambda s, a: PHI_SA[s, a])
    first = row(0, 1) + 0.5 * row(1, 0) + 0.25 * row(2, 1)
    second = row(0, 0)
    mean, error = empirical_feature_expectation(features, demos, discount=0.5)
    assert mean == pytest.approx((first + second) / 2)
    assert error == pytest.approx(np.abs(first - second) / 2)


def test_an_occupancy_of_another_shape_is_refused_though_it_has_as_many_pairs() -> None:
    features = FeatureMap(values=np.arange(8.0).reshape(2, 2, 2), names=("a", "b"))
    assert feature_expectation(features, np.ones((2, 2))).tolist() == [12.0, 16.0]
    with pytest.raises(FeatureError, match="do not fit an occupancy of 4 states and 1 actions"):
        feature_expectation(features, np.ones((4, 1)))
