"""Thirsty mice in a binary labyrinth (Rosenberg et al. 2021): what a reward of the node misses, and why.

    python reproductions/mice_labyrinth.py [--data DIR] [--discount .9] [--penalty 1] [--memory-penalties 1,.1]

prints one JSON line. DIR is any folder with ``emissions500new.npy`` (sequences x steps x (node, action)) and
``trans_probs.npy`` (nodes x actions x nodes); default ``mice_labyrinth`` in the folder that TELIC_DATA names,
else in ``../shared/data`` beside the project. Test set: every fifth sequence, from the first. All figures are
nats a decision on it. Actions that lead to the same node are merged; behavioural cloning adds half a decision
to every action; maximum causal entropy has one free reward a node (with the node before: one a pair of nodes)
and maximises the sum of log-likelihoods minus the penalty times the squared norm. The first decision of a
sequence has no past: the mouse is taken to have been where it is.

Independent calculation: cloning -.8750 (merged -.8743, with the node before -.6814); reward of the node
-1.2192, of the node and the one before -.8816 (-.8750 at penalty .1); home (0) and the water port (116) among
the three nodes of highest reward.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent

EVERY = 5
"""Every so many sequences are held out, from the first."""

SHOWN_NODES = 3
"""Nodes of highest reward that are printed."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=None, help="folder with the two files")
    parser.add_argument("--discount", type=float, default=0.9, help="per decision, in [0, 1)")
    parser.add_argument("--penalty", type=float, default=1.0, help="of the reward of the node")
    parser.add_argument("--memory-penalties", default="1,0.1", help="of the reward with memory, with commas")
    options = parser.parse_args()
    from telic.errors import TelicError

    try:
        sequences, transition = read(data_folder(options.data))
        result = run(
            sequences,
            transition,
            discount=options.discount,
            penalty=options.penalty,
            memory_penalties=numbers(options.memory_penalties),
        )
    except (ValueError, FileNotFoundError, TelicError) as error:
        print(f"mice_labyrinth: {error}", file=sys.stderr)
        return 2
    print(json.dumps(result))
    return 0 if result["result"] == "success" else 1


def run(
    sequences: np.ndarray,
    transition: np.ndarray,
    *,
    discount: float,
    penalty: float,
    memory_penalties: list[float],
) -> dict[str, Any]:
    """Everything that is printed.

    Args:
        sequences: ``(N, T, 2)`` node and action.
        transition: ``(S, A, S)`` probabilities.
        discount: per decision.
        penalty: of the reward of the node, in nats per squared unit.
        memory_penalties: of the reward of the node and the one before; each is fitted.
    """
    from telic.evaluation import explain_misfit, held_out, markov_test
    from telic.imitation import behavioural_cloning
    from telic.mdp import TabularMDP, merge_equivalent_actions, with_history
    from telic.planning import solve_soft
    from telic.trajectories import Demonstrations

    started = time.perf_counter()
    N, T, _ = sequences.shape
    S, A, _ = transition.shape
    demos = Demonstrations.from_arrays(
        sequences[:, :, 0].ravel(),
        sequences[:, :, 1].ravel(),
        offsets=np.arange(N + 1) * T,
        action_labels=[str(a) for a in range(A)],
    )
    world = TabularMDP.from_transition(transition, discount=discount)
    test = np.arange(N) % EVERY == 0
    unmerged = behavioural_cloning(demos.select(~test), S, A)
    merged = merge_equivalent_actions(world, demos)
    assert merged.demos is not None
    small = merged.mdp
    train, held = merged.demos.select(~test), merged.demos.select(test)
    cloned = [behavioural_cloning(train, S, A, order=order, available=small.availability) for order in (1, 2)]
    node = fit(train, small, penalty)
    policy = solve_soft(small, node.reward.expected(small)).policy
    memory = markov_test(train)
    scores = held_out(
        {"node_reward": policy, "cloning_order_2": cloned[1]},
        held,
        train=train,
        n_states=S,
        available=small.availability,
    )
    larger = with_history(small, merged.demos)
    past_train, past_held = larger.demos.select(~test), larger.demos.select(test)
    remembered, outcomes = {}, [node.outcome]
    for strength in memory_penalties:
        estimate = fit(past_train, larger.mdp, strength)
        outcomes.append(estimate.outcome)
        with_memory = solve_soft(larger.mdp, estimate.reward.expected(larger.mdp)).policy
        remembered[f"{strength:g}"] = nats(with_memory, past_held)
    best = np.argsort(-node.weights, kind="stable")[:SHOWN_NODES]
    findings = [*merged.findings, *explain_misfit(scores, "node_reward", memory), *larger.findings]
    culprit = memory.culprit("choice")
    return {
        "n_sequences": N,
        "n_decisions": int(demos.n_decisions),
        "n_test_decisions": int(held.n_decisions),
        "result": next((o.label for o in outcomes if not o.ok), "success"),
        "merged_pairs": merged.n_merged,
        "nats_per_decision": {
            "uniform": scores["uniform"].nats_per_decision,
            "cloning_unmerged": nats(unmerged, demos.select(test)),
            "cloning": nats(cloned[0], held),
            "cloning_order_2": scores["cloning_order_2"].nats_per_decision,
            "node_reward": scores["node_reward"].nats_per_decision,
            "memory_reward": remembered,
        },
        "intervals": {
            s.name: None if s.nats.interval is None else list(s.nats.interval) for s in scores.scores
        },
        "n_states": {"node": S, "memory": larger.mdp.n_states},
        "highest_nodes": best.tolist(),
        "highest_rewards": node.weights[best].tolist(),
        "markov_test": None
        if culprit is None
        else {
            "variable": culprit.variable,
            "adjusted_p_value": culprit.adjusted_p_value,
            "gain_nats": culprit.gain,
        },
        "certificate": dict(node.certificate),
        "findings": [f.to_json() for f in findings],
        "seconds": time.perf_counter() - started,
    }


