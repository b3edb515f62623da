"""Who decided: how many trajectories each origin has, so that an attacker's or our own never pass as an expert's."""

from __future__ import annotations

import numpy as np

from telic.reports import Finding, Severity
from telic.trajectories import ORIGINS, Demonstrations
from telic.typing import IntArray

__all__ = ["counts_by_origin", "origin_findings"]


def counts_by_origin(origins: IntArray) -> dict[str, int]:
    """Origin to its number of trajectories, for the origins that occur.

    Args:
        origins: ``(N,)`` index into ``ORIGINS``.
    """
    counts = np.bincount(origins, minlength=len(ORIGINS)).tolist()
    return {name: n for name, n in zip(ORIGINS, counts, strict=True) if n}


def origin_findings(demos: Demonstrations) -> list[Finding]:
    """How many trajectories each origin and each outcome has; a warning where attackers stand among others.

    Args:
        demos: with or without ``origins`` and ``succeeded``.
    """
    findings = []
    if demos.origins is not None:
        counts = counts_by_origin(demos.origins)
        listed = ", ".join(f"{name} {n:,}" for name, n in counts.items())
        is_mixed = "adversary" in counts and len(counts) > 1
        findings.append(
            Finding(
                code="origins-mixed" if is_mixed else "origins",
                severity=Severity.WARNING if is_mixed else Severity.INFO,
                message=f"Trajectories by origin: {listed}."
                + (" Those of attackers stand among the others." if is_mixed else ""),
                hint="Attackers' are not learned from; to describe them: `telic infer --origins adversary`."
                if is_mixed
                else "",
                evidence={
                    "counts": counts,
                    "adversaries": [
                        str(t) for t in demos.trajectory_ids[demos.origins == ORIGINS.index("adversary")][:20]
                    ],
                },
            )
        )
    if demos.succeeded is not None:
        failed, good = int(np.sum(demos.succeeded == 0)), int(np.sum(demos.succeeded == 1))
        findings.append(
            Finding(
                code="outcomes",
                severity=Severity.INFO,
                message=f"{good:,} trajectories succeeded, {failed:,} failed, "
                f"{demos.n_trajectories - good - failed:,} are not known; failures are kept.",
                evidence={
                    "succeeded": good,
                    "failed": failed,
                    "unknown": demos.n_trajectories - good - failed,
                },
            )
        )
    return findings
