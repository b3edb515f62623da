"""Claims about a reward as people write them, and those that are looked at unasked.

A written claim compares weights: ``waiting > 2 cost`` says that the weight of `waiting` is above twice that of `cost`,
``waiting + 3 cost < 0`` that this sum is below 0. What costs has a weight below 0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from telic._core.near_miss import near_miss
from telic.errors import SettingsError
from telic.inference.claims import Statement
from telic.typing import FloatArray

__all__ = ["read_claim", "usual_claims"]

_HINT = "Write it as `waiting > 2 cost` or `waiting + 3 cost < 0`, with these names: "


def read_claim(text: str, names: Sequence[str]) -> Statement:
    """The claim that a text makes about weights.

    Args:
        text: two sums of weights with ``>`` or ``<`` between them.
        names: of all weights, in their order.

    Raises:
        SettingsError: it is no such comparison, or names something else.
        FeatureError: both sides are the same.
    """
    sides = re.split(r"[<>]", text)
    if len(sides) != 2:
        raise SettingsError(
            f"The claim {text!r} needs one `>` or `<`, got {len(sides) - 1}.", hint=_HINT + ", ".join(names)
        )
    difference = _sum(sides[0], text, names) - _sum(sides[1], text, names)
    return Statement(
        words=" ".join(text.split()), coefficients=difference if ">" in text else 0.0 - difference
    )


def usual_claims(
    names: Sequence[str], weights: FloatArray, pairs: Sequence[tuple[str, str]]
) -> list[Statement]:
    """The sign of every weight, and for each trade-off whether a unit of one outweighs a unit of the other.

    Args:
        names: of all weights.
        weights: ``(K,)`` of the best reward; their signs say which way a weight is counted.
        pairs: numerators and denominators.
    """
    unit = np.eye(len(names))
    found = [Statement(words=f"{name} is wanted", coefficients=unit[k]) for k, name in enumerate(names)]
    for n, d in pairs:
        i, j = list(names).index(n), list(names).index(d)
        sign = [-1.0 if weights[k] < 0 else 1.0 for k in (i, j)]
        found.append(
            Statement(
                words=f"a unit of {n} outweighs one of {d}",
                coefficients=sign[0] * unit[i] - sign[1] * unit[j],
            )
        )
    return found


def _sum(side: str, claim: str, names: Sequence[str]) -> FloatArray:
    """``(K,)`` coefficients of a sum such as ``waiting + 3 cost``; a bare 0 is the empty sum."""
    total = np.zeros(len(names))
    if side.strip() == "0":
        return total
    known = "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True))
    term = re.compile(
        rf"\s*([+-]?)\s*(?:(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)\s*\*?\s*)?(?:({known})(?!\w))\s*"
    )
    at = 0
    while at < len(side) or not at:
        found = term.match(side, at)
        if found is None or (at and not found[1]):
            rest = side[at:].strip()
            word = re.search(r"[^\W\d]\w*", rest)
            near = near_miss(word[0], names) if word and word[0] not in names else ""
            raise SettingsError(
                f"The claim {claim!r} cannot be read at {rest!r}.{near}", hint=_HINT + ", ".join(names)
            )
        sign = -1.0 if found[1] == "-" else 1.0
        total[list(names).index(found[3])] += sign * float(found[2] or 1.0)
        at = found.end()
    return total
