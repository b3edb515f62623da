"""What a posterior says, for a terminal and for a page: trade-offs beside Fieller's, what the prior decides, chains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from telic.reports import Figure, Outcome, Table
from telic.rewards import describe_direction

from .figures import Labels, curves, pairs
from .findings import finding_from
from .page_parts import Item, everyone_in

__all__ = ["posterior_items", "posterior_of"]

MOST_DIRECTIONS = 5
"""Combinations of weights whose share of the prior is said."""

OPEN_SHARE = 0.05
"""Share of the prior from where a combination is worth a sentence."""


def posterior_items(data: Mapping[str, Any]) -> list[Item]:
    """Sentences and tables; empty where no posterior was asked for.

    Args:
        data: of ``infer``.
    """
    asked = _asked(data)
    if not asked:
        return []
    items: list[Item] = [
        finding_from(f)
        for p in asked.values()
        if not _is_answer(p)
        for f in p["findings"]
        if f["severity"] == "error"
    ]
    items += [
        f"{who}: no posterior; the chains are not an answer. {p['advice']}"
        for who, p in asked.items()
        if not _is_answer(p)
    ]
    items.append(_made(data, next(iter(reversed(asked.values())))))
    answers = {who: p for who, p in asked.items() if _is_answer(p)}
    if answers:
        items += [_tradeoffs(data, answers), _shares(answers), *_directions(answers)]
    items.append(_chains(asked))
    return items


def posterior_of(data: Mapping[str, Any]) -> list[Item]:
    """The same for a page, with densities of trade-offs and the draws of all together, each against each.

    Args:
        data: of ``infer``.
    """
    items = posterior_items(data)
    answers = {who: p for who, p in _asked(data).items() if _is_answer(p)}
    drawn: list[Item] = [f for i in range(len(data["tradeoffs"])) if (f := _density(answers, i)) is not None]
    pooled = data.get("posterior")
    if pooled and _is_answer(pooled) and len(pooled["weights"]) > 1:
        drawn.append(_pairs(pooled, is_of_all=bool(data["people"])))
    last = next((i for i, x in enumerate(items) if isinstance(x, Table)), len(items))
    return [*items[: last + 1], *drawn, *items[last + 1 :]]


def _asked(data: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {who: fit["posterior"] for who, fit in everyone_in(data).items() if fit.get("posterior")}


def _is_answer(told: Mapping[str, Any]) -> bool:
    return bool(told["result"] == Outcome.SUCCESS.label)


def _made(data: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    how = (
        f"{told['n_draws']:,} draws from the exact posterior ({told['n_chains']} chains of the no-U-turn sampler)"
        if told["method"] == "nuts"
        else f"{told['n_draws']:,} draws from the normal approximation of the posterior at its mode"
    )
    error = (
        "the error of estimating them is in Fieller's intervals, not in these. "
        if data["standard_errors_dynamics"]
        else ""
    )
    return (
        f"{how[0].upper()}{how[1:]}, conditional on {told['conditional_on']}, which are taken as estimated"
        f"{'; ' + error if error else '. '}Decisions are independent given their states here. Prior:"
        f" {told['prior']['source']}."
    )


def _tradeoffs(data: Mapping[str, Any], answers: Mapping[str, Any]) -> Table:
    everyone = everyone_in(data)
    rows = []
    for i in range(len(data["tradeoffs"])):
        for who, p in answers.items():
            fitted, found = everyone[who]["tradeoffs"][i], p["tradeoffs"][i]
            rows.append(
                (
                    found["numerator"],
                    found["denominator"],
                    who,
                    fitted["value"],
                    *(fitted["interval"] or (None, None)),
                    found["value"],
                    *(found["interval"] or (None, None)),
                    found["prior_share"],
                )
            )
    level = 100 * next(iter(answers.values()))["level"]
    return Table(
        title="Trade-offs: Fieller's interval beside the posterior's",
        columns=(
            "one unit of",
            "in units of",
            "by",
            "fitted",
            "lower",
            "upper",
            "posterior median",
            "lower ",
            "upper ",
            "prior's share",
        ),
        rows=tuple(rows),
        note=(
            f"Intervals of {level:g} %. No number where the sign of what is divided by is not settled. The prior's"
            " share: posterior over prior variance; 1 where the decisions say nothing."
        ),
        digits=3,
    )


def _shares(answers: Mapping[str, Any]) -> Table:
    who = "all together" if "all together" in answers else next(iter(answers))
    p = answers[who]
    of_whom = "" if len(answers) == 1 else f", {who}"
    return Table(
        title=f"Belief about each weight{of_whom}, and the prior's share in it",
        columns=("feature", "prior SD", "mean", "SD", "lower", "upper", "P(> 0)", "prior's share"),
        rows=tuple(
            (
                name,
                p["prior"]["weights"][name]["standard_deviation"],
                w["mean"],
                w["standard_deviation"],
                *w["interval"],
                w["probability_positive"],
                w["prior_share"],
            )
            for name, w in p["weights"].items()
        ),
        note="Every prior is normal around 0. P(> 0): probability that the weight is above 0.",
        digits=3,
    )


def _directions(answers: Mapping[str, Any]) -> list[Item]:
    """What the prior decides to more than a twentieth, in words."""
    said: list[Item] = []
    for who, p in answers.items():
        names = list(p["weights"])
        by = f"{who}: " if len(answers) > 1 else ""
        for d in p["prior_directions"][:MOST_DIRECTIONS]:
            if d["share"] >= OPEN_SHARE:
                row = np.array([d["direction"].get(n, 0.0) for n in names])
                alone = [n for n, c in zip(names, row, strict=True) if c]
                what = alone[0] if len(alone) == 1 else describe_direction(names, row)
                said.append(f"{by}{100 * d['share']:.3g} % of what is known about {what} is the prior.")
    return said or [f"The prior decides less than {100 * OPEN_SHARE:g} % of every combination of weights."]


def _chains(asked: Mapping[str, Any]) -> Table:
    rows = []
    for who, p in asked.items():
        d = p["diagnostics"]
        rows.append(
            (
                who,
                "yes" if _is_answer(p) else "no",
                f"{p['n_chains']} of {p['n_draws'] // p['n_chains']:,}",
                max(d["r_hat"].values()),
                round(min(d["bulk_ess"].values())),
                round(min(d["tail_ess"].values())),
                d["n_divergent"],
            )
        )
    return Table(
        title="Whether the draws can be trusted",
        columns=(
            "posterior of",
            "an answer",
            "chains",
            "largest R-hat",
            "least bulk ESS",
            "least tail ESS",
            "diverged",
        ),
        rows=tuple(rows),
        note="An answer: R-hat at most 1.01, 100 effective draws a chain, one draw in 200 diverged at most.",
        digits=4,
    )


def _density(answers: Mapping[str, Any], i: int) -> Figure | None:
    """Densities of one trade-off, everybody's, with that of the prior."""
    known = {who: p["densities"][i] for who, p in answers.items() if p["densities"][i] is not None}
    if not known:
        return None
    first = next(iter(known.values()))
    x = np.linspace(min(d["x"][0] for d in known.values()), max(d["x"][-1] for d in known.values()), 161)
    lines = [
        ("posterior" if len(known) == 1 else who, np.interp(x, d["x"], d["density"], left=0.0, right=0.0))
        for who, d in known.items()
    ]
    scale = first["prior_scale"]
    lines.append(("prior", scale / (np.pi * (scale**2 + x**2))))
    return curves(
        x,
        lines,
        Labels(
            title=f"{first['against']}, after the decisions",
            x=first["unit"],
            y="probability density",
            caption=(
                "Where a line is high, that value is likely. A prior that is flat beside the others decides little."
            ),
        ),
    )


def _pairs(told: Mapping[str, Any], *, is_of_all: bool) -> Figure:
    names = list(told["weights"])
    sds = [told["prior"]["weights"].get(n, {}).get("standard_deviation", 0.0) for n in names]
    draws = np.asarray(told["shown"], dtype=np.float64)
    return pairs(
        names,
        draws,
        sds,
        Labels(
            title="Weights after the decisions, each against each" + (", all together" if is_of_all else ""),
            caption=(
                f"{len(draws)} of {told['n_draws']:,} draws. Filled steps on the diagonal: posterior; dashed: prior."
                " Below it each dot is a draw, above it stand correlations: two weights that rise together can only"
                " be told as a pair."
                + (" The first five weights (three on a phone)." if len(names) > 3 else "")
            ),
        ),
    )
