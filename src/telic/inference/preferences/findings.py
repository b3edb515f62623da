"""What a fit to comparisons notices, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from telic.inference.wording import join_words
from telic.reports import Finding, Severity
from telic.trajectories import Comparisons

from .graph import ComparisonGraph

__all__ = [
    "about_annotators",
    "against_the_others",
    "circle_finding",
    "few_preferences",
    "group_finding",
    "in_words_of_comparisons",
    "no_errors_by_annotator",
    "only_ties",
    "rationality_by_spread",
    "rationality_runs_away",
    "weighted_comparisons",
    "winner_findings",
]

LISTED = 12
"""Names told one by one; the rest are counted."""

_WITH_DECISIONS = ", take answers to be as sharp as decisions (`same_rationality=True`)"
_UNTIED = (
    ", give `spread` (1 says that most annotators are within a factor of 7 of each other), take all annotators alike "
    "(`annotators='alike'`)"
)

FEW = 5
"""Answers that prefer a side, a weight, below which 95 % intervals hold in 88 % (of 60 answers, 7) or less."""

CHANCE = 0.05
"""Chance, over all annotators together, of a finding about one of them where answers are tossed."""


def about_annotators(comparisons: Comparisons) -> list[Finding]:
    """Annotators who answered once, and those who always gave one answer."""
    c, names = comparisons, comparisons.annotator_names
    n = np.bincount(c.annotators, minlength=len(names))
    answered = np.flatnonzero(n > 0)
    found = []
    if len(answered) > 1 and (once := [names[j] for j in np.flatnonzero(n == 1).tolist()]):
        found.append(
            Finding(
                code="one-comparison",
                severity=Severity.NOTICE,
                message=f"{_listed(once)} answered a single comparison: it says nothing about how sharply "
                f"{'this annotator answers' if len(once) == 1 else 'these annotators answer'}.",
                hint="Their answers count; do not estimate a rationality for them, or keep `spread`.",
                evidence={"annotators": once},
            )
        )
    sides = np.unique(c.preferred)
    if len(sides) == 1 and sides[0] != 0.5 and len(c) > 1:
        return [*found, _one_side("first" if sides[0] == 1.0 else "second", len(c))]
    for j in answered.tolist():
        answers = np.unique(c.preferred[c.annotators == j])
        chance = (2.0 if answers[0] != 0.5 else 1.0) * 0.5 ** int(n[j])
        if len(answers) == 1 and chance * len(answered) < CHANCE:
            said = {1.0: "first", 0.0: "second", 0.5: "tie"}[float(answers[0])]
            found.append(
                Finding(
                    code="one-answer",
                    severity=Severity.WARNING,
                    message=f"{names[j]} answered {said!r} in all {int(n[j])} comparisons"
                    + (
                        "; those are no preferences."
                        if said == "tie"
                        else f"; with the sides shuffled chance does that with probability {chance:.1g}."
                    ),
                    hint="Find out whether the sides were shuffled and the question understood; leave the annotator "
                    "out where not.",
                    evidence={"annotator": names[j], "answer": said, "n": int(n[j])},
                )
            )
    return found


def _one_side(said: str, n: int) -> Finding:
    return Finding(
        code="one-side",
        severity=Severity.NOTICE,
        message=f"All {n:,} comparisons prefer the {said} side: either winners are written down first, or "
        "everybody chose a side.",
        hint="Nothing to do where the file lists winner and loser; otherwise ask again with the sides shuffled.",
        evidence={"answer": said, "n": n},
    )


def few_preferences(n_told: int, n_answers: int, n_weights: int) -> list[Finding]:
    """Too few answers that prefer a side for errors that are made from the spread of scores."""
    if n_told >= FEW * n_weights or not n_told:
        return []
    return [
        Finding(
            code="few-preferences",
            severity=Severity.WARNING,
            message=f"{n_told} of {n_answers:,} answers prefer a side, for {n_weights} weights: `sandwich` errors "
            "are then too small.",
            hint="Read the errors of kind `hessian`, or ask for a choice where the two differ more.",
            evidence={"preferences": n_told, "answers": n_answers},
        )
    ]


def circle_finding(graph: ComparisonGraph, names: Sequence[str]) -> list[Finding]:
    """Majorities that run in a circle."""
    if not graph.circle:
        return []
    around = [names[i] for i in graph.circle]
    steps = ", ".join(f"{a} over {b}" for a, b in zip(around, [*around[1:], around[0]], strict=True))
    return [
        Finding(
            code="circle",
            severity=Severity.NOTICE,
            message=f"Preferences run in a circle ({steps}): no reward agrees with all of them. {graph.n_in_circles:,} "
            f"of {sum(map(len, graph.groups)):,} alternatives lie on circles; the fit takes what it cannot reconcile "
            "for noise.",
            hint="Some circles are expected of noisy answers. Where they are many, look at held-out accuracy, and "
            "whether the annotators judge by something that is no feature.",
            evidence={"circle": around, "n_in_circles": graph.n_in_circles},
        )
    ]


def group_finding(graph: ComparisonGraph, names: Sequence[str]) -> list[Finding]:
    """Items that no chain of comparisons links."""
    missing = sorted(set(range(len(names))) - {i for g in graph.groups for i in g})
    found = []
    if missing:
        found.append(
            Finding(
                code="never-compared",
                severity=Severity.WARNING,
                message=f"{_listed([names[i] for i in missing])} "
                f"{'was' if len(missing) == 1 else 'were'} never compared; nothing is known of "
                f"{'it' if len(missing) == 1 else 'them'}.",
                hint="Leave it out, or ask for comparisons with it.",
                evidence={"items": [names[i] for i in missing]},
            )
        )
    if len(graph.groups) > 1:
        told = [[names[i] for i in g] for g in graph.groups]
        found.append(
            Finding(
                code="not-connected",
                severity=Severity.WARNING,
                message=f"The comparisons fall into {len(told)} groups that were never compared with each other: "
                + "; ".join(_listed(g) for g in told[:LISTED])
                + ". How the groups stand to each other cannot be told.",
                hint="Compare at least one item of each group with one of another, or rank the groups apart.",
                evidence={"groups": told},
            )
        )
    return found


def winner_findings(graph: ComparisonGraph, names: Sequence[str], *, is_held: bool) -> list[Finding]:
    """Items without a finite ability."""
    found = []
    for sets, verb, way in ((graph.always_won, "won", "up"), (graph.always_lost, "lost", "down")):
        for members in sets:
            who = [names[i] for i in members]
            with_others = "" if len(who) == 1 else " with the others"
            found.append(
                Finding(
                    code=f"always-{verb}",
                    severity=Severity.WARNING if is_held else Severity.ERROR,
                    message=f"{_listed(who)} {verb} every comparison{with_others}: no finite value is best, the "
                    f"likelihood rises for ever as {'it goes' if len(who) == 1 else 'they go'} {way}"
                    + ("; only the penalty holds it." if is_held else "."),
                    hint="Add a penalty (`FitSettings(l2=...)`), ask for more comparisons with close rivals, or report "
                    "the place in the ranking without a value.",
                    evidence={"items": who, "direction": way},
                )
            )
    return found


def only_ties(n: int) -> Finding:
    """Every answer is a tie."""
    return Finding(
        code="only-ties",
        severity=Severity.WARNING,
        message=f"All {n:,} answers are ties, taken as half a win of each side: they say that all alternatives are "
        "worth the same, and nothing else.",
        hint="Ask for a choice where there is one.",
        evidence={"n": n},
    )


def rationality_runs_away(ways: dict[str, bool], *, is_tied: bool, has_decisions: bool) -> Finding:
    """Annotators whose rationality has no finite best value; ``ways`` says who runs up."""
    up = [name for name, rises in ways.items() if rises]
    down = [name for name, rises in ways.items() if not rises]
    parts = []
    if up:
        parts.append(f"{_listed(up)} always agreed with the others, so that no rationality is too large")
    if down:
        parts.append(f"{_listed(down)} agreed with the others no more than a coin, so that none is too small")
    return Finding(
        code="rationality-runs-away",
        severity=Severity.ERROR,
        message=f"The rationality of {join_words([*up, *down])} has no finite best value: {'; '.join(parts)}.",
        hint="Ask more"
        + (_WITH_DECISIONS if has_decisions else "" if is_tied else _UNTIED)
        + ", or add a penalty "
        "(`FitSettings(l2=...)`).",
        evidence={"up": up, "down": down},
    )


def rationality_by_spread(names: list[str], shares: list[float], spread: float) -> Finding:
    """Rationalities that the answers hardly tell."""
    return Finding(
        code="rationality-by-spread",
        severity=Severity.NOTICE,
        message=f"The rationality of {_listed(names)} comes mostly from `spread` = {spread:g}, not from "
        f"{'the' if len(names) == 1 else 'their'} answers (share {min(shares):.2f} to {max(shares):.2f}).",
        hint="Do not read it as a fact about the annotator.",
        evidence=dict(zip(names, shares, strict=True)),
    )


def against_the_others(name: str, agreed: float, n: int, p_value: float) -> Finding:
    """An annotator who answers the other way."""
    return Finding(
        code="against-the-others",
        severity=Severity.WARNING,
        message=f"{name} answers against the weights: {agreed:.0%} of {n} answers agree with them, and a coin would be "
        f"that contrary with probability {p_value:.1g}.",
        hint="The sides may have been exchanged, or this person values the opposite: fit this annotator apart.",
        evidence={"annotator": name, "share": agreed, "n": n, "p_value": p_value},
    )


def no_errors_by_annotator() -> Finding:
    """A rationality for each annotator uses up what would tell how annotators differ."""
    return Finding(
        code="no-errors-by-annotator",
        severity=Severity.NOTICE,
        message="Each annotator has a rationality of their own, so there is no `sandwich_clustered` error by "
        "annotator; intervals use `sandwich`, which takes the answers of one annotator as independent given what was "
        "shown.",
        hint="Take annotators alike (`annotators='alike'`) for errors that allow for different tastes.",
    )


def weighted_comparisons() -> Finding:
    """Comparisons carry weights other than 1."""
    return Finding(
        code="weighted-decisions",
        severity=Severity.NOTICE,
        message="Comparisons carry weights other than 1. Errors of kind `sandwich` and `sandwich_clustered` allow for "
        "that; `hessian` and `outer_product` do not, and no likelihood-ratio test can.",
        hint="Use the sandwich kinds.",
    )


def in_words_of_comparisons(findings: Sequence[Finding], *, has_decisions: bool) -> list[Finding]:
    """Findings of the driver, with annotators and answers for trajectories and decisions."""
    said = {
        "one-trajectory": (
            "one-annotator",
            "One annotator answered, so there is no `sandwich_clustered` error; intervals use `sandwich`, which takes "
            "the answers as independent given what was shown.",
            "Ask more people, or give `cluster_by='comparison'` to say that answers are independent.",
        ),
        "few-trajectories": (
            "few-annotators",
            "There are too few annotators to cluster by: `sandwich_clustered` errors are too small, so intervals use "
            "`sandwich`, which takes the answers of one annotator as independent given what was shown.",
            "Ask more people, or give `cluster_by='comparison'` to say that answers are independent.",
        ),
    }
    out = []
    for f in findings:
        if f.code == "no-standard-errors" and "choice probabilities" in f.message:
            out.append(replace(f, message="No standard errors: how many comparisons there are was a choice."))
            continue
        if has_decisions:
            out.append(f)
            continue
        code, message, hint = said.get(f.code, (f.code, f.message, f.hint))
        severity = Severity.NOTICE if code == "one-annotator" else f.severity
        out.append(replace(f, code=code, message=message, hint=hint, severity=severity))
    return out


def _listed(names: Sequence[str]) -> str:
    shown = list(names[:LISTED])
    left = len(names) - len(shown)
    return join_words([*shown, f"{left} more"] if left else shown)
