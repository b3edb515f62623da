"""What estimates by pseudo-likelihood say alike: which weights ran away, and which the choices cannot tell.

A pseudo-likelihood holds the value terms of the experts' own policy fixed while it fits the weights. At the
true policy the choice probabilities do not change, to first order, with the policy behind the value terms
(Aguirregabiria and Mira 2002, proposition 1), so its score and information are those of the likelihood
itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from telic.reports import Finding, Severity
from telic.rewards import describe_direction
from telic.typing import FloatArray

__all__ = ["null_finding", "separation_finding"]


def separation_finding(names: Sequence[str], direction: FloatArray) -> Finding:
    """Which weights run to infinity."""
    words = describe_direction(names, direction)
    largest = names[int(np.argmax(np.abs(direction)))]
    return Finding(
        code="separation",
        severity=Severity.ERROR,
        message=f"The weights run to infinity along {words}: no decision ever went against it.",
        hint=f"Add an L2 penalty, drop {largest}, or collect decisions that go the other way.",
        evidence={"direction": {n: float(c) for n, c in zip(names, direction.tolist(), strict=True)}},
    )


def null_finding(names: Sequence[str], null_directions: FloatArray) -> tuple[Finding, ...]:
    """What the choices cannot tell, in the words of the features; empty where they tell everything."""
    if not len(null_directions):
        return ()
    words = "; ".join(describe_direction(names, row) for row in null_directions[:5])
    return (
        Finding(
            code="not-identified",
            severity=Severity.NOTICE,
            message=f"{len(null_directions)} direction(s) of the weights change no choice that was "
            f"seen: {words}.",
            hint="Read only combinations that leave these directions out, or add another environment or "
            "discount.",
            evidence={"nullity": len(null_directions)},
        ),
    )
