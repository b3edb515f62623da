"""Tables, histories and trees as ONNX nodes: look-ups and comparisons, so that actions are the same, not only near.

Which alternative is best in a row is found before the export, in float64, and looked up beside the probabilities. A
tree is walked level by level with ``Gather`` and ``Greater`` in float64: some nodes a level, any runtime of ONNX's own
operators takes them, and a number between two thresholds goes where it goes in the policy. ``TreeEnsembleClassifier``
needs the second set of operators (``ai.onnx.ml``), which runtimes in browsers and robots often lack, and in the version
that is common keeps thresholds in float32.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from telic.errors import DataError
from telic.policies import HistoryPolicy, PolicyEquality, TabularPolicy, TreePolicy
from telic.typing import LongArray

from .onnx_graph import ACTION, Answers, Exporter, Graph, Port

__all__ = ["HISTORY", "STATE", "TABLE", "TREE", "equal_rows", "looked_up", "require_within"]

STATE, STEP, PREVIOUS = "state", "step", "previous"
OBSERVATIONS, PROBABILITIES = "observations", "probabilities"


def _rows(graph: Graph, rows: np.ndarray, at: str) -> tuple[Port, ...]:
    return looked_up(graph, rows, rows.argmax(axis=1), at)


def looked_up(graph: Graph, rows: np.ndarray, best: np.ndarray, at: str) -> tuple[Port, ...]:
    """The best alternative and the probabilities of the row that an index names."""
    graph.add("Gather", [graph.constant("best", best.astype(np.int64)), at], ACTION)
    graph.add("Gather", [graph.constant("table", rows.astype(np.float32)), at], PROBABILITIES)
    return Port(ACTION, "int64"), Port(PROBABILITIES, "float32", rows.shape[1:])


def _told(probabilities: np.ndarray) -> Answers:
    return {ACTION: probabilities.argmax(axis=-1), PROBABILITIES: probabilities}


def equal_rows(policy: object, own: Answers, other: Answers) -> PolicyEquality:
    """How far rows that were looked up are apart, with no ties to allow for: what is best was decided before."""
    del policy
    gap = np.abs(own[PROBABILITIES] - other[PROBABILITIES].astype(np.float64))
    return PolicyEquality(
        n=len(gap),
        largest_difference=float(gap.max()),
        largest_mode_difference=0.0,
        n_different=int(np.sum(own[ACTION] != other[ACTION])),
        ties=(),
        n_ties=0,
    )


def require_within(given: Answers, ends: Mapping[str, tuple[int, int]]) -> None:
    """Refuse indices beyond the ends of each input.

    Raises:
        DataError: one is.
    """
    for name, (low, high) in ends.items():
        values = given[name]
        if values.ndim != 1 or (len(values) and not low <= values.min() <= values.max() < high):
            raise DataError(
                f"`{name}` must be a row of whole numbers in [{low}, {high}), got shape {values.shape}.",
                hint="The indices by which the policy was made.",
            )


def _table(graph: Graph, policy: TabularPolicy) -> tuple[Port, ...]:
    table = policy.table
    if table.ndim == 2:
        return _rows(graph, table, STATE)
    steps = graph.add("Mul", [STEP, graph.whole("n_states", table.shape[1])], "steps")
    return _rows(graph, table.reshape(-1, table.shape[2]), graph.add("Add", [steps, STATE], "row"))


def _answer_table(policy: TabularPolicy, given: Answers) -> Answers:
    table = policy.table
    if table.ndim == 2:
        require_within(given, {STATE: (0, table.shape[0])})
        return _told(table[given[STATE]])
    require_within(given, {STEP: (0, table.shape[0]), STATE: (0, table.shape[1])})
    return _told(table[given[STEP], given[STATE]])


TABLE = Exporter(
    form=TabularPolicy,
    inputs=lambda p: (
        (Port(STATE, "int64"),) if p.table.ndim == 2 else (Port(STEP, "int64"), Port(STATE, "int64"))
    ),
    build=_table,
    answer=_answer_table,
    equality=equal_rows,
)


def _history(graph: Graph, policy: HistoryPolicy) -> tuple[Port, ...]:
    """Of each previous state, the states seen after it, in a row as long as the longest; the place of ours in it."""
    S, pairs = policy.n_states, len(policy.table)
    counts = np.bincount(policy.previous.astype(np.int64) + 1, minlength=S + 1)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    after = np.full((S + 1, max(int(counts.max()), 1)), -1, dtype=np.int64)
    after[policy.previous.astype(np.int64) + 1, np.arange(pairs) - starts[policy.previous + 1]] = (
        policy.current
    )
    before = graph.add("Add", [PREVIOUS, graph.whole("one", 1)], "before")
    row = graph.add("Gather", [graph.constant("after", after), before], "seen_after")
    now = graph.add("Unsqueeze", [STATE, graph.whole("last_axis", 1)], "now")
    hits = graph.cast(graph.add("Equal", [row, now], "is_seen"), "int64", "hits")
    place = graph.add("ArgMax", [hits], "place", axis=1, keepdims=0)
    start = graph.add("Gather", [graph.constant("starts", starts.astype(np.int64)), before], "start")
    seen = graph.add("Add", [start, place], "seen_row")
    unseen = graph.add("Add", [STATE, graph.whole("n_pairs", pairs)], "unseen_row")
    found = graph.add("ReduceMax", [hits], "found", axes=[1], keepdims=0)
    is_found = graph.add("Greater", [found, graph.whole("zero", 0)], "is_found")
    at = graph.add("Where", [is_found, seen, unseen], "row")
    return _rows(graph, np.concatenate([policy.table, policy.unseen]), at)


def _answer_history(policy: HistoryPolicy, given: Answers) -> Answers:
    require_within(given, {PREVIOUS: (-1, policy.n_states), STATE: (0, policy.n_states)})
    previous, states = (given[name].astype(np.int32) for name in (PREVIOUS, STATE))
    return _told(policy.probabilities(previous, states))


HISTORY = Exporter(
    form=HistoryPolicy,
    inputs=lambda _: (Port(PREVIOUS, "int64"), Port(STATE, "int64")),
    build=_history,
    answer=_answer_history,
    equality=equal_rows,
)


def _tree(graph: Graph, policy: TreePolicy) -> tuple[Port, ...]:
    """Down from the root; a leaf is its own child, so that all come to rest at the deepest level."""
    is_leaf = policy.feature < 0
    itself: LongArray = np.arange(len(is_leaf))
    children = np.where(is_leaf[:, None], itself[:, None], policy.children).astype(np.int64)
    feature = graph.constant("feature", np.maximum(policy.feature, 0).astype(np.int64)[:, None])
    threshold = graph.constant("threshold", policy.threshold.astype(np.float64)[:, None])
    # First children before second: the index of a child is the node, and the number of nodes more for the second.
    child = graph.constant("child", children.T.ravel())
    size, axis = graph.whole("n_nodes", len(is_leaf)), graph.whole("axis", 1)
    batch = graph.add("Shape", [OBSERVATIONS], "batch_size", start=0, end=1)
    root = graph.onnx.numpy_helper.from_array(np.zeros(1, dtype=np.int64), "root")
    at = graph.add("ConstantOfShape", [batch], "node_0", value=root)
    for level in range(policy.depth):
        asked = graph.add("Gather", [feature, at], f"asked_{level}")
        value = graph.add("GatherElements", [OBSERVATIONS, asked], f"value_{level}", axis=1)
        limit = graph.add("Gather", [threshold, at], f"limit_{level}")
        is_second = graph.add(
            "Squeeze", [graph.add("Greater", [value, limit], f"above_{level}"), axis], f"second_{level}"
        )
        step = graph.add("Mul", [graph.cast(is_second, "int64", f"which_{level}"), size], f"step_{level}")
        place = graph.add("Add", [at, step], f"place_{level}")
        at = graph.add("Gather", [child, place], f"node_{level + 1}")
    return _rows(graph, policy.probabilities, at)


TREE = Exporter(
    form=TreePolicy,
    inputs=lambda p: (Port(OBSERVATIONS, "float64", (p.n_observations,)),),
    build=_tree,
    answer=lambda p, given: {
        ACTION: p.mode(given[OBSERVATIONS]),
        PROBABILITIES: p.probabilities[p.leaf(given[OBSERVATIONS])],
    },
    equality=equal_rows,
)
