"""What the sections of a page share: what may stand in them, whose fits there are, numbers from JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from telic.inference.wording import format_number
from telic.reports import Figure, Finding, Table

__all__ = [
    "Item",
    "axis_values",
    "everyone_in",
    "plain_array",
    "plain_text",
    "sentence_case",
    "title_of",
    "turning_table",
    "untold_weights",
]

Item = str | Table | Figure | Finding
"""What a section holds."""


def everyone_in(data: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Everyone with a fit of their own, then all together."""
    people = dict(data.get("people") or {})
    return {**people, ("all together" if people else "all"): data}


def title_of(data: Mapping[str, Any]) -> str:
    """What the result is called: a value only where nothing says that options were out of reach.

    Args:
        data: of ``infer``.
    """
    called = (
        "What the choices look like (no preference)"
        if data["availability"]["alarm"]
        else "What the experts value"
    )
    return f"{called}: {data['task']}"


def turning_table(data: Mapping[str, Any]) -> list[Table]:
    """How many of the options would have to be out of reach to turn each sign; nothing where that was not asked.

    Args:
        data: of ``infer``.
    """
    flips = data["availability"]["flips"]
    if not flips:
        return []
    rows = tuple(
        (f["feature"], f["weight"], "no share found" if f["share"] is None else f"{100 * f['share']:.3g} %")
        for f in flips
    )
    return [
        Table(
            title="If options were out of reach",
            columns=("feature", "weight", "sign turns if more were unavailable than"),
            rows=rows,
            note=(
                "Of all options listed, those whose absence matters most; found greedily, so fewer may do. It does not"
                " say that any was unavailable: ask those who know the work whether so many could have been."
            ),
        )
    ]


def axis_values(axis: Mapping[str, Any]) -> np.ndarray:
    """Centres as numbers; labels of a category by their order."""
    centres: Sequence[Any] = axis["centres"]
    if all(isinstance(c, int | float) for c in centres):
        return np.asarray(centres, dtype=np.float64)
    return np.arange(len(centres), dtype=np.float64)


def plain_array(values: Any) -> np.ndarray:
    """Lists from JSON as an array, None as NaN.

    Args:
        values: a list, or a list of lists.
    """
    return np.asarray(
        [
            (
                [np.nan if v is None else v for v in row]
                if isinstance(row, list)
                else (np.nan if row is None else row)
            )
            for row in values
        ],
        dtype=np.float64,
    )


def sentence_case(words: str) -> str:
    """The words with a capital at the beginning, and as they are after it."""
    return words[:1].upper() + words[1:]


def plain_text(value: Any) -> str:
    """A value as it stands in a sentence.

    Args:
        value: a number or a text.
    """
    return format_number(value, digits=4) if isinstance(value, int | float) else str(value)


def untold_weights(fit: Mapping[str, Any]) -> frozenset[str]:
    """Names of the weights that have no number of their own: the data cannot tell them.

    Args:
        fit: of ``infer``, all together or of one person.
    """
    moving = {name for row in fit["null_directions"] for name, x in row.items() if x}
    without = {
        n for errors in fit["standard_errors"].values() for n, error in errors.items() if error is None
    }
    return frozenset(moving | without)
