"""What may be chosen about questions to ask."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from telic._core.near_miss import near_miss
from telic.errors import SettingsError
from telic.inference.elicitation.together import MOST_TOGETHER

__all__ = ["KINDS", "PLANS", "ElicitSettings"]

KINDS = ("comparison", "demonstration", "environment")
"""Kinds of question."""

PLANS = ("log", "simulated")
"""Where plans come from."""


@dataclass(frozen=True, kw_only=True)
class ElicitSettings:
    """What may be chosen.

    Attributes:
        demonstrator: pseudonym of the one whose decisions count; None: all together.
        prior: feature to standard deviation of its weight before the data, around 0; the default prior for others.
        claims: such as ``waiting > 2 cost``, about weights; looked at beside the usual ones.
        level: share of the belief from which a claim counts as settled.
        kinds: of question: ``comparison``, ``demonstration``, ``environment``.
        plans: what is compared: stretches of the ``log``, or ``simulated`` trajectories of likely rewards.
        steps: decisions of a plan, and of a demonstration; None: 10, or fewer where trajectories are shorter.
        n_plans: plans to make pairs of; more find better questions, and need time with their square.
        n_questions: of each kind, at most 10.
        least_gain: nats under which a question is not worth asking.
        answer_rationality: inverse temperature at which answers are thought to be given; less makes them tell less.
        rationality: inverse temperature at which weights are stated.
        discount: per decision, instead of that of the contract.
        worlds: further project folders with the same features in which somebody could be watched.
        n_draws: draws of the belief; more make gains exact to more digits.
        key: of the random numbers.
    """

    demonstrator: str | None = None
    prior: Mapping[str, float] = field(default_factory=dict)
    claims: tuple[str, ...] = ()
    level: float = 0.95
    kinds: tuple[str, ...] = KINDS
    plans: str = "log"
    steps: int | None = None
    n_plans: int = 60
    n_questions: int = 5
    least_gain: float = 0.01
    answer_rationality: float = 1.0
    rationality: float = 1.0
    discount: float | None = None
    worlds: tuple[str, ...] = ()
    n_draws: int = 1_000
    key: int = 0

    def __post_init__(self) -> None:
        for name, least, most in (
            ("steps", 1, math.inf),
            ("n_plans", 2, 1_000),
            ("n_questions", 1, MOST_TOGETHER),
            ("n_draws", 100, 100_000),
        ):
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                span = f"at least {least}" if most == math.inf else f"between {least} and {most:,}"
                raise SettingsError(
                    f"`{name}` must be {span}, got {value}.", hint="Leave it out for the usual number."
                )
        for name in ("answer_rationality", "rationality"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise SettingsError(
                    f"`{name}` must be a finite number above 0, got {getattr(self, name)}.",
                    hint="1 is the convention.",
                )
        if not 0.5 < self.level < 1.0:
            raise SettingsError(
                f"`level` must lie strictly between 0.5 and 1, got {self.level}.", hint="0.95 is usual."
            )
        if not 0.0 <= self.least_gain < math.inf:
            raise SettingsError(
                f"`least_gain` must be finite and not negative, got {self.least_gain}.",
                hint="0.01 nats are usual.",
            )
        if self.plans not in PLANS:
            raise SettingsError(
                f"There are no plans of {self.plans!r}.{near_miss(self.plans, PLANS)}",
                hint=f"There are: {', '.join(PLANS)}.",
            )
        wrong = [kind for kind in self.kinds if kind not in KINDS]
        if wrong or not self.kinds:
            raise SettingsError(
                f"There are no questions of kind {wrong[0]!r}.{near_miss(wrong[0], KINDS)}"
                if wrong
                else "No kind of question was named.",
                hint=f"There are: {', '.join(KINDS)}.",
            )
