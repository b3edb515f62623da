"""What ``inverse_lqr`` returns: a quadratic cost, its errors, and the costs that no gain can show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import SettingsError
from telic.reports import Finding, Outcome, Provenance, Report, Section, Table
from telic.reports.numbers import json_value
from telic.typing import FloatArray

__all__ = ["InverseLqrEstimate"]

SCHEMA_VERSION = 1
"""Of the JSON form."""


@dataclass(frozen=True, kw_only=True, eq=False)
class InverseLqrEstimate:
    """The state cost for which a gain is best, as far as the gain shows it.

    Attributes:
        outcome: ``SUCCESS``; ``INFEASIBLE`` where no positive semidefinite cost of this structure makes the gain best;
            ``COLLINEAR`` where the data do not show the gain. Only ``SUCCESS`` has numbers in ``weights`` and ``cost``.
        names: names of the weights: entries of Q, or those of the caller's basis.
        weights: theta, in units of cost.
        cost: Q, the weighted sum of the basis.
        value: P.
        gain: K that was given or estimated.
        fitted_gain: the best gain for Q.
        covariances: kind to covariance of the weights (the part that the gain shows); empty for a gain without errors.
        null_directions: orthonormal rows; moving the weights along them changes no gain.
        null_intervals: how far along each null direction Q stays positive semidefinite; infinite ends are open.
        smallest_eigenvalue: of Q.
        misfit: residual of ``gamma B' P F = R K``, relative to ``R K``.
        misfit_p: chance of so large a misfit by the error of the gain alone; None without errors or without equations
            to spare.
        rationality: inverse temperature that the spread of the controls shows, and its standard error; None where there
            are no data, no noise, or a null direction that changes it.
        gauge: how this cost was picked among equivalent ones.
        fixed_by_assumption: what the data did not choose.
        n_decisions: rows of the data; 0 for a gain that was given.
        findings: what was noticed.
    """

    outcome: Outcome
    names: tuple[str, ...]
    weights: Float[np.ndarray, "K"]
    cost: Float[np.ndarray, "n n"]
    value: Float[np.ndarray, "n n"]
    gain: Float[np.ndarray, "m n"]
    fitted_gain: Float[np.ndarray, "m n"]
    covariances: Mapping[str, FloatArray]
    null_directions: Float[np.ndarray, "nullity K"]
    null_intervals: tuple[tuple[float, float], ...]
    smallest_eigenvalue: float
    misfit: float
    misfit_p: float | None
    rationality: tuple[float, float] | None
    gauge: str
    fixed_by_assumption: Mapping[str, Any]
    n_decisions: int
    findings: tuple[Finding, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)

    @property
    def nullity(self) -> int:
        """Number of independent directions of the cost that no gain can show."""
        return int(self.null_directions.shape[0])

    def standard_errors(self, kind: str = "hessian") -> Float[np.ndarray, "K"]:
        """``(K,)`` standard errors of the weights; infinite where a null direction moves the weight.

        Raises:
            SettingsError: there is no covariance of that kind.
        """
        if kind not in self.covariances:
            have = ", ".join(self.covariances) or "none: the gain came without errors"
            raise SettingsError(
                f"No {kind!r} covariance in this estimate; there are: {have}.",
                hint="Infer from states and controls, or pass `gain_covariance`.",
            )
        errors = np.sqrt(np.maximum(np.diag(self.covariances[kind]), 0.0))
        moved = (np.abs(self.null_directions) > 1e-12).any(axis=0)
        return np.where(moved, np.inf, errors)

    def to_json(self) -> dict[str, Any]:
        """The estimate as JSON-able values; NaN becomes null."""
        return {
            "schema_version": SCHEMA_VERSION,
            "method": "inverse_lqr",
            "result": self.outcome.label,
            "advice": "" if self.outcome.ok else self.outcome.value,
            "n_decisions": self.n_decisions,
            "weights": json_value(dict(zip(self.names, self.weights.tolist(), strict=True))),
            "standard_errors": {
                kind: json_value(dict(zip(self.names, self.standard_errors(kind).tolist(), strict=True)))
                for kind in self.covariances
            },
            "cost": json_value(self.cost),
            "gain": json_value(self.gain),
            "fitted_gain": json_value(self.fitted_gain),
            "gauge": self.gauge,
            "nullity": self.nullity,
            "null_directions": [
                json_value(dict(zip(self.names, row.tolist(), strict=True))) for row in self.null_directions
            ],
            "null_intervals": json_value([list(ends) for ends in self.null_intervals]),
            "smallest_eigenvalue": json_value(self.smallest_eigenvalue),
            "misfit": json_value(self.misfit),
            "misfit_p": json_value(self.misfit_p),
            "rationality": None
            if self.rationality is None
            else {"value": self.rationality[0], "standard_error": self.rationality[1]},
            "fixed_by_assumption": json_value(dict(self.fixed_by_assumption)),
            "findings": [f.to_json() for f in self.findings],
            "provenance": self.provenance.to_json(),
        }

    def summary(self) -> Report:
        """The estimate as a report."""
        if self.outcome.ok:
            headline = f"State cost with {len(self.names)} weights from a gain of shape {self.gain.shape}"
            headline += f"; {self.nullity} direction(s) no gain can show." if self.nullity else "."
        else:
            headline = f"No state cost: {self.outcome.value}"
        kinds = tuple(self.covariances)
        errors = [self.standard_errors(kind) for kind in kinds]
        rows: tuple[tuple[str | float, ...], ...] = tuple(
            (name, float(self.weights[k]), *(float(e[k]) for e in errors))
            for k, name in enumerate(self.names)
        )
        table = Table(
            title="Weights of the state cost", columns=("weight", "value", *kinds), rows=rows, digits=6
        )
        return Report(
            title="Inverse LQR",
            headline=headline,
            sections=(
                Section(title="Cost", items=(table, f"Gauge: {self.gauge}")),
                Section(title="What to know", items=self.findings),
            ),
            data=self.to_json(),
        )
