"""The words of a page that not every reader knows, in a sentence each; only those that the page uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telic.reports import Table

from .page_parts import Item

__all__ = ["words_of"]

ERRORS = {
    "hessian": "from the curvature of the likelihood; right if people choose as assumed, decision by decision",
    "outer_product": "from the spread of the decisions' scores; right under the same condition",
    "sandwich": "from both; right also where people choose only roughly as assumed",
    "sandwich_clustered": "the same with the decisions of a trajectory taken as one; right also if they depend",
}
"""What each kind of standard error rests on."""


def words_of(data: Mapping[str, Any]) -> list[Item]:
    """A table of words and meanings.

    Args:
        data: of ``infer``.
    """
    fixed = data["fixed_by_assumption"]
    rows: list[tuple[str, str]] = [
        (
            "trade-off",
            "what one unit of one feature is worth in units of another: the ratio of their weights",
        ),
        (
            "weight",
            "what one unit of a feature adds to the reward of a decision; a minus sign: it is avoided",
        ),
    ]
    if "discount" in fixed:
        rows.append(("discount", "how much the reward of the next decision counts beside that of this one"))
    if "rationality" in fixed or data["rationality"]:
        rows.append(
            (
                "rationality",
                "how surely the better action is taken: at 1, one that is better by 1 in reward to come is taken"
                " 2.7 times as often; at 0 all are taken alike",
            )
        )
    if "Fieller" in data["interval_words"]:
        rows.append(("Fieller interval", "of a ratio, and right also where the denominator may be near zero"))
    rows += [
        (f"SE {kind.replace('_', ' ')}", ERRORS[kind]) for kind in data["standard_errors"] if kind in ERRORS
    ]
    if data["standard_errors_dynamics"]:
        rows.append(("SE of dynamics", "what not knowing exactly how the world answers adds to the error"))
    rows.append(("gauge", "which one is written down of the weights that explain the choices equally well"))
    if data["held_out"]:
        rows += [
            ("held out", "set aside before anything was fitted, whole trajectories at a time"),
            (
                "nat",
                "unit of the logarithm of a probability: 0.1 nats a decision more makes what was done 1.1 times as"
                " likely, decision by decision",
            ),
            (
                "cloning",
                "predicting the shares in which the actions were taken in each state, without a reward",
            ),
            ("uniform choice", "predicting that all actions are equally likely"),
        ]
    if data.get("intents"):
        rows.append(
            ("intent", "a set of weights that part of the log has in common; choices alone tell which part")
        )
    if data.get("suspects"):
        rows.append(
            (
                "expert, random, adversarial",
                "one who acts by the weights of the others, who takes every possible action alike, who acts by their"
                " opposite",
            )
        )
    if data["calibration"]:
        rows.append(("calibration", "whether what is predicted at 30 % happens in 30 % of the cases"))
    return [Table(title="", columns=("word", "meaning"), rows=tuple(rows))]
