"""What a search for constraints has to tell, in words."""

from __future__ import annotations

from telic.reports import Finding, Severity
from telic.rewards import RewardEstimate

from .wording import join_words

__all__ = ["constraint_findings"]


def constraint_findings(
    *, any_found: bool, any_candidate: bool, failed: RewardEstimate | None
) -> tuple[Finding, ...]:
    """What a constraint says and does not, and what could not be tested.

    Args:
        any_found: a constraint stood the test.
        any_candidate: something was never done that could be forbidden.
        failed: the fit without an answer that ended the search, or None.
    """
    out = []
    if any_found:
        out.append(
            Finding(
                code="constraint-or-dislike",
                severity=Severity.NOTICE,
                message="A constraint says `never`. A strong dislike that no feature tells would leave the same "
                "choices.",
                hint="Add the feature if there is one, and see whether the constraint is still found.",
            )
        )
    if not any_candidate:
        out.append(
            Finding(
                code="no-candidates",
                severity=Severity.WARNING,
                message="Everything that could be forbidden was done at least once.",
                hint="There is no constraint of these kinds; add kinds, or ask for a larger world.",
            )
        )
    if failed is not None:
        out.append(_not_tested(failed))
    return tuple(out)


def _not_tested(fit: RewardEstimate) -> Finding:
    away = [n for f in fit.findings if f.code == "separation" for n in f.evidence.get("features", ())]
    why = f": {join_words(away)} tells what is never done, and no weight of it is too large" if away else ""
    return Finding(
        code="constraint-not-tested",
        severity=Severity.WARNING,
        message="No further constraint could be tested, for the reward of a half of the demonstrations has no fit "
        f"({fit.outcome.label}){why}. A constraint and a dislike without limit leave the same choices.",
        hint="Leave such a feature out, give `l2`, or the `weights` of a known reward."
        if away
        else "Give more demonstrations, `l2`, or the `weights` of a known reward.",
        evidence={"outcome": fit.outcome.label, "features": away},
    )
