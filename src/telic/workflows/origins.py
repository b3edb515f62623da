"""Whose decisions are learned from: those of people and rules, never unknowingly those of a policy or an attacker.

A learner that reads its own decisions back finds its own mistakes confirmed, and an attacker's decisions are no
example. So trajectories of these origins are left out by default and the page says how many; who wants to look at them
names them (``--origins policy``). A policy is never trained from an attacker's decisions, whatever is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from telic._core.near_miss import near_miss
from telic.contract import TaskContract
from telic.datasets.quality.origins import counts_by_origin
from telic.errors import DataError, SettingsError
from telic.reports import Finding, Severity
from telic.trajectories import ORIGINS, Demonstrations

__all__ = ["LEARNED_FROM", "learned_from", "origins_of_learning", "require_no_attacker", "require_origins"]

LEARNED_FROM = ("human", "rule", "unknown")
"""Origins whose trajectories are learned from where none are named."""


def require_origins(origins: Sequence[str] | None) -> None:
    """Nothing, where each is an origin.

    Raises:
        SettingsError: one is not, or none are named.
    """
    if origins is None:
        return
    unknown = [name for name in origins if name not in ORIGINS]
    if unknown or not origins:
        named = f"got {unknown[0]!r}.{near_miss(unknown[0], list(ORIGINS))}" if unknown else "got none."
        raise SettingsError(
            f"`origins` must be some of {', '.join(ORIGINS)}; {named}",
            hint="Leave it out for people and rules.",
        )


def require_no_attacker(origins: Sequence[str] | None) -> None:
    """Nothing, where an inference was not asked to describe an attacker; what acts is never made from such a one.

    Args:
        origins: as named for the inference; None: the default.

    Raises:
        SettingsError: it was.
    """
    if "adversary" in (origins or ()):
        raise SettingsError(
            "Nothing that acts is made from an attacker's decisions, which this inference describes.",
            hint="Infer again without `--origins adversary`; `telic report` may describe what attackers are after.",
        )


def origins_of_learning(contract: TaskContract | None, origins: Sequence[str] | None) -> tuple[str, ...]:
    """The origins that are learned from.

    Args:
        contract: whose ``data.origin`` may be an attacker, who is then what it is about.
        origins: as named; None: the default.

    Raises:
        SettingsError: the decisions are a policy's and nobody said that this is wanted.
    """
    require_origins(origins)
    if origins is not None:
        return tuple(origins)
    if contract is None:
        return LEARNED_FROM
    says_each = contract.data.origin_column is not None or bool(contract.streams)
    if contract.data.origin == "policy" and not says_each:
        raise SettingsError(
            "The decisions are those of a learned policy (`data.origin: policy`): a learner would only find itself "
            "confirmed.",
            hint="To describe what the policy acts for, say so: `--origins policy`.",
        )
    return (*LEARNED_FROM, "adversary") if contract.data.origin == "adversary" else LEARNED_FROM


def learned_from(
    demos: Demonstrations, contract: TaskContract | None, origins: Sequence[str] | None
) -> Demonstrations:
    """The trajectories that are learned from, with a finding about those that are not.

    Args:
        demos: with or without ``origins``.
        contract: the task, or None.
        origins: as named; None: the default.

    Raises:
        SettingsError: the decisions are a policy's and nobody said that this is wanted.
        DataError: nothing is left.
    """
    wanted = origins_of_learning(contract, origins)
    if demos.origins is None:
        return demos
    keep = np.isin(demos.origins, [ORIGINS.index(name) for name in wanted])
    counts = counts_by_origin(demos.origins[~keep])
    findings = list(demos.findings)
    if counts:
        listed = ", ".join(f"{n:,} of origin {name}" for name, n in counts.items())
        if not keep.any():
            raise DataError(
                f"Nothing is left to learn from: all {demos.n_trajectories:,} trajectories are left out ({listed}).",
                hint=f"To describe what they are for, name them: `--origins {' --origins '.join(counts)}`.",
            )
        findings.append(
            Finding(
                code="origins-left-out",
                severity=Severity.NOTICE,
                message=f"{int(np.sum(~keep)):,} of {demos.n_trajectories:,} trajectories are not learned from: "
                f"{listed}.",
                hint="A learner that reads its own decisions, or an attacker's, is led by them.",
                evidence={"left_out": counts, "learned_from": list(wanted)},
            )
        )
    every = counts_by_origin(demos.origins)
    odd = {name: every.get(name, 0) for name in ("policy", "adversary") if name in wanted}
    findings += [
        Finding(
            code=f"origin-{name}",
            severity=Severity.WARNING,
            message=f"{n:,} of {int(keep.sum()):,} trajectories are of origin {name}: this describes what "
            + (
                "a policy does, and is no evidence that it should."
                if name == "policy"
                else "an attacker is after."
            ),
            hint="Keep the result apart from what people do.",
            evidence={"count": n},
        )
        for name, n in odd.items()
        if n
    ]
    chosen = demos if keep.all() else demos.select(keep)
    return replace(chosen, findings=tuple(sorted(findings, key=lambda f: -f.severity)))
