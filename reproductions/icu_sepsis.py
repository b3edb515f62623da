"""ICU-Sepsis (Choudhary et al. 2024): three policies evaluated exactly, and the clinicians' table inverted.

    python reproductions/icu_sepsis.py [--data DIR]

prints one JSON line. DIR holds ``dynamics.npz`` (default ``icu_sepsis`` in the folder that TELIC_DATA names,
else in ``../shared/data`` beside the project). The world has 716 states and 25 treatments; reward 1 on
reaching survival (714), nothing otherwise; 713 is death, 715 the sink behind both. Everything is
undiscounted: the return of a policy is its probability of survival, its length the expected number of
decisions.

Published: return random .78, clinicians .78, optimal .88, lengths 9.45, 9.22, 10.99; recalculated .7801,
.7818, .8751 and 9.462, 9.238, 10.992.

What it is not: no statement about patients, treatments or clinicians. The world is itself an estimate from
records in which the sicker were treated differently; a gap between two policies in it is no evidence that
patients would fare better, and a weight is no clinician's intention. ``domain: medical`` fixes the autonomy
of anything built on it to ``observe``.
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

DEATH, SURVIVAL, SINK = 713, 714, 715
"""The three states without a decision."""

DISCOUNT = 0.99
"""Of the inference only. Undiscounted, 25 treatments make wandering for ever worth more than any outcome (the
entropy of a choice is up to log 25 a decision), so the soft value need not exist."""

NOT = (
    "Computed in an estimated world from records in which the sicker were treated differently: no statement "
    "about patients, treatments or clinicians, no evidence that a policy would help, and not a medical device."
)
"""Printed with every result."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=None, help="folder with dynamics.npz")
    options = parser.parse_args()
    try:
        arrays = read(data_folder(options.data))
    except (ValueError, FileNotFoundError) as error:
        print(f"icu_sepsis: {error}", file=sys.stderr)
        return 2
    result = run(arrays)
    print(json.dumps(result))
    return 0 if result["result"] == "success" else 1


