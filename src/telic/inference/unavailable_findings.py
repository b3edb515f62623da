"""What a check of the listed options has to tell, in words."""

from __future__ import annotations

from telic.reports import Finding, Severity

from .unavailable_result import OptionsCheck

__all__ = ["options_findings"]


def options_findings(check: OptionsCheck, *, is_listed_again: bool) -> tuple[Finding, ...]:
    """The alarm, or what the log cannot show, and the shares that would turn signs.

    Args:
        check: without its findings.
        is_listed_again: some option is known to be listed twice.
    """
    out = []
    record = "Record which options could be taken at each decision, list only those, and fit again."
    if check.alarm:
        strongest = min(check.tests, key=lambda t: t.p_value)
        turned = check.turned_signs
        message = (
            "Options that were passed over are passed over again far more than their features say "
            f"({strongest.words}: {strongest.root:.1f} standard errors, p = {check.p_value:.2g}): they could not be "
            "taken, or the features miss something about them. The weights are no preference."
        )
        if turned:
            message += f" Allowing for it turns the sign of {', '.join(turned)}."
        out.append(
            Finding(
                code="unavailable-options",
                severity=Severity.ERROR,
                message=message,
                hint=record,
                evidence={
                    "p_value": check.p_value,
                    "share": check.share,
                    "turned_signs": list(turned),
                    "tests": [t.to_json() for t in check.tests],
                },
            )
        )
    elif not check.tests and check.outcome.ok:
        why = "no option is known to be listed twice" if not is_listed_again else "no test could be made"
        out.append(
            Finding(
                code="availability-not-shown",
                severity=Severity.WARNING,
                message=f"Whether the listed options could be taken cannot be seen: {why}.",
                hint=f"{record} Until then quote the share of unavailable options that would turn each sign.",
            )
        )
    elif check.power is not None and check.power < 0.8:
        out.append(
            Finding(
                code="availability-hardly-shown",
                severity=Severity.WARNING,
                message="No alarm, but the log would hardly show it: with "
                f"{check.planted:.0%} of the options out of reach throughout, {check.power:.0%} of redrawn logs "
                "sound it.",
                hint=f"{record} Until then quote the share of unavailable options that would turn each sign.",
                evidence={"power": check.power, "planted": check.planted},
            )
        )
    for name in dict.fromkeys(f.name for f in check.flips):
        known = [f for f in check.flips if f.name == name and f.share is not None]
        if known:
            out.append(
                Finding(
                    code="sign-flips-at",
                    severity=Severity.NOTICE,
                    message=" ".join(f.words for f in known),
                    hint="Ask those who know the work whether so many could have been out of reach.",
                    evidence={f.pattern: f.to_json() for f in known},
                )
            )
    return tuple(out)
