"""A bandit with what it has seen: what is kept between decisions, as one noun that acts, learns and can be a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from telic._core.hashing import digest_array, digest_columns, digest_json
from telic.errors import DataError
from telic.reports import Provenance
from telic.typing import FloatArray

from .bandit import Choice, Tally, choose
from .epsilon_greedy import EpsilonGreedy
from .lin_ucb import LinUcb, LinUcbState
from .softmax import Softmax
from .thompson import Thompson

__all__ = ["BANDITS", "BanditPolicy"]

BANDITS: Mapping[str, Any] = {
    "epsilon-greedy": EpsilonGreedy,
    "lin-ucb": LinUcb,
    "softmax": Softmax,
    "thompson": Thompson,
}
"""By the name that a file knows them by; never changed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BanditPolicy:
    """Probabilities of alternatives after what was seen; ``learned`` gives the policy after one more reward.

    Attributes:
        bandit: who chooses: its settings.
        state: what it has seen, as ``bandit.init`` and ``bandit.learn`` give it.
        provenance: how this was made.
    """

    bandit: EpsilonGreedy | LinUcb | Softmax | Thompson
    state: Any
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        A = self.bandit.n_actions
        if isinstance(self.bandit, LinUcb):
            form: Any = LinUcbState
            D = self.bandit.n_features
            shapes = [(A, D, D), (A, D)]
        else:
            form, shapes = Tally, [(A,), (A,)]
        if not isinstance(self.state, form) or [np.shape(part) for part in self.state] != shapes:
            raise DataError(
                f"What a {type(self.bandit).__name__} of {A} alternatives has seen is a {form.__name__} of shapes"
                f" {shapes}, got {type(self.state).__name__}.",
                hint="Begin with `bandit.init()`.",
            )
        if not all(np.all(np.isfinite(part)) for part in self.state):
            raise DataError("What was seen must be finite.", hint="Leave out choices without an outcome.")
        if isinstance(self.state, Tally):
            counts, sums = self.state
            most = counts if isinstance(self.bandit, Thompson) else np.inf
            least = 0.0 if isinstance(self.bandit, Thompson) else -np.inf
            if (
                np.any(counts < 0)
                or np.any((counts == 0) & (sums != 0))
                or np.any((sums < least) | (sums > most))
            ):
                raise DataError(
                    "An alternative has rewards that its count does not explain.",
                    hint="Counts are not negative, and successes no more than trials.",
                )
        elif np.any(np.einsum("add->ad", self.state.inverse) <= 0):
            raise DataError(
                "`inverse` has a diagonal that is not above 0, so it is no inverse of a sum of squares.",
                hint="Begin with `bandit.init()`.",
            )

    @property
    def n_actions(self) -> int:
        """A."""
        return self.bandit.n_actions

    def probabilities(self, context: Float[np.ndarray, "D"] | None = None) -> FloatArray:
        """``(A,)`` probability of each alternative now."""
        return self.bandit.probabilities(self.state, context)

    def mode(self, context: Float[np.ndarray, "D"] | None = None) -> int:
        """The most probable alternative, the lowest index where tied."""
        return int(self.probabilities(context).argmax())

    def choose(self, rng: np.random.Generator, context: Float[np.ndarray, "D"] | None = None) -> Choice:
        """A draw, with the probability that it had."""
        bandit: Any = self.bandit
        return choose(bandit, self.state, rng, context)

    def learned(
        self, action: int, reward: float, context: Float[np.ndarray, "D"] | None = None
    ) -> BanditPolicy:
        """The policy after a reward was seen.

        Raises:
            DataError: the reward or the context is none that the bandit takes.
        """
        return replace(self, state=self.bandit.learn(self.state, action, reward, context))

    @cached_property
    def digest(self) -> str:
        """Digest of the settings and of what was seen."""
        kind = next(name for name, form in BANDITS.items() if isinstance(self.bandit, form))
        seen = {name: digest_array(part) for name, part in zip(self.state._fields, self.state, strict=True)}
        return digest_columns({**seen, "settings": digest_json({"kind": kind, **asdict(self.bandit)})})
