"""Several policies that learned the same apart: what they agree on is told by the data, what they differ on is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float, Num

from telic._core.hashing import digest_array
from telic.errors import DataError
from telic.reports import Provenance

from .heads import CategoricalHead, GaussianHead, Head
from .network import NetworkPolicy

__all__ = ["EnsemblePolicy"]


@dataclass(frozen=True, kw_only=True, eq=False)
class EnsemblePolicy:
    """The even mixture of its members.

    Attributes:
        members: of one family of actions and as many observations.
        provenance: how this was made.
    """

    members: tuple[NetworkPolicy, ...]
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        if len(self.members) < 2:
            raise DataError(
                f"An ensemble needs at least 2 members, got {len(self.members)}.",
                hint="Take the one as it is.",
            )
        first = self.members[0]
        if any(m.head != first.head or m.n_observations != first.n_observations for m in self.members):
            raise DataError(
                "Members must have one family of actions and the same observations.",
                hint="Train them on the same columns and bounds.",
            )

    @property
    def head(self) -> Head:
        """The family of actions of every member."""
        return self.members[0].head

    @property
    def n_observations(self) -> int:
        """Numbers of an observation."""
        return self.members[0].n_observations

    def log_prob(
        self, observations: Num[np.ndarray, "*n D"], actions: Num[np.ndarray, "..."]
    ) -> Float[np.ndarray, "..."]:
        """``(...,)`` log of the mean probability (choices) or density (amounts)."""
        each = np.stack([m.log_prob(observations, actions) for m in self.members])
        top = each.max(axis=0)
        out: Float[np.ndarray, "..."] = top + np.log(np.mean(np.exp(each - top), axis=0))
        return out

    def probabilities(self, observations: Num[np.ndarray, "*n D"]) -> Float[np.ndarray, "..."]:
        """``(..., n_outputs)`` probabilities of the alternatives of each choice, side by side.

        Raises:
            DataError: actions are amounts, which have densities.
        """
        if isinstance(self.head, GaussianHead):
            raise DataError("Amounts have no probabilities.", hint="Ask for `log_prob`, a density.")
        out: Float[np.ndarray, "..."] = np.concatenate(
            _mean_probabilities(self.head, self.outputs(observations)), axis=-1
        )
        return out

    def mode(self, observations: Num[np.ndarray, "*n D"]) -> Num[np.ndarray, "..."]:
        """The action most probable under the mixture (choices), or the mean of what the members would do (amounts)."""
        outputs = self.outputs(observations)
        if isinstance(self.head, GaussianHead):
            return np.asarray(np.mean([self.head.mode(o) for o in outputs], axis=0))
        best = [p.argmax(axis=-1) for p in _mean_probabilities(self.head, outputs)]
        return best[0] if isinstance(self.head, CategoricalHead) else np.stack(best, axis=-1)

    def sample(self, observations: Num[np.ndarray, "*n D"], key: int) -> Num[np.ndarray, "..."]:
        """Actions drawn from the mixture with the given key."""
        drawn = np.stack([m.sample(observations, key + i) for i, m in enumerate(self.members)])
        lead = np.asarray(observations).shape[:-1]
        which = np.random.default_rng([key, len(self.members)]).integers(0, len(self.members), lead)
        which = which.reshape(lead + (1,) * (drawn.ndim - 1 - len(lead)))
        return np.asarray(np.take_along_axis(drawn, which[None], axis=0)[0])

    def disagreement(self, observations: Num[np.ndarray, "*n D"]) -> Float[np.ndarray, "..."]:
        """``(...,)`` how far the members differ, 0 where they are one.

        Choices: nats of mutual information between action and member, at most the log of the number of members, summed
        over several choices. Amounts: root mean square over dimensions of the spread of their means, before they are
        cut at bounds, in half ranges.
        """
        outputs = self.outputs(observations)
        if isinstance(self.head, GaussianHead):
            means = []
            for o in outputs:
                log_share, mean, _ = self.head.parameters(o)
                best = log_share.argmax(axis=-1)[..., None, None]
                means.append(np.take_along_axis(mean, best, axis=-2)[..., 0, :])
            spread: Float[np.ndarray, "..."] = np.sqrt(np.mean(np.var(means, axis=0), axis=-1))
            return spread
        total = np.zeros(outputs.shape[1:-1])
        for logp in _choices(self.head, outputs):
            p = np.exp(logp)
            mean = p.mean(axis=0)
            total += -np.sum(mean * np.log(np.maximum(mean, 1e-300)), axis=-1)
            total += np.mean(np.sum(p * logp, axis=-1), axis=0)
        return np.maximum(total, 0.0)

    @cached_property
    def digest(self) -> str:
        """Digest of the members, in order."""
        return digest_array(np.array([m.digest for m in self.members], dtype=object))

    def outputs(self, observations: Num[np.ndarray, "*n D"]) -> Float[np.ndarray, "..."]:
        """``(members, ..., n_outputs)`` parameters of the head of each member."""
        return np.stack([m.outputs(observations) for m in self.members]).astype(np.float64)


def _mean_probabilities(head: Head, outputs: Float[np.ndarray, "..."]) -> list[Float[np.ndarray, "..."]]:
    return [np.mean(np.exp(part), axis=0) for part in _choices(head, outputs)]


def _choices(head: Head, outputs: Float[np.ndarray, "..."]) -> list[Float[np.ndarray, "..."]]:
    """Log-probabilities of the alternatives of each choice."""
    counts = (head.n_actions,) if isinstance(head, CategoricalHead) else head.counts  # type: ignore[union-attr]
    ends = np.cumsum(counts).tolist()
    return [
        CategoricalHead(n_actions=n).log_probs(outputs[..., end - n : end])
        for n, end in zip(counts, ends, strict=True)
    ]
