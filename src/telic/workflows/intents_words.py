"""What intents say, for a terminal and for a page: how many, what each values, how common each is, over time too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telic.inference.wording import plural
from telic.reports import Outcome, Table

from .findings import finding_from
from .intents_figures import gains_figure, intents_counted, shares_figure, tradeoff_figures
from .page_parts import Item

__all__ = ["intents_items", "intents_of"]

LEFT_TO_OTHERS = frozenset({"feature-without-effect", "null-direction"})
"""Codes of findings that stand in another section."""

LEAST_SHOWN = 0.1
"""Percent below which a share is not written out."""


def intents_items(data: Mapping[str, Any]) -> list[Item]:
    """Sentences and tables; empty where no intents were sought.

    Args:
        data: of ``infer``.
    """
    told = data.get("intents")
    if not told:
        return []
    if "withheld" in told:
        return [told["withheld"]]
    said = [
        finding_from(f)
        for f in told["findings"]
        if f["severity"] in ("error", "warning") and f["code"] not in LEFT_TO_OTHERS
    ]
    if told["result"] != Outcome.SUCCESS.label:
        fewer = (
            "what was found is no answer. Ask for fewer (`--intents auto` finds how many the decisions hold), or give"
            " `--l2`."
        )
        return [*said, f"No intents: {fewer if said else told['advice']}", *_numbers(told)]
    items: list[Item] = [_how_many(told), *said, *_numbers(told)]
    if told["n_intents"] > 1:
        items += [_weights(data, told), *_tradeoffs(told), *_over_time(told), *_leaning(told)]
    items.append(_assumed(told))
    return items


def intents_of(data: Mapping[str, Any]) -> list[Item]:
    """The same for a page, with held-out gains and shares over time drawn too, and trade-offs drawn instead of listed.

    Args:
        data: of ``infer``.
    """
    items = intents_items(data)
    told = data.get("intents")
    if not told or "withheld" in told or told["result"] != Outcome.SUCCESS.label:
        return items
    drawn: list[Item] = []
    for item in items:
        title = item.title if isinstance(item, Table) else ""
        if title.startswith("Trade-offs"):
            drawn += tradeoff_figures(data, told)
            continue
        drawn.append(item)
        if title.startswith("How many"):
            drawn += gains_figure(told)
        elif title.startswith("Shares"):
            drawn.append(shares_figure(told))
    return drawn


def _units(told: Mapping[str, Any], n: int | None = None) -> str:
    return str(told["unit"]) if n == 1 else plural(told["unit"])


def _how_many(told: Mapping[str, Any]) -> str:
    J, U = told["n_intents"], told["n_units"]
    among = f"among {U:,} {_units(told, U)}"
    if not told["is_chosen"]:
        gain = (
            f" {intents_counted(J)} explain{'s' * (J == 1)} {told['gain_over_one']:,.1f} nats more than one."
        )
        return f"{intents_counted(J)} {among}, a number that was given.{gain if J > 1 else ''}{_shares_words(told)}"
    most = told["tried"][-1]["n_intents"]
    how = (
        f"numbers up to {most} were tried on {plural(told['unit'])} that the mixture had not seen, and no larger one"
        " is surely better"
        if most > 1
        else f"{U:,} {_units(told, U)} are too few to try another number"
    )
    if J == 1:
        return f"One intent {among}: {how}."
    return f"{intents_counted(J)} {among}: {how}.{_shares_words(told)}"


def _shares_words(told: Mapping[str, Any]) -> str:
    """The share of each intent with its interval, the commonest first, in a sentence."""
    if told["n_intents"] == 1:
        return ""
    parts = [f"intent {j + 1} has {_percent(x)}" for j, x in enumerate(told["intents"])]
    return f" Of the {_units(told)}, {'; '.join(parts)} (intervals of {100 * told['level']:g} %)."


def _percent(share: Mapping[str, Any]) -> str:
    """``57 % [31, 80]``."""
    if share["share"] is None:
        return "none"
    if share["interval"] is None:
        return f"{100 * share['share']:.0f} %"
    low, high = share["interval"]
    return f"{100 * share['share']:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"


def _numbers(told: Mapping[str, Any]) -> list[Item]:
    """Held-out likelihood by number of intents."""
    if len(told["tried"]) < 2:
        return []
    rows = []
    for row in told["tried"]:
        one, fewer = (
            (row[k]["value"], *row[k]["interval"]) if row[k] else (None, None, None)
            for k in ("gain_over_one", "gain_over_one_fewer")
        )
        rows.append((row["n_intents"], row["nats_per_decision"], *one, *fewer))
    return [
        Table(
            title="How many intents: likelihood of what the mixture had not seen",
            columns=(
                "intents",
                "nats a decision",
                "won over one",
                "lower",
                "upper",
                "won over one fewer",
                "lower ",
                "upper ",
            ),
            rows=tuple(rows),
            note=(
                f"Won: nats of all held-out {_units(told)} together, with intervals of {100 * told['level']:g} % paired"
                f" by {told['unit']}. Taken is the smallest number that no larger one surely beats."
            ),
            digits=4,
        )
    ]


def _weights(data: Mapping[str, Any], told: Mapping[str, Any]) -> Table:
    intents = told["intents"]
    kind = next((x["kind"] for x in intents if x["kind"]), "")
    made = (
        f"Errors: {'sandwich' if kind == 'sandwich_clustered' else 'observed information'}"
        f"{' by ' + told['unit'] if kind == 'sandwich_clustered' else ''}, with the transitions as known."
        if kind
        else "There are no standard errors: the data do not tell these intents apart."
    )
    gone = [
        f"Intent {j + 1} has no weights: nobody has it." for j, x in enumerate(intents) if x["is_vanished"]
    ]
    return Table(
        title="Weights of each intent, beside those of all together",
        columns=(
            "feature",
            *(f"{word}{j + 1}" for j in range(len(intents)) for word in ("intent ", "SE ")),
            "all together",
        ),
        rows=tuple(
            (
                name,
                *(x[key][name] for x in intents for key in ("weights", "standard_errors")),
                data["weights"][name] if intents[0]["weights"][name] is not None else None,
            )
            for name in data["weights"]
        ),
        note=" ".join((made, *gone)),
        digits=3,
    )


def _tradeoffs(told: Mapping[str, Any]) -> list[Item]:
    rows = [
        (
            t["numerator"],
            t["denominator"],
            f"intent {j + 1}",
            t["value"],
            *(t["interval"] or (None, None)),
            t["unit"] if t["value"] is not None else "cannot be told",
        )
        for i in range(max(len(x["tradeoffs"]) for x in told["intents"]))
        for j, x in enumerate(told["intents"])
        for t in x["tradeoffs"][i : i + 1]
    ]
    if not rows:
        return []
    return [
        Table(
            title="Trade-offs of each intent",
            columns=("one unit of", "in units of", "by", "value", "lower", "upper", "unit"),
            rows=tuple(rows),
            note=f"Fieller intervals of {100 * told['level']:g} %, with the transitions as known.",
            digits=3,
        )
    ]


def _over_time(told: Mapping[str, Any]) -> list[Item]:
    over = told["over_time"]
    if over is None:
        return [told["not_over_time"]] if told["not_over_time"] else []
    items: list[Item] = []
    if over["reason"]:
        items.append(
            f"{over['reason']}, so shares are shown by the order in which {plural('trajectory')} stand in the dataset."
        )
    periods = over["periods"]
    if told["unit"] == "demonstrator":
        items.append("Each demonstrator keeps one intent, so what moves over time is who decided.")
    if over["sentence"]:
        items.append(over["sentence"])
    counted = "trajectories"
    items.append(
        Table(
            title=f"Shares of the intents {'over time' if over['by'] == 'time' else 'along the log'}",
            columns=("begun from", counted, *(f"intent {j + 1}" for j in range(told["n_intents"]))),
            rows=tuple(
                (p["from"], f"{p['n_units']:,}", *(_percent(s) for s in p["shares"])) for p in periods
            ),
            note=_shares_note(told),
        )
    )
    return items


def _shares_note(told: Mapping[str, Any]) -> str:
    if told["unit"] == "demonstrator":
        return "Share of the trajectories of a period, by the intent of whoever decided; without intervals."
    return (
        f"Intervals of {100 * told['level']:g} % for each share by itself (Jeffreys), given the intents above. They"
        " take trajectories as independent: where the same few people decide, who was there moves the shares too."
    )


def _leaning(told: Mapping[str, Any]) -> list[Item]:
    if not told["leaning"]:
        return []
    is_by_person = told["unit"] == "demonstrator"
    counted = () if is_by_person else (_units(told),)
    what = (
        "Probability of each to have each intent"
        if is_by_person
        else (f"Expected share of the {_units(told)} of each with each intent")
    )
    return [
        Table(
            title="Where each demonstrator leans",
            columns=("demonstrator", *counted, *(f"intent {j + 1}" for j in range(told["n_intents"]))),
            rows=tuple(
                (
                    d["name"],
                    *(() if is_by_person else (f"{d['n_units']:,}",)),
                    *(f"{100 * s:.0f} %" for s in d["shares"]),
                )
                for d in told["leaning"]
            ),
            note=f"{what}. Pseudonyms, in their own order; it is no ranking, and no intent is the right one.",
        )
    ]


def _assumed(told: Mapping[str, Any]) -> str:
    keeps = f"Taken for granted: each {told['unit']} keeps one intent; all choose as softly, in the world as estimated."
    if told["n_intents"] == 1:
        return keeps
    wrong = 100 * told["expected_errors"]
    shown = f"{wrong:.3g} %" if wrong >= LEAST_SHOWN else f"fewer than {LEAST_SHOWN:g} %"
    start = (
        f" Of {told['starts']} starts {told['starts_at_this_top']} reached the highest likelihood."
        if told["starts"] > 1
        else ""
    )
    return (
        f"{keeps} If the mixture is right, {shown} of the {_units(told)} would be put with the wrong intent."
        f"{start}"
    )
