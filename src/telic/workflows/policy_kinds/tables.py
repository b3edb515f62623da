"""Policies of counted states, and trees, in a file."""

from __future__ import annotations

from telic.errors import DataError
from telic.policies import HistoryPolicy, TabularPolicy, TreePolicy

from .codec import Codec, Held, Parts

__all__ = ["HISTORY", "TABLE", "TREE"]

PAIRS = ("previous", "current", "table", "unseen")
"""Arrays of a history."""

NODES = ("feature", "threshold", "children", "probabilities", "counts")
"""Arrays of a tree."""


def _table(held: Held) -> TabularPolicy:
    held.require_names(["table"])
    table = held.arrays["table"]
    return TabularPolicy(table=held.numbers("table", table.ndim), provenance=held.provenance)


TABLE = Codec(
    kind="table", form=TabularPolicy, take_apart=lambda p: Parts(arrays={"table": p.table}), build=_table
)


def _history(held: Held) -> HistoryPolicy:
    held.require_names(PAIRS)
    return HistoryPolicy(
        previous=held.whole_numbers("previous", 1),
        current=held.whole_numbers("current", 1),
        table=held.numbers("table", 2),
        unseen=held.numbers("unseen", 2),
        provenance=held.provenance,
    )


HISTORY = Codec(
    kind="history",
    form=HistoryPolicy,
    take_apart=lambda p: Parts(arrays={name: getattr(p, name) for name in PAIRS}),
    build=_history,
)


def _tree(held: Held) -> TreePolicy:
    held.require_names(NODES)
    feature, children = held.whole_numbers("feature", 1), held.whole_numbers("children", 2)
    if len(feature) and (children.min(initial=0) < 0 or children.max(initial=0) >= len(feature)):
        raise DataError(f"a node has a child beyond the {len(feature)} nodes")
    return TreePolicy(
        n_observations=held.integer("n_observations", 1, what="observations"),
        feature=feature,
        threshold=held.numbers("threshold", 1),
        children=children,
        probabilities=held.numbers("probabilities", 2),
        counts=held.whole_numbers("counts", 1),
        provenance=held.provenance,
    )


TREE = Codec(
    kind="tree",
    form=TreePolicy,
    take_apart=lambda p: Parts(
        arrays={name: getattr(p, name) for name in NODES}, said={"n_observations": p.n_observations}
    ),
    build=_tree,
)
