"""The protocol that every method of inference keeps, as one check.

A method gets demonstrations and what else it needs, and returns a ``RewardEstimate`` that says what it is:
outcome, gauge, what cannot be told, where it came from. It refuses empty data and inputs that do not fit,
gives the same answer twice, and leaves its inputs alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from telic.errors import CallerError, DataError
from telic.rewards import RewardEstimate
from telic.trajectories import Demonstrations

__all__ = ["MethodCase", "check_method"]

SYMMETRY = 1e-9
"""Relative asymmetry or negative eigenvalue of a covariance that rounding can leave."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MethodCase:
    """A small problem for one method.

    Attributes:
        fit: from demonstrations to the estimate, with everything else bound.
        demos: demonstrations that it can learn from.
        inputs: what else it is given (worlds, features): must be left as it was.
        misfits: name to a call that must be refused with a ``CallerError``.
    """

    fit: Callable[[Demonstrations], RewardEstimate]
    demos: Demonstrations
    inputs: tuple[Any, ...] = ()
    misfits: Mapping[str, Callable[[], Any]] = field(default_factory=dict)


def check_method(name: str, case: MethodCase) -> None:
    """Fits the case and checks every rule of the protocol.

    Args:
        name: the registered name.
        case: the problem.

    Raises:
        AssertionError: lists the rules that were broken.
    """
    before = _snapshot((case.demos, *case.inputs))
    first = case.fit(case.demos)
    assert isinstance(first, RewardEstimate), f"{name} returns {type(first).__name__}, not a RewardEstimate"
    broken = _problems_of_estimate(name, first, case.demos)
    if not _same(before, _snapshot((case.demos, *case.inputs))):
        broken.append("it changed its inputs")
    again = case.fit(case.demos)
    if not _same(_answer(first), _answer(again)):
        broken.append("it gives another answer the second time")
    nobody = case.demos.select(np.zeros(case.demos.n_trajectories, dtype=bool))
    broken += _problems_of_refusal("empty demonstrations", lambda: case.fit(nobody), DataError)
    for what, call in case.misfits.items():
        broken += _problems_of_refusal(what, call, CallerError)
    assert not broken, f"{name}: " + "; ".join(broken)


def _problems_of_estimate(name: str, estimate: RewardEstimate, demos: Demonstrations) -> list[str]:
    K, broken = len(estimate.names), []

    def demand(claim: bool, what: str) -> None:
        if not claim:
            broken.append(what)

    demand(estimate.method == name, f"the estimate says it comes from {estimate.method!r}")
    demand(estimate.outcome.ok, f"the case ends with {estimate.outcome.label}")
    demand(K > 0 and len(set(estimate.names)) == K, "names are missing or repeated")
    demand(bool(np.all(np.isfinite(estimate.weights))), "weights of a success are not finite")
    demand(estimate.n_decisions == demos.n_decisions, "the number of decisions is wrong")
    demand(estimate.n_trajectories == demos.n_trajectories, "the number of trajectories is wrong")
    demand(bool(estimate.gauge.kind and estimate.gauge.description), "the gauge does not say what it is")
    gram = estimate.null_directions @ estimate.null_directions.T
    demand(np.allclose(gram, np.eye(estimate.nullity), atol=1e-6), "null directions are not orthonormal")
    demand(bool(estimate.provenance.inputs and estimate.provenance.code), "the provenance is empty")
    demand(bool(estimate.covariances or estimate.findings), "no standard errors, and no finding says why")
    demand(bool(estimate.fixed_by_assumption), "it assumes nothing, not even a rationality")
    demand(estimate.seconds >= 0, "seconds are negative")
    for kind, C in estimate.covariances.items():
        size = max(float(np.abs(C).max(initial=0.0)), 1e-300)
        demand(bool(np.abs(C - C.T).max(initial=0.0) <= SYMMETRY * size), f"{kind} is not symmetric")
        demand(
            bool(np.linalg.eigvalsh(C).min(initial=0.0) >= -SYMMETRY * size),
            f"{kind} has a negative variance",
        )
        demand(
            bool(np.allclose(estimate.null_directions @ C, 0.0, atol=1e-6 * size)),
            f"{kind} moves what is null",
        )
    try:
        json.dumps(estimate.to_json(), allow_nan=False)
    except (TypeError, ValueError) as error:
        broken.append(f"its JSON form is not JSON ({error})")
    demand(bool(estimate.summary().headline), "its summary has no headline")
    return broken


def _problems_of_refusal(what: str, call: Callable[[], Any], wanted: type[CallerError]) -> list[str]:
    try:
        call()
    except wanted as error:
        return [] if error.message and error.hint else [f"{what} is refused without a message and a hint"]
    except CallerError as error:
        return [f"{what} is refused with {type(error).__name__}, not {wanted.__name__}"]
    return [f"{what} is not refused"]


def _answer(estimate: RewardEstimate) -> list[Any]:
    return [
        estimate.outcome,
        estimate.weights,
        estimate.null_directions,
        dict(estimate.covariances),
        estimate.findings,
        dict(estimate.certificate),
    ]


def _snapshot(value: Any) -> Any:
    """A copy of every array inside, in a form that ``_same`` compares; cached values do not count."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if sp.issparse(value):
        given: Any = value
        rows = given.tocsr()
        return [rows.indptr.copy(), rows.indices.copy(), rows.data.copy()]
    if is_dataclass(value) and not isinstance(value, type):
        return [_snapshot(getattr(value, f.name)) for f in fields(value) if not f.name.startswith("_")]
    if isinstance(value, Mapping):
        return {key: _snapshot(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_snapshot(item) for item in value]
    return value


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, np.ndarray):
        equal_nan = left.dtype.kind == "f"
        return isinstance(right, np.ndarray) and np.array_equal(left, right, equal_nan=equal_nan)
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_same(item, right[key]) for key, item in left.items())
    if isinstance(left, list):
        return len(left) == len(right) and all(_same(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, float) and np.isnan(left):
        return isinstance(right, float) and bool(np.isnan(right))
    return bool(left == right)
