"""The contract's candidate terms of the reward, computed on the cells of a state space.

Each feature is an expression over observations and ``action``; it is evaluated once for every pair of state
and action, on the representative values of the cells. The same expressions are evaluated on measurements when
a policy runs, so a feature is one definition in one place.

A feature that never changes cannot be weighed against anything where decisions go on for ever: adding a
constant to every reward changes no choice. Where tasks end, it is the price of one more step and is kept.
Features of which one is a linear combination of the others (and a constant, where decisions go on for ever)
leave their weights undetermined whatever the data. Both are named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from telic.errors import FeatureError
from telic.reports import Finding, Provenance, Severity
from telic.typing import FloatArray

from .expressions import compile_expression
from .maps import FeatureMap

if TYPE_CHECKING:
    from telic.contract import TaskContract

__all__ = ["degenerate_features", "from_contract"]

RELATIVE_TOLERANCE = 1e-9
"""Singular value, relative to the largest of unit-length columns, below which columns are collinear."""

NEGLIGIBLE = 1e-6
"""Coefficient of a combination of unit-length columns below which a column is not part of it."""


def from_contract(
    contract: TaskContract,
    cells: Mapping[str, NDArray[Any]],
    action_values: Sequence[Any] | None = None,
    *,
    strict: bool = True,
) -> FeatureMap:
    """The features ``(S, A, K)`` that the contract declares, on the given cells.

    Args:
        contract: its ``features`` and ``actions``.
        cells: name of each observation to its ``(S,)`` representative values (``StateSpace.cells``).
        action_values: value of each action in expressions; default those of the contract (numbers for
            measured actions, else labels).
        strict: refuse constant and collinear features. False returns them all; ``degenerate_features`` then
            says which they are (a coarser resolution may make features collinear that are not so in
            themselves).

    Raises:
        FeatureError: there are none, an expression does not evaluate, or (``strict``) features are constant
            or collinear; they are named.
    """
    if not contract.features:
        raise FeatureError(
            "The contract declares no features, so there is nothing to weigh.",
            hint="Add candidate terms under `features`, as in `{name: cost, expression: pods}`.",
        )
    values = contract.actions.values if action_values is None else tuple(action_values)
    is_text = contract.actions.type == "category"
    actions = np.asarray(
        [str(v) for v in values] if is_text else [float(v) for v in values],
        dtype=object if is_text else np.float64,
    )
    columns: dict[str, NDArray[Any]] = {name: column[:, None] for name, column in cells.items()}
    columns["action"] = actions[None, :]
    S = len(next(iter(cells.values())))
    table = np.empty((S, len(actions), len(contract.features)))
    for k, feature in enumerate(contract.features):
        try:
            table[:, :, k] = compile_expression(feature.expression).evaluate(columns)
        except FeatureError as error:
            raise FeatureError(
                f"Feature `{feature.name}`: {error.message}",
                hint=error.hint,
                feature=feature.name,
                **error.data,
            ) from error
    features = FeatureMap(
        values=table,
        names=tuple(f.name for f in contract.features),
        units=tuple(f.unit for f in contract.features),
        indicators=tuple(f.indicator for f in contract.features),
        provenance=Provenance(inputs={"contract": contract.digest}),
    )
    ends = contract.outcomes.terminated is not None
    findings = degenerate_features(features, constant_matters=ends)
    if strict and findings:
        raise FeatureError(
            " ".join(f.message for f in findings),
            hint="Drop or change these features; no data can tell their weights.",
            findings=[f.to_json() for f in findings],
        )
    return features


def degenerate_features(features: FeatureMap, *, constant_matters: bool = False) -> tuple[Finding, ...]:
    """One finding for each constant feature and for each exact linear dependence.

    Args:
        features: dense, of form S or SA.
        constant_matters: tasks end, so a constant is the price of a step and counts as a feature like any
            other.
    """
    if not isinstance(features.values, np.ndarray):
        return ()  # sparse features are indicators made by code, not a person's terms
    flat = features.values.reshape(-1, features.n_features)
    constant = flat.max(axis=0) == flat.min(axis=0)
    zero = constant & (flat[0] == 0)
    useless = zero if constant_matters else constant
    findings = [
        Finding(
            code="constant-feature",
            severity=Severity.ERROR,
            message=f"`{features.names[k]}` is {flat[0, k]:g} in every state and for every action.",
            hint="Its weight cannot be determined; drop it or let it depend on a state or the action.",
            evidence={"feature": features.names[k], "value": float(flat[0, k])},
        )
        for k in np.flatnonzero(useless)
    ]
    rest = np.flatnonzero(~useless)
    columns = flat[:, rest] if constant_matters else flat[:, rest] - flat[:, rest].mean(axis=0)
    for combination in _dependences(columns):
        named = {features.names[int(rest[i])]: float(x) for i, x in enumerate(combination) if x != 0.0}
        findings.append(
            Finding(
                code="collinear-features",
                severity=Severity.ERROR,
                message=f"{_words(named)} is the same in every state and for every action.",
                hint=f"Drop one of {', '.join(f'`{name}`' for name in named)}.",
                evidence={"combination": named},
            )
        )
    return tuple(findings)


def _dependences(columns: FloatArray) -> FloatArray:
    """``(D, K)`` combinations of columns that vanish, each as few columns as elimination gives."""
    K = columns.shape[1]
    if not K:
        return np.zeros((0, 0))
    lengths = np.linalg.norm(columns, axis=0)
    unit = columns / np.where(lengths > 0, lengths, 1.0)
    gram_root = np.linalg.qr(unit, mode="r") if len(unit) > K else unit
    _, values, right = np.linalg.svd(gram_root, full_matrices=True)
    rank = int((values > RELATIVE_TOLERANCE * max(float(values[0]), 1e-300)).sum())
    null = right[rank:].copy()
    for i in range(len(null)):  # reduced echelon form, largest pivot first: short, readable combinations
        pivot = int(np.argmax(np.abs(null[i])))
        null[i] /= null[i, pivot]
        for j in range(len(null)):
            if j != i:
                null[j] -= null[j, pivot] * null[i]
    null[np.abs(null) < NEGLIGIBLE * np.abs(null).max(axis=1, keepdims=True)] = 0.0
    original = null / np.where(lengths > 0, lengths, 1.0)
    sizes = np.linalg.norm(original, axis=1, keepdims=True)
    return np.asarray(original / np.where(sizes > 0, sizes, 1.0))


def _words(combination: Mapping[str, float]) -> str:
    """``a - 2 b`` with the smallest coefficient as 1."""
    smallest = min(abs(x) for x in combination.values())
    parts = []
    for i, (name, x) in enumerate(combination.items()):
        size = abs(x) / smallest
        sign = "-" if x < 0 else ("+" if i else "")
        parts.append(f"{sign}{' ' if i else ''}{'' if abs(size - 1) < 1e-9 else f'{size:.4g} '}`{name}`")
    return " ".join(parts)
