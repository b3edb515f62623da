"""How well the next action on an IT incident is predicted by cloning, beside the marginal frequency of actions.

    python reproductions/it_incidents.py [LOG.csv]

prints one JSON line. The contract is the one in ``docs/it-incidents.md``; incidents are held out by a hash of their
names; intervals (95 %) are clustered by incident. ``open`` are the decisions on incidents that are not resolved yet:
closing a resolved one is done by a rule. Beside it stand what the choice sets leave out, which states the log covers,
and how far decisions contradict each other. The log is read from TELIC_DATA (default ``../shared/data`` beside the
project).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "it-incidents.md"
LOG = Path("it_incidents") / "uci_incident_event_log_first_5998.csv"

SMOOTHING = 0.5
"""Decisions added to each action, by cloning in each state and by the marginal once."""


def main() -> int:
    started = time.perf_counter()
    data = Path(os.environ.get("TELIC_DATA") or ROOT.parent / "shared" / "data")
    told = measure(Path(sys.argv[1]) if len(sys.argv) > 1 else data / LOG)
    print(json.dumps({**told, "seconds": time.perf_counter() - started}))
    return 0


def contract() -> Any:
    """The contract of the page."""
    from telic.contract import TaskContract

    text = PAGE.read_text().split("```yaml\n", 1)[1].split("```", 1)[0]
    return TaskContract.from_mapping(yaml.safe_load(text))


@contextmanager
def public_key() -> Iterator[None]:
    """The secret key of the contract's pseudonyms, made of zeros: the log is public and has no names in it."""
    before = os.environ.get("TELIC_PRIVATE")
    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder) / "it-incidents.key"
        key.touch(mode=0o600)
        key.write_text("0" * 64 + "\n")
        os.environ["TELIC_PRIVATE"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["TELIC_PRIVATE"]
            else:
                os.environ["TELIC_PRIVATE"] = before


def measure(log: Path) -> dict[str, Any]:
    """Everything that is printed, of one event log.

    Args:
        log: the CSV.
    """
    from telic.datasets import read_demonstrations
    from telic.datasets.splits import split
    from telic.evaluation import held_out
    from telic.imitation import behavioural_cloning
    from telic.mdp import StateSpace
    from telic.policies import TabularPolicy

    terms = contract()
    with public_key():
        demos = read_demonstrations(terms, log)
    train, test = split(demos, terms.data)
    space = StateSpace.from_contract(terms, train)
    fitted, kept = space.encode(train), space.encode(test)
    S, A = space.n_states, demos.n_actions
    scores = {}
    for name in ("all", "open"):
        learned, judged = (_counted(part, name) for part in (fitted, kept))
        counts = np.bincount(learned.actions, weights=learned.weights, minlength=A) + SMOOTHING
        policies = {
            "marginal": TabularPolicy(table=np.tile(counts / counts.sum(), (S, 1))),
            "cloning": behavioural_cloning(learned, S, A, smoothing=SMOOTHING),
        }
        found = held_out(policies, judged, train=learned, n_states=S)
        scores[name] = {
            "decisions": int(np.sum(judged.weights)),
            "marginal": _nats(found["marginal"].nats),
            "cloning": _nats(found["cloning"].nats),
            "cloning over marginal": _over(found["marginal"].over["behavioural_cloning"]),
        }
    names = [demos.action_labels[a] for a in demos.actions]
    return {
        "n_decisions": demos.n_decisions,
        "n_incidents": len({str(name).split("#")[0] for name in demos.trajectory_ids}),
        "n_states": S,
        "actions": dict(Counter(names).most_common()),
        "held_out": scores,
        **_report(terms, demos),
    }


def _report(terms: Any, demos: Any) -> dict[str, Any]:
    """What choice sets leave out, which states are covered, and how far decisions contradict each other."""
    from telic.mdp import StateSpace
    from telic.trajectories.checks import check

    space = StateSpace.from_contract(terms, demos)
    found = {f.code: f.evidence for f in check(space.encode(demos), terms, n_situations=space.n_states)}
    coverage, mixed, differ = (found[c] for c in ("coverage", "mixed-decisions", "demonstrators-differ"))
    taken = demos.offered[np.arange(demos.n_decisions), demos.actions]
    return {
        "choice_sets": {
            "mean_size": float(demos.offered.sum(axis=1).mean()),
            "offered": dict(zip(demos.action_labels, demos.offered.sum(axis=0).tolist(), strict=True)),
            "taken_but_not_offered": int(np.sum(~taken)),
        },
        "coverage": {
            "states": coverage["situations"],
            "seen": coverage["situations_seen"],
            "missing_mass": coverage["missing_mass"],
            "interval": coverage["missing_mass_interval"],
        },
        "contradictions": {
            "states_met_again": mixed["repeated"],
            "with_different_actions": mixed["mixed"],
            "explained_by_most_frequent": mixed["explained_by_most_frequent"],
            "demonstrators_differ_p": differ["p_value"],
        },
    }


def _counted(demos: Any, which: str) -> Any:
    """The same demonstrations, in which only those decisions count."""
    states = np.asarray(demos.categories["state"], dtype=object)[demos.observations["state"]]
    counts = np.isin(states, ("Resolved", "Closed"), invert=True) | (which == "all")
    return replace(demos, weights=counts.astype(np.float64))


def _nats(mean: Any) -> dict[str, Any]:
    return {"nats": mean.value, "interval": list(mean.interval), "n_incidents": mean.n_trajectories}


def _over(mean: Any) -> dict[str, Any]:
    """The gain of cloning over the marginal: the marginal's loss to cloning, turned round."""
    low, high = mean.interval
    return {"nats": -mean.value, "interval": [-high, -low]}


if __name__ == "__main__":
    sys.exit(main())
