"""Candidate features of a draft.

What the action moves may be worth something by itself, since acting changes what comes. What it does not move comes as
it comes, so it can only matter to what acting is worth. The actions themselves may cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from .hints import identifier, unit_of
from .profile import ColumnProfile
from .roles import Roles
from .text import Guess, Page

__all__ = ["write_features"]

MOST_SINGLE_ACTIONS = 3
"""Actions beside the idle one up to which each gets a feature of its own; beyond, one for all."""

IDLE = frozenset(
    {
        "hold",
        "none",
        "no",
        "nothing",
        "keep",
        "stay",
        "wait",
        "idle",
        "off",
        "0",
        "nichts",
        "kein",
        "keine",
        "nein",
        "nada",
        "ninguno",
        "rien",
        "aucun",
        "niente",
    }
)
"""Labels that say that nothing was done."""


def write_features(
    page: Page,
    names: Mapping[str, str],
    used: Iterable[str],
    profiles: Mapping[str, ColumnProfile],
    roles: Roles,
    moved: Mapping[str, bool],
) -> None:
    """The ``features`` block: observations, as they stand or while acting, and the actions themselves.

    Args:
        page: to write on.
        names: column of each observation in the state to its name.
        used: names that features may not take.
        profiles: of all columns.
        roles: of all columns.
        moved: whether the action moves the observation in that column.
    """
    page.line("features:  # what the experts may value or avoid; remove what is none of their business")
    action = profiles[roles.action]
    counts = np.bincount(action.codes[action.codes >= 0])
    idle = [i for i, t in enumerate(action.texts) if t.lower() in IDLE]
    usual = idle[0] if idle else int(np.argmax(counts))
    is_amount = action.kind in ("integer", "number")
    literals = [f"{v:g}" for v in action.numbers.tolist()] if is_amount else [repr(t) for t in action.texts]
    acting = f"action != {literals[usual]}"
    written = 0
    taken = list(used)

    def write(name: str, expression: str, unit: str, message: str, confirm: str) -> None:
        nonlocal written
        guess = Guess(path=f"features[{written}]", message=message, confirm=confirm)
        page.entry({"name": name, "expression": expression, "unit": unit}, guess)
        taken.append(name)
        written += 1

    for column, name in names.items():
        p, unit = profiles[column], unit_of(column) or ""
        if p.kind not in ("integer", "number", "boolean"):
            continue
        if moved[column]:
            write(name, name, unit, "the action moves it", "that it matters by itself")
        else:
            by_acting = identifier(f"{name}_when_acting", taken)
            write(
                by_acting,
                f"{name} * ({acting})",
                unit,
                "the action does not move it",
                "that it matters to acting",
            )
    share = counts[usual] / counts.sum()
    what = f"`{action.texts[usual]}`" if idle else "the most frequent action"
    others = sorted((i for i in range(len(literals)) if i != usual), key=lambda i: action.texts[i])
    if is_amount or len(others) > MOST_SINGLE_ACTIONS:
        write(
            identifier("change", taken),
            acting,
            "change",
            f"anything but {what} ({share:.0%})",
            "that acting costs",
        )
    else:
        for i in others:
            name = identifier(action.texts[i], taken)
            write(
                name,
                f"action == {literals[i]}",
                f"{_quoted(action.texts[i])} decision",
                f"against {what} ({share:.0%})",
                "that it costs",
            )
    if is_amount and len(others) > 1:
        write(
            identifier("amount", taken),
            "action",
            unit_of(action.name) or "",
            "the amount itself",
            "that it costs",
        )


def _quoted(label: str) -> str:
    """A label as part of a unit: in quotes where a number before it could be taken for a part of it."""
    return label if label[:1].isalpha() else f"'{label}'"