def fit(demos: Any, world: Any, penalty: float) -> Any:
    """One free reward a state."""
    import scipy.sparse as sp

    from telic.features import FeatureMap
    from telic.inference import FitSettings, max_causal_entropy

    S = world.n_states
    features = FeatureMap(
        values=sp.eye_array(S, format="csr"), names=tuple(f"state {s}" for s in range(S)), form="S"
    )
    return max_causal_entropy(demos, world, features, settings=FitSettings(l2=penalty, standard_errors=False))


def nats(policy: Any, demos: Any) -> float:
    """Mean log-likelihood of the decisions."""
    from telic.evaluation import decision_log_probs

    return float(decision_log_probs(policy, demos).mean())


def numbers(text: str) -> list[float]:
    """Penalties with commas between them."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(
            f"--memory-penalties must be numbers with commas between them, such as 1,0.1, got {text!r}."
        ) from None


def read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """``(N, T, 2)`` sequences and ``(S, A, S)`` transition, checked against each other."""
    arrays = []
    for name in ("emissions500new.npy", "trans_probs.npy"):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{name} is not in {folder}; give the folder with --data.")
        arrays.append(np.load(folder / name, allow_pickle=False))
    sequences, transition = arrays
    if sequences.ndim != 3 or sequences.shape[2] != 2 or transition.ndim != 3:
        raise ValueError(
            f"expected sequences x steps x 2 and nodes x actions x nodes, got {sequences.shape} and "
            f"{transition.shape}."
        )
    if len(sequences) < 2 or not sequences.shape[1]:
        raise ValueError(
            f"expected at least two sequences, one to hold out and one to fit, got {sequences.shape}."
        )
    if not np.all(np.isfinite(sequences)) or np.any(sequences % 1 != 0):
        raise ValueError("nodes and actions in the sequences must be whole numbers; NaN or fractions found.")
    sequences = sequences.astype(np.int64)
    for i, what in enumerate(("node", "action")):
        outside = (sequences[:, :, i] < 0) | (sequences[:, :, i] >= transition.shape[i])
        if outside.any():
            where = np.argwhere(outside)[0]
            raise ValueError(
                f"expected {what}s 0 to {transition.shape[i] - 1}, got {sequences[(*where, i)]} in sequence "
                f"{where[0]}, step {where[1]}."
            )
    nodes, actions = sequences[:, :, 0], sequences[:, :, 1]
    moved = transition[nodes[:, :-1], actions[:, :-1], nodes[:, 1:]]
    if np.any(moved <= 0):
        where = np.argwhere(moved <= 0)
        raise ValueError(
            f"{len(where)} steps are impossible under the table (first: sequence, step {where[0].tolist()})."
        )
    return sequences, transition


def data_folder(given: Path | None) -> Path:
    """The folder asked for, or where the data usually is."""
    if given is not None:
        return given
    named = os.environ.get("TELIC_DATA")
    return (Path(named) if named else ROOT.parent / "shared" / "data") / "mice_labyrinth"


if __name__ == "__main__":
    sys.exit(main())
