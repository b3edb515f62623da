"""Courses of action: policies that run until they stop, and a policy that chooses the next one when one has stopped.

An option is a policy, the states in which it may begin, and the probability to stop on arriving in a state (Sutton,
Precup and Singh 1999, section 2). Which one runs in a stream is a memory that the caller keeps, so that a decision is
still a function of what is given. Everything is plain arrays: the probability to stop is a number, a table by state, or
a policy of two alternatives (0 goes on, 1 stops).

References:
    Sutton, Precup and Singh (1999), Between MDPs and semi-MDPs, Artificial Intelligence 112, 181-211.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from jaxtyping import Float, Num

from telic._core.hashing import digest_array, digest_columns
from telic.errors import DataError, SettingsError
from telic.reports import Provenance
from telic.typing import BoolArray, FloatArray, LongArray

__all__ = ["Acting", "Option", "OptionsPolicy", "Running"]

EVEN = 0.5
"""Probability from which an option stops where nothing is drawn."""


class Acting(Protocol):
    """A policy without memory: of states as indices, or of observations ``(n, D)``."""

    def mode(self, observations: Any, /) -> Any:
        """The most probable actions."""

    def sample(self, observations: Any, /, key: int) -> Any:
        """Actions drawn with a key."""

    def log_prob(self, observations: Any, actions: Any, /) -> Any:
        """``(n,)`` logarithms of probabilities or densities."""


class Running(NamedTuple):
    """What runs in each of n streams.

    Attributes:
        option: ``(n,)`` index of the option, -1 before the first.
        n_steps: ``(n,)`` decisions that it has made.
    """

    option: LongArray
    n_steps: LongArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Option:
    """One course of action.

    Attributes:
        name: for people.
        policy: what it does.
        stops: probability to stop on arriving: one number, ``(S,)`` by state, or a policy of two alternatives.
        begins: ``(S,)`` states in which it may begin; None: everywhere.
        longest: decisions after which it stops whatever it sees; None: as many as it takes.
    """

    name: str
    policy: Any
    stops: Any
    begins: BoolArray | None = None
    longest: int | None = None

    def __post_init__(self) -> None:
        if not hasattr(self.stops, "log_prob"):
            chance = np.asarray(self.stops, dtype=np.float64)
            if chance.ndim > 1 or not np.all((chance >= 0) & (chance <= 1)):
                raise DataError(
                    f"Option {self.name!r} must stop with probabilities in [0, 1], one number or one a state, got"
                    f" shape {chance.shape}.",
                    hint="1 stops on arriving, 0 goes on.",
                )
        if self.longest is not None and self.longest < 1:
            raise SettingsError(
                f"Option {self.name!r} must make at least 1 decision, got `longest` {self.longest}.",
                hint="None: as many as it takes.",
            )

    def stop_prob(self, observations: Num[np.ndarray, "..."]) -> Float[np.ndarray, "n"]:
        """``(n,)`` probability to stop on arriving there."""
        if hasattr(self.stops, "log_prob"):
            ones = np.ones(len(observations), dtype=np.int32)
            out: FloatArray = np.exp(np.asarray(self.stops.log_prob(observations, ones), dtype=np.float64))
            return out
        chance = np.asarray(self.stops, dtype=np.float64)
        return chance[observations] if chance.ndim else np.full(len(observations), float(chance))

    @cached_property
    def digest(self) -> str:
        """Digest of what it does, where it begins and when it stops."""
        is_policy = hasattr(self.stops, "log_prob")
        how = self.stops.digest if is_policy else f"{np.ndim(self.stops)} axes"
        form = [self.policy.digest, how, str(self.longest)]
        parts = {"form": digest_array(np.array(form, dtype=object))}
        if not is_policy:
            parts["stops"] = digest_array(np.atleast_1d(np.asarray(self.stops, dtype=np.float64)))
        if self.begins is not None:
            parts["begins"] = digest_array(self.begins)
        return digest_columns(parts)


@dataclass(frozen=True, kw_only=True, eq=False)
class OptionsPolicy:
    """A policy that lets one of its options run until it stops, then chooses again.

    Attributes:
        chooser: a policy whose actions are indices of options.
        options: the courses of action; their actions are of one kind.
        provenance: how this was made.
    """

    chooser: Any
    options: tuple[Option, ...]
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        if not self.options:
            raise DataError("There must be at least one option, got none.", hint="Wrap a policy in one.")

    def begin(self, observations: Num[np.ndarray, "..."]) -> Running:
        """The memory at the beginning of n episodes: nothing runs."""
        n = len(observations)
        return Running(option=np.full(n, -1, dtype=np.int64), n_steps=np.zeros(n, dtype=np.int64))

    def act(
        self, memory: Running, observations: Num[np.ndarray, "..."], key: int | None = None
    ) -> tuple[Num[np.ndarray, "..."], Running]:
        """The actions, most probable or drawn with a key, and what runs after them.

        Without a key an option stops where it is at least as probable to as not.

        Raises:
            DataError: an option was chosen where it may not begin.
        """
        n, O = len(observations), len(self.options)
        keys = [None] * (O + 2) if key is None else np.random.SeedSequence(key).generate_state(O + 2).tolist()
        chance = self.stop_prob(memory, observations)
        over = chance >= EVEN if key is None else np.random.default_rng(keys[O]).random(n) < chance
        option, n_steps = memory.option.copy(), np.where(over, 0, memory.n_steps)
        if over.any():
            option[over] = _did(self.chooser, observations[over], keys[O + 1])
            self._require_allowed(option, over, observations)
        actions: np.ndarray | None = None
        for o in np.unique(option).tolist():
            here = option == o
            done = np.asarray(_did(self.options[o].policy, observations[here], keys[o]))
            if actions is None:
                actions = np.empty((n, *done.shape[1:]), dtype=done.dtype)
            actions[here] = done
        if actions is None:  # no streams
            actions = np.asarray(self.options[0].policy.mode(observations))
        return actions, Running(option=option, n_steps=n_steps + 1)

    def stop_prob(self, memory: Running, observations: Num[np.ndarray, "..."]) -> Float[np.ndarray, "n"]:
        """``(n,)`` probability that another option is chosen now; 1 where none runs."""
        chance = np.ones(len(observations))
        for o, option in enumerate(self.options):
            here = memory.option == o
            if here.any():
                late = option.longest is not None and memory.n_steps[here] >= option.longest
                chance[here] = np.where(late, 1.0, option.stop_prob(observations[here]))
        return chance

    def log_prob(
        self, memory: Running, observations: Num[np.ndarray, "..."], actions: Num[np.ndarray, "..."]
    ) -> Float[np.ndarray, "n"]:
        """``(n,)`` log-probability or density of actions, given what runs: over all that may be chosen now."""
        n = len(observations)
        chance = self.stop_prob(memory, observations)
        total = np.full(n, -np.inf)
        with np.errstate(divide="ignore"):
            for o, option in enumerate(self.options):
                chosen = np.exp(self.chooser.log_prob(observations, np.full(n, o, dtype=np.int32)))
                share = np.log(chance * chosen + (1.0 - chance) * (memory.option == o))
                each = np.asarray(option.policy.log_prob(observations, actions), dtype=np.float64)
                total = np.logaddexp(total, share + each)
        return total

    @cached_property
    def digest(self) -> str:
        """Digest of the chooser and the options, in order."""
        words = [self.chooser.digest, *(option.digest for option in self.options)]
        return digest_array(np.array(words, dtype=object))

    def _require_allowed(self, option: LongArray, chosen: BoolArray, observations: np.ndarray) -> None:
        for o in np.unique(option[chosen]).tolist():
            begins, there = self.options[o].begins, observations[chosen & (option == o)]
            if begins is not None and there.ndim != 1:
                raise DataError(
                    f"Option {self.options[o].name!r} begins in some states only, and these are measurements.",
                    hint="Let it begin everywhere (`begins=None`).",
                )
            if begins is not None and not np.all(begins[there]):
                raise DataError(
                    f"Option {self.options[o].name!r} was chosen where it may not begin.",
                    hint="Choose by the policy of `solve_options`, or let the option begin everywhere.",
                )


def _did(policy: Any, observations: np.ndarray, key: int | None) -> Any:
    return policy.mode(observations) if key is None else policy.sample(observations, key)
