"""What a reader of compared rewards should know, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from telic.errors import GaugeError
from telic.mdp import TabularMDP
from telic.reports import Finding, Severity
from telic.reports.numbers import json_value
from telic.rewards import RewardEstimate, RewardPosterior
from telic.typing import FloatArray

from .reward_comparison import RewardFacts
from .reward_distance import RewardDistance
from .reward_forms import RewardLike, WorldReward
from .reward_relation import Relation, RewardRelation
from .transfer import carried_finding, same_dynamics

__all__ = [
    "accuracy_findings",
    "carried_findings",
    "distinct",
    "gauge_findings",
    "open_findings",
    "pair_findings",
    "too_large_finding",
]


def gauge_findings(rewards: Mapping[str, RewardLike], mixed_gauges: str) -> list[Finding]:
    """Fits that failed, and gauges that differ: refused with ``GaugeError``, or flagged."""
    estimates = [(name, r) for name, r in rewards.items() if isinstance(r, (RewardEstimate, RewardPosterior))]
    findings = [_unusable_finding(name, r) for name, r in estimates if not r.outcome.ok]
    findings += [_mean_finding(name) for name, r in estimates if isinstance(r, RewardPosterior)]
    for i, (first, a) in enumerate(estimates):
        for second, b in estimates[i + 1 :]:
            try:
                a.gauge.require_match(b.gauge)
            except GaugeError as error:
                if mixed_gauges == "refuse":
                    raise GaugeError(
                        f"{first} and {second}: {error.message}",
                        hint="Fit both with the same rationality, discount and gauge, or pass mixed_gauges='flag'.",
                        differences=error.data.get("differences"),
                    ) from error
                findings.append(_mixed_finding(first, second, error))
    return findings


def _mixed_finding(first: str, second: str, error: GaugeError) -> Finding:
    return Finding(
        code="mixed-gauges",
        severity=Severity.WARNING,
        message=f"{first} and {second} were picked in different gauges: {error.message}",
        hint="A factor does not matter here; a different discount, or another choice along what the data could not "
        "tell, may be all that sets them apart.",
        evidence={"differences": list(error.data.get("differences", []))},
    )


def _mean_finding(name: str) -> Finding:
    return Finding(
        code="posterior-mean",
        severity=Severity.NOTICE,
        message=f"{name} is a posterior; what is compared is its mean, and its draws may lie far from it.",
        hint="Compare some draws as well: `posterior.rewards(3, key=0)`.",
        evidence={"name": name},
    )


def _unusable_finding(name: str, estimate: RewardEstimate | RewardPosterior) -> Finding:
    return Finding(
        code="estimate-not-usable",
        severity=Severity.ERROR,
        message=f"{name} is of a fit that stopped with {estimate.outcome.label}.",
        hint=estimate.outcome.value,
        evidence={"name": name},
    )


def open_findings(facts: RewardFacts) -> list[Finding]:
    """A warning where the data leave the canonical form of a reward open."""
    if facts.nullity and facts.open_directions is None:
        how = "may move its canonical form"
    elif facts.open_directions:
        how = f"{facts.open_directions} of them move its canonical form"
    else:
        return []
    return [
        Finding(
            code="distance-not-determined",
            severity=Severity.WARNING,
            message=f"The data could not tell {facts.nullity} direction(s) of {facts.name}; {how}, so its distances "
            "are those of the one reward that the gauge picked.",
            hint="Compare draws of a posterior, or smallest and largest values over the feasible set.",
            evidence={"nullity": facts.nullity, "open_directions": facts.open_directions},
        )
    ]


def accuracy_findings(facts: Sequence[RewardFacts]) -> list[Finding]:
    """Which rewards held-out answers speak for or against."""
    findings = []
    for r in facts:
        if r.accuracy is None:
            continue
        findings += list(r.accuracy.findings)
        low, high = r.accuracy.interval
        if r.accuracy.n and low <= 0.5 <= high:
            findings.append(
                Finding(
                    code="no-better-than-chance",
                    severity=Severity.WARNING,
                    message=f"{r.name} is not shown to predict held-out answers better than a coin "
                    f"({r.accuracy.value:.2f} [{low:.2f}, {high:.2f}] of {r.accuracy.n}).",
                    hint="Too few answers, or the reward has little to do with them.",
                    evidence={"name": r.name, "interval": [low, high]},
                )
            )
        elif r.accuracy.n and high < 0.5:
            findings.append(
                Finding(
                    code="worse-than-chance",
                    severity=Severity.WARNING,
                    message=f"{r.name} predicts held-out answers worse than a coin "
                    f"({r.accuracy.value:.2f} [{low:.2f}, {high:.2f}] of {r.accuracy.n}).",
                    hint="A sign may be turned round, or 1 and 0 in the answers.",
                    evidence={"name": r.name, "interval": [low, high]},
                )
            )
    return findings


def pair_findings(
    names: tuple[str, str], relation: RewardRelation, measured: Mapping[str, RewardDistance]
) -> list[Finding]:
    """How two rewards are related, and which of their distances are not defined."""
    severity = {Relation.OPPOSITE: Severity.WARNING, Relation.TRIVIAL: Severity.WARNING}
    severity[Relation.HERE] = Severity.NOTICE
    findings = []
    if relation.relation is not Relation.DIFFERENT:
        hint = ""
        if relation.relation is Relation.HERE:
            hint = "Compare them in the dynamics they are to be used in (`new_world`)."
        elif relation.relation is Relation.TRIVIAL:
            hint = "A zero, constant or purely shaping reward says nothing; check how it was made."
        elif relation.relation is Relation.OPPOSITE:
            hint = "Is one of them a cost?"
        findings.append(
            Finding(
                code=f"rewards-{relation.relation.name.lower()}",
                severity=severity.get(relation.relation, Severity.INFO),
                message=f"{names[0]} and {names[1]} {relation.relation.value}.",
                hint=hint,
                evidence={"scale": json_value(relation.scale), "starc": json_value(relation.distance.value)},
            )
        )
    left_out = [f for found in measured.values() for f in found.findings if f.code == "coverage-leaves-out"]
    undefined = [kind.upper() for kind, found in measured.items() if not found.outcome.ok]
    if undefined and relation.relation is not Relation.TRIVIAL:
        findings.append(
            Finding(
                code="distance-undefined",
                severity=Severity.NOTICE,
                message=f"{' and '.join(undefined)} of {names[0]} and {names[1]} are not defined: one of the canonical "
                "forms is constant over the coverage.",
                hint="STARC is defined; or use a coverage that reaches more transitions.",
            )
        )
    return findings + left_out[:1]


def carried_findings(
    names: Sequence[str],
    forms: Sequence[WorldReward],
    world: TabularMDP,
    new_world: TabularMDP,
    relations: Mapping[tuple[int, int], RewardRelation],
    elsewhere: FloatArray,
) -> list[Finding]:
    """What the agreement of rewards is worth in other dynamics."""
    if same_dynamics(world, new_world):
        return []
    findings = [
        f
        for name, form in zip(names, forms, strict=True)
        for f in carried_finding(form, world, new_world, name=name)
    ]
    for (i, j), relation in relations.items():
        here, there = relation.distance.value, float(elsewhere[i, j])
        if here < 1e-6 < 1e-4 < there:
            findings.append(
                Finding(
                    code="agree-here-only",
                    severity=Severity.WARNING,
                    message=f"{names[i]} and {names[j]} order all policies alike here and differ in the new world "
                    f"(STARC {there:.4f}).",
                    hint="What was seen here cannot decide between them; see what each would do in the new world "
                    "(`transfer_value`).",
                    evidence={"here": here, "there": there},
                )
            )
    return findings


def too_large_finding(world: TabularMDP) -> Finding:
    """Why EPIC and DARD are missing."""
    return Finding(
        code="only-starc",
        severity=Severity.NOTICE,
        message=f"EPIC and DARD need rewards of all {world.n_states**2 * world.n_actions:,} triples and are left out.",
        hint="STARC needs none of impossible transitions and is the one to certify by.",
    )


def distinct(findings: Sequence[Finding]) -> list[Finding]:
    """Each finding once, in order."""
    return list({(f.code, f.message): f for f in findings}.values())
