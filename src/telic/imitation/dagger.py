"""DAgger: the learner acts, an expert says what should have been done there, and all of it is learned from.

A clone makes decisions where its experts never were, and its errors there lead further away: over T decisions its cost
may grow with T^2, that of DAgger with T (Ross, Gordon and Bagnell 2011, theorems 2.1 and 3.2). In round i the streams
are driven by the expert with probability ``mixing^i``, else by the policy so far; what the expert would do is recorded
either way, and a policy is cloned from everything recorded.

With a ``gate`` the expert is asked only where the members of an ensemble differ more than in that share of the known
decisions, and then acts as well (in the style of HG-DAgger, Kelly and others 2019, whose novice is stopped by a human;
and of EnsembleDAgger, Menda and others 2019). Every decision asked about is one query of the budget.

References:
    Ross, Gordon and Bagnell (2011), A reduction of imitation learning and structured prediction to no-regret online
    learning, algorithm 3.1.
    Kelly, Sidrane, Driggs-Campbell and Kochenderfer (2019), HG-DAgger: interactive imitation learning with human
    experts.
    Menda, Driggs-Campbell and Kochenderfer (2019), EnsembleDAgger: a Bayesian approach to safe imitation learning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.errors import DataError, SettingsError
from telic.policies import NetworkPolicy
from telic.policies.ensemble import EnsemblePolicy
from telic.policies.heads import Head
from telic.reports import Outcome

from .action_checks import check_actions
from .cloning import Cloned, CloneSettings, clone
from .examples import Examples
from .streams import Streams

__all__ = ["Dagger", "DaggerSettings", "DaggerState", "StopAsking", "dagger"]


class StopAsking(Exception):  # noqa: N818 - not an error: the expert has had enough
    """Raised by an expert who answers no more; what was answered is kept and learned from."""


@dataclass(frozen=True, kw_only=True)
class DaggerSettings:
    """How the expert is asked.

    Attributes:
        n_rounds: of acting, asking and cloning.
        n_steps: decisions of each stream a round.
        budget: decisions that may be asked about in all.
        mixing: probability that the expert drives in round i, to the power of i; 0: in round 0 alone.
        gate: share of known decisions on which the ensemble differs less than where it asks; None: it always asks.
        cloning: how a policy is cloned in each round.
    """

    n_rounds: int = 10
    n_steps: int = 50
    budget: int = 4_000
    mixing: float = 0.0
    gate: float | None = None
    cloning: CloneSettings = field(default_factory=lambda: CloneSettings(n_updates=2_000))

    def __post_init__(self) -> None:
        if min(self.n_rounds, self.n_steps, self.budget) < 1:
            raise SettingsError(
                f"Rounds, steps and budget must be at least 1, got {self.n_rounds}, {self.n_steps}, {self.budget}.",
                hint="The budget is in decisions.",
            )
        if not 0 <= self.mixing <= 1:
            raise SettingsError(
                f"`mixing` must lie in [0, 1], got {self.mixing}.", hint="0 is usual and needs no tuning."
            )
        if self.gate is not None and (not 0 <= self.gate < 1 or self.cloning.n_members < 2):
            raise SettingsError(
                f"A gate lies in [0, 1) and needs an ensemble, got {self.gate} and"
                f" {self.cloning.n_members} member.",
                hint="CloneSettings(n_members=5) and a gate of .9.",
            )
        if self.cloning.n_back:
            raise SettingsError(
                "DAgger clones policies of the present observation, got `n_back` above 0.",
                hint="Stack what was before into the observations of the streams.",
            )


@dataclass(frozen=True, kw_only=True)
class DaggerState:
    """What a run goes on from.

    Attributes:
        n_rounds: rounds begun, that of an expert who raised included.
        n_queries: decisions asked about.
        examples: everything that is known; None before the first answer.
        asked: decisions asked about in each round.
        doubts: threshold of the gate in each round; NaN where everything was asked.
    """

    n_rounds: int = 0
    n_queries: int = 0
    examples: Examples | None = None
    asked: tuple[int, ...] = ()
    doubts: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Dagger:
    """What it came to.

    Attributes:
        cloned: the policy of everything that is known.
        state: to go on from, with a larger budget or more rounds.
        outcome: ``SUCCESS``; ``INTERRUPTED`` where the expert stopped; ``MAX_ITERATIONS`` where the budget was spent.
    """

    cloned: Cloned
    state: DaggerState
    outcome: Outcome


Expert = Callable[[NDArray[Any]], Any]
"""From observations ``(m, D)`` to what should be done in each."""


def dagger(
    streams: Streams,
    expert: Expert,
    *,
    head: Head,
    settings: DaggerSettings | None = None,
    key: int = 0,
    examples: Examples | None = None,
    checkpoint: Callable[[DaggerState], None] | None = None,
    resume: DaggerState | None = None,
) -> Dagger:
    """A policy of what an expert says to do where that policy leads.

    Args:
        streams: where it acts.
        expert: a program, or a person behind one; may raise ``StopAsking``.
        head: family of actions.
        settings: see there.
        key: random key of the whole run.
        examples: what is known before the first round.
        checkpoint: takes the state after each round, and also when an expert or a world raises, before that goes on.
        resume: a state to go on from; rounds already begun are not begun again.

    Raises:
        DataError: an answer is not finite, not of the family, or too many or too few.
        SettingsError: there is nothing to do and nothing known.
    """
    settings = DaggerSettings() if settings is None else settings
    state = DaggerState(examples=examples) if resume is None else resume
    outcome, cloned = Outcome.SUCCESS, None
    while state.n_rounds < settings.n_rounds and outcome is Outcome.SUCCESS:
        i = state.n_rounds
        if state.n_queries >= settings.budget:
            outcome = Outcome.MAX_ITERATIONS
            break
        if state.examples is not None:
            cloned = clone(state.examples, head=head, settings=settings.cloning, key=key + i)
        asked = _Round(streams, expert, head, settings, None if cloned is None else cloned.policy, state)  # type: ignore[arg-type]
        try:
            outcome = asked.collect(np.random.SeedSequence([key, i]))
        finally:
            state = asked.state()
            if checkpoint is not None:
                checkpoint(state)
    if state.examples is None:
        raise SettingsError(
            "The expert answered nothing, so there is nothing to clone.",
            hint="Give `examples` to begin with, or an expert who answers.",
        )
    cloned = clone(state.examples, head=head, settings=settings.cloning, key=key + state.n_rounds)
    return Dagger(cloned=cloned, state=state, outcome=outcome)


class _Round:
    """What one round records; it stays readable when the expert raises in the middle."""

    def __init__(
        self,
        streams: Streams,
        expert: Expert,
        head: Head,
        settings: DaggerSettings,
        policy: NetworkPolicy | EnsemblePolicy | None,
        before: DaggerState,
    ) -> None:
        self.streams, self.expert, self.head, self.settings = streams, expert, head, settings
        self.policy, self.before = policy, before
        self.rows: list[tuple[Any, Any, Any]] = []
        self.n_queries = before.n_queries
        self.doubt = float("nan")
        if settings.gate is not None and isinstance(policy, EnsemblePolicy) and before.examples is not None:
            known = policy.disagreement(before.examples.observations)
            self.doubt = float(np.quantile(known, settings.gate))

    def collect(self, seed: np.random.SeedSequence) -> Outcome:
        rng = np.random.default_rng(seed)
        observations = self.streams.reset(int(rng.integers(0, 2**31)))
        i = self.before.n_rounds
        # Round 0 is the expert's where nothing is known yet, and the policy's where examples were given.
        chance = 1.0 if self.policy is None else self.settings.mixing**i if i else 0.0
        for _ in range(self.settings.n_steps):
            left = self.settings.budget - self.n_queries
            wanted = self._wanted(observations)
            which = np.flatnonzero(wanted)[: max(left, 0)]
            if self.policy is None and len(which) < len(observations):
                return Outcome.MAX_ITERATIONS
            actions = None if self.policy is None else np.array(self.policy.mode(observations))
            if len(which):
                try:
                    answers = self._ask(observations[which], which)
                except StopAsking:
                    return Outcome.INTERRUPTED
                by_expert = np.isfinite(self.doubt) | (rng.random(len(which)) < chance)
                actions = (
                    np.zeros((len(observations), *answers.shape[1:]), answers.dtype)
                    if actions is None
                    else actions
                )
                actions[which[by_expert]] = answers[by_expert]
            if self.n_queries >= self.settings.budget:
                return Outcome.MAX_ITERATIONS
            observations = self.streams.step(actions).following
        return Outcome.SUCCESS

    def state(self) -> DaggerState:
        before, examples = self.before, self.before.examples
        if self.rows:
            seen, done, stream = (np.concatenate(part) for part in zip(*self.rows, strict=True))
            order = np.argsort(stream, kind="stable")
            counts = np.bincount(stream, minlength=self.streams.n_streams)
            new = Examples.from_arrays(
                seen[order],
                done[order],
                offsets=np.concatenate([[0], np.cumsum(counts[counts > 0])]),
                names=None if examples is None else examples.names,
            )
            examples = new if examples is None else examples.joined(new)
        return DaggerState(
            n_rounds=before.n_rounds + 1,
            n_queries=self.n_queries,
            examples=examples,
            asked=(*before.asked, self.n_queries - before.n_queries),
            doubts=(*before.doubts, self.doubt),
        )

    def _wanted(self, observations: NDArray[Any]) -> Any:
        if not np.isfinite(self.doubt) or not isinstance(self.policy, EnsemblePolicy):
            return np.ones(len(observations), dtype=bool)
        return self.policy.disagreement(observations) > self.doubt

    def _ask(self, observations: NDArray[Any], which: Any) -> Any:
        answers = np.asarray(self.expert(observations))
        if len(answers) != len(observations):
            raise DataError(
                f"The expert was asked about {len(observations)} observations and answered {len(answers)}.",
                hint="One answer an observation, in order.",
            )
        checked = Examples.from_arrays(observations, answers)
        check_actions(checked, self.head)
        self.n_queries += len(observations)
        self.rows.append((checked.observations, checked.actions, which))
        return checked.actions
