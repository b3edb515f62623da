"""Why a column is no observation of a draft, in words; what can be mended at the source is said so."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

import numpy as np

from telic.datasets.sources.late_columns import tells_the_outcome

from .foreign import Known
from .hints import hinted
from .profile import ColumnProfile

__all__ = ["why_left_out"]

MOST_LABELS = 40
"""Labels above which a category is an identifier or free text for a first state space."""

_PLAIN = r"[+-]?[\d.,' ]*\d[\d.,]*"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ]|$)"
DISGUISES = (
    (rf"{_PLAIN} ?%", "numbers with a percent sign"),
    (rf"[$€£¥] ?{_PLAIN}|{_PLAIN} ?[$€£¥]", "amounts of money with their sign"),
    (_PLAIN, "numbers with separators of thousands"),
    (rf"{_PLAIN} ?[^\W\d_]{{1,4}}", "numbers with their unit"),
)
"""Texts that would be measurements without their trimmings."""


def why_left_out(
    p: ColumnProfile, action: ColumnProfile, time: ColumnProfile | None, n: int, known: Known
) -> str:
    """Why a column cannot be an observation, or nothing when it can.

    Args:
        p: the column.
        action: of the draft.
        time: that orders the rows.
        n: number of rows.
        known: of the format.
    """
    if p.name == known.offered:
        return "what could be done: name it in `actions.offered`, with every action in `values`"
    return _clock(time) if p.kind == "clock" else _too_late(p, known) or _useless(p, action, n)


def _useless(p: ColumnProfile, action: ColumnProfile, n: int) -> str:
    """Why a column cannot be an observation, or nothing when it can."""
    if p.kind == "empty":
        return "no values"
    if p.n_distinct < 2:
        return "the same in every row"
    if p.kind == "time":
        return "another time"
    if p.missing > 0.5:
        return f"missing in {p.missing:.0%} of the rows"
    if p.kind == "category" and p.n_distinct > MOST_LABELS:
        return _odd_labels(p)
    if p.kind == "integer" and p.n_distinct == n and np.all(np.abs(np.diff(p.values)) == 1):
        return "a row number"
    if hinted(p.name, "demonstrator") and p.kind == "category":
        return "names people"
    if _follows(p, action):
        return "follows from the action alone"
    return ""


def _too_late(p: ColumnProfile, known: Known) -> str:
    """Why a column was not known when deciding, or nothing."""
    if known.comes_after(p.name):
        return "known only after the act"
    return (
        "by its name what came out in the end, which nobody knew when deciding"
        if tells_the_outcome(p.name)
        else ""
    )


def _odd_labels(p: ColumnProfile) -> str:
    """Why labels are so many: numbers in disguise are worth a word, because the source can be mended."""
    for pattern, what in DISGUISES:
        if all(re.fullmatch(pattern, text) for text in p.texts):
            return f"{what}, as in `{p.texts[0]}`: write plain numbers to use it"
    moments = [text for text in p.texts if re.match(_DATE, text)]
    if len(moments) == len(p.texts):
        return f"times, but not all are moments or written alike, as in `{_no_moment(moments)}`: correct them to use it"
    return f"{p.n_distinct:,} labels: an identifier or free text"


def _no_moment(texts: Sequence[str]) -> str:
    """The first text whose date does not exist, else the first."""
    for text in texts:
        try:
            dt.date.fromisoformat(text[:10])
        except ValueError:
            return text
    return texts[0]


def _follows(p: ColumnProfile, action: ColumnProfile) -> bool:
    """Each action comes with one value of the column only."""
    both = p.known & action.known
    pairs = np.unique(action.codes[both].astype(np.int64) * p.n_distinct + p.codes[both])
    return len(pairs) == len(np.unique(action.codes[both]))


def _clock(time: ColumnProfile | None) -> str:
    """Why a time of day is no observation, and what would make it of use."""
    if time is None:
        return "a time of day without its date: write both in one column, as in 2024-05-01T13:00, to use it"
    if np.any(time.numbers % 86_400):
        return "another time"
    return (
        f"the time of day of `{time.name}`: write both in one column, as in 2024-05-01T13:00, for `data.time`"
    )
