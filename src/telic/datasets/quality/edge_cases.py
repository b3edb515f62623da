"""Coverage: the share of states with enough decisions, and the edge cases that the contract names."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.contract import TaskContract
from telic.errors import FeatureError
from telic.features import compile_expression
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations
from telic.typing import BoolArray, LongArray

from .places import places

__all__ = ["edge_case_findings", "readable_columns", "state_findings", "true_where"]

THIN_SHARE = 0.2
"""Share of the decisions in states with too few of them from which it is worth a notice."""


def state_findings(
    demos: Demonstrations, cells: LongArray, contract: TaskContract, *, n_states: int | None
) -> list[Finding]:
    """How many states have enough decisions, and what share of all decisions lies in those that do not.

    Args:
        demos: the decisions.
        cells: ``(n,)`` state of each, from 0.
        contract: says how many are enough (``quality.enough``).
        n_states: states that the bins make; None: only those seen are counted.
    """
    enough = contract.quality.enough
    counts = np.bincount(cells, minlength=1)
    seen = counts[counts > 0]
    covered, thin = int(np.sum(seen >= enough)), int(seen[seen < enough].sum())
    share = thin / max(1, len(cells))
    of_all = "" if n_states is None else f" ({covered / n_states:.0%} of the {n_states:,} that the bins make)"
    rows = np.flatnonzero((counts < enough)[cells])
    return [
        Finding(
            code="state-coverage",
            severity=Severity.NOTICE if share > THIN_SHARE else Severity.INFO,
            message=f"{covered:,} of {len(seen):,} states seen have at least {enough} decisions{of_all}; {share:.1%} "
            f"of "
            "the decisions lie in states that have fewer.",
            hint="Coarser bins, or more data where decisions are few." if share > THIN_SHARE else "",
            evidence={
                "enough": enough,
                "covered": covered,
                "seen": len(seen),
                "states": n_states,
                "share_of_decisions_in_thin_states": share,
                "places": places(demos, rows) if share > THIN_SHARE else [],
            },
        )
    ]


def edge_case_findings(demos: Demonstrations, contract: TaskContract) -> list[Finding]:
    """One finding for each edge case that is short, and one that lists those that are covered.

    Args:
        demos: the decisions.
        contract: names the cases (``coverage``).

    Raises:
        FeatureError: the expression of a case cannot be calculated; the case is named.
    """
    columns = readable_columns(demos, contract)
    findings, covered = [], []
    for case in contract.coverage:
        try:
            there = true_where(case.expression, columns, demos.n_decisions)
        except FeatureError as error:
            raise FeatureError(
                f"The edge case {case.name!r} cannot be counted: {error.message}", hint=error.hint
            ) from error
        rows = np.flatnonzero(there)
        n_trajectories = len(np.unique(demos.trajectory_index[rows]))
        if len(rows) >= case.at_least:
            covered.append(
                {
                    "name": case.name,
                    "at_least": case.at_least,
                    "decisions": len(rows),
                    "trajectories": n_trajectories,
                }
            )
            continue
        findings.append(
            Finding(
                code="edge-case-uncovered",
                severity=Severity.WARNING,
                message=f"Edge case {case.name!r} needs {case.at_least:,} decisions; the dataset has {len(rows):,}"
                f"{f', in {n_trajectories:,} trajectories' if len(rows) else ''}.",
                hint=f"Collect decisions where {case.expression}, or do not rely on what is learned there.",
                evidence={
                    "name": case.name,
                    "expression": case.expression,
                    "at_least": case.at_least,
                    "decisions": len(rows),
                    "trajectories": n_trajectories,
                    "places": places(demos, rows),
                },
            )
        )
    if covered:
        listed = "; ".join(f"{c['name']} {c['decisions']:,}" for c in covered[:8])
        findings.append(
            Finding(
                code="edge-cases-covered",
                severity=Severity.INFO,
                message=f"{len(covered)} of {len(contract.coverage)} edge cases have the decisions that they need: "
                f"{listed}.",
                evidence={"cases": covered},
            )
        )
    return findings


def readable_columns(demos: Demonstrations, contract: TaskContract) -> dict[str, NDArray[Any]]:
    """Every observation as expressions see it (labels as text), and ``action`` (amounts as numbers).

    Args:
        demos: the decisions.
        contract: says whether actions are labels or amounts.
    """
    columns: dict[str, NDArray[Any]] = {}
    for name, values in demos.observations.items():
        labels = demos.categories.get(name)
        columns[name] = values if labels is None else np.asarray(labels, dtype=object)[values]
    is_text = contract.actions.type == "category"
    names = [label if is_text else float(label) for label in demos.action_labels]
    columns["action"] = np.asarray(names, dtype=object if is_text else np.float64)[demos.actions]
    return columns


def true_where(text: str, columns: dict[str, NDArray[Any]], n: int) -> BoolArray:
    """``(n,)`` where an expression is true.

    Args:
        text: the expression.
        columns: of ``readable_columns``.
        n: decisions.

    Raises:
        FeatureError: it cannot be calculated.
    """
    return np.asarray(np.broadcast_to(compile_expression(text).evaluate(columns), (n,)) != 0)
