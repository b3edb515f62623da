"""The distinct texts of a column that may have more of them than memory holds, in order."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from pathlib import Path

from telic.datasets.privacy.scratch import Scratch

from .text_table import OPEN, TextTable, write_texts

__all__ = ["sorted_distinct"]

BATCH = 8192


def sorted_distinct(
    texts: Iterable[Iterable[str]], folder: Path, scratch: Scratch = OPEN, *, held: int = 1 << 19
) -> Iterator[str]:
    """The distinct texts, in order.

    Args:
        texts: in pieces.
        folder: for what does not fit into memory.
        scratch: how it is written there.
        held: distinct texts that are held in memory.
    """
    here: set[str] = set()
    runs: list[TextTable] = []
    for piece in texts:
        here.update(piece)
        if len(here) >= held:
            runs.append(write_texts(folder / f"texts-{len(runs)}.arrow", [sorted(here)], BATCH, scratch))
            here = set()
    last = ""
    for i, text in enumerate(heapq.merge(*(_of(run) for run in runs), sorted(here))):
        if i == 0 or text != last:
            yield text
        last = text


def _of(run: TextTable) -> Iterator[str]:
    for i in range(-(-run.n // run.batch)):
        yield from run.read([i])[0]
