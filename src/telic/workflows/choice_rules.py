"""Which method for which data, and when not to use inverse reinforcement learning: one table of rules.

``telic advise`` and docs/how-to-choose.md both read this table, so they cannot disagree. A rule has a
condition in words and the same condition over ``Facts``, which are what a contract says and, where data were
ingested, what they show. Rules are independent of each other: every one that applies is given, refusals
first.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from telic.contract import TaskContract
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations

__all__ = ["RULES", "Facts", "Rule", "Verdict", "advised_against", "as_markdown", "facts_of"]

DECISIONS_A_FEATURE = 50
"""Fewer decisions for each candidate feature than this seldom give a bounded trade-off."""
OTHERS_A_FEATURE = 10
"""Fewer decisions other than the most frequent one, for each candidate feature, leave next to nothing to explain:
the events per variable of Peduzzi and others (1996), J. Clin. Epidemiol. 49, 1373-1379.
"""
CLUSTERS = 10
"""Intervals over fewer trajectories than this are wide: each tells little about how much they differ."""
LARGE_TABLE = 2_000
"""Cells above which a method without a fixed point is a good first look."""


class Verdict(enum.StrEnum):
    """What a rule says about inverse reinforcement learning here."""

    DO_NOT = "do not use inverse RL"
    USE = "use"
    MIND = "mind"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the rules look at; None where it is not known yet.

    Attributes:
        domain, origin: as in the contract.
        n_actions, n_features: alternatives, and candidate terms of the reward.
        n_cells: states that the declared bins make; None where a measurement is cut automatically.
        cap: most cells allowed.
        discount, horizon, ends_by_itself: timing and outcomes of the contract.
        exogenous: True where no measurement of the state can be changed by the action.
        in_environments: the contract says in which environment a trajectory happened.
        n_decisions, n_trajectories: size of the ingested data.
        n_others: decisions for another action than the most frequent one.
        n_demonstrators: people who decided; None where a column names them and there are no data yet.
    """

    domain: str
    origin: str
    n_actions: int
    n_features: int
    n_cells: int | None
    cap: int
    discount: float
    horizon: int | None
    ends_by_itself: bool
    exogenous: bool
    in_environments: bool = False
    n_decisions: int | None = None
    n_trajectories: int | None = None
    n_others: int | None = None
    n_demonstrators: int | None = 1

    @property
    def fits_a_table(self) -> bool:
        """The cells are few enough to solve exactly (automatic bins respect the cap)."""
        return self.n_cells is None or self.n_cells <= self.cap

    @property
    def looks_ahead(self) -> bool:
        """A decision has consequences for later ones, and later ones count."""
        return not self.exogenous and self.discount > 0 and (self.horizon or 2) > 1


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One row of the table.

    Attributes:
        name: stable kebab-case name.
        verdict: see ``Verdict``.
        method: registered name of the method, or "" where none is used.
        condition: the reader's data, in words.
        applies: the same over ``Facts``.
        because: why, in one sentence.
        instead: what to do, in one sentence.
        asks_reader: neither contract nor data can tell whether the condition holds.
    """

    name: str
    verdict: Verdict
    method: str = ""
    condition: str
    applies: Callable[[Facts], bool]
    because: str
    instead: str
    asks_reader: bool = False


RULES: tuple[Rule, ...] = (
    Rule(
        name="no-consequences",
        verdict=Verdict.DO_NOT,
        condition=(
            "No measurement of the state is affected by the action, or the discount is 0, or there is one"
            " decision."
        ),
        applies=lambda f: not f.looks_ahead,
        because=(
            "Nothing that is done now changes what can be had later, so there is no planning to invert: a"
            " plain discrete-choice model says the same."
        ),
        instead="Set `timing.discount: 0` and read the weights as those of a logit model.",
    ),
    Rule(
        name="fixed-rule",
        verdict=Verdict.DO_NOT,
        condition="A fixed rule made the decisions (`data.origin: rule`).",
        applies=lambda f: f.origin == "rule",
        because=(
            "A rule that always acts alike in the same state sends some weight to infinity; what it does is"
            " written down already."
        ),
        instead="Read the rule, or learn from the people who override it.",
    ),
    Rule(
        name="too-few-decisions",
        verdict=Verdict.DO_NOT,
        condition=f"There are fewer than {DECISIONS_A_FEATURE} decisions for each candidate feature.",
        applies=lambda f: (
            f.n_decisions is not None and f.n_decisions < DECISIONS_A_FEATURE * max(f.n_features, 1)
        ),
        because="The intervals will be unbounded or nearly so, whatever the method.",
        instead="Collect more decisions, or keep only the two or three features that matter.",
    ),
    Rule(
        name="one-action-dominates",
        verdict=Verdict.DO_NOT,
        condition=f"Fewer than {OTHERS_A_FEATURE} decisions for each candidate feature are other than the most "
        "frequent one.",
        applies=lambda f: f.n_others is not None and f.n_others < OTHERS_A_FEATURE * max(f.n_features, 1),
        because="Choices that hardly vary carry hardly any information about what is weighed against what.",
        instead="Record decisions at the moments when people do act, or declare finer actions.",
    ),
    Rule(
        name="copying-is-enough",
        verdict=Verdict.DO_NOT,
        method="behavioural_cloning",
        condition="You only want the same decisions in the same, unchanged world.",
        applies=lambda _: True,
        because=(
            "With enough data cloning predicts as well and assumes less; an inferred reward pays off when the"
            " world changes or when somebody must understand the trade-off."
        ),
        instead="Look at the held-out figures: `infer` always prints cloning beside the reward.",
        asks_reader=True,
    ),
    Rule(
        name="objective-known",
        verdict=Verdict.DO_NOT,
        condition="You can write the objective down.",
        applies=lambda _: True,
        because="Then there is nothing to infer.",
        instead="Plan for it directly: `telic.planning.solve_hard`.",
        asks_reader=True,
    ),
    Rule(
        name="tabular-discounted",
        verdict=Verdict.USE,
        method="max_causal_entropy",
        condition="The declared bins make at most `states.cap` cells, and the task goes on without an end.",
        applies=lambda f: f.looks_ahead and f.fits_a_table and f.horizon is None and not f.ends_by_itself,
        because=(
            "The likelihood of every decision is exact, the optimiser is second order, and what the data"
            " cannot tell is computed, not guessed."
        ),
        instead="`telic infer FOLDER`.",
    ),
    Rule(
        name="finite-horizon",
        verdict=Verdict.USE,
        method="max_causal_entropy",
        condition="Every task takes the same number of decisions (`timing.horizon`).",
        applies=lambda f: f.looks_ahead and f.fits_a_table and f.horizon is not None,
        because="Values then depend on the decisions left, and no discount need be assumed.",
        instead="`telic infer FOLDER`; in Python, `FiniteHorizonMDP` as the world.",
    ),
    Rule(
        name="ends-by-itself",
        verdict=Verdict.USE,
        method="max_causal_entropy",
        condition="Tasks end by themselves (`outcomes.terminated`), after differing numbers of decisions.",
        applies=lambda f: f.looks_ahead and f.fits_a_table and f.ends_by_itself and f.horizon is None,
        because=(
            "Ending is part of what is chosen: a reward that is shifted by a constant then means something"
            " else."
        ),
        instead="Mark the end states as absorbing; with one destination a trajectory, `GoalConditionedMDP`.",
    ),
    Rule(
        name="too-many-cells",
        verdict=Verdict.USE,
        method="conditional_choice_transitions",
        condition="The declared bins make more than `states.cap` cells, or measurements are too many to bin.",
        applies=lambda f: f.looks_ahead and not f.fits_a_table and not f.in_environments,
        because=(
            "Conditional choice probabilities and the transitions that were seen stand in for the table; the"
            " answer agrees with the tabular one where both exist."
        ),
        instead="`telic infer FOLDER --method conditional_choice_transitions`, or coarser bins.",
    ),
    Rule(
        name="large-table",
        verdict=Verdict.USE,
        method="conditional_choice_probability",
        condition=(
            f"The bins make more than {LARGE_TABLE:,} cells, and you want a first look before an exact fit."
        ),
        applies=lambda f: (
            f.looks_ahead and f.fits_a_table and f.n_cells is not None and f.n_cells > LARGE_TABLE
        ),
        because="One linear solve replaces the fixed point; iterating it leads to the exact answer.",
        instead="`telic infer FOLDER --method conditional_choice_probability`.",
    ),
    Rule(
        name="several-environments",
        verdict=Verdict.USE,
        method="max_causal_entropy",
        condition=(
            "The same people decided in several environments that answer differently (`dynamics.environment`)."
        ),
        applies=lambda f: f.looks_ahead and f.in_environments,
        because=(
            "One reward is fitted to all of them, each with dynamics of its own; together they can tell what none"
            " tells alone, and the page shows how much."
        ),
        instead="`telic infer FOLDER`; in Python also several discounts, with `JointLikelihood`.",
    ),
    Rule(
        name="no-features",
        verdict=Verdict.MIND,
        condition="The contract names no features.",
        applies=lambda f: f.n_features == 0,
        because=(
            "A free reward of every state explains choices but has no units, and most of it cannot be told."
        ),
        instead=(
            "Name two to six things that an expert would say they weigh, as expressions over the"
            " measurements."
        ),
    ),
    Rule(
        name="few-trajectories",
        verdict=Verdict.MIND,
        condition=f"There are fewer than {CLUSTERS} trajectories.",
        applies=lambda f: f.n_trajectories is not None and f.n_trajectories < CLUSTERS,
        because="Intervals take trajectories as what varies; with few of them they are honest, and wide.",
        instead=(
            "Cut the log where one task ends and the next begins, or read the other kinds of error beside"
            " them."
        ),
    ),
    Rule(
        name="several-demonstrators",
        verdict=Verdict.MIND,
        condition="Several people decided (`data.demonstrator`).",
        applies=lambda f: f.n_demonstrators != 1,
        because="One reward for all may be an average that nobody holds; `infer` tests whether they differ.",
        instead=(
            "`telic infer FOLDER --intents` finds how many intents the decisions hold, and their shares over time;"
            " `--suspects` (three people or more) weighs down who acts at random or against the others; `--over-time`"
            " tells whether weights change."
        ),
    ),
    Rule(
        name="mixed-origin",
        verdict=Verdict.MIND,
        condition=(
            "Several kinds of decision makers are mixed, or a learned policy decided (`data.origin: mixed` or"
            " `policy`)."
        ),
        applies=lambda f: f.origin in ("mixed", "policy"),
        because=(
            "One reward for several minds describes none of them, and a policy's decisions show what it was"
            " trained for, not what people value."
        ),
        instead="Name the demonstrator column and compare, or keep the human decisions only.",
    ),
    Rule(
        name="adversary",
        verdict=Verdict.MIND,
        condition="The decisions are an attacker's (`data.origin: adversary`).",
        applies=lambda f: f.origin == "adversary",
        because="The result is an inferred objective, not an attribution; no policy may be made of it.",
        instead="Use `infer` and `report` for defence; `train` refuses.",
    ),
    Rule(
        name="medical",
        verdict=Verdict.MIND,
        condition="The domain is medical.",
        applies=lambda f: f.domain == "medical",
        because=(
            "What clinicians did under their constraints is not what is best for a patient; nothing here is a"
            " medical device."
        ),
        instead="Describe and compare; never act on it.",
    ),
)
"""The table, refusals first."""


def facts_of(contract: TaskContract, demos: Demonstrations | None = None) -> Facts:
    """What the rules look at, from a contract and, where there are any, its data.

    Args:
        contract: the task.
        demos: its ingested decisions.
    """
    others = None
    if demos is not None and demos.n_decisions:
        counts = [int((demos.actions == a).sum()) for a in range(demos.n_actions)]
        others = demos.n_decisions - int(max(counts))
    return Facts(
        domain=contract.identity.domain,
        origin=contract.data.origin,
        n_actions=len(contract.actions.values),
        n_features=len(contract.features),
        n_cells=_declared_cells(contract),
        cap=contract.states.cap,
        discount=contract.timing.discount,
        horizon=contract.timing.horizon,
        ends_by_itself=contract.outcomes.terminated is not None,
        exogenous=all(
            o.affected_by_action is False
            for o in contract.state_observations
            if o.name != contract.dynamics.environment
        ),
        in_environments=contract.dynamics.environment is not None,
        n_decisions=None if demos is None else demos.n_decisions,
        n_trajectories=None if demos is None else demos.n_trajectories,
        n_others=others,
        n_demonstrators=_people(contract, demos),
    )


def _people(contract: TaskContract, demos: Demonstrations | None) -> int | None:
    """How many decided; None where only data could say."""
    if contract.data.demonstrator is None:
        return 1
    return None if demos is None else len(np.unique(demos.demonstrators[np.diff(demos.offsets) > 0]))


def advised_against(contract: TaskContract, demos: Demonstrations) -> tuple[Finding, ...]:
    """A finding for each rule that says not to use inverse RL on these decisions.

    Args:
        contract: the task.
        demos: its ingested decisions.
    """
    facts = facts_of(contract, demos)
    return tuple(
        Finding(
            code="advised-against",
            severity=Severity.WARNING,
            message=f"Do not use inverse RL here yet. {rule.condition} {rule.because}",
            hint=rule.instead,
            evidence={"rule": rule.name},
        )
        for rule in RULES
        if rule.verdict is Verdict.DO_NOT and not rule.asks_reader and rule.applies(facts)
    )


def as_markdown(rules: Sequence[Rule] = RULES) -> str:
    """The table as the body of docs/how-to-choose.md."""
    parts = []
    for verdict, title in (
        (Verdict.DO_NOT, "## When not to use inverse reinforcement learning"),
        (Verdict.USE, "## Which method"),
        (Verdict.MIND, "## What to keep in mind"),
    ):
        parts += [title, ""]
        for rule in rules:
            if rule.verdict is verdict:
                named = verdict is Verdict.USE
                method = f" Method: [`{rule.method}`](methods/{rule.method}.md)." if named else ""
                parts += [f"**{rule.condition}** {rule.because}{method}", f"→ {rule.instead}", ""]
    return "\n".join(parts)


def _declared_cells(contract: TaskContract) -> int | None:
    """Product of the declared cells; None where one is cut automatically or has no bounds."""
    sizes: list[int] = []
    for o in contract.state_observations:
        if isinstance(o.bins, int):
            sizes.append(o.bins)
        elif isinstance(o.bins, tuple):
            sizes.append(len(o.bins) - 1)
        elif isinstance(o.bins, str) and o.bins.startswith("quantile:"):
            sizes.append(int(o.bins.partition(":")[2]))
        elif o.type == "boolean":
            sizes.append(2)
        elif o.type == "category" and o.values is not None:
            sizes.append(len(o.values))
        elif o.type == "integer" and o.low is not None and o.high is not None and o.bins is None:
            sizes.append(int(o.high - o.low) + 1)
        else:
            return None
    return math.prod(sizes)
