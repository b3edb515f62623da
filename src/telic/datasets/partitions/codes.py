"""Labels and people of all runs, numbered as the dataset numbers them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from telic.contract import TaskContract
from telic.datasets.sources.row_columns import people_of
from telic.typing import IntArray

from .gather import Codes
from .spilling import Spilled

__all__ = ["codes_of"]


def codes_of(spilled: Sequence[Spilled], contract: TaskContract) -> Codes:
    """What the codes of the runs mean.

    Args:
        spilled: all runs.
        contract: names the observations.

    Raises:
        DataError: two people have one pseudonym.
    """
    categories: dict[str, tuple[str, ...]] = {}
    of_runs: list[dict[str, IntArray]] = [{} for _ in spilled]
    for o in contract.observations:
        if o.type != "category":
            continue
        if o.values is not None:
            categories[o.name] = tuple(str(v) for v in o.values)
            continue
        categories[o.name] = tuple(sorted({label for s in spilled for label in s.categories[o.name]}))
        place = {label: i for i, label in enumerate(categories[o.name])}
        for tables, s in zip(of_runs, spilled, strict=True):
            tables[o.name] = np.array([*(place[t] for t in s.categories[o.name]), -1], dtype=np.int32)
    people: tuple[str, ...] = ("all",)
    people_of_runs: list[IntArray] = [np.zeros(1, dtype=np.int32) for _ in spilled]
    if contract.data.demonstrator is not None:
        digests = sorted({digest for s in spilled for digest in s.people})
        has_unknown = any(s.noticed.unknown_people for s in spilled)
        people, table = people_of(digests, contract, has_unknown=has_unknown)
        at = {digest: i for i, digest in enumerate(digests)}
        people_of_runs = [
            np.array([*(table[at[d]] for d in s.people), table[-1]], dtype=np.int32) for s in spilled
        ]
    return Codes(categories=categories, people=people, of_runs=of_runs, people_of_runs=people_of_runs)
