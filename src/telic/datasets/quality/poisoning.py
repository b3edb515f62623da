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

__all__ = ["habit_findings", "poisoning_findings", "reason"]

MOST_HABITS = 20
"""Groups listed as evidence that roles differ."""


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


def habit_findings(
    demos: Demonstrations, habits: Sequence[Campaign], contract: TaskContract
) -> list[Finding]:
    """One notice for all groups that act otherwise as a role does; nothing is quarantined for it.

    Args:
        demos: the decisions.
        habits: groups that stand out in a region, but no more than groups do elsewhere.
        contract: says whether single people may be named.
    """
    if not habits:
        return []
    first = habits[0]
    many = f"{len(habits):,} people, sources or labels act" if len(habits) > 1 else "One group acts"
    return [
        Finding(
            code="acts-otherwise",
            severity=Severity.NOTICE,
            message=f"{many} otherwise than the others somewhere, as a role does; nobody is suspected. For example: "
            f"{reason(demos, first, contract)}",
            hint="Groups of this log differ elsewhere too, or are seen nowhere else, so that a campaign cannot be told "
            "from a role. If roles matter, add what tells them to the observations, or fit people apart.",
            evidence={
                "groups": [
                    {
                        "group": list(_shown(h, contract)),
                        "units_in_group": h.n_group,
                        "units_that_do": h.n_with,
                        "action": demos.action_labels[h.action],
                        "share_elsewhere": h.share_elsewhere,
                        "p_value_if_all_act_alike": h.p_value,
                        "places": places(demos, h.rows[:1]),
                    }
                    for h in habits[:MOST_HABITS]
                ],
                "n_groups": len(habits),
            },
        )
    ]


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
