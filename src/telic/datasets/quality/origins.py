"""Who decided: demonstrations apart by origin, so that an attacker's or our own decisions never pass as an expert's."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from telic.reports import Finding, Severity
from telic.trajectories import ORIGINS, Demonstrations

__all__ = ["origin_findings", "separate_by_origin"]


def separate_by_origin(demos: Demonstrations) -> Mapping[str, Demonstrations]:
    """Origin to its trajectories, for the origins that occur; ``unknown`` for all where nothing is said.

    Law: every trajectory is in exactly one part.

    Args:
        demos: with or without ``origins``.
    """
    if demos.origins is None:
        return {"unknown": demos}
    return {ORIGINS[o]: demos.select(demos.origins == o) for o in np.unique(demos.origins).tolist()}


def origin_findings(demos: Demonstrations) -> list[Finding]:
    """How many trajectories each origin and each outcome has; a warning where attackers stand among others.

    Args:
        demos: with or without ``origins`` and ``succeeded``.
    """
    findings = []
    if demos.origins is not None:
        counts = {
            ORIGINS[o]: int(n) for o, n in enumerate(np.bincount(demos.origins, minlength=len(ORIGINS))) if n
        }
        listed = ", ".join(f"{name} {n:,}" for name, n in counts.items())
        is_mixed = "adversary" in counts and len(counts) > 1
        findings.append(
            Finding(
                code="origins-mixed" if is_mixed else "origins",
                severity=Severity.WARNING if is_mixed else Severity.INFO,
                message=f"Trajectories by origin: {listed}."
                + (" Those of attackers stand among the others." if is_mixed else ""),
                hint="Learn from each part alone: `telic.datasets.quality.separate_by_origin`."
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
