"""Campaigns as findings: the trajectories under suspicion, the reason, and where to look."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from telic.contract import TaskContract
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations
from telic.trajectories.checks.situations import in_words

from .campaign import Campaign
from .campaigns import LEVEL
from .places import places

__all__ = ["poisoning_findings", "reason"]


def poisoning_findings(
    demos: Demonstrations, campaigns: Sequence[Campaign], contract: TaskContract
) -> list[Finding]:
    """One warning a campaign; ``evidence["trajectories"]`` names what it quarantines.

    Args:
        demos: the decisions.
        campaigns: that were found in them.
        contract: says whether single people may be named.
    """
    findings = []
    for c in campaigns:
        suspects = np.unique(demos.trajectory_index[c.rows])
        names = [str(demos.trajectory_ids[i]) for i in suspects.tolist()]
        findings.append(
            Finding(
                code="poisoning-suspected",
                severity=Severity.WARNING,
                message=f"{reason(demos, c, contract)} {len(names):,} trajectories are quarantined.",
                hint="Look at these decisions where they come from. A campaign and a genuine change of habit look "
                "the same; "
                "`quality: {quarantine: leave_out}` keeps them out of everything that is computed.",
                evidence={
                    "kind": c.kind,
                    "group": list(_shown(c, contract)),
                    "trajectories": names,
                    "decisions": len(c.rows),
                    "units_in_group": c.n_group,
                    "units_against": c.n_with,
                    "share_elsewhere": c.share_elsewhere,
                    "p_value": c.p_value,
                    "level": LEVEL,
                    "places": places(demos, c.rows),
                },
            )
        )
    return findings


def reason(demos: Demonstrations, c: Campaign, contract: TaskContract) -> str:
    """Why a campaign is suspected, in one sentence.

    Args:
        demos: the decisions.
        c: the campaign.
        contract: says whether single people may be named.
    """
    kind, which = _shown(c, contract)
    whose = {"demonstrator": f"trajectories of {which}", "time": f"trajectories from {which}"}.get(
        kind, f"trajectories with {kind} {which}"
    )
    seen, others, p = f"{c.n_with} of {c.n_group}", f"{c.share_elsewhere:.0%}", f"(p = {c.p_value:.2g})"
    if c.kind == "turned":
        return f"{seen} {whose} are among the tenth that choose least as expected, against {others} of the others {p}."
    action = demos.action_labels[c.action]
    if c.kind == "trigger":
        return (
            f"Where `{kind}` is exactly {which}, {seen} trajectories take `{action}`, against {others} in the same "
            f"states without it {p}."
        )
    words = in_words(demos, c.rows, contract) or f"the state is {c.state}"
    return f"Where {words}, {seen} {whose} take `{action}`, against {others} of the others {p}."


def _shown(c: Campaign, contract: TaskContract) -> tuple[str, str]:
    """The group as it may be shown: a person only where the contract permits it."""
    kind, which = c.group
    if kind == "demonstrator" and contract.people is None:
        return kind, "one person"
    return kind, which
