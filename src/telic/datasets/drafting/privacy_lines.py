"""The ``privacy`` block of a draft: a secret key where there are people, masks where texts may be about one."""

from __future__ import annotations

from collections.abc import Mapping

from telic.datasets.privacy.detectors import detectors_of, find_all

from .profile import ColumnProfile
from .text import Guess, Page, scalar

__all__ = ["write_privacy"]

MOST_TEXTS = 500
"""Labels of a category that are searched for what may be about a person."""


def write_privacy(page: Page, task: str, demonstrator: str | None, kept: Mapping[str, ColumnProfile]) -> None:
    """Add the block, or nothing where neither people nor sensitive texts were found.

    Args:
        page: the draft.
        task: its name, which names the key.
        demonstrator: the column of people, or None.
        kept: the columns that the draft keeps as observations.
    """
    held = {column: kinds for column, p in kept.items() if (kinds := _held(p))}
    if demonstrator is None and not held:
        return
    page.line("privacy:")
    if demonstrator is not None:
        name = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in task).lstrip("._-")
        message = "pseudonyms under a secret key, made on first use in the private folder"
        page.field("key", name[:100] or "telic", Guess(path="privacy.key", message=message))
    if held:
        page.line("  rules:")
    for i, (column, kinds) in enumerate(held.items()):
        guess = Guess(
            path=f"privacy.rules[{i}]", message=f"some texts hold {', '.join(kinds)}", confirm="the rule"
        )
        page.line(f"    - {{column: {scalar(column)}, rule: mask}}", guess)


def _held(p: ColumnProfile) -> list[str]:
    """Kinds of sensitive items in the labels of a category."""
    if p.kind != "category":
        return []
    detectors = detectors_of()
    return sorted({span.kind for text in p.texts[:MOST_TEXTS] for span in find_all(str(text), detectors)})
