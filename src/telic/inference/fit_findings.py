"""What a fit by likelihood notices, in words."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from telic.reports import Finding, Outcome, Severity
from telic.rewards import describe_direction
from telic.typing import FloatArray

from .newton import NewtonResult
from .objective import Objective, Point
from .separation import named_weights
from .wording import join_words

__all__ = [
    "few_trajectories",
    "held_by_penalty",
    "negative_rationality",
    "no_clusters",
    "no_errors",
    "no_start",
    "null_findings",
    "one_trajectory",
    "penalised_errors",
    "rationality_finding",
    "separation_finding",
]

MOST_DIRECTIONS = 6
"""Null directions that are told one by one."""

LISTED = 50
"""Features listed in the evidence of a finding."""


def separation_finding(names: tuple[str, ...], result: NewtonResult) -> Finding:
    """Which weights run to infinity, and which way."""
    assert result.separated is not None
    which = named_weights(result.separated, result.scale)
    words = ", ".join(f"{names[k]} ({'up' if result.separated[k] > 0 else 'down'})" for k in which)
    return Finding(
        code="separation",
        severity=Severity.ERROR,
        message=f"No finite weight is best: the likelihood rises for ever as {words} runs to infinity "
        f"(stopped after {result.iterations} steps).",
        hint="Add an L2 penalty or a prior, drop the feature, or collect decisions that go the other way.",
        evidence={
            "features": [names[k] for k in which],
            "direction": {names[k]: float(result.separated[k]) for k in which},
            "weights_reached": {names[k]: float(result.point.psi[k]) for k in which},
        },
    )


def null_findings(names: tuple[str, ...], rows: FloatArray) -> list[Finding]:
    """One finding a null direction, or one for all where there are many."""
    if len(rows) <= MOST_DIRECTIONS:
        return [null_finding(names, row) for row in rows]
    involved = [names[k] for k in np.flatnonzero(rows.any(axis=0))]
    return [
        Finding(
            code="many-null-directions",
            severity=Severity.WARNING,
            message=f"The choices that were seen cannot tell {len(rows)} independent combinations of "
            f"{len(involved)} of the {len(names)} weights.",
            hint="Use fewer features, add data from another environment or discount, or add a penalty.",
            evidence={"n_directions": len(rows), "features": involved[:LISTED]},
        )
    ]


def null_finding(names: tuple[str, ...], row: FloatArray) -> Finding:
    """A feature, or a combination of them, that made no difference."""
    involved = [names[k] for k in np.argsort(-np.abs(row), kind="stable") if row[k]]
    if len(involved) == 1:
        code = "feature-without-effect"
        message = (
            f"The feature {involved[0]} makes no difference between the choices that were seen; "
            "its weight cannot be told."
        )
        hint = "Drop it, or add data from a world or a discount in which it differs between choices."
    else:
        code = "collinear-features"
        message = (
            f"The features {', '.join(involved)} move together in every choice: any amount of "
            f"{describe_direction(names, row)} can be added."
        )
        hint = "Drop one of them, or add data from another environment or discount."
    return Finding(
        code=code, severity=Severity.WARNING, message=message, hint=hint, evidence={"features": involved}
    )


def negative_rationality(beta: float) -> Finding:
    """The choices go against the sign of the fixed weights."""
    return Finding(
        code="negative-rationality",
        severity=Severity.ERROR,
        message=f"The estimated rationality is {beta:.4g}: the choices go against the sign of the fixed "
        "weight.",
        hint="Fix the weight with the other sign.",
        evidence={"rationality": beta},
    )


def rationality_finding(beta: float, spread: Mapping[str, FloatArray]) -> Finding:
    """The estimated rationality with its errors; ``spread`` are covariances whose first entry is
    rationality.
    """
    errors = {kind: float(np.sqrt(max(m[0, 0], 0.0))) for kind, m in spread.items()}
    shown = ", ".join(f"{k} {v:.4g}" for k, v in errors.items())
    return Finding(
        code="rationality-estimated",
        severity=Severity.INFO,
        message=f"Rationality is estimated as {beta:.6g} (standard errors: {shown}).",
        evidence={"rationality": beta, "standard_errors": errors},
    )


def no_errors(why: str, kinds: list[str] | None = None) -> Finding:
    """Why standard errors, or some kinds of them, are missing."""
    which = f"No standard error of kind {', '.join(kinds)}" if kinds else "No standard errors"
    return Finding(
        code="no-standard-errors",
        severity=Severity.NOTICE,
        message=f"{which}: {why}.",
        hint="Do not read the weights as if they were certain.",
    )


def no_clusters() -> Finding:
    """There are no trajectories behind the counts."""
    return Finding(
        code="no-clusters",
        severity=Severity.NOTICE,
        message="The counts do not come from trajectories, so there is no `sandwich_clustered` error.",
        hint="Give demonstrations instead of counts where decisions of one trajectory may depend on "
        "each other.",
    )


def one_trajectory() -> Finding:
    """One trajectory says nothing about how trajectories differ."""
    return Finding(
        code="one-trajectory",
        severity=Severity.WARNING,
        message="There is one trajectory, so there is no `sandwich_clustered` error; intervals use `sandwich`, which "
        "takes its decisions as independent given their states.",
        hint="Collect more trajectories; `data.trajectory` in the contract says what one is.",
    )


def held_by_penalty(names: list[str]) -> Finding:
    """Weights that the likelihood alone would send to infinity."""
    return Finding(
        code="held-by-penalty",
        severity=Severity.WARNING,
        message=f"Only the penalty keeps {join_words(names)} finite: some action is always or never taken where "
        f"{'it tells' if len(names) == 1 else 'they tell'} it apart, so size and errors of "
        f"{'this weight say' if len(names) == 1 else 'these weights say'} how strong the penalty is, not what is "
        "valued.",
        hint="Drop the feature, or collect decisions that go the other way.",
        evidence={"features": names},
    )


def few_trajectories(n_clusters: int, n_weights: int) -> Finding:
    """Too few trajectories to cluster by."""
    return Finding(
        code="few-trajectories",
        severity=Severity.WARNING,
        message=f"{n_clusters} {'trajectory' if n_clusters == 1 else 'trajectories'} for {n_weights} weights: "
        "`sandwich_clustered` errors are too small, so intervals use `sandwich`, which takes decisions of one "
        "trajectory as independent given their states.",
        hint="Collect more trajectories; `data.trajectory` in the contract says what one is.",
    )


def penalised_errors(objective: Objective) -> Finding:
    """What standard errors mean under a penalty."""
    given = ", given which weights the penalty set to zero; those have none." if objective.l1 else "."
    return Finding(
        code="penalised-errors",
        severity=Severity.NOTICE,
        message="Standard errors and intervals describe the spread of penalised weights around their shrunken "
        f"value{given} "
        "They do not include the bias of the penalty.",
        hint="Refit without the penalty to judge weights and trade-offs.",
    )


def no_start(point: Point) -> Finding:
    """The forward problem has no solution where the fit looked for a start."""
    if point.outcome is Outcome.SOFT_VALUE_DIVERGES:
        message = (
            "No weights of these features were found under which arriving is worth more than wandering for ever: "
            "the undiscounted soft value is infinite (spectral radius >= 1)."
        )
        hint = (
            "A step must cost more: add a feature that is paid in every decision, such as "
            '`{name: decisions, expression: "1"}`, or use a discount below 1.'
        )
    else:
        message = (
            "No starting weights were found for which the forward problem has a solution "
            f"({point.outcome.label})."
        )
        hint = point.outcome.value
    return Finding(code="no-start", severity=Severity.ERROR, message=message, hint=hint)
