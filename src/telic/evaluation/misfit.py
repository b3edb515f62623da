"""Why a reward explains less than cloning: the comparison, and the reason as far as the data show it.

A reward that predicts held-out choices worse than the table of its own state has missed something. Three
reasons can be told apart:

1. *memory*: choices depend on what came before (``markov_test``). Then the state is too small, for
   cloning as well.
2. *features*: within the state the choices are stable, but this reward cannot express them. Then the table
   fits and the reward does not.
3. *too little data* for either: the reward is no worse than cloning beyond noise.
"""

from __future__ import annotations

from telic.errors import DataError
from telic.reports import Finding, Severity

from .held_out import BASELINES, HeldOut
from .markov import MATERIAL_GAIN, MarkovTest

__all__ = ["explain_misfit"]


def explain_misfit(held_out: HeldOut, name: str, markov: MarkovTest | None = None) -> tuple[Finding, ...]:
    """Findings that say how a reward's policy compares with the baselines, and why.

    Args:
        held_out: scores on the same decisions.
        name: of the reward's policy among them.
        markov: the test of the state, on the decisions that were fitted.

    Raises:
        DataError: no policy of that name was scored.
    """
    try:
        score = held_out[name]
    except KeyError:
        names = ", ".join(s.name for s in held_out.scores)
        raise DataError(
            f"No policy {name!r} was scored; there are {names}.", hint="Use one of these."
        ) from None
    findings = []
    over_uniform, over_cloning = score.over[BASELINES[0]], score.over[BASELINES[1]]
    if over_uniform.interval is not None and over_uniform.interval[0] <= 0:
        findings.append(
            Finding(
                code="reward-explains-nothing",
                severity=Severity.WARNING,
                message=(
                    f"`{name}` is not shown to predict held-out choices better than choosing at random "
                    f"({over_uniform.value:+.4f} nats a decision [{over_uniform.interval[0]:+.4f}, "
                    f"{over_uniform.interval[1]:+.4f}])."
                ),
                hint="Do not read its weights: these features may have nothing to do with the choices, or too few "
                "decisions are held out to tell.",
                evidence={"gain_over_uniform": over_uniform.value},
            )
        )
    interval = over_cloning.interval
    words = f"{over_cloning.value:+.4f} nats a decision" + (
        "" if interval is None else f" [{interval[0]:+.4f}, {interval[1]:+.4f}]"
    )
    evidence = {
        "gain_over_cloning": over_cloning.value,
        "interval": None if interval is None else list(interval),
    }
    if interval is not None and interval[1] < 0:
        culprit = None if markov is None else markov.culprit("choice")
        memory = culprit is not None and culprit.gain >= MATERIAL_GAIN
        reason, hint = _reason(markov, memory)
        findings.append(
            Finding(
                code="reward-below-cloning",
                severity=Severity.WARNING,
                message=f"`{name}` explains less than cloning the same states ({words}). {reason}",
                hint=hint,
                evidence={
                    **evidence,
                    "reason": "history-dependence" if memory else "features",
                    "culprit": None if culprit is None else culprit.variable,
                },
            )
        )
    elif interval is not None and interval[0] > 0:
        findings.append(
            Finding(
                code="reward-above-cloning",
                severity=Severity.INFO,
                message=f"`{name}` predicts held-out choices better than cloning ({words}).",
                evidence=evidence,
            )
        )
    else:
        findings.append(
            Finding(
                code="reward-equals-cloning",
                severity=Severity.INFO,
                message=f"`{name}` and cloning are not told apart by how they predict held-out choices ({words}).",
                evidence=evidence,
            )
        )
    return tuple(findings)


def _reason(markov: MarkovTest | None, memory: bool) -> tuple[str, str]:
    if memory and markov is not None:
        finding = next(f for f in markov.findings if f.code == "history-dependence")
        return f"The reason: {finding.message[0].lower()}{finding.message[1:]}", finding.hint
    if markov is None:
        return (
            "Whether the state is too small was not tested.",
            "Run `markov_test`; if it is clean, add features.",
        )
    return (
        "No dependence on what came before was found that would matter, so the reward is the first suspect and not "
        "the state: features are missing, or choices are not made as it assumes.",
        "Add features, or use a free reward of state and action to see what is missing; try other discounts.",
    )
