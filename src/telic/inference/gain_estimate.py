"""The linear policy behind a log of states and controls: ``u = -K x + noise``, by least squares.

Controls of a policy depend on past noise through the states, but not on future noise, so least squares is consistent
in closed loop too. Three covariances of the entries of K, named as everywhere: ``hessian`` (one covariance of the
noise for all rows), ``sandwich`` (noise may differ by row), ``sandwich_clustered`` (rows of one trajectory may depend
on each other). No small-sample factor, except that the noise covariance is divided by rows minus states.

References: White (1980), Econometrica 48; Liang and Zeger (1986), Biometrika 73.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from telic.errors import DataError
from telic.reports import Finding, Outcome, Severity
from telic.typing import FloatArray, LongArray

__all__ = ["GainEstimate", "estimate_gain"]

RANK = 1e-10
"""Share of the largest singular value of the states below which a direction counts as never visited."""

EXACT = 1e-12
"""Residuals below this, relative to the controls, are rounding: the policy has no noise."""

FEW_CLUSTERS = 20
"""Trajectories below which the clustered covariance is called unreliable."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GainEstimate:
    """A gain with its spread.

    Attributes:
        gain: K of ``u = -K x``; NaN unless the outcome is ``SUCCESS``.
        covariances: kind to covariance of the entries of K, row by row; all 0 for a policy without noise.
        noise_covariance: of the controls around ``-K x``.
        n_decisions: rows.
        n_trajectories: pieces.
        outcome: ``SUCCESS``, or ``COLLINEAR`` where some direction of the states was never visited.
        findings: what a reader should know.
    """

    gain: Float[np.ndarray, "m n"]
    covariances: Mapping[str, FloatArray]
    noise_covariance: Float[np.ndarray, "m m"]
    n_decisions: int
    n_trajectories: int
    outcome: Outcome
    findings: tuple[Finding, ...] = ()


def estimate_gain(
    states: ArrayLike, controls: ArrayLike, *, offsets: ArrayLike | None = None
) -> GainEstimate:
    """The gain that the controls show.

    Args:
        states: ``(N, n)`` measured from the point that is held (no constant is fitted).
        controls: ``(N, m)``, or ``(N,)`` for one control.
        offsets: ``(pieces + 1,)`` where each trajectory begins, from 0 to N; None: one trajectory.

    Raises:
        DataError: shapes do not fit, entries are not finite, or there are no more rows than states.
    """
    x, u, starts = _checked(states, controls, offsets)
    (N, n), m = x.shape, u.shape[1]
    pieces = len(starts) - 1
    size = np.linalg.norm(x, axis=0)
    size = np.where(size > 0, size, 1.0)
    _, values, rows = np.linalg.svd(x / size, full_matrices=False)
    if values[-1] <= RANK * values[0]:
        lost = rows[-1] / size
        return GainEstimate(
            gain=np.full((m, n), np.nan),
            covariances={},
            noise_covariance=np.full((m, m), np.nan),
            n_decisions=N,
            n_trajectories=pieces,
            outcome=Outcome.COLLINEAR,
            findings=(_unvisited(lost / lost[np.abs(lost).argmax()]),),
        )
    inverse = np.linalg.inv((x / size).T @ (x / size)) / np.outer(size, size)
    K = -(inverse @ x.T @ u).T
    residual = u + x @ K.T
    if np.abs(residual).max() <= EXACT * np.abs(u).max():
        residual = np.zeros_like(u)
    noise = residual.T @ residual / (N - n)
    # Score of entry (i, j) of K in one row: -residual_i x_j.
    scores = (residual[:, :, None] * x[:, None, :]).reshape(N, m * n)
    bread = np.kron(np.eye(m), inverse)
    covariances = {"hessian": np.kron(noise, inverse), "sandwich": bread @ scores.T @ scores @ bread}
    findings = []
    if pieces > 1:
        sums = np.add.reduceat(scores, starts[:-1], axis=0)
        covariances["sandwich_clustered"] = bread @ sums.T @ sums @ bread
        if pieces < FEW_CLUSTERS:
            findings.append(_few(pieces))
    if not residual.any():
        findings.append(_noiseless())
    return GainEstimate(
        gain=K,
        covariances=covariances,
        noise_covariance=noise,
        n_decisions=N,
        n_trajectories=pieces,
        outcome=Outcome.SUCCESS,
        findings=tuple(findings),
    )


def _checked(
    states: ArrayLike, controls: ArrayLike, offsets: ArrayLike | None
) -> tuple[FloatArray, FloatArray, LongArray]:
    x, u = np.asarray(states, dtype=np.float64), np.asarray(controls, dtype=np.float64)
    x = x.reshape(-1, 1) if x.ndim == 1 else x
    u = u.reshape(-1, 1) if u.ndim == 1 else u
    if x.ndim != 2 or u.ndim != 2 or len(x) != len(u):
        raise DataError(
            f"`states` (N, n) and `controls` (N, m) must have one row a step, got shapes {x.shape} and {u.shape}.",
            hint="Leave the last state of a trajectory out: no control follows it.",
        )
    for name, rows in (("states", x), ("controls", u)):
        bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        if len(bad):
            raise DataError(
                f"`{name}` must be finite; {len(bad)} rows are not (first: row {bad[0]}).",
                hint="Drop these rows, or the trajectories they are in.",
                rows=bad[:20].tolist(),
            )
    if len(x) <= x.shape[1]:
        raise DataError(
            f"{len(x)} rows are too few for {x.shape[1]} states.", hint="More rows than states are needed."
        )
    starts = np.array([0, len(x)]) if offsets is None else np.asarray(offsets, dtype=np.int64)
    if starts.ndim != 1 or starts[0] != 0 or starts[-1] != len(x) or (np.diff(starts) <= 0).any():
        raise DataError(
            f"`offsets` must rise from 0 to {len(x)}, got {starts[:6].tolist()}.",
            hint="Where each trajectory begins, and the end; leave empty trajectories out.",
        )
    return x, u, starts.astype(np.int64)


def _unvisited(direction: FloatArray) -> Finding:
    words = " + ".join(f"{c:.3g} x{i}" for i, c in enumerate(direction) if abs(c) > 1e-6)
    return Finding(
        code="states-collinear",
        severity=Severity.ERROR,
        message=f"The states never leave a plane: {words} is 0 in every row, so the gain along it is not shown.",
        hint="Record trajectories from other starts, or leave a state out.",
        evidence={"direction": direction.tolist()},
    )


def _few(pieces: int) -> Finding:
    return Finding(
        code="few-clusters",
        severity=Severity.NOTICE,
        message=f"Clustered errors of {pieces} trajectories are too small by chance.",
        hint=f"Prefer `hessian` or `sandwich`, or record at least {FEW_CLUSTERS} trajectories.",
        evidence={"trajectories": pieces},
    )


def _noiseless() -> Finding:
    return Finding(
        code="controls-without-noise",
        severity=Severity.NOTICE,
        message="The controls are an exact linear function of the states: the gain has no error, and rationality "
        "cannot be told.",
    )
