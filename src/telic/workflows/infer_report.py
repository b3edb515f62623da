"""The result of ``infer`` as a terminal shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telic.inference.wording import join_words
from telic.reports import Outcome, Report, Section, Table

from .assumptions import held_words
from .findings import finding_from
from .intents_words import intents_items
from .over_time_words import over_time_items
from .page_answer import environments_told
from .page_parts import sentence_case, title_of, turning_table, untold_weights
from .posterior_words import posterior_items
from .suspects_words import suspects_items

__all__ = ["infer_report", "outcome_named"]


def outcome_named(label: str) -> Outcome:
    """The outcome with this label (``Outcome.label``)."""
    return next(outcome for outcome in Outcome if outcome.label == label)


def infer_report(data: Mapping[str, Any]) -> Report:
    """The result for a terminal: trade-offs, weights, what cannot be told, held-out, how far it holds,
    findings.

    Args:
        data: of ``result_of``.
    """
    everyone = {**data["people"], ("all together" if data["people"] else "all"): data}
    trade = Table(
        title="",
        columns=("one unit of", "in units of", "by", "value", "lower", "upper", "unit"),
        rows=tuple(
            (
                t["numerator"],
                t["denominator"],
                who,
                t["value"],
                *(t["interval"] or (None, None)),
                t["unit"] if t["value"] is not None else "cannot be told",
            )
            for i in range(len(data["tradeoffs"]))
            for who, fit in everyone.items()
            for t in fit["tradeoffs"][i : i + 1]
        ),
        note=f"{sentence_case(data['interval_words'])}. Each interval stands for itself. {_held(data)}",
        digits=3,
    )
    untold = untold_weights(data)
    weights = Table(
        title="",
        columns=(
            "feature",
            "one unit is",
            "weight",
            *(f"SE {k.replace('_', ' ')}" for k in data["standard_errors"]),
        ),
        rows=tuple(
            (
                name,
                data["units"][name],
                None if name in untold else weight,
                *(e[name] for e in data["standard_errors"].values()),
            )
            for name, weight in data["weights"].items()
        ),
        note=" ".join(
            part
            for part in (
                data["standard_errors_note"],
                "Intervals of trade-offs add what estimating the transitions contributes."
                if data["standard_errors_dynamics"]
                else "",
            )
            if part
        ),
    )
    held = data["held_out"]
    grids = [pair["curves"][0] for pair in (*data["profiles"][:1], *data["resolution"][:1])]
    reach = [f"{curve['grid'][0]:g} to {curve['grid'][-1]:g}" for curve in grids]
    settled = Table(
        title="",
        columns=("one unit of", "in units of", "by", "otherwise at discount", "otherwise at resolution"),
        rows=tuple(
            (
                pair["numerator"],
                pair["denominator"],
                curve["who"],
                _changes(curve),
                _changes(data["resolution"][i]["curves"][k]) if i < len(data["resolution"]) else "",
            )
            for i, pair in enumerate(data["profiles"])
            for k, curve in enumerate(pair["curves"])
        ),
        note=(
            "Where sign or size against 1 come out otherwise, of discounts"
            f" {' and resolutions '.join(reach)}."
        ),
    )
    worst = [f for f in data["findings"] if f["severity"] in ("error", "warning")]
    answer = [
        Section(
            title="What is worth what",
            items=(trade, *([data["caution"]] if data["caution"] else [])),
            anchor="tradeoffs",
        ),
        Section(
            title="Do they differ?",
            items=((data["difference"]["sentence"],) if data["difference"] else ()),
            anchor="difference",
        ),
        Section(
            title="Weights, all together" if data["people"] else "Weights", items=(weights,), anchor="weights"
        ),
        Section(title="The posterior", items=tuple(posterior_items(data)), anchor="posterior"),
        Section(title="Several intents", items=tuple(intents_items(data)), anchor="intents"),
        Section(title="Demonstrators weighed", items=tuple(suspects_items(data)), anchor="suspects"),
        Section(title="Weights over time", items=tuple(over_time_items(data)), anchor="over-time"),
        Section(
            title="What the data cannot tell",
            items=(
                *(data["identifiability"]["words"] or ("Choices tell every weight.",)),
                *environments_told(data["identifiability"], n_weights=len(data["weights"])),
            ),
            anchor="nullity",
        ),
        Section(
            title="Held-out decisions",
            items=(held["sentence"],) if held else ("None were held out.",),
            anchor="held-out",
        ),
        Section(
            title="How far that holds",
            items=(*((settled,) if settled.rows else ()), *turning_table(data)),
            anchor="robustness",
        ),
    ]
    # Where a fit has no answer, no number of it is shown as if it had.
    noted = Section(title="Findings", items=tuple(finding_from(f) for f in worst), anchor="findings")
    sections = [*answer, noted] if data["result"] == Outcome.SUCCESS.label else [noted]
    return Report(
        title=title_of(data),
        headline=data["headline"],
        sections=tuple(s for s in sections if s.items),
        data=data,
    )


def _held(data: Mapping[str, Any]) -> str:
    held = held_words(data["fixed_by_assumption"])
    return f"Fixed by assumption: {held}." if held else ""


def _changes(curve: Mapping[str, Any]) -> str:
    """Where a conclusion comes out otherwise."""
    return join_words([f"{x['at']:g}" for x in curve["flips"]]) or "nowhere"
