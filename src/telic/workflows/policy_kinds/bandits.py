"""Bandits in a file: their settings, and what they keep between decisions."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from telic.errors import DataError
from telic.planning.bandits import BanditPolicy
from telic.planning.bandits.bandit import Tally
from telic.planning.bandits.lin_ucb import LinUcb, LinUcbState
from telic.planning.bandits.policy import BANDITS

from .codec import Codec, Held, Parts

__all__ = ["BANDIT"]

WHOLE = ("n_actions", "n_features")
"""Settings that are sizes; the others are numbers."""


def _take_apart(policy: BanditPolicy) -> Parts:
    kind = next(name for name, form in BANDITS.items() if isinstance(policy.bandit, form))
    return Parts(arrays=policy.state._asdict(), said={"bandit": {"kind": kind, **asdict(policy.bandit)}})


def _build(held: Held) -> BanditPolicy:
    said = held.part("bandit")
    form = BANDITS[said.word("kind", BANDITS)]
    names = list(form.__dataclass_fields__)
    if set(said.said) != {*names, "kind"}:
        raise DataError(f"its bandit must say {', '.join(names)}, got {', '.join(sorted(said.said))[:200]}")
    bandit = form(**{name: said.integer(name, 1) if name in WHOLE else said.number(name) for name in names})
    is_linear = isinstance(bandit, LinUcb)
    held.require_names(LinUcbState._fields if is_linear else Tally._fields)
    state: Any
    if is_linear:
        state = LinUcbState(inverse=held.numbers("inverse", 3), b=held.numbers("b", 2))
    else:
        state = Tally(counts=held.numbers("counts", 1), sums=held.numbers("sums", 1))
    return BanditPolicy(bandit=bandit, state=state, provenance=held.provenance)


BANDIT = Codec(kind="bandit", form=BanditPolicy, take_apart=_take_apart, build=_build)
