"""A result to hand on: what a group values, and nothing about single people.

The page of a project may show each demonstrator by pseudonym, for the purpose that the contract states, to those
who work with the project. What leaves it is about at least ``people.min_group`` people together. Whatever is about
one of them is taken out of the numbers before a page is made of them, so that page and JSON twin both lack it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from telic.contract import TaskContract
from telic.errors import SettingsError

from .assumptions import held_words
from .infer import EVERYBODY

__all__ = ["about_the_group"]


def about_the_group(contract: TaskContract, data: Mapping[str, Any]) -> dict[str, Any]:
    """The result without single people.

    Args:
        contract: its ``people`` block.
        data: of ``infer``.

    Raises:
        SettingsError: the contract has no ``people`` block, or fewer people decided than it wants together.
    """
    if contract.people is None:
        raise SettingsError(
            "A page about a group needs to know how many people make one; the contract has no `people` block.",
            hint="Add `people` with `min_group`; without it the page names no single person either.",
        )
    names = [d["name"] for d in data["dataset"]["demonstrators"]]
    count = sum(d["n_decisions"] > 0 for d in data["dataset"]["demonstrators"])
    least = contract.people.min_group
    if count < least:
        raise SettingsError(
            f"Figures are handed on about at least {least} people together (people.min_group); {count} decided.",
            hint="Add the decisions of more people; the project's own page stays with those it is for.",
            n_people=count,
            min_group=least,
        )
    note = f"These figures are about {count} people together; nothing here is about one of them."
    found = {
        **data,
        "group": {"n_people": count, "min_group": least},
        "people": {},
        "headline": _headline(data),
        "caution": _without(data["caution"], names),
        "findings": _unnamed(data["findings"], names),
        "profiles": [_pooled(pair) for pair in data["profiles"]],
        "resolution": [_pooled(pair) for pair in data["resolution"]],
        "intents": _of_many(data.get("intents"), least),
        "suspects": _unevidenced(data.get("suspects")),
        "over_time": _over_enough(data.get("over_time"), least),
        "dataset": {
            **data["dataset"],
            "demonstrators": [],
            "people_note": note,
            "sentence": f"{data['dataset']['sentence']} {note}",
        },
    }
    if data["markov"] is not None:
        found["markov"] = {**data["markov"], "findings": _unnamed(data["markov"]["findings"], names)}
    assert not _names_in(found, names), "a pseudonym was left in a page about the group"
    return found


def _of_many(told: Mapping[str, Any] | None, least: int) -> Mapping[str, Any] | None:
    """Intents without where single people lean; without numbers where an intent or a period is about too few."""
    if told is None:
        return None
    carriers = [x["n_people"] for x in told["intents"] if x["n_people"] is not None]
    if told["unit"] == "demonstrator" or any(n < least for n in carriers):
        return {
            "withheld": f"Intents are not handed on: fewer than {least} people may stand behind one of them."
        }
    over = told["over_time"]
    kept = {**told, "leaning": None}
    if over is not None and any(p["n_people"] < least for p in over["periods"]):
        kept["over_time"] = None
        kept["not_over_time"] = (
            f"Shares over time are not handed on: fewer than {least} people decided in one of the periods."
        )
    return kept


def _unevidenced(told: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Both fits and how many are suspected, without who."""
    return None if told is None else {**told, "demonstrators": None}


def _over_enough(told: Mapping[str, Any] | None, least: int) -> Mapping[str, Any] | None:
    """Weights over time, unless a block is about too few."""
    if told is None or all(p["n_people"] >= least for p in told["periods"]):
        return told
    return {"withheld": f"Not handed on: fewer than {least} people decided in one of the blocks of time."}


def _headline(data: Mapping[str, Any]) -> str:
    """The first trade-off of all together; where there is none, the sentence stands as it was."""
    if not data["tradeoffs"] or not data["people"]:
        return str(data["headline"])
    return (
        f"{data['tradeoffs'][0]['sentence']} Fixed by assumption: {held_words(data['fixed_by_assumption'])}."
    )


def _pooled(pair: Mapping[str, Any]) -> dict[str, Any]:
    return {**pair, "curves": [c for c in pair["curves"] if c["who"] == EVERYBODY]}


def _unnamed(findings: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[Mapping[str, Any]]:
    return [f for f in findings if not _names_in(f, names)]


def _without(words: str, names: Sequence[str]) -> str:
    """The sentences that name nobody; nothing where only their introduction would be left."""
    sentences = words.split(". ")
    kept = [s for s in sentences if not _names_in(s, names)]
    return words if kept == sentences else f"{'. '.join(kept).rstrip('.')}." if len(kept) > 1 else ""


def _names_in(value: Any, names: Sequence[str]) -> bool:
    text = json.dumps(value, ensure_ascii=False)
    return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) for name in names)
