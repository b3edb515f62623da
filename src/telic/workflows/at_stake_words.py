"""What acting may cost and where possible rewards disagree, in words, tables and a figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telic.inference.wording import format_number
from telic.reports import Section, Table

from .figures import Labels, Row, forest
from .findings import finding_from
from .page_parts import Item
from .possible_rewards import AT_RANDOM, FITTED

__all__ = ["at_stake_sections"]


def at_stake_sections(told: Mapping[str, Any], *, level: float, is_page: bool) -> tuple[Section, ...]:
    """Two sections: the regret of acting, and the trajectories and states that are contested.

    Args:
        told: of ``what_is_at_stake``.
        level: of its intervals and of the value at risk.
        is_page: with a figure.
    """
    notes: list[Item] = list(told["notes"])
    if told["draws"] is None:
        return (Section(title="What acting on it may cost", items=tuple(notes), anchor="regret"),)
    first: list[Item] = [] if told["regret"] is None else _regret(told, level)
    second: list[Item] = [] if told["trajectories"] is None else _pairs(told, level, is_page=is_page)
    second += [] if told["states"] is None else _states(told)
    return (
        Section(title="What acting on it may cost", items=tuple(first), anchor="regret"),
        Section(title="Where the possible rewards disagree", items=(*second, *notes), anchor="disagreement"),
    )


def _regret(told: Mapping[str, Any], level: float) -> list[Item]:
    found, n = told["regret"], told["draws"]["n"]
    plans = found["plans"]
    beyond = f"the worst {100 * (1 - level):.3g} %"
    items: list[Item] = []
    if FITTED in plans:
        mine, chance = plans[FITTED], plans.get(AT_RANDOM)
        said = f"The best policy is the same under all {n:,} possible rewards: acting on the fitted one costs nothing."
        if mine["worst"] > 0:
            said = (
                f"Who acts on the fitted reward gives up {_number(mine['mean'])} units of reward on average over the"
                f" rewards that are still possible, {_number(mine['conditional_value_at_risk'])} on average over"
                f" {beyond} of them, and {_number(mine['worst'])} under the worst of {n:,}."
            )
        if chance is not None and mine["worst"] > 0 and chance["mean"] > 0:
            share = 100 * mine["mean"] / chance["mean"]
            said += f" That is {_number(share)} % of what acting at random gives up."
        items.append(said)
    else:
        items.append("The fitted reward has no best policy of finite value, so nobody can act on it.")
    items.append(
        Table(
            title="What is given up",
            columns=("acting on", "mean", f"{100 * level:g} %", f"mean over {beyond}", "worst"),
            rows=tuple(
                (name, p["mean"], p["value_at_risk"], p["conditional_value_at_risk"], p["worst"])
                for name, p in plans.items()
            ),
            note=(
                "Units of reward from the start of a trajectory on: what the best policy would have gained more, under"
                f" each of {n:,} possible rewards. They are drawn from the normal approximation of the posterior"
                f" ({told['draws']['prior']['source']}); {_prior_words(told)}. The worst grows with their number."
            ),
            digits=3,
        )
    )
    items += [finding_from(f) for f in told["draws"]["findings"] if f["severity"] in ("error", "warning")]
    if found["n_without_policy"]:
        items.append(
            f"{found['n_without_policy']} of {n:,} possible rewards have no best policy of finite value."
        )
    return items


def _prior_words(told: Mapping[str, Any]) -> str:
    """How much of what is said the prior says, at most."""
    name, share = max(told["draws"]["prior_shares"].items(), key=lambda pair: pair[1])
    return f"the prior's share in a weight is at most {_number(100 * share)} % ({name})"


def _pairs(told: Mapping[str, Any], level: float, *, is_page: bool) -> list[Item]:
    found = told["trajectories"]
    agreed = f"{found['n_settled']:,} of {found['n_pairs']:,} pairs of logged trajectories"
    some = (
        f", {found['n_compared']:,} of {found['n_logged']:,} trajectories picked"
        if (found["n_compared"] < found["n_logged"])
        else ""
    )
    items: list[Item] = [f"All possible rewards rank {agreed} alike{some}."]
    if told["n_blind"]:
        blind = "a combination" if told["n_blind"] == 1 else f"{told['n_blind']} combinations"
        items.append(
            f"That leaves out {blind} of weights that no choice tells; along it, trajectories that differ could be"
            " ranked either way."
        )
    pairs = found["pairs"]
    if not pairs:
        return items
    if is_page:
        rows = [
            Row(
                label=f"{p['first']} over {p['second']}",
                value=p["difference"],
                interval=(p["interval"][0], p["interval"][1]),
                text=f"{100 * p['probability']:.0f} %",
            )
            for p in pairs
        ]
        labels = Labels(
            title="Logged trajectories that the possible rewards rank both ways",
            x="what the first is worth more than the second, units of reward",
            caption=(
                f"The mark is the mean over the possible rewards, the bar holds {100 * level:g} % of them, the number"
                " is the share that puts the first above the second. Asking an expert which of two they would rather"
                " have tells most at the top."
            ),
        )
        items.append(forest(rows, labels))
    items.append(
        Table(
            title="Logged trajectories that are contested most",
            columns=(
                "better on average",
                "worse on average",
                "probability better",
                "regret",
                "the first has",
            ),
            rows=tuple(
                (p["first"], p["second"], p["probability"], p["regret"], _more(p["more"])) for p in pairs
            ),
            note=(
                "Regret of having to choose between the two now, in units of reward; each trajectory once. The last"
                " column has the (discounted) amounts of features that make the most of it."
            ),
            digits=3,
        )
    )
    return items


def _more(more: Mapping[str, float]) -> str:
    return ", ".join(f"{_number(abs(x))} {'more' if x > 0 else 'less'} {name}" for name, x in more.items())


def _states(told: Mapping[str, Any]) -> list[Item]:
    rows = told["states"]["states"]
    items: list[Item] = []
    if rows:
        items.append(
            Table(
                title="States from which the possible rewards disagree most",
                columns=(
                    "state",
                    "expected regret",
                    "worst",
                    "probability of a loss",
                    "decisions in the log",
                ),
                rows=tuple(
                    (s["task"], s["regret"], s["worst"], s["probability"], s["n_decisions"]) for s in rows
                ),
                note="Of acting, from there on, on the mean of the possible rewards; units of reward.",
                digits=3,
            )
        )
    else:
        items.append("From every state the best policy is the same under all possible rewards.")
    items += [finding_from(f) for f in told["states"]["findings"]]
    return items


def _number(x: float) -> str:
    return format_number(x, digits=2)
