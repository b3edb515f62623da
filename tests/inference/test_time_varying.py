"""Weights over time: the path against a dense optimum, false alarms, drifts found, weights that forget."""

from __future__ import annotations

import importlib.util
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from telic.errors import DataError, SettingsError
from telic.inference import (
    TimeVaryingSettings,
    fit_likelihood,
    fit_time_varying,
    max_causal_entropy,
    temporal_weights,
)
from telic.inference.likelihood import choice_likelihood
from telic.inference.time_blocks import TimeBlocks
from telic.inference.time_varying import _banded, _constant, _walk
from telic.reports import Outcome
from telic.trajectories import Demonstrations

pytestmark = pytest.mark.slow

FEW = TimeVaryingSettings(n_blocks=4, smoothing=(0.2, 0.6))


@pytest.fixture(scope="module")
def proof(project_root: Path):
    """The reproduction, whose data sets are used here in reduced numbers."""
    path = project_root / "reproductions" / "time_varying.py"
    spec = importlib.util.spec_from_file_location("time_varying_reproduction", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["time_varying_reproduction"] = module
    spec.loader.exec_module(module)
    return module


def test_the_path_is_the_top_and_its_evidence_that_of_dense_matrices(proof) -> None:
    from scipy.optimize import minimize

    demos, world, features, _ = proof.draw("drift", 5)
    parts = [choice_likelihood(world, features, part) for part in TimeBlocks.of(demos, 3).parts]
    pooled = fit_likelihood(choice_likelihood(world, features, demos))
    tau, size = 0.4, pooled.standard_errors("hessian") * math.sqrt(3)
    path = _walk(parts, size, tau, np.tile(pooled.weights, (3, 1)))
    assert path.outcome.ok
    D = np.diff(np.eye(3), axis=0)
    Q = np.kron(D.T @ D, np.diag((tau * size) ** -2.0))

    def loss(x: np.ndarray) -> float:
        ll = sum(p.evaluate(t).value for p, t in zip(parts, x.reshape(3, 3), strict=True))
        return -ll + 0.5 * x @ Q @ x

    best = minimize(loss, path.weights.ravel(), method="BFGS", options={"gtol": 1e-6})
    assert best.fun == pytest.approx(loss(path.weights.ravel()), abs=1e-6)
    assert np.allclose(best.x, path.weights.ravel(), atol=1e-3)
    H = Q.copy()
    for b, part in enumerate(parts):
        H[3 * b : 3 * b + 3, 3 * b : 3 * b + 3] -= part.evaluate(path.weights[b], order=2).hessian
    whole = np.zeros((9, 9))
    banded = _banded(*path.precision)
    for d in range(6):
        whole += np.diag(banded[d, : 9 - d], -d) + (np.diag(banded[d, : 9 - d], d) if d else 0.0)
    assert np.allclose(whole, H, rtol=1e-8)
    positive = np.linalg.eigvalsh(Q)[3:]
    evidence = -loss(path.weights.ravel()) - 0.5 * np.linalg.slogdet(H)[1] + 0.5 * np.log(positive).sum()
    assert path.evidence == pytest.approx(evidence, abs=1e-8)
    near_zero = _walk(parts, size, 1e-4, np.tile(pooled.weights, (3, 1)))
    assert near_zero.evidence == pytest.approx(_constant(parts, pooled).evidence, abs=1e-3)


def test_a_drift_is_found_and_followed(proof) -> None:
    demos, world, features, weights = proof.draw("drift", proof.KEY)
    fit = fit_time_varying(demos, world, features, settings=FEW)
    weights = (weights[::2] + weights[1::2]) / 2
    assert fit.outcome.ok
    assert fit.changes
    assert fit.smoothing > 0
    assert np.all(np.abs(fit.weights - weights) < 4 * fit.errors)
    assert fit.weights[-1, 0] - fit.weights[0, 0] > 0.4
    assert np.all(fit.errors < 2 * fit.pooled.standard_errors("hessian") * math.sqrt(4))
    assert "The taste changes over the 4 blocks" in fit.summary().headline
    assert len(fit.to_json()["weights"]) == 4


def test_a_constant_taste_gives_the_constant_answer(proof) -> None:
    demos, world, features, _ = proof.draw("constant", proof.KEY)
    fit = fit_time_varying(demos, world, features, settings=FEW)
    assert not fit.changes
    assert fit.smoothing == 0
    plain = max_causal_entropy(demos, world, features)
    assert np.allclose(fit.weights, plain.weights, atol=1e-8)
    assert np.allclose(fit.errors, plain.standard_errors(), rtol=1e-6)
    assert fit.path.shape == (4, 3)
    assert "Nothing says that the taste changes" in fit.summary().headline


def test_false_alarms_and_power_in_reduced_numbers(proof) -> None:
    """Reduced: 6 constant logs (3 or more false alarms at 5 % have chance .002), 3 drifts (200 in the reproduction)."""
    assert proof.measure("constant", 6)["changes"]["hits"] <= 2
    drift = proof.measure("drift", 3)
    assert drift["changes"]["hits"] == 3
    assert drift["holds"]["share"] > 0.8


def test_blocks_hold_whole_trajectories_in_order_of_time() -> None:
    demos = Demonstrations.from_arrays(np.zeros(10, int), np.zeros(10, int), offsets=[0, 6, 7, 8, 9, 10])
    demos = replace(demos, times=np.array([50.0, 51, 52, 53, 54, 55, 10, 30, 20, 40]))
    blocks = TimeBlocks.of(demos, 3)
    assert all(p.n_trajectories for p in blocks.parts)
    assert "0" in blocks.parts[-1].trajectory_ids  # it began last
    assert "1" in blocks.parts[0].trajectory_ids
    assert sum(p.n_decisions for p in blocks.parts) == 10
    assert blocks.edges[0] == 10.0
    assert blocks.edges[-1] == 55.0
    assert [p.n_trajectories for p in TimeBlocks.of(demos, 5).parts] == [1] * 5
    with pytest.raises(DataError, match="6 blocks of time need at least as many trajectories, got 5"):
        TimeBlocks.of(demos, 6)


def test_weights_that_forget_are_ordinary_weights(proof) -> None:
    demos, world, features, _ = proof.draw("jump", proof.KEY)
    timed = replace(demos, times=np.arange(demos.n_decisions, dtype=float))
    aged = temporal_weights(timed, half_life=100.0)
    assert aged.weights[-1] == 1.0
    assert aged.weights[-101] == pytest.approx(0.5)
    estimate = max_causal_entropy(aged, world, features)
    assert estimate.weights[0] < -0.4  # the taste after the jump
    assert "Decisions carry weights" in " ".join(f.message for f in estimate.findings)
    again = temporal_weights(aged, half_life=100.0)
    assert again.weights[-101] == pytest.approx(0.25)
    with pytest.raises(SettingsError, match="`half_life` must be above 0 seconds, got 0"):
        temporal_weights(timed, half_life=0.0)
    with pytest.raises(DataError, match="Weights by age need times"):
        temporal_weights(demos, half_life=1.0)
    with pytest.raises(DataError, match="299 decisions lie after `now` = 500"):
        temporal_weights(timed, half_life=1.0, now=500.0)


def test_mistakes_at_the_door() -> None:
    with pytest.raises(SettingsError, match="`n_blocks` must be at least 2, got 1"):
        TimeVaryingSettings(n_blocks=1)
    with pytest.raises(SettingsError, match="`smoothing` must be finite numbers above 0"):
        TimeVaryingSettings(smoothing=(0.0, 1.0))
    with pytest.raises(SettingsError, match=r"`level` must lie in \(0, 0.5\), got 0.7"):
        TimeVaryingSettings(level=0.7)


def test_no_answer_for_all_times_is_no_answer_for_each(proof) -> None:
    demos, world, features, _ = proof.draw("constant", 1)
    same = replace(
        demos, actions=np.zeros_like(demos.actions), next_states=np.full_like(demos.next_states, -1)
    )
    fit = fit_time_varying(same, world, features, settings=TimeVaryingSettings(n_blocks=2))
    assert fit.outcome is Outcome.SEPARATION
    assert fit.summary().headline.startswith("Not an answer (separation)")
    assert np.all(np.isnan(fit.weights))
