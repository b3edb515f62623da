"""Demonstrators who contradict the others, weighed down: the fit that believes everybody beside the one that does not.

``telic.inference.fit_despite_suspects`` on the decisions of all together, with the world taken as known, and what each
alone is sure of (``compare_demonstrators``). The result says how many are suspected, and how many seek and avoid what;
who they are, and on what evidence, only where the contract permits findings about single people (``people``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from telic.errors import DataError
from telic.inference.demonstrators import compare_demonstrators
from telic.inference.demonstrators_result import DemonstratorComparison
from telic.inference.settings import FitSettings
from telic.inference.suspects import FEWEST, SuspectSettings, fit_despite_suspects
from telic.inference.suspects_result import KINDS_OF_DEMONSTRATOR, SuspectFit
from telic.inference.tradeoffs import all_tradeoffs, preferred_kind
from telic.inference.units import Units
from telic.reports import Finding
from telic.rewards import RewardEstimate
from telic.trajectories import Demonstrations

if TYPE_CHECKING:
    from .fit import Fit

__all__ = ["FoundSuspects", "check_suspects", "evidence_about", "find_suspects", "suspects_json"]

NAMING = frozenset({"suspected-demonstrator"})
"""Codes of findings about one demonstrator."""

CONTRADICTION = "contradictory-demonstrators"
"""Code of the findings that say who seeks and who avoids a feature."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FoundSuspects:
    """Evidence about demonstrators.

    Attributes:
        weighed: the fit that weighs everybody by it, and the one that believes everybody.
        comparison: of each alone with the others.
    """

    weighed: SuspectFit
    comparison: DemonstratorComparison

    @property
    def unnamed_findings(self) -> tuple[Finding, ...]:
        """The findings that name nobody."""
        return tuple(f for f in self.weighed.findings if f.code not in NAMING)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """With those about single demonstrators: who is suspected, and who seeks what others avoid."""
        return (*self.weighed.findings, *self.contradictions)

    @property
    def contradictions(self) -> tuple[Finding, ...]:
        """A finding for each weight about whose sign some are sure and disagree."""
        return tuple(f for f in self.comparison.findings if f.code == CONTRADICTION)


def check_suspects(demos: Demonstrations) -> None:
    """Refuse, before anything is fitted, too few demonstrators to tell one from the others.

    Args:
        demos: the decisions to be fitted.

    Raises:
        DataError: there are fewer than three demonstrators.
    """
    D = Units.of(demos, "demonstrator").n_units
    if D < FEWEST:
        raise DataError(
            f"`--suspects` compares each demonstrator with the others, and needs at least {FEWEST}; the log has {D}.",
            hint="Name the column of who decided in `data.demonstrator`, or look for `--intents` of trajectories."
            if D == 1
            else "Of two who contradict each other nobody is the odd one; `--intents` tells several intents apart.",
            n_demonstrators=D,
        )


def find_suspects(fit: Fit, *, l2: float = 0.0, key: int = 0) -> FoundSuspects:
    """The experts' weights, the evidence about everybody, and what each alone is sure of.

    Args:
        fit: of all together, with an answer.
        l2: penalty on the squared norm of the weights, in nats.
        key: of the starts.

    Raises:
        DataError: there are fewer than three demonstrators.
    """
    return FoundSuspects(
        weighed=fit_despite_suspects(
            fit.demos,
            fit.world,
            fit.features,
            rationality=fit.estimate.gauge.rationality,
            settings=SuspectSettings(level=1.0 - fit.level, l2=l2, key=key),
        ),
        comparison=compare_demonstrators(fit.demos, fit.world, fit.features, settings=FitSettings(l2=l2)),
    )


def suspects_json(fit: Fit) -> dict[str, Any] | None:
    """Both fits and how many are suspected, as JSON-able values, without anybody; None where it was not asked.

    Args:
        fit: of all together.
    """
    if fit.suspects is None:
        return None
    found = fit.suspects.weighed
    cleaned, naive = found.estimate, found.naive
    kind = preferred_kind(cleaned, fit.kind if fit.kind in cleaned.covariances else None)
    known = naive.is_identified.tolist()
    errors = found.share_errors.get("sandwich_clustered", np.full(3, np.nan))
    pairs = [(t.numerator, t.denominator) for t in fit.tradeoffs()]
    sides = {"believed": naive, "weighed": cleaned}
    tradeoffs = {
        side: [t.to_json() for t in all_tradeoffs(e, pairs, level=fit.level, kind=kind or None)]
        for side, e in sides.items()
    }
    is_answer = (
        found.outcome.ok
    )  # without a majority either side may be the experts: nothing is said about anybody
    return {
        "result": found.outcome.label,
        "advice": found.outcome.value,
        "level": found.level,
        "n_demonstrators": len(found.names),
        "n_suspected": found.n_suspected,
        "named_from": math.log(len(found.names) / found.level),
        "expected": {
            kind_of: _number(float(n)) if is_answer else None
            for kind_of, n in zip(KINDS_OF_DEMONSTRATOR, found.probabilities.sum(axis=0), strict=True)
        },
        "shares": {
            kind_of: {"share": _number(s), "standard_error": _number(e)} if is_answer else None
            for kind_of, s, e in zip(KINDS_OF_DEMONSTRATOR, found.shares, errors, strict=True)
        },
        "kind": kind,
        "weights": {
            name: {side: _weight(e, k, kind, is_known=known[k]) for side, e in sides.items()}
            for k, name in enumerate(naive.names)
        },
        "tradeoffs": [
            {"numerator": n, "denominator": d, **{side: tradeoffs[side][i] for side in sides}}
            for i, (n, d) in enumerate(pairs)
        ],
        "contradictions": [
            {
                "feature": f.evidence["feature"],
                **{f"n_{side}": len(f.evidence[side]) for side in ("seek", "avoid")},
            }
            for f in fit.suspects.contradictions
        ],
        "tests": fit.suspects.comparison.to_json()["tests"],
        "demonstrators": None,
        "findings": [f.to_json() for f in fit.suspects.unnamed_findings],
        "seconds": found.seconds,
    }


def evidence_about(found: SuspectFit) -> list[dict[str, Any]]:
    """The evidence about each demonstrator, in the order of pseudonyms: it is no ranking.

    Args:
        found: of ``find_suspects``, with an answer.
    """
    rows = []
    for i in sorted(range(len(found.names)), key=lambda i: found.names[i]):
        chances = found.probabilities[i].tolist()
        rows.append(
            {
                "name": found.names[i],
                "n_decisions": float(found.sizes[i]),
                "probabilities": dict(zip(KINDS_OF_DEMONSTRATOR, map(_number, chances), strict=True)),
                "nats_against": _number(float(found.evidence[i])),
                "is_suspected": bool(found.suspected[i]),
            }
        )
    return rows


def _weight(estimate: RewardEstimate, k: int, kind: str, *, is_known: bool) -> dict[str, float | None]:
    """One weight with its error; nothing where it cannot be told or there is no answer."""
    if not is_known or not estimate.outcome.ok:
        return {"weight": None, "standard_error": None}
    error = float(estimate.standard_errors(kind)[k]) if kind in estimate.covariances else math.nan
    return {"weight": _number(float(estimate.weights[k])), "standard_error": _number(error)}


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
