"""Intents as plain numbers: what each values with errors, its share, held-out likelihood by number, shares over time.

Nothing here is about a single demonstrator but ``leaning``, which is given only where the contract permits it.
Trajectories are not listed: their names may say who was there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from telic.inference.critical import critical_value
from telic.inference.mixture_result import IntentMixture
from telic.inference.ratios import normal_quantile
from telic.inference.tradeoffs import all_tradeoffs, preferred_kind
from telic.reports import Finding

from .intents import FoundIntents, OverTime

if TYPE_CHECKING:
    from .fit import Fit

__all__ = ["intents_json", "leaning"]

CHANGE_LEVEL, CLEAR_LEVEL = 0.05, 0.001
"""Levels of the test that shares change: from where it is said with care, and plainly."""


def intents_json(fit: Fit) -> dict[str, Any] | None:
    """The intents of a fit as JSON-able values, numbers null where there is no answer; None where none were sought.

    Args:
        fit: of all together.
    """
    found = fit.intents
    if found is None:
        return None
    mixture = found.mixture
    gone = vanished(mixture.findings)
    carriers = _people_of_each(found)
    return {
        "result": mixture.outcome.label,
        "advice": mixture.outcome.value,
        "n_intents": mixture.n_components,
        "is_chosen": found.choice is not None,
        "unit": mixture.unit,
        "n_units": len(mixture.unit_names),
        "n_people": len(found.people),
        "level": fit.level,
        "log_likelihood": _number(mixture.log_likelihood),
        "gain_over_one": _number(mixture.log_likelihood - mixture.pooled.choice_log_likelihood),
        "expected_errors": _number(mixture.expected_errors) if mixture.outcome.ok else None,
        "tried": _tried(found),
        "intents": [
            _intent(fit, mixture, j, is_vanished=j in gone, n_people=carriers[j])
            for j in range(mixture.n_components)
        ],
        "over_time": None if found.over_time is None else _over_time(found.over_time, mixture.n_components),
        "not_over_time": found.not_over_time,
        "leaning": None,
        "starts": mixture.n_starts,
        "starts_at_this_top": mixture.n_reached,
        "findings": [f.to_json() for f in found.findings],
        "seconds": mixture.seconds,
    }


def leaning(found: FoundIntents) -> list[dict[str, Any]]:
    """For each demonstrator by pseudonym, in the order of pseudonyms, the expected share of each intent.

    Args:
        found: with an answer.
    """
    rows = []
    for d, name in sorted(enumerate(found.people), key=lambda pair: pair[1]):
        mine = found.mixture.responsibilities[found.who == d]
        if len(mine):
            rows.append({"name": name, "n_units": len(mine), "shares": mine.mean(axis=0).tolist()})
    return rows


def vanished(findings: tuple[Finding, ...]) -> frozenset[int]:
    """Intents, from 0, that nobody has.

    Args:
        findings: of a mixture.
    """
    return frozenset(int(f.evidence["component"]) - 1 for f in findings if f.code == "component-vanished")


def _intent(
    fit: Fit, mixture: IntentMixture, j: int, *, is_vanished: bool, n_people: int | None
) -> dict[str, Any]:
    """Share, weights and trade-offs of one intent; a vanished one has a share alone."""
    names = mixture.pooled.names
    share = float(mixture.shares[j])
    told: dict[str, Any] = {
        "share": _number(share),
        "interval": _share_interval(mixture, j, fit.level),
        "is_vanished": is_vanished,
        "n_people": n_people,
        "kind": "",
        "weights": dict.fromkeys(names),
        "standard_errors": dict.fromkeys(names),
        "intervals": dict.fromkeys(names),
        "tradeoffs": [],
    }
    if is_vanished or not mixture.outcome.ok:
        return told
    estimate = mixture.component(j)
    known = dict(zip(names, mixture.pooled.is_identified.tolist(), strict=True))
    kind = preferred_kind(estimate, fit.kind if fit.kind in estimate.covariances else None)
    told["kind"] = kind
    told["weights"] = {
        n: _number(w) if known[n] else None for n, w in zip(names, mixture.weights[j].tolist(), strict=True)
    }
    if kind:
        errors = dict(zip(names, mixture.standard_errors(kind)[j].tolist(), strict=True))
        reach = critical_value(estimate, kind, level=fit.level).value
        told["standard_errors"] = {n: _number(errors[n]) if known[n] else None for n in names}
        told["intervals"] = {
            n: [w - reach * errors[n], w + reach * errors[n]]
            if w is not None and math.isfinite(reach * errors[n])
            else None
            for n, w in told["weights"].items()
        }
    pairs = [(t.numerator, t.denominator) for t in fit.tradeoffs()]
    told["tradeoffs"] = [
        t.to_json() for t in all_tradeoffs(estimate, pairs, level=fit.level, kind=kind or None)
    ]
    return told


def _share_interval(mixture: IntentMixture, j: int, level: float) -> list[float] | None:
    """Normal on the scale of log-odds, so that it stays between 0 and 1; None where there is no error."""
    share = float(mixture.shares[j])
    errors = mixture.share_errors.get("sandwich_clustered")
    if errors is None or mixture.n_components == 1 or not 0.0 < share < 1.0 or not math.isfinite(errors[j]):
        return None
    centre = math.log(share / (1.0 - share))
    reach = normal_quantile(level) * float(errors[j]) / (share * (1.0 - share))
    return [1.0 / (1.0 + math.exp(-(centre + side * reach))) for side in (-1.0, 1.0)]


def _tried(found: FoundIntents) -> list[dict[str, Any]]:
    """Held-out likelihood by number, with what it wins over one intent and over one fewer."""
    choice = found.choice
    if choice is None:
        return []
    total = float(choice.unit_sizes.sum())
    rows = []
    for i, n in enumerate(choice.tried):
        nats = float(choice.held_out[i].sum())
        over_one, over_fewer = (choice.gain(n, other) if n > 1 else None for other in (1, n - 1))
        rows.append(
            {
                "n_intents": n,
                "nats_per_decision": _number(nats / total),
                "gain_over_one": _triple(over_one),
                "gain_over_one_fewer": _triple(over_fewer),
            }
        )
    return rows


def _triple(gain: tuple[float, float, float] | None) -> dict[str, Any] | None:
    if gain is None or not all(map(math.isfinite, gain)):
        return None
    return {"value": gain[0], "interval": list(gain[1:])}


def _over_time(over: OverTime, n_intents: int) -> dict[str, Any]:
    B = len(over.n_units)
    s = over.shares
    periods = [
        {
            "from": over.labels[b],
            "until": over.labels[b + 1],
            "begin": float(over.edges[b]),
            "end": float(over.edges[b + 1]),
            "n_units": int(over.n_units[b]),
            "n_people": int(over.n_people[b]),
            "shares": [
                {
                    "share": float(s.shares[b, j]),
                    "interval": (
                        [float(s.lower[b, j]), float(s.upper[b, j])] if np.isfinite(s.lower[b, j]) else None
                    ),
                }
                for j in range(n_intents)
            ],
        }
        for b in range(B)
    ]
    return {
        "by": "time" if over.is_timed else "order",
        "reason": over.reason,
        "periods": periods,
        "p_value": _number(over.p_value),
        "sentence": _change_words(over, n_intents),
    }


def _change_words(over: OverTime, n_intents: int) -> str:
    """Whether the shares change, in a sentence."""
    when = "from period to period" if over.is_timed else "along the log"
    p = over.p_value
    if not math.isfinite(p):
        return ""
    shown = "p = 0.001, the smallest possible here" if p <= CLEAR_LEVEL else f"p = {p:.2g}"
    test = f"(permutation test over {len(over.n_units)} periods, {shown})"
    if p >= CHANGE_LEVEL:
        return f"Nothing shows that the shares of the intents change {when} {test}."
    first, last = over.shares.shares[0], over.shares.shares[-1]
    j = int(np.abs(last - first).argmax())
    change = (
        f"intent {j + 1} has {100 * first[j]:.0f} % in the first period and {100 * last[j]:.0f} % in the last"
    )
    verb = "change" if p <= CLEAR_LEVEL else "seem to change"
    return f"The shares of the {n_intents} intents {verb} {when} {test}: {change}."


def _people_of_each(found: FoundIntents) -> list[int | None]:
    """Demonstrators with a unit that most probably has the intent; None where there is no answer."""
    mixture = found.mixture
    if not mixture.outcome.ok:
        return [None] * mixture.n_components
    return [len(np.unique(found.who[mixture.assigned == j])) for j in range(mixture.n_components)]


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
