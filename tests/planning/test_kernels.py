"""Compiled sweeps against numpy: exp and log over their range, every shape of world, masks, and large solves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

import telic
from telic.mdp import TabularMDP
from telic.mdp.library import grid_world, random_mdp
from telic.planning import policy_system, solve_hard, solve_soft
from telic.planning.bellman import BellmanOperator, policy_chain
from telic.planning.kernels import (
    exp_below,
    hard_sweep,
    log_above,
    policy_product,
    soft_sweep,
    uniform_successors,
)


def test_exp_keeps_its_promise_over_the_whole_range() -> None:
    x = -np.concatenate([np.linspace(0.0, 708.0, 1_000_001), np.logspace(-300, 2.85, 200_001)])
    x = x[x >= -708.0]
    assert np.max(np.abs(exp_below(x) / np.exp(x) - 1.0)) <= 5e-15
    np.testing.assert_array_equal(exp_below(np.array([-708.1, -1e4, -np.inf, 0.0])), [0.0, 0.0, 0.0, 1.0])


def test_log_keeps_its_promise() -> None:
    x = np.concatenate([np.logspace(-300, 300, 400_001), np.linspace(0.5, 50.0, 400_001)])
    error = np.abs(log_above(x) - np.log(x)) / np.maximum(1.0, np.abs(np.log(x)))
    assert np.max(error) <= 5e-15


@pytest.mark.parametrize(
    ("n_states", "n_actions", "n_successors"), [(1, 1, 1), (7, 3, 3), (1500, 5, 3), (600, 2, 9), (40, 30, 4)]
)
@pytest.mark.parametrize("rationality", [1.0, 0.3, 7.0])
def test_sweeps_agree_with_numpy(
    n_states: int, n_actions: int, n_successors: int, rationality: float
) -> None:
    problem = random_mdp(n_states, n_actions, key=3, n_successors=n_successors, reach=20)
    P, R = problem.mdp.transition, problem.reward
    V = np.random.default_rng(1).normal(scale=5.0, size=n_states)
    Q = R + 0.9 * (P @ V).reshape(R.shape)
    top = Q.max(axis=1)
    weights = np.exp(rationality * (Q - top[:, None]))
    expected = top + np.log(weights.sum(axis=1)) / rationality
    pi = np.empty(R.shape)
    np.testing.assert_allclose(soft_sweep(P, R, V, 0.9, rationality, pi), expected, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(pi, weights / weights.sum(axis=1, keepdims=True), rtol=1e-13)
    np.testing.assert_allclose(soft_sweep(P, R, V, 0.9, rationality), expected, rtol=1e-14, atol=1e-14)
    value, best = hard_sweep(P, R, V, 0.9)
    np.testing.assert_allclose(value, top, rtol=1e-14, atol=1e-14)
    np.testing.assert_array_equal(best, Q.argmax(axis=1))


def test_rows_of_different_length_and_unavailable_pairs() -> None:
    rng = np.random.default_rng(0)
    P = sp.csr_array(sp.random_array((90, 30), density=0.2, rng=rng, format="csr"))
    assert uniform_successors(P) == 0
    R = rng.normal(size=(30, 3))
    R[4, 1] = R[9] = -np.inf
    V = rng.normal(size=30)
    Q = R + 0.8 * (P @ V).reshape(30, 3)
    pi = np.empty((30, 3))
    value = soft_sweep(P, R, V, 0.8, 1.0, pi)
    there = np.arange(30) != 9
    np.testing.assert_allclose(value[there], np.log(np.exp(Q[there]).sum(axis=1)), rtol=1e-14)
    assert pi[4, 1] == 0.0
    assert np.all(pi[9] == 0.0)
    np.testing.assert_allclose(pi[there].sum(axis=1), 1.0, rtol=1e-14)


def test_products_with_several_columns() -> None:
    problem = random_mdp(50, 3, key=5, n_successors=4)
    chain = policy_chain(problem.mdp.transition, np.full((50, 3), 1 / 3))
    x, b = np.random.default_rng(2).normal(size=(2, 50, 6))
    np.testing.assert_allclose(policy_product(chain, x, 0.9, b), b + 0.9 * (chain @ x), atol=1e-14)
    np.testing.assert_allclose(policy_product(chain, x, -1.0, None), -(chain @ x), atol=1e-14)


@pytest.mark.parametrize("columns", [1, 3, 8, 13])
@pytest.mark.parametrize("transposed", [False, True])
def test_compiled_krylov_agrees_with_lu(
    monkeypatch: pytest.MonkeyPatch, columns: int, transposed: bool
) -> None:
    monkeypatch.setattr("telic.planning.krylov.KERNEL_ENTRIES", 0)
    for problem in (random_mdp(400, 3, key=1, n_successors=3, discount=0.97), grid_world(20, discount=0.99)):
        mdp = problem.mdp
        assert isinstance(mdp, TabularMDP)
        pi = solve_soft(mdp, problem.reward, throw=True).policy.table
        b = np.random.default_rng(0).normal(size=(400, columns))
        expected = policy_system(mdp, pi, method="lu").report(b, transposed=transposed)
        found = policy_system(mdp, pi, method="krylov").report(b, transposed=transposed)
        assert found.outcome.ok
        assert found.x.shape == b.shape
        np.testing.assert_allclose(found.x, expected.x, atol=1e-9 * np.abs(expected.x).max())


def test_large_worlds_take_the_compiled_path_and_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = random_mdp(300, 4, key=2, n_successors=3, discount=0.95)
    available = np.random.default_rng(3).random((300, 4)) < 0.7
    available[:, 0] = True
    mdp = TabularMDP.from_transition(problem.mdp.transition, n_actions=4, discount=0.95, available=available)
    plain, hard = solve_soft(mdp, problem.reward), solve_hard(mdp, problem.reward)
    monkeypatch.setattr("telic.planning.bellman.KERNEL_PAIRS", 0)
    assert BellmanOperator.of(mdp, problem.reward).is_large
    for method in ("newton-krylov", "newton-lu", "sweeps"):
        compiled = solve_soft(mdp, problem.reward, method=method)
        assert compiled.outcome.ok
        np.testing.assert_allclose(compiled.value, plain.value, atol=1e-7)
    compiled_hard = solve_hard(mdp, problem.reward)
    np.testing.assert_allclose(compiled_hard.value, hard.value, atol=1e-9)
    np.testing.assert_array_equal(compiled_hard.greedy, hard.greedy)


def test_small_problems_never_import_numba() -> None:
    code = (
        "import sys; from telic.mdp.library import bus_engine; from telic.planning import solve_soft, solve_hard;"
        "p = bus_engine((.4, .6)); assert solve_soft(p.mdp, p.reward).outcome.ok;"
        "assert solve_hard(p.mdp, p.reward).outcome.ok; print('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_kernels_compile_where_nothing_can_be_kept(tmp_path: Path) -> None:
    # A file in the place of every folder that numba could keep its results in: an installation nobody may write.
    package = tmp_path / "telic"
    shutil.copytree(Path(telic.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "planning" / "__pycache__").touch()
    code = (
        "import numpy, telic; from telic.planning.kernels import exp_below; print(exp_below(numpy.zeros(2)))"
    )
    env = os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1", "NUMBA_DISABLE_JIT": "0"}
    env |= {"HOME": os.devnull, "XDG_CACHE_HOME": os.devnull, "NUMBA_CACHE_DIR": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=env, cwd=tmp_path
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[1. 1.]"), done.stderr