def run(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Everything that is printed.

    Args:
        arrays: ``tx_mat``, ``r_mat``, ``d_0``, ``expert_policy`` and ``sofa_scores`` of the file.
    """
    from telic.evaluation import policy_return, policy_support
    from telic.mdp import TabularMDP
    from telic.planning import solve_hard, visitation
    from telic.policies import TabularPolicy
    from telic.reports import Outcome

    started = time.perf_counter()
    P, r = arrays["tx_mat"], arrays["r_mat"]
    S, A, _ = P.shape
    absorbing = np.zeros(S, dtype=bool)
    absorbing[[DEATH, SURVIVAL, SINK]] = True
    world = TabularMDP.from_transition(
        P, discount=1.0, initial=arrays["d_0"] / arrays["d_0"].sum(), absorbing=absorbing
    )
    reward = np.where(absorbing[:, None], 0.0, np.einsum("sat,sat->sa", P, r))
    best = solve_hard(world, reward)
    clinicians = TabularPolicy(table=arrays["expert_policy"])
    policies = {
        "random": TabularPolicy(table=np.full((S, A), 1.0 / A)),
        "clinicians": clinicians,
        "optimal": best.policy,
    }
    returns = {name: policy_return(world, policy, reward) for name, policy in policies.items()}
    met = visitation(world, clinicians.table)
    support = policy_support(clinicians, absorbing=absorbing, visitation=met)
    never = policy_support(clinicians, absorbing=absorbing, visitation=visitation(world, best.policy.table))
    estimate = invert(world, arrays, met.sum(axis=1))
    outside = (clinicians.table == 0) & (best.policy.table > 0) & ~absorbing[:, None]
    ok = best.outcome is Outcome.SUCCESS and estimate.outcome is Outcome.SUCCESS
    return {
        "domain": "medical",
        "autonomy_ceiling": "observe",
        "what_it_is_not": NOT,
        "result": "success"
        if ok
        else (best.outcome if best.outcome is not Outcome.SUCCESS else estimate.outcome).label,
        "policies": {
            name: {"expected_return": value.expected_return, "expected_length": value.expected_length}
            for name, value in returns.items()
        },
        "support": {
            "share_zero": support.share_zero,
            "empty_rows": np.flatnonzero(clinicians.table.sum(axis=1) == 0).tolist(),
            "excluded_pairs": int(support.zero_pairs.sum()),
            "states_where_optimal_leaves_the_table": int(outside.any(axis=1).sum()),
            "visited_without_support_by_optimal": never.visited_without_support,
        },
        "inference": {
            "discount": DISCOUNT,
            **{
                key: value
                for key, value in estimate.to_json().items()
                if key
                in ("method", "result", "weights", "nullity", "null_directions", "gauge", "certificate")
            },
            "nats_per_decision": estimate.choice_log_likelihood / estimate.n_decisions,
            "nats_of_uniform": -float(np.log(A)),
            "nats_of_the_table_itself": entropy(clinicians.table, met),
        },
        "findings": [f.to_json() for f in (*support.findings, *estimate.findings)],
        "seconds": time.perf_counter() - started,
    }


def invert(world: Any, arrays: dict[str, np.ndarray], state_weights: np.ndarray) -> Any:
    """Three readable terms: the chance that the stay ends, that it ends alive, and how ill the patient is.

    The weight of an end is large for a reason that has nothing to do with taste: a soft policy values every
    choice still to come by its entropy, and an end takes them away. Survival is weighed against death.

    Args:
        world: the undiscounted world.
        arrays: of the file.
        state_weights: how often the clinicians' policy meets each state.
    """
    from dataclasses import replace

    from telic.features import FeatureMap
    from telic.inference import fit_likelihood
    from telic.inference.likelihood import from_policy_table

    P = arrays["tx_mat"]
    discounted = replace(world, discount=DISCOUNT)
    sofa = np.repeat(arrays["sofa_scores"][:, None], P.shape[1], axis=1)
    phi = np.stack([P[:, :, DEATH] + P[:, :, SURVIVAL], P[:, :, SURVIVAL], sofa], axis=2)
    phi[[DEATH, SURVIVAL, SINK]] = 0.0
    features = FeatureMap(
        values=phi,
        names=("end", "survival", "sofa"),
        units=("end of stay", "survival instead of death", "SOFA point and decision"),
    )
    likelihood = from_policy_table(
        discounted, features, arrays["expert_policy"], state_weights=state_weights, n_decisions=None
    )
    return fit_likelihood(likelihood, method="max_causal_entropy")


def entropy(table: np.ndarray, met: np.ndarray) -> float:
    """Mean log-probability of the table under itself: the most that any policy of the state can reach."""
    logs = np.log(np.where(table > 0, table, 1.0))
    weight = met.sum(axis=1)
    return float((weight[:, None] * table * logs).sum() / weight.sum())


def read(folder: Path) -> dict[str, np.ndarray]:
    """The arrays of the file, with their shapes checked."""
    path = folder / "dynamics.npz"
    if not path.is_file():
        raise FileNotFoundError(f"dynamics.npz is not in {folder}; give the folder with --data.")
    with np.load(path, allow_pickle=False) as stored:
        missing = {"tx_mat", "r_mat", "d_0", "expert_policy", "sofa_scores"} - set(stored.files)
        if missing:
            raise ValueError(f"{path} lacks {', '.join(sorted(missing))}.")
        arrays = {name: stored[name] for name in ("tx_mat", "r_mat", "d_0", "expert_policy", "sofa_scores")}
    if arrays["tx_mat"].shape != (716, 25, 716) or arrays["expert_policy"].shape != (716, 25):
        raise ValueError(f"expected 716 states and 25 actions, got tx_mat {arrays['tx_mat'].shape}.")
    return arrays


def data_folder(given: Path | None) -> Path:
    """The folder asked for, or where the data usually is."""
    if given is not None:
        return given
    named = os.environ.get("TELIC_DATA")
    return (Path(named) if named else ROOT.parent / "shared" / "data") / "icu_sepsis"


if __name__ == "__main__":
    sys.exit(main())
