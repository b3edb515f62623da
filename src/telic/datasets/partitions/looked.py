"""What is kept as text, as far as it is looked at for what is about people: the same texts as of a log at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from telic.contract import TaskContract
from telic.datasets.privacy.scratch import Scratch
from telic.datasets.privacy.sensitive import (
    NAMES,
    base_name,
    category_column,
    label_column,
    looked_at,
    stride,
)

from .parts import Made
from .sorted_texts import sorted_distinct
from .text_table import write_text_stream
from .trajectories import names_in, pieces_of

__all__ = ["looked_at_in"]


def looked_at_in(
    made: Sequence[Made],
    categories: Mapping[str, Sequence[str]],
    contract: TaskContract,
    folder: Path,
    scratch: Scratch,
    *,
    is_escaped: bool,
) -> Iterator[tuple[str, Sequence[str], int]]:
    """How each column is called, some of its distinct texts, and how many it has.

    Args:
        made: all parts.
        categories: name to labels.
        contract: names the labels of trajectories.
        folder: for what does not fit into memory.
        scratch: how the files of the parts were written, and those in the folder are.
        is_escaped: whether ``#`` in names is written as ``%23``.
    """
    for name, labels in categories.items():
        yield category_column(name), *looked_at(labels)
    parts = [m.trajectories for m in made if m.trajectories is not None]
    bases = ([base_name(t) for t in names_in(p, is_escaped=is_escaped)] for p in pieces_of(parts, scratch))
    yield NAMES, *_some(bases, folder, scratch)
    for label in contract.data.labels:
        texts = (p[f"label:{label}"].to_pylist() for p in pieces_of(parts, scratch))
        yield label_column(label), *_some(texts, folder, scratch)


def _some(texts: Iterable[Iterable[str]], folder: Path, scratch: Scratch) -> tuple[list[str], int]:
    distinct = sorted_distinct(texts, folder, scratch)
    table = write_text_stream(folder / "distinct.arrow", distinct, 8192, scratch)
    chosen = np.arange(0, table.n, stride(table.n))
    return list(table.at(chosen).values()), table.n
